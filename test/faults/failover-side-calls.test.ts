/**
 * Calls that count tokens take no slot and change no account's health, and accounts that cannot serve are passed over
 * without a call.
 */
import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { answerText, beforeHead, drop, fail, pause } from '../harness/reactions.ts'
import { readJson, servedBy, start, type Stage } from './failover-stage.ts'

const messages = [{ role: 'user', content: 'hello' }]
const COUNTS: Array<[Protocol, string, JsonObject]> = [
  ['anthropic', '/v1/messages/count_tokens', { model: 'claude-test', messages }],
  ['openai-responses', '/v1/responses/input_tokens', { model: 'gpt-test', input: 'hello' }],
  ['gemini', '/v1beta/models/gemini-test:countTokens', { contents: [] }],
]
const count = ({ relay }: Stage) => relay.post('/v1/messages/count_tokens', { model: 'claude-test', messages })

describe('count_tokens', () => {
  test('26 at once, as Claude Code sends them, are served although the only slot is taken', async () => {
    const stage = await start([{ name: 'a', concurrency: 1 }])
    const { vendor, relay, ask } = stage
    vendor.script(answerText('hello', beforeHead(pause())))
    const slow = ask()
    await vendor.received(1)
    const counts = await Promise.all(Array.from({ length: 26 }, () => count(stage)))
    expect(counts.map(({ status }) => status)).toEqual(Array.from({ length: 26 }, () => 200))
    expect(readJson(counts[0] as (typeof counts)[0])).toEqual({ input_tokens: 11 })
    expect([relay.inFlight(), relay.parts.pool.waiting]).toEqual([{ a: 1 }, 0])
    vendor.resume()
    expect((await slow).status).toBe(200)
  })

  test.each(COUNTS)(
    'a failed one goes to another account and costs the first nothing (%s)',
    async (protocol, path, body) => {
      const { vendor, relay, stateOf, ask } = await start(['a', 'b'], { protocol })
      for (const reaction of [fail(429), fail(429), fail(500), fail(500), fail(529), fail(401), fail(403)]) {
        vendor.forKey('a').script(reaction)
        expect(servedBy(await relay.post(path, body))).toEqual([200, 'b', 2])
      }
      expect(await stateOf('a')).toMatchObject({ state: 'ok', cooldowns: [] })
      expect(servedBy(await ask())).toEqual([200, 'a', 1])
    },
  )

  test('a good one does not heal: the second 500 of real requests is still the second in a row', async () => {
    const stage = await start(['a'])
    stage.vendor.script(fail(500))
    await stage.ask()
    expect((await count(stage)).status).toBe(200)
    stage.vendor.script(fail(500))
    await stage.ask()
    expect((await stage.stateOf('a')).cooldowns).toMatchObject([{ reason: 'transient' }])
  })

  test('it is no trial of an account that comes back: the next real request is', async () => {
    const stage = await start(['a'])
    const { vendor, relay, ask } = stage
    vendor.script(fail(429, { headers: { 'retry-after': '40' } }))
    await ask()
    await relay.clock.advance(40_000)
    vendor.script(fail(500))
    expect((await count(stage)).headers['x-relay-estimated']).toBe('true')
    expect(servedBy(await ask())).toEqual([200, 'a', 1])
  })

  test('its own mistakes are told like any other; whatever else fails, an estimate stands in', async () => {
    const stage = await start(['a'])
    stage.vendor.script(fail(400, { message: 'no' }), fail(429), drop(), drop())
    expect((await count(stage)).status).toBe(400)
    for (const counted of [await count(stage), await count(stage)]) {
      expect([counted.status, counted.headers['x-relay-estimated']]).toEqual([200, 'true'])
    }
  })

  test('a compaction is a real request: it takes a slot, and its failures count', async () => {
    const { vendor, relay, stateOf } = await start(['a', 'b'], { protocol: 'openai-responses' })
    vendor.forKey('a').script(fail(429, { headers: { 'retry-after': '40' } }))
    const answer = await relay.post('/v1/responses/compact', { model: 'gpt-test', input: [] })
    expect(servedBy(answer)).toEqual([200, 'b', 2])
    expect((await stateOf('a')).cooldowns).toMatchObject([{ reason: 'burst' }])
  })
})

describe('accounts that cannot serve', () => {
  const keyless = { name: 'keyless', api_key: { env: 'A_NAME_THAT_IS_NOT_SET' } }

  test('one that needs attention is passed over without a call, and says why in /health', async () => {
    const { ask, calls, stateOf } = await start([keyless, 'b'])
    expect(servedBy(await ask())).toEqual([200, 'b', 1])
    expect(calls()).toEqual(['b'])
    expect(await stateOf('keyless')).toMatchObject({
      state: 'needs_attention',
      problem: expect.stringContaining('A_NAME_THAT_IS_NOT_SET'),
    })
  })

  test('when all of them do, a client hears that and is told not to try again', async () => {
    const { ask, vendor } = await start([keyless])
    const answer = await ask()
    expect([answer.status, answer.headers['x-should-retry']]).toEqual([503, 'false'])
    expect(answer.body.toString()).toContain('/health')
    expect(answer.body.toString()).not.toContain('A_NAME_THAT_IS_NOT_SET')
    expect(vendor.requests).toHaveLength(0)
  })

  test('one that needs attention does not make the rest of another one look like a lasting trouble', async () => {
    const { ask, vendor } = await start([keyless, 'b'])
    vendor.always(fail(429, { headers: { 'retry-after': '50' } }))
    await ask()
    const answer = await ask()
    expect([answer.status, answer.headers['retry-after']]).toEqual([429, '50'])
  })

  test('one that is switched off, or of no use for the model, is never asked', async () => {
    const { ask, calls } = await start([
      { name: 'off', enabled: false },
      { name: 'other', models: ['claude-other'] },
      'c',
    ])
    expect(servedBy(await ask())).toEqual([200, 'c', 1])
    expect(calls()).toEqual(['c'])
  })
})
