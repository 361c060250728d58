import { describe, expect, test } from 'vitest'
import { parseProxy, proxyFromEnvironment } from '../../src/config/proxy.ts'
import { failureOf, loadText, TOKEN, withAccount } from './load-text.ts'

describe('a proxy setting', () => {
  test.each([
    ['http://proxy:3128', 'http://proxy:3128'],
    [' https://user:p%40ss@proxy.example/ ', 'https://user:p%40ss@proxy.example/'],
    ['socks5://[::1]:1080', 'socks5://[::1]:1080'],
    ['socks5h://proxy', 'socks5://proxy'],
    ['socks://proxy', 'socks5://proxy'],
    ['direct', null],
    ['Direct', null],
  ])('%s is understood', (text, expected) => {
    expect(parseProxy(text)?.proxy?.reveal() ?? null).toBe(expected)
  })

  test.each([
    'htp://x',
    'proxy:3128',
    'http://',
    'http://?x',
    'http://proxy/path',
    'http://u:%zz@proxy',
    'socks4://x',
    '',
  ])('input 68: %j is not', (text) => {
    expect(parseProxy(text)).toBeUndefined()
  })
})

async function proxyOf(account: object, more: object, environment: Record<string, string>) {
  const { config } = await loadText(withAccount(account, more), { environment })
  const [{ proxy, problem } = { proxy: null, problem: 'no account' }] = config.accounts
  return problem ?? proxy?.reveal() ?? 'direct'
}

describe('the proxy of an account', () => {
  const environment = { HTTPS_PROXY: 'http://env:1' }

  test.each<[object, object, string]>([
    [{ proxy: 'http://own:1' }, { proxy: 'http://global:1' }, 'http://own:1'],
    [{}, { proxy: 'http://global:1' }, 'http://global:1'],
    [{ proxy: '' }, {}, 'http://env:1'],
    [{ proxy: 'direct' }, { proxy: 'http://global:1' }, 'direct'],
    [{}, { proxy: 'direct' }, 'direct'],
    [{}, {}, 'http://env:1'],
    [{ base_url: 'http://192.168.1.5:11434' }, {}, 'direct'],
    [{ base_url: 'http://127.0.0.1:11434' }, { proxy: 'http://global:1' }, 'http://global:1'],
  ])('with %j and %j', async (account, more, expected) => {
    expect(await proxyOf(account, more, environment)).toBe(expected)
  })

  test('with a password of the environment', async () => {
    expect(await proxyOf({ proxy: 'http://me:${PW}@p:1' }, {}, { PW: 's3' })).toBe('http://me:s3@p:1')
  })

  test.each<[object, object, Record<string, string>, string]>([
    [{ proxy: { env: 'P' } }, {}, {}, 'proxy: the environment variable P is not set'],
    [{}, { proxy: 'http://${H}' }, {}, 'proxy: the environment variable H is not set'],
    [{ proxy: '${P}' }, {}, { P: 'nonsense' }, 'proxy: it must be "direct" or a URL that begins with http://'],
    [{}, {}, { HTTPS_PROXY: 'gopher://x' }, 'the proxy in the environment variable HTTPS_PROXY cannot be used'],
  ])('that cannot be used stops the account and never goes direct: %j %j %j', async (account, more, env, problem) => {
    expect(await proxyOf(account, more, env)).toContain(problem)
  })

  test.each([
    ['accounts[0].proxy', withAccount({ proxy: 'htp://user:secret@x' })],
    ['proxy', withAccount({}, { proxy: 'proxy.example:3128' })],
  ])('that is malformed in the file is an error of the config: %s', async (key, settings) => {
    const { problems, message } = await failureOf(settings)

    expect(problems).toMatchObject([{ severity: 'error', key }])
    expect(message).not.toContain('secret')
  })

  test('is the one of the environment for the host its calls go to', async () => {
    const accounts = [
      { name: 'claude', api_key: 'k' },
      { name: 'key', platform: 'openai', api_key: 'k' },
      { name: 'sign-in', platform: 'openai', refresh_token: 'r' },
      { name: 'gemini', platform: 'gemini', api_key: 'k' },
    ]
    const { config } = await loadText(
      { auth_tokens: [TOKEN], accounts },
      { environment: { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'api.openai.com,googleapis.com' } },
    )

    expect(config.accounts.map(({ name, proxy }) => [name, proxy?.reveal()])).toEqual([
      ['claude', 'http://p:1'],
      ['key', undefined],
      ['sign-in', 'http://p:1'],
      ['gemini', undefined],
    ])
  })
})

function choose(url: string, environment: Record<string, string>) {
  return proxyFromEnvironment(new URL(url), environment).proxy?.reveal() ?? 'direct'
}

describe('the environment', () => {
  test.each<[string, Record<string, string>, string]>([
    ['https://a.example', { https_proxy: 'http://p:1' }, 'http://p:1'],
    ['https://a.example', { HTTPS_PROXY: 'p:1', https_proxy: 'q:1' }, 'http://p:1'],
    ['https://a.example', { HTTPS_PROXY: '', ALL_PROXY: 'socks5h://p:1' }, 'socks5://p:1'],
    ['https://a.example', { HTTP_PROXY: 'http://p:1' }, 'direct'],
    ['http://a.example', { HTTP_PROXY: 'http://p:1', HTTPS_PROXY: 'http://q:1' }, 'http://p:1'],
    ['https://localhost:8443', { HTTPS_PROXY: 'http://p:1' }, 'direct'],
    ['https://[fd12::1]', { HTTPS_PROXY: 'http://p:1' }, 'direct'],
  ])('for %s with %j', (url, environment, expected) => {
    expect(choose(url, environment)).toBe(expected)
  })

  test.each([
    ['*', true],
    ['example.com', true],
    ['.example.com', true],
    ['*.example.com', true],
    ['api.example.com:443', true],
    ['other, API.example.com', true],
    ['api.example.com:8443', false],
    ['ample.com', false],
    ['com.example', false],
    ['8.8.8.0/24', false],
    ['', false],
  ])('NO_PROXY %j exempts api.example.com: %j', (list, isExempt) => {
    const environment = { HTTPS_PROXY: 'http://p:1', NO_PROXY: list }

    expect(choose('https://api.example.com', environment)).toBe(isExempt ? 'direct' : 'http://p:1')
  })

  test.each([
    ['https://8.8.8.8', '8.8.8.0/24', true],
    ['https://8.8.9.8', '8.8.8.0/24', false],
    ['https://8.8.8.8', '8.8.8.8', true],
    ['https://8.8.8.8', '8.8.8.0/99', false],
    ['https://[2001:db8::1]', '2001:db8::/32', true],
    ['https://[2001:db8::1]', '2001:db8::1', true],
    ['https://[2001:db8::1]:444', '[2001:db8::1]:443', false],
  ])('%s is exempt by %s: %j', (url, list, isExempt) => {
    const environment = { HTTPS_PROXY: 'http://p:1', no_proxy: list }

    expect(choose(url, environment)).toBe(isExempt ? 'direct' : 'http://p:1')
  })
})
