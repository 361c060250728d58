/**
 * The faults of upstream answers once more, for clients whose account speaks another dialect: who answers instead, what it
 * costs the account, and what the client is told in its own words.
 */
import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import { binary } from '../harness/chosen-program.ts'
import { startTrap } from '../harness/connect-proxy.ts'
import {
  after,
  answerText,
  cut,
  empty,
  fail,
  failInStream,
  finish,
  gzipBomb,
  headers,
  html,
  informational,
  raw,
  redirect,
  type Reaction,
} from '../harness/reactions.ts'
import { readText } from '../harness/sse.ts'
import { readRefusal } from '../http/stage.ts'
import { HOUR, MINUTE, SECOND, servedBy, start as startStage, type Stage } from './failover-stage.ts'
import { type HubLane, HUB_LANES } from './four-dialects.ts'

const start = (lane: HubLane, accounts: string[]): Promise<Stage> =>
  startStage(accounts, { client: lane.client, protocol: lane.upstream })

/** What each dialect calls an overload, whatever the status. */
const OVERLOADED: Readonly<Record<Protocol, { type: string; code?: string }>> = {
  anthropic: { type: 'overloaded_error' },
  'openai-responses': { type: 'server_error', code: 'server_is_overloaded' },
  'openai-chat': { type: 'server_error', code: 'server_is_overloaded' },
  gemini: { type: 'UNAVAILABLE' },
}
const overloaded =
  (asStatus: number | null): Reaction =>
  (request) => {
    const words = OVERLOADED[request.protocol ?? 'anthropic']
    return (asStatus === null ? failInStream(503, words) : fail(503, { ...words, asStatus }))(request)
  }

const BOTH = [true, false]
const json = { 'content-type': 'application/json' }

/** The reaction, whether a stream is asked for, and why the account then rests; null when it does not. */
const ELSEWHERE: ReadonlyArray<[what: string, Reaction, streams: readonly boolean[], rests: string | null]> = [
  ['row 1: a 429', fail(429, { headers: { 'retry-after': '7' } }), BOTH, 'burst'],
  ['row 6: a single 500', fail(500), BOTH, null],
  ['row 9: an overload', fail(529), BOTH, 'overloaded'],
  ['row 10: an overload told as 400', overloaded(400), BOTH, 'overloaded'],
  ['row 10: an overload told as 200', overloaded(200), BOTH, 'overloaded'],
  ['row 11: an overload as the first event', overloaded(null), BOTH, 'overloaded'],
  ['row 13: 401 for an API key', fail(401), BOTH, 'unauthorized'],
  ['row 14: 403', fail(403, { message: 'not in your country' }), BOTH, 'forbidden'],
  ['row 17: a credit that is too low', fail(402), BOTH, 'billing'],
  ['row 19: 408', fail(408), BOTH, null],
  ['row 19: 409', fail(409), BOTH, null],
  ['row 21: HTML instead of an answer', html(), BOTH, null],
  ['row 22: an empty body', empty(), BOTH, null],
  ['row 23: half an answer', answerText('lost', after('content', finish())), [false], null],
  ['row 23: half an answer and a reset', answerText('lost', after('content', cut())), [false], null],
  ['row 24: gzip that nobody asked for', answerText('lost', headers({ 'content-encoding': 'gzip' })), BOTH, null],
]

describe.each(HUB_LANES)('a $client client of $upstream accounts', (lane) => {
  const cases = ELSEWHERE.flatMap(([what, reaction, streams, rests]) =>
    streams.map((stream) => ({ what, reaction, stream, rests })),
  )
  test.each(cases)('$what is answered by another account (stream $stream)', async ({ reaction, stream, rests }) => {
    const { vendor, ask, stateOf } = await start(lane, ['a', 'b'])
    vendor.forKey('a').script(reaction)
    const answer = await ask({ stream })
    expect(servedBy(answer)).toEqual([200, 'b', 2])
    expect(stream ? readText(answer.body) : String(answer.body)).toContain('hello')
    expect(String(answer.body)).not.toContain('lost')
    expect((await stateOf('a')).cooldowns.map(({ reason }) => reason)).toEqual(rests === null ? [] : [rests])
  })

  test('row 15: a model that an account may not use rests there, and another one serves', async () => {
    const { vendor, ask, stateOf, restOf } = await start(lane, ['a', 'b'])
    vendor.forKey('a').script(fail(404, { code: 'model_not_found', message: MISSING_MODEL[lane.upstream] }))
    expect(servedBy(await ask({ stream: true }))).toEqual([200, 'b', 2])
    expect((await stateOf('a')).cooldowns).toMatchObject([{ reason: 'model_unavailable', model: expect.any(String) }])
    expect(await restOf('a')).toBe(10 * MINUTE)
  })

  test.each([
    ['row 2: a date', (now: number) => new Date(now + 90 * SECOND).toUTCString(), 90 * SECOND],
    ['row 3: garbage', 'soon', 2 * SECOND],
    ['row 3: a negative number', '-5', 2 * SECOND],
    ['row 3: thirty years', '1000000000', HOUR],
  ])('%s as retry-after (%s) is a rest of %d ms', async (_what, told, restMs) => {
    const { vendor, relay, ask, restOf } = await start(lane, ['a', 'b'])
    const retryAfter = typeof told === 'function' ? told(relay.clock.now()) : told
    vendor.forKey('a').script(fail(429, { headers: { 'retry-after': retryAfter } }))
    expect(servedBy(await ask())).toEqual([200, 'b', 2])
    // A date has whole seconds, and a program's clock stands between two of them.
    expect(Math.abs((await restOf('a')) - restMs)).toBeLessThanOrEqual(binary === undefined ? 0 : SECOND)
  })

  test('row 4: everybody rests: it hears that and until when, and nobody is asked before', async () => {
    const { vendor, relay, ask, calls } = await start(lane, ['a', 'b'])
    vendor.forKey('a').script(fail(429, { headers: { 'retry-after': '40' } }))
    vendor.forKey('b').script(fail(429, { headers: { 'retry-after': '90' } }))
    for (const stream of [true, false]) {
      const answer = await ask({ stream })
      expect(readRefusal(lane.client, answer).status).toBe(429)
      expect(answer.headers['retry-after']).toBe('40')
    }
    expect(calls()).toEqual(['a', 'b'])
    await relay.clock.advance(40 * SECOND)
    expect(servedBy(await ask({ stream: true }))).toEqual([200, 'a', 1])
  })

  test('row 7: from the second 500 in a row the account rests for five seconds', async () => {
    const { vendor, ask, restOf } = await start(lane, ['a', 'b'])
    vendor.forKey('a').script(fail(500), fail(500))
    await ask({ stream: true })
    expect(await restOf('a')).toBe(0)
    await ask({ stream: true })
    expect(Math.abs((await restOf('a')) - 5 * SECOND)).toBeLessThanOrEqual(SECOND)
  })

  test.each(BOTH)(
    'row 8: the only account fails always: 502 with its words, and it stays (stream %s)',
    async (stream) => {
      const { vendor, ask, stateOf } = await start(lane, ['a'])
      vendor.always(fail(500, { message: 'the model has caught fire' }))
      for (let asked = 1; asked <= 3; asked++) {
        expect(readRefusal(lane.client, await ask({ stream }))).toMatchObject({
          status: 502,
          message: 'the model has caught fire',
        })
        expect(vendor.requests).toHaveLength(asked)
      }
      vendor.always(answerText('hello'))
      expect(servedBy(await ask({ stream }))).toEqual([200, 'a', 1])
      expect((await stateOf('a')).cooldowns).toEqual([])
    },
  )

  test.each(BOTH)('rows 16 and 18: its own mistake is told in its words, asked once (stream %s)', async (stream) => {
    const { vendor, ask, stateOf } = await start(lane, ['a', 'b'])
    for (const [status, message] of MISTAKES) {
      const asked = vendor.requests.length
      vendor.script(fail(status, { message }))
      expect(readRefusal(lane.client, await ask({ stream }))).toMatchObject({ status, message })
      expect(vendor.requests).toHaveLength(asked + 1)
    }
    expect(await stateOf('a')).toMatchObject({ state: 'ok', cooldowns: [] })
  })

  test('row 20: a redirect is a fault and never followed', async () => {
    const { vendor, ask } = await start(lane, ['a', 'b'])
    const trap = await startTrap()
    vendor.forKey('a').script(redirect(`${trap.url}/v1/messages`))
    expect(servedBy(await ask({ stream: true }))).toEqual([200, 'b', 2])
    vendor.always(redirect(`${trap.url}/v1/messages`))
    const answer = await ask()
    expect([answer.status, answer.headers['location']]).toEqual([502, undefined])
    trap.assertSilent()
    await trap.close()
  })

  test('row 24: 50 MiB in a gzip bomb cost no memory', async () => {
    const { vendor, ask } = await start(lane, ['a', 'b'])
    vendor.forKey('a').script(gzipBomb())
    const before = process.memoryUsage().rss
    expect(servedBy(await ask())).toEqual([200, 'b', 2])
    expect(process.memoryUsage().rss - before).toBeLessThan(32 * 1024 * 1024)
  })

  test('row 25: interim answers before the real one are ignored', async () => {
    const { vendor, ask } = await start(lane, ['a', 'b'])
    vendor.script(answerText('hello', informational(103, { link: '</x>; rel=preload' })))
    const answer = await ask({ stream: true })
    expect([...servedBy(answer), answer.interim, readText(answer.body)]).toEqual([200, 'a', 1, [], 'hello'])
  })

  test('an answer that is JSON but no answer is a fault: another account answers', async () => {
    const { vendor, ask } = await start(lane, ['a', 'b'])
    vendor.forKey('a').script(raw({ headers: json, framing: 'length', pieces: ['{"hello":'] }))
    expect(servedBy(await ask())).toEqual([200, 'b', 2])
  })
})

test('row 5: a window that is used up for days is tried out every five minutes', async () => {
  const lane: HubLane = { client: 'anthropic', upstream: 'openai-responses' }
  const { vendor, relay, ask, calls, restOf, stateOf } = await start(lane, ['a', 'b'])
  const usedUp = fail(429, { type: 'usage_limit_reached', extra: { resets_in_seconds: (3 * 24 * HOUR) / SECOND } })
  vendor.forKey('a').script(usedUp)
  expect(servedBy(await ask({ stream: true }))).toEqual([200, 'b', 2])
  expect(await restOf('a')).toBe(6 * HOUR)
  await relay.clock.advance(5 * MINUTE)
  expect(servedBy(await ask({ stream: true }))).toEqual([200, 'a', 1])
  expect((await stateOf('a')).state).toBe('ok')
  expect(calls()).toEqual(['a', 'b', 'a'])
})

const MISTAKES: ReadonlyArray<[number, string]> = [
  [400, 'messages.0.content: a text — or a “list” — is expected 🌞'],
  [413, 'Request exceeds the maximum allowed number of bytes'],
]

const MISSING_MODEL: Readonly<Record<Protocol, string>> = {
  anthropic: 'model: gpt-test',
  'openai-responses': 'The model `claude-test` does not exist',
  'openai-chat': 'The model `gemini-test` does not exist',
  gemini: 'models/gpt-test is not found for API version v1beta',
}
