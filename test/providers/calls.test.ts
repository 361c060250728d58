import { describe, expect, test } from 'vitest'
import type { Account, UsableCredential } from '../../src/core/account.ts'
import { Secret } from '../../src/core/secret.ts'
import { userAgent } from '../../src/core/version.ts'
import type { Payload } from '../../src/providers/contract.ts'
import { providerOf } from '../../src/providers/index.ts'
import { makeAccount } from '../harness/accounts.ts'

const body = Buffer.from('{}')

function call(account: Account, payload: Partial<Payload> = {}) {
  const whole: Payload = {
    protocol: 'anthropic',
    operation: 'generate',
    model: 'some-model',
    stream: false,
    headers: [],
    query: new URLSearchParams(),
    body,
    ...payload,
  }
  const { origin, path, headers } = providerOf(account).call(account, usable(account), whole)
  return { url: origin + path, headers: Object.fromEntries(headers), list: headers }
}

/** What the keeper of tokens makes of a key or a fixed token. */
function usable({ credential }: Account): UsableCredential {
  if (credential.type === 'oauth') throw new Error('a sign-in has no credential of its own here')
  const secret = credential.type === 'api_key' ? credential.key : credential.token
  return { type: credential.type, secret, accountId: null }
}

const claude = (facts: Partial<Account> = {}): Account => makeAccount('c', { platform: 'anthropic', ...facts })
const gpt = (facts: Partial<Account> = {}): Account => makeAccount('o', { platform: 'openai', ...facts })
const gemini = (facts: Partial<Account> = {}): Account => makeAccount('g', { platform: 'gemini', ...facts })
const beta = new URLSearchParams('beta=true&x=y')
const sse = new URLSearchParams('alt=sse&key=secret')

describe('where a call goes', () => {
  test.each<[string, Account, Partial<Payload>, string]>([
    ['Messages', claude(), {}, 'https://api.anthropic.com/v1/messages'],
    ['Messages with the beta query', claude(), { query: beta }, 'https://api.anthropic.com/v1/messages?beta=true'],
    ['token counts', claude(), { operation: 'count_tokens' }, 'https://api.anthropic.com/v1/messages/count_tokens'],
    [
      'a compatible server',
      claude({ baseUrl: 'https://h.example/api/anthropic' }),
      {},
      'https://h.example/api/anthropic/v1/messages',
    ],
    ['Responses', gpt(), { protocol: 'openai-responses' }, 'https://api.openai.com/v1/responses'],
    [
      'compaction',
      gpt(),
      { protocol: 'openai-responses', operation: 'compact' },
      'https://api.openai.com/v1/responses/compact',
    ],
    [
      'Chat',
      gpt({ baseUrl: 'http://127.0.0.1:8000' }),
      { protocol: 'openai-chat' },
      'http://127.0.0.1:8000/v1/chat/completions',
    ],
    [
      'Gemini',
      gemini(),
      { protocol: 'gemini', model: 'gemini-2.5-pro' },
      'https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent',
    ],
    [
      'a Gemini stream',
      gemini(),
      { protocol: 'gemini', stream: true, query: sse },
      'https://generativelanguage.googleapis.com/v1beta/models/some-model:streamGenerateContent?alt=sse',
    ],
  ])('%s', (_what, account, payload, url) => {
    expect(call(account, payload).url).toBe(url)
  })

  test('a model name cannot leave its place in the path', () => {
    expect(call(gemini(), { protocol: 'gemini', model: '../../x?y' }).url).toContain(
      '/models/..%2F..%2Fx%3Fy:generateContent',
    )
  })
})

describe('who it says it is', () => {
  test.each<[string, Account, Record<string, string>]>([
    ['an Anthropic key', claude(), { 'x-api-key': 'key-c' }],
    ['an OpenAI key', gpt(), { authorization: 'Bearer key-o' }],
    ['a Gemini key', gemini(), { 'x-goog-api-key': 'key-g' }],
  ])('%s goes where its vendor looks for it', (_what, account, expected) => {
    expect(call(account).headers).toMatchObject(expected)
  })

  test('without a client of its own name the relay names itself, and nobody else', () => {
    expect(call(claude()).headers).toEqual({
      'anthropic-version': '2023-06-01',
      'content-type': 'application/json',
      'user-agent': userAgent,
      'x-api-key': 'key-c',
      'accept-encoding': 'identity',
    })
  })

  test("a real client's own words stay as they are", () => {
    const headers: Array<[string, string]> = [
      ['user-agent', 'claude-cli/2.1.329 (external, cli)'],
      ['anthropic-version', '2026-10-21'],
      ['anthropic-beta', 'a,b'],
    ]
    expect(call(claude(), { headers }).headers).toMatchObject(Object.fromEntries(headers))
  })

  test('a bearer account adds the one flag that its vendor needs to the list of the client', () => {
    const account = claude({ type: 'oauth', credential: { type: 'bearer', token: new Secret('tok') } })
    const { headers } = call(account, { headers: [['anthropic-beta', 'a,b']] })
    expect(headers).toMatchObject({ authorization: 'Bearer tok', 'anthropic-beta': 'a,b,oauth-2025-04-20' })
    expect(headers).not.toHaveProperty('x-api-key')
    const again = call(account, { headers: [['anthropic-beta', 'oauth-2025-04-20, a']] })
    expect(again.headers['anthropic-beta']).toBe('oauth-2025-04-20, a')
  })

  test('headers of the account win over those of the client', () => {
    const account = gpt({ headers: { 'x-team': 'blue', 'user-agent': 'ours' } })
    expect(call(account, { headers: [['user-agent', 'theirs']] }).headers).toMatchObject({
      'x-team': 'blue',
      'user-agent': 'ours',
    })
  })

  test('a user agent in the config is the only one, also for a client that names none', () => {
    const agents = call(gpt({ headers: { 'user-agent': 'ours' } })).list.filter(([name]) => name === 'user-agent')
    expect(agents).toEqual([['user-agent', 'ours']])
  })

  test('a server without a key gets no credential at all', () => {
    const account = gpt({ baseUrl: 'http://127.0.0.1:11434', credential: { type: 'api_key', key: new Secret('') } })
    expect(call(account).headers).not.toHaveProperty('authorization')
  })
})
