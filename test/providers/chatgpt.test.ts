import { describe, expect, test } from 'vitest'
import type { Account, UsableCredential } from '../../src/core/account.ts'
import { Secret } from '../../src/core/secret.ts'
import { userAgent } from '../../src/core/version.ts'
import { chatgpt } from '../../src/providers/chatgpt.ts'
import type { Payload } from '../../src/providers/contract.ts'
import { providerOf } from '../../src/providers/index.ts'
import { makeAccount } from '../harness/accounts.ts'

const signedIn = (baseUrl: string | null = null): Account =>
  makeAccount('plus', { platform: 'openai', type: 'oauth', baseUrl })

const credential = (accountId: string | null = 'acc-1'): UsableCredential => ({
  type: 'bearer',
  secret: new Secret('tok'),
  accountId,
})

const payload = (changes: Partial<Payload> = {}): Payload => ({
  protocol: 'openai-responses',
  operation: 'generate',
  model: 'gpt-5.5',
  stream: true,
  headers: [],
  query: new URLSearchParams(),
  body: Buffer.from('{}'),
  ...changes,
})

describe('the ChatGPT backend', () => {
  test('serves the sign-ins of the openai platform', () => {
    expect(providerOf(signedIn())).toBe(chatgpt)
    expect(providerOf(makeAccount('key', { platform: 'openai' }))).not.toBe(chatgpt)
  })

  test.each([
    [null, 'https://chatgpt.com/backend-api/codex/responses'],
    ['http://127.0.0.1:9', 'http://127.0.0.1:9/backend-api/codex/responses'],
    ['https://gate.example/team', 'https://gate.example/team/backend-api/codex/responses'],
    ['https://chatgpt.com/backend-api', 'https://chatgpt.com/backend-api/codex/responses'],
    ['https://chatgpt.com/backend-api/codex', 'https://chatgpt.com/backend-api/codex/responses'],
  ])('base_url %s leads to %s', (baseUrl, url) => {
    const account = signedIn(baseUrl)
    const { origin, path } = chatgpt.call(account, credential(), payload())
    expect(origin + path).toBe(url)
    expect(chatgpt.call(account, credential(), payload({ operation: 'compact' })).path).toBe(`${path}/compact`)
  })

  test('hears who the account is and that the relay is the relay, and nothing else', () => {
    expect(Object.fromEntries(chatgpt.call(signedIn(), credential(), payload()).headers)).toEqual({
      authorization: 'Bearer tok',
      'chatgpt-account-id': 'acc-1',
      'openai-beta': 'responses=experimental',
      accept: 'text/event-stream',
      'accept-encoding': 'identity',
      'content-type': 'application/json',
      'user-agent': userAgent,
    })
    expect(chatgpt.call(signedIn(), credential(null), payload()).headers.map(([name]) => name)).not.toContain(
      'chatgpt-account-id',
    )
  })

  test("a real client's own words pass, its flags with ours behind them", () => {
    const headers: Payload['headers'] = [
      ['user-agent', 'codex_exec/0.169.0'],
      ['originator', 'codex_exec'],
      ['openai-beta', 'a=1, b'],
      ['session-id', 's'],
    ]
    expect(Object.fromEntries(chatgpt.call(signedIn(), credential(), payload({ headers })).headers)).toMatchObject({
      'user-agent': 'codex_exec/0.169.0',
      originator: 'codex_exec',
      'openai-beta': 'a=1,b,responses=experimental',
      'session-id': 's',
    })
  })

  test.each([
    ['Unsupported parameter: max_output_tokens', 'max_output_tokens'],
    ["Unsupported parameter: 'temperature' is not supported with this model.", 'temperature'],
    ["Unknown parameter: 'reasoning.summary'.", 'reasoning.summary'],
    ['Unsupported parameter: model', null],
    ["Unsupported value: 'reasoning.effort' does not support 'minimal'", null],
    ["Unknown parameter: 'text.format[0].foo'.", null],
    ['Unsupported parameter: tools', null],
  ])('%s', (message, member) => {
    expect(chatgpt.refusedMember?.({ type: '', code: '', message })).toBe(member)
  })

  test.each([
    ['gpt-5.3-high', 'gpt-5.3-codex'],
    ['openai/gpt-5', 'gpt-5.1'],
    ['GPT-5-Codex', 'gpt-5.1-codex'],
    ['codex-mini-latest', 'gpt-5.1-codex-mini'],
    ['gpt-5.5', 'gpt-5.5'],
    ['team/gpt-9', 'team/gpt-9'],
  ])('knows the model %s as %s', (asked, known) => {
    expect(chatgpt.canonicalModel?.(asked)).toBe(known)
  })
})
