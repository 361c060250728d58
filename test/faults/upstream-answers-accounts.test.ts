/**
 * Accounts whose key, money, rights or models are the trouble: others serve, the account rests and is tried out again,
 * and a client is never told to log in.
 */
import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import { fail, type Reaction } from '../harness/reactions.ts'
import { errorIn, MINUTE, servedBy, start, type Stage } from './failover-stage.ts'
import { PROTOCOLS } from './four-dialects.ts'

/** Asks until `a` has failed so often, each time when its rest is over; gives its rests in minutes. */
async function restsOf({ relay, ask, restOf }: Stage, failures: number): Promise<number[]> {
  const rests: number[] = []
  for (let i = 0; i < failures; i++) {
    expect((await ask()).status).toBe(200)
    const restMs = await restOf('a')
    rests.push(restMs / MINUTE)
    await relay.clock.advance(restMs)
  }
  return rests
}

describe('the account is refused', () => {
  test.each<[string, Reaction, number[]]>([
    ['row 13: 401', fail(401), [10, 20, 40, 60, 60]],
    ['row 14: 403', fail(403, { message: 'not in your country' }), [1, 2, 4, 8, 16, 30, 30]],
    ['402', fail(402), [10, 20, 40, 80, 160, 320, 360, 360]],
    [
      'row 17: 400, the credit is too low',
      fail(400, { message: 'Your credit balance is too low to access the API.' }),
      [10, 20, 40, 80, 160, 320, 360, 360],
    ],
    ['429 insufficient_quota', fail(429, { type: 'insufficient_quota', code: 'insufficient_quota' }), [10, 20, 40]],
  ])('%s: another one serves, and the rests grow', async (_what, reaction, minutes) => {
    const stage = await start(['a', 'b'])
    stage.vendor.forKey('a').always(reaction)
    expect(await restsOf(stage, minutes.length)).toEqual(minutes)
    expect(stage.vendor.forKey('a').requests).toHaveLength(minutes.length)
  })

  test('row 13: after the rest one request at a time tries it out, until one succeeds', async () => {
    const { vendor, relay, ask, calls, stateOf } = await start(['a', 'b'])
    vendor.forKey('a').script(fail(401), fail(401))
    await ask()
    await relay.clock.advance(10 * MINUTE)
    const answers = await Promise.all([ask(), ask(), ask()])
    expect(answers.map(({ headers }) => headers['x-relay-account'])).toEqual(['b', 'b', 'b'])
    expect(calls().filter((key) => key === 'a')).toHaveLength(2)

    await relay.clock.advance(20 * MINUTE)
    expect(servedBy(await ask())).toEqual([200, 'a', 1])
    expect((await stateOf('a')).state).toBe('ok')
  })

  test.each<[string, Protocol, Reaction]>([
    ['403', 'anthropic', fail(403, { message: 'This organization has been disabled.' })],
    ['400', 'anthropic', fail(400, { message: 'This organization has been disabled.' })],
    ['401', 'openai-chat', fail(401, { code: 'account_deactivated', message: 'Your account has been deactivated' })],
  ])(
    'row 14: an account that was closed (told as %s) needs attention, and is tried every 30 min',
    async (_as, protocol, reaction) => {
      const { vendor, relay, ask, stateOf, restOf } = await start(['a', 'b'], { protocol })
      vendor.forKey('a').script(reaction)
      expect(servedBy(await ask())).toEqual([200, 'b', 2])
      expect((await stateOf('a')).state).toBe('needs_attention')
      expect(await restOf('a')).toBe(30 * MINUTE)
      await relay.clock.advance(30 * MINUTE)
      expect(servedBy(await ask())).toEqual([200, 'a', 1])
      expect((await stateOf('a')).state).toBe('ok')
    },
  )

  test("a wrong Gemini key, which its vendor tells as 400, is the account's trouble", async () => {
    const { vendor, ask, stateOf } = await start(['a', 'b'], { protocol: 'gemini' })
    const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' }]
    const refusal = { type: 'INVALID_ARGUMENT', message: 'API key not valid.', extra: { details } }
    vendor.forKey('a').script(fail(400, refusal))
    expect(servedBy(await ask())).toEqual([200, 'b', 2])
    expect((await stateOf('a')).cooldowns).toMatchObject([{ reason: 'unauthorized' }])
  })
})

describe('the account may not use the model', () => {
  test.each<[string, Protocol, Reaction]>([
    ['404', 'anthropic', fail(404, { message: 'model: claude-test' })],
    ['404', 'openai-chat', fail(404, { code: 'model_not_found', message: 'The model `gpt-test` does not exist' })],
    [
      '400',
      'openai-responses',
      fail(400, { message: "The 'gpt-test' model is not supported when using Codex with a ChatGPT account." }),
    ],
    ['429', 'openai-responses', fail(429, { type: 'usage_not_included', message: 'Upgrade your plan.' })],
    ['404', 'gemini', fail(404, { message: 'models/gemini-test is not found for API version v1beta' })],
  ])(
    'row 15: told by %s in %s, another one serves and that model rests 10 min there',
    async (_by, protocol, reaction) => {
      const { vendor, relay, ask, calls, stateOf, restOf } = await start(['a', 'b'], { protocol })
      const other = protocol === 'anthropic' ? 'claude-other' : protocol === 'gemini' ? 'gemini-other' : 'gpt-other'
      vendor.forKey('a').script(reaction)
      expect(servedBy(await ask())).toEqual([200, 'b', 2])
      expect((await stateOf('a')).cooldowns).toMatchObject([{ reason: 'model_unavailable', model: expect.any(String) }])
      expect(await restOf('a')).toBe(10 * MINUTE)

      expect(servedBy(await ask({ model: other }))).toEqual([200, 'a', 1])
      expect(servedBy(await ask())).toEqual([200, 'b', 1])
      await relay.clock.advance(10 * MINUTE)
      expect(servedBy(await ask())).toEqual([200, 'a', 1])
      expect(calls()).toEqual(['a', 'b', 'a', 'b', 'a'])
    },
  )

  test("row 15: when nobody may, the client gets the vendor's 404 and nobody is asked again", async () => {
    const { vendor, ask } = await start(['a', 'b'])
    vendor.always(fail(404, { message: 'model: claude-test' }))
    const first = await ask()
    expect([first.status, first.body.equals(vendor.bytesSent(1))]).toEqual([404, true])
    const second = await ask()
    expect([second.status, errorIn(second).type]).toEqual([404, 'not_found_error'])
    expect(vendor.requests).toHaveLength(2)
  })
})

describe('nobody else can take what an account is refused for', () => {
  const troubles: Array<[string, Reaction]> = [
    ['401', fail(401, { type: 'authentication_error', code: 'invalid_api_key', message: 'key sk-secret is wrong' })],
    ['402', fail(402)],
    ['403', fail(403)],
    ['429 insufficient_quota', fail(429, { type: 'insufficient_quota', code: 'insufficient_quota' })],
  ]
  const types: Record<Protocol, string> = {
    anthropic: 'overloaded_error',
    'openai-responses': 'server_error',
    'openai-chat': 'server_error',
    gemini: 'UNAVAILABLE',
  }
  test.each(PROTOCOLS)(
    'a %s client gets a 503 in its dialect, again without a call while they rest',
    async (protocol) => {
      for (const [what, reaction] of troubles) {
        const { vendor, ask, restOf } = await start(['a', 'b'], { protocol })
        vendor.always(reaction)
        const first = await ask({ stream: true })
        expect([what, ...servedBy(first)]).toEqual([what, 503, 'b', 2])
        const restSeconds = Math.ceil((await restOf('a')) / 1000)
        const second = await ask()
        for (const answer of [first, second]) {
          const { type, message, code } = errorIn(answer)
          expect([what, answer.status, type]).toEqual([what, 503, types[protocol]])
          expect(message).toMatch(/^sub2api-simple: /)
          expect(message).not.toContain('sk-secret')
          expect(code).not.toBeOneOf(['invalid_api_key', 'insufficient_quota'])
          expect(Number(answer.headers['retry-after'])).toBe(restSeconds)
        }
        expect(vendor.requests).toHaveLength(2)
      }
    },
  )

  test('the trouble of one account does not hide that another one only rests', async () => {
    const { vendor, ask } = await start(['a', 'b'])
    vendor.forKey('a').always(fail(401))
    vendor.forKey('b').always(fail(429, { headers: { 'retry-after': '45' } }))
    const answer = await ask()
    expect([...servedBy(answer), answer.headers['retry-after']]).toEqual([429, 'b', 2, '45'])
    expect((await ask()).status).toBe(429)
  })
})
