import { describe, expect, test } from 'vitest'
import { failureOf, loadText, TOKEN } from './load-text.ts'

/** The only account of a config that holds nothing but these settings. */
async function load(account: object, environment: Record<string, string> = {}) {
  const { config, warnings } = await loadText(
    { auth_tokens: [TOKEN], accounts: [{ name: 'mine', ...account }] },
    { environment },
  )
  const [only] = config.accounts
  if (only === undefined) throw new Error('no account')
  return { account: only, warnings }
}

describe('the credential of an account', () => {
  test.each([
    [{ api_key: 'k' }, { type: 'api_key' }],
    [{ oauth_token: 't' }, { type: 'bearer' }],
    [{ oauth_token: 't', api_key: 'k' }, { type: 'bearer' }],
    [{ type: 'api_key', oauth_token: 't', api_key: 'k' }, { type: 'api_key' }],
    [{ platform: 'openai', oauth_token: 't' }, { type: 'bearer' }],
    [
      { platform: 'openai', refresh_token: 'r' },
      { type: 'oauth', accessToken: null, expiresAt: 0, accountId: null },
    ],
    [{ platform: 'openai', refresh_token: 'r', oauth_token: 't' }, { type: 'oauth' }],
    [{ platform: 'openai', access_token: 'a', expires_at: '2027-01-31T00:00:00Z' }, { expiresAt: 1_801_353_600_000 }],
  ])('%j', async (settings, credential) => {
    const { account } = await load(settings)

    expect(account.credential).toMatchObject(credential)
    expect(account.problem).toBeNull()
  })

  test.each([
    [{}, 'it has no api_key'],
    [{ api_key: ' ' }, 'it has no api_key'],
    [{ platform: 'openai', base_url: 'https://api.openai.com/v1' }, 'it has no api_key'],
    [{ api_key: '${KEY}' }, 'api_key: the environment variable KEY is not set'],
    [{ api_key: 'k\u200B' }, 'api_key: it holds characters that cannot be sent in a header'],
    [{ platform: 'openai', type: 'oauth' }, 'sign in with: sub2api-simple login mine'],
    [{ platform: 'openai', type: 'oauth', name: "it's me" }, "sign in with: sub2api-simple login 'it'\\''s me'"],
    [{ platform: 'openai', refresh_token: { env: 'KEY' } }, 'refresh_token: the environment variable KEY is not set'],
    [{ refresh_token: 'r' }, 'an anthropic account needs an oauth_token; a refresh_token alone cannot be used'],
    [{ platform: 'gemini', type: 'oauth' }, 'a gemini account needs an api_key; it has no sign-in'],
  ])('%j is a problem of the account alone', async (settings, problem) => {
    const { account } = await load(settings)

    expect(account.problem).toBe(problem)
  })

  test('may be absent for a server of one’s own', async () => {
    const { account, warnings } = await load({ platform: 'openai', base_url: 'http://localhost:11434/v1' })

    expect(account).toMatchObject({ problem: null, baseUrl: 'http://localhost:11434' })
    expect(warnings).toEqual([])
  })

  test('is not shown when the account is printed', async () => {
    const { account } = await load({ api_key: 'sk-very-secret-key', proxy: 'http://user:very-secret@proxy' })

    expect(JSON.stringify(account)).not.toContain('very-secret')
  })
})

describe('the API an openai account is called with', () => {
  test.each([
    [{ api_key: 'k' }, 'both'],
    [{ api_key: 'k', base_url: 'https://api.openai.com/v1' }, 'both'],
    [{ api_key: 'k', base_url: 'https://x.example' }, 'responses'],
    [{ api_key: 'k', base_url: 'https://x.example', wire_api: 'chat' }, 'chat'],
    [{ refresh_token: 'r' }, 'responses'],
  ])('%j: %s', async (settings, wireApi) => {
    const { account } = await load({ platform: 'openai', ...settings })

    expect(account.wireApi).toBe(wireApi)
  })
})

describe('settings without the effect one may expect are told', () => {
  test.each([
    [{ api_key: 'k', wire_api: 'chat' }, 'accounts[0].wire_api has an effect only for openai accounts with an API key'],
    [
      { platform: 'openai', refresh_token: 'r', base_url: 'https://x.example' },
      'accounts[0].base_url is where the sign-in is sent, instead of to chatgpt.com',
    ],
    [
      { api_key: 'k', extra_params: { model: 'x' } },
      'accounts[0].extra_params.model has no effect; it always comes from the request',
    ],
  ])('%j', async (settings, message) => {
    const { warnings } = await load(settings)

    expect(warnings).toMatchObject([{ severity: 'warning', message }])
  })
})

describe('extra headers', () => {
  test('keep their values under names in lower case', async () => {
    const { account } = await load({ api_key: 'k', headers: { 'X-Team': 'a b', 'anthropic-beta': '' } })

    expect(account.headers).toEqual({ 'x-team': 'a b' })
  })

  test.each([
    ['Host', 'x', 'is not for a config to set'],
    ['authorization', 'Bearer x', 'is not for a config to set'],
    ['Content-Length', '1', 'is not for a config to set'],
    ['transfer-encoding', 'chunked', 'is not for a config to set'],
    ['connection', 'close', 'is not for a config to set'],
    ['x y', 'x', 'is not a header name'],
    ['x-y', 'a\r\nhost: evil', 'holds characters no header can carry'],
    ['x-y', 'ü', 'holds characters no header can carry'],
  ])('%s: %j is an error', async (name, value, reason) => {
    const { problems } = await failureOf({
      auth_tokens: [TOKEN],
      accounts: [{ api_key: 'k', headers: { [name]: value } }],
    })

    expect(problems).toMatchObject([{ message: `accounts[0].headers.${name} ${reason}` }])
  })
})
