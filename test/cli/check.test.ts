import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { check } from '../../src/cli/check.ts'
import { TOKEN, withAccount, writeConfig } from '../config/load-text.ts'
import { findClosedPort } from '../harness/listener.ts'
import { answerText, fail } from '../harness/reactions.ts'
import type { Reaction } from '../harness/reply.ts'
import { startVendor } from '../harness/vendor.ts'

async function run(path: string, options: { strict?: boolean; json?: boolean; online?: boolean } = {}) {
  const printed: string[] = []
  const exitCode = await check(
    { configPath: path, strict: false, online: false, json: false, ...options },
    { print: (text) => void printed.push(text), complain: (text) => void printed.push(`! ${text}`) },
  )
  return { exitCode, text: printed.join('\n') }
}

const flawless = { auth_tokens: [TOKEN], accounts: [{ name: 'claude', api_key: 'k' }] }
const mixed = {
  auth_tokens: [TOKEN],
  accounts: [
    { name: 'claude', api_key: 'k', priority: 10 },
    { name: 'gpt', platform: 'openai', api_key: 'k' },
    { name: 'chatgpt', platform: 'openai', type: 'oauth' },
    { name: 'old', platform: 'gemini', api_key: 'k', enabled: false },
  ],
}

describe('check', () => {
  test('prints a line per account and a sum', async () => {
    const path = writeConfig(mixed)

    expect(await run(path)).toEqual({
      exitCode: 0,
      text: [
        'claude   anthropic  anthropic                      priority 10  ready',
        'gpt      openai     openai-responses, openai-chat  priority 50  ready',
        'chatgpt  openai     openai-responses               priority 50  sign in with: sub2api-simple login chatgpt',
        'old      gemini     gemini                         priority 50  not enabled',
        '',
        `${path}: 2 of 4 accounts ready, 1 token, 0 warnings`,
      ].join('\n'),
    })
  })

  test('prints warnings before', async () => {
    const { exitCode, text } = await run(writeConfig({ ...flawless, strategi: 'x' }))

    expect(exitCode).toBe(0)
    expect(text).toMatch(/^.*config\.json:11:3: warning: strategi is not a known key\n/)
    expect(text).toContain('1 of 1 account ready, 1 token, 1 warning')
  })

  test('throws what is wrong, for the command line to print', async () => {
    await expect(run(writeConfig('{'))).rejects.toMatchObject({ code: 'CONFIG_UNUSABLE' })
  })
})

describe('check --strict', () => {
  test.each([
    ['a flawless config', flawless, 0],
    ['a warning', { ...flawless, strategi: 'x' }, 1],
    ['an account that cannot serve', mixed, 1],
    ['an account that is not enabled', { ...flawless, accounts: [...flawless.accounts, { enabled: false }] }, 0],
  ])('with %s', async (_, settings, exitCode) => {
    expect((await run(writeConfig(settings), { strict: true })).exitCode).toBe(exitCode)
  })
})

describe('check --json', () => {
  test('prints the same as data', async () => {
    const { exitCode, text } = await run(writeConfig(mixed), { json: true })

    expect(exitCode).toBe(0)
    expect(JSON.parse(text)).toMatchObject({
      usable: true,
      problems: [],
      accounts: [
        { name: 'claude', platform: 'anthropic', protocols: ['anthropic'], priority: 10, ready: true, problem: null },
        { name: 'gpt', ready: true },
        { name: 'chatgpt', ready: false, problem: 'sign in with: sub2api-simple login chatgpt' },
        { name: 'old', enabled: false, ready: false, problem: null },
      ],
    })
  })

  test('prints what is wrong as data too', async () => {
    const { exitCode, text } = await run(writeConfig('{"auth_tokens": 5, "accounts": []}'), { json: true })

    expect(exitCode).toBe(1)
    expect(JSON.parse(text)).toMatchObject({
      usable: false,
      problems: [
        { severity: 'error', line: 1, column: 17, key: 'auth_tokens', message: 'auth_tokens must be a list' },
        { severity: 'error', line: 1, column: 32, key: 'accounts' },
      ],
    })
  })
})

describe('check --online', () => {
  /** What is told of an account whose vendor reacts so. */
  async function tryWith(reaction: Reaction, account: object = {}) {
    const vendor = await startVendor()
    onTestFinished(vendor.close)
    vendor.always(reaction)
    const path = writeConfig(withAccount({ base_url: vendor.url, ...account }))
    const { exitCode, text } = await run(path, { online: true })
    return { exitCode, line: text.split('\n')[0]?.replace(/^.*priority 50 {2}/, ''), path, vendor }
  }

  test.each([
    ['anthropic', {}, 'claude-haiku-5-5', '/v1/messages'],
    ['openai', { wire_api: 'responses' }, 'gpt-5.1-codex-mini', '/v1/responses'],
    ['openai', { wire_api: 'chat', models: ['qwen3', 'qwen3-mini'] }, 'qwen3-mini', '/v1/chat/completions'],
    ['gemini', {}, 'gemini-3-flash', '/v1beta/models/gemini-3-flash:generateContent'],
  ])('asks %s %j for a few tokens of a small model', async (platform, settings, model, path) => {
    const { exitCode, line, vendor } = await tryWith(answerText('hello'), { platform, ...settings })
    expect([exitCode, line]).toEqual([0, expect.stringMatching(`^${model} answered in \\d+ ms$`)])
    expect(vendor.requests.map(({ target }) => target.split('?')[0])).toEqual([path])
  })

  test.each([
    [
      401,
      'invalid x-api-key',
      /^unauthorized: invalid x-api-key \(HTTP 401\); mend it: put another key for it into \S+config\.json$/,
    ],
    [402, 'no money', /^billing: no money \(HTTP 402\); mend it: see to its credit at the vendor$/],
    [404, 'model: claude-haiku-5-5', /^model_unavailable: .*; mend it: name the models it has in its models list in/],
    [429, 'slow down', /^burst: slow down \(HTTP 429\)$/],
    [500, 'oh dear', /^transient: oh dear \(HTTP 500\)$/],
  ])('a %i of the vendor is told in one line, with what mends it', async (status, message, expected) => {
    const type = status === 404 ? 'not_found_error' : undefined
    const { exitCode, line } = await tryWith(fail(status, { message, ...(type === undefined ? {} : { type }) }))
    expect([exitCode, line]).toEqual([1, expect.stringMatching(expected)])
  })

  test('a server that is not there is told, and the file is as it was', async () => {
    const config = withAccount({ base_url: `http://127.0.0.1:${await findClosedPort()}` })
    const path = writeConfig(config)
    const { exitCode, text } = await run(path, { online: true })
    expect([exitCode, text]).toEqual([
      1,
      expect.stringMatching(/ECONNREFUSED.*; mend it: see to its base_url and proxy/),
    ])
    expect(readFileSync(path, 'utf8')).toBe(JSON.stringify(config, null, 2))
  })

  test('an account without its sign-in is told the command, and one without its key where to put it', async () => {
    const accounts = [
      { name: 'plus', platform: 'openai', type: 'oauth' },
      { name: 'keyless', api_key: '${NOT_SET}' },
      { name: 'old', api_key: 'k', enabled: false },
    ]
    const { exitCode, text } = await run(writeConfig({ auth_tokens: [TOKEN], accounts }), { online: true })
    expect(exitCode).toBe(1)
    expect(text).toMatch(/^plus .*  sign in with: sub2api-simple login plus$/m)
    expect(text).toMatch(/^keyless .* NOT_SET is not set; mend it: put it right in/m)
    expect(text).toMatch(/^old .* not enabled$/m)
  })

  test('as JSON it is data beside the account', async () => {
    const vendor = await startVendor()
    onTestFinished(vendor.close)
    vendor.always(fail(401, { message: 'invalid x-api-key' }))
    const { text } = await run(writeConfig(withAccount({ base_url: vendor.url })), { online: true, json: true })
    expect(JSON.parse(text)).toMatchObject({
      accounts: [
        {
          online: {
            ok: false,
            model: 'claude-haiku-5-5',
            reason: 'unauthorized',
            message: expect.stringContaining('invalid x-api-key'),
          },
        },
      ],
    })
  })
})
