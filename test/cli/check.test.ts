import { describe, expect, test } from 'vitest'
import { check } from '../../src/cli/check.ts'
import { TOKEN, writeConfig } from '../config/load-text.ts'

async function run(path: string, options: { strict?: boolean; json?: boolean } = {}) {
  const printed: string[] = []
  const exitCode = await check(
    { configPath: path, strict: false, json: false, ...options },
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
