/**
 * What a client hears while nothing happens: signs of life in its dialect, start events held for a moment, and a failure
 * told in the stream when the status has been spent.
 */
import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import {
  after,
  answerText,
  before,
  beforeHead,
  cut,
  errorEvent,
  fail,
  pause,
  ping,
  stall,
  type Reaction,
} from '../harness/reactions.ts'
import { readEvents, readText } from '../harness/sse.ts'
import { lastRecord, readStreamError, setStage } from './four-dialects.ts'

/** The sign of life before and after the client has seen the start of an answer. Gemini's clients bear none. */
const SIGNS: Array<[Protocol, before: string, after: string]> = [
  ['anthropic', ': keepalive\n\n', 'event: ping\ndata: {"type": "ping"}\n\n'],
  ['openai-responses', ': keepalive\n\n', ': keepalive\n\n'],
  ['openai-chat', ': keepalive\n\n', ': keepalive\n\n'],
]
const PATIENT = SIGNS.map(([protocol]) => protocol)
/** A keepalive interval and the tick that notices it. */
const INTERVAL_MS = 15_250

describe('signs of life', () => {
  test.each(SIGNS)(
    'a silent %s stream gets one every 15 s, in the form that its stage allows',
    async (protocol, first, later) => {
      const { vendor, relay, send } = await setStage(protocol)
      vendor.script(answerText('one two', beforeHead(pause()), after('content', pause())))
      const answer = send()
      await vendor.received(1)
      await relay.clock.advance(14_500)
      expect(String(answer.bodySoFar())).toBe('')
      await relay.clock.advance(750)
      expect(await answer.head).toMatchObject({
        status: 200,
        headers: {
          'content-type': 'text/event-stream; charset=utf-8',
          'cache-control': 'no-cache',
          'x-accel-buffering': 'no',
        },
      })
      await relay.clock.advance(15_000)
      expect(String(answer.bodySoFar())).toBe(first + first)

      vendor.resume()
      await answer.until('one ')
      const beginning = String(vendor.bytesSent(1))
      await relay.clock.advance(INTERVAL_MS)
      expect(String(answer.bodySoFar())).toBe(first + first + beginning + later)
      vendor.resume()
      const rest = String((await answer).body).slice((first + first + beginning + later).length)
      expect(beginning + rest).toBe(String(vendor.bytesSent(1)))
    },
  )

  test('a silent Gemini stream gets none, and keeps its status', async () => {
    const { vendor, relay, send } = await setStage('gemini')
    vendor.script(answerText('one two', beforeHead(pause()), after('content', pause())))
    const answer = send()
    await vendor.received(1)
    await relay.clock.advance(100_000)
    vendor.resume()
    await answer.until('one ')
    await relay.clock.advance(100_000)
    vendor.resume()
    expect((await answer).body).toEqual(vendor.bytesSent(1))
    expect((await answer).headers).toMatchObject({ 'x-relay-account': 'a' })
  })

  test.each(PATIENT)('a %s sign of life never stands inside an event', async (protocol) => {
    const { vendor, relay, send } = await setStage(protocol)
    vendor.script(answerText('one two', after('content', 'data: {"type":"unknown",', pause(), '"x":1}\n\n')))
    const answer = send()
    await answer.until('one ')
    await relay.clock.advance(INTERVAL_MS)
    vendor.resume()
    const { body } = await answer
    expect(readEvents(body).map(({ data }) => data)).toContain('{"type":"unknown","x":1}')
    expect(readText(body)).toBe('one two')
  })

  test('a client that asked for a whole answer gets none', async () => {
    const { vendor, relay, send } = await setStage('anthropic')
    vendor.script(answerText('hello', beforeHead(pause())))
    const answer = send({ stream: false })
    await vendor.received(1)
    await relay.clock.advance(120_000)
    vendor.resume()
    expect((await answer).body).toEqual(vendor.bytesSent(1))
  })

  test.each(SIGNS)(
    'row 38: a %s vendor that only pings for ten minutes is waited for, and its client kept alive',
    async (protocol) => {
      const { vendor, relay, send } = await setStage(protocol)
      const pings = Array.from({ length: 20 }, () => [ping(), pause()]).flat()
      vendor.script(answerText('hello', after('start', ...pings)))
      const answer = send()
      await vendor.received(1)
      for (let half = 0; half < 40; half++) {
        const heardBytes = answer.bodySoFar().length
        await relay.clock.advance(INTERVAL_MS)
        expect(answer.bodySoFar().length).toBeGreaterThan(heardBytes)
        if (half % 2 === 1) vendor.resume()
      }
      expect(readText((await answer).body)).toBe('hello')
      expect(lastRecord(relay)).toMatchObject({ outcome: 'served', attempts: 1 })
    },
  )

  test('row 38: a Gemini vendor that only pings for ten minutes is waited for', async () => {
    const { vendor, relay, send } = await setStage('gemini')
    vendor.script(answerText('hello', before('content', ...Array.from({ length: 20 }, () => [ping(), pause()]).flat())))
    const answer = send()
    await vendor.received(1)
    for (let minute = 0; minute < 20; minute++) {
      await relay.clock.advance(30_000)
      vendor.resume()
    }
    expect((await answer).body).toEqual(vendor.bytesSent(1))
  })
})

describe.each(PATIENT)('the start of a %s answer', (protocol) => {
  test('is held until content comes', async () => {
    const { vendor, relay, send } = await setStage(protocol)
    vendor.script(answerText('hello', after('start', pause())))
    const answer = send()
    await vendor.received(1)
    await relay.clock.advance(2_500)
    expect(String(answer.bodySoFar())).toBe('')
    vendor.resume()
    expect((await answer).body).toEqual(vendor.bytesSent(1))
  })

  test('is let go after hold_start, and from then on nobody else may answer', async () => {
    const { vendor, relay, send } = await setStage(protocol)
    vendor.script(answerText('hello', after('start', pause(), cut())))
    const answer = send()
    await vendor.received(1)
    await relay.clock.advance(3_250)
    expect(answer.bodySoFar()).toEqual(vendor.bytesSent(1))
    vendor.resume()
    expect(readStreamError(protocol, (await answer).body).message).toContain('broke off')
    expect(vendor.requests).toHaveLength(1)
  })

  test('is held for hold_start from when it came, however long the vendor was silent before', async () => {
    const { vendor, relay, send } = await setStage(protocol)
    vendor.forKey('a').script(answerText('lost', pause(), after('start', pause(), errorEvent(529))))
    const answer = send()
    await vendor.received(1)
    await relay.clock.advance(10_000)
    vendor.resume()
    await relay.clock.advance(1_000)
    vendor.resume()
    expect((await answer).body).toEqual(vendor.bytesSent(2))
  })

  test('is not begun by signs of life: after ten seconds of pings another account may still answer', async () => {
    const { vendor, relay, send } = await setStage(protocol)
    vendor.forKey('a').script(answerText('lost', before('start', ping(), ping(), pause(), errorEvent(529))))
    const answer = send()
    await vendor.received(1)
    await relay.clock.advance(10_000)
    vendor.resume()
    expect((await answer).body).toEqual(vendor.bytesSent(2))
    expect(lastRecord(relay)).toMatchObject({ outcome: 'served', account: 'b', attempts: 2 })
  })
})

describe.each(SIGNS)('a %s status that was spent on a sign of life', (protocol, sign) => {
  const LATE: Array<[string, Reaction]> = [
    ['refuses', fail(529, {}, beforeHead(pause()))],
    ['breaks off', answerText('lost', beforeHead(pause()), cut())],
    ['tells its failure in the stream', answerText('lost', beforeHead(pause()), before('start', errorEvent(500)))],
    ['gives a page', fail(200, { body: '<html>', headers: { 'content-type': 'text/html' } }, beforeHead(pause()))],
  ]
  test.each(LATE)('does not bind the client to an account that then %s', async (_how, reaction) => {
    const { vendor, relay, send } = await setStage(protocol)
    vendor.forKey('a').script(reaction)
    const answer = send()
    await vendor.received(1)
    await relay.clock.advance(INTERVAL_MS)
    vendor.resume()
    expect(String((await answer).body)).toBe(sign + vendor.bytesSent(2))
    expect(lastRecord(relay)).toMatchObject({ status: 200, outcome: 'served', account: 'b', attempts: 2 })
  })

  test('does not bind it to an account that says nothing until first_byte_timeout', async () => {
    const { vendor, relay, send } = await setStage(protocol)
    vendor.forKey('a').script(answerText('lost', stall()))
    const answer = send()
    await relay.clock.advance(121_000)
    expect(String((await answer).body)).toBe(sign.repeat(7) + sign + vendor.bytesSent(2))
  })

  test('is spent in the queue, too; the answer follows when a slot is free', async () => {
    const { vendor, relay, send } = await setStage(protocol, { queue: { timeout: '1m' } }, { a: { concurrency: 1 } })
    vendor.script(answerText('busy', beforeHead(pause())))
    const first = send()
    await vendor.received(1)
    const second = send()
    await relay.clock.advance(INTERVAL_MS)
    expect(String(second.bodySoFar())).toBe(sign)
    vendor.resume()
    await first
    expect(String((await second).body)).toBe(sign + vendor.bytesSent(2))
  })
})

describe.each(PATIENT)('a failure behind a %s sign of life is told in the stream', (protocol) => {
  /** The dialects' classes of error, in the order of `PATIENT`. */
  const FAILURES: Array<[string, Reaction, words: string[], says: string]> = [
    [
      'the client’s own mistake',
      fail(400, { message: 'max_tokens: too small' }, beforeHead(pause())),
      ['invalid_request_error', 'invalid_prompt', 'invalid_request_error'],
      'max_tokens: too small',
    ],
    [
      'a rate limit',
      fail(429, { message: 'Slow down', headers: { 'retry-after': '20' } }, beforeHead(pause())),
      ['rate_limit_error', 'rate_limit_exceeded', 'rate_limit_error'],
      'Slow down',
    ],
    [
      'an overload',
      fail(529, { message: 'Too busy' }, beforeHead(pause())),
      ['overloaded_error', 'server_error', 'server_error'],
      'Too busy',
    ],
    [
      'a key that is no good',
      fail(401, {}, beforeHead(pause())),
      ['overloaded_error', 'server_error', 'server_error'],
      'must renew its credential',
    ],
    [
      'a break',
      answerText('lost', beforeHead(pause()), cut()),
      ['api_error', 'server_error', 'server_error'],
      'no usable answer',
    ],
  ]
  test.each(FAILURES)('%s', async (_what, reaction, words, says) => {
    const { vendor, relay, send } = await setStage(protocol, {}, { a: {} })
    vendor.script(reaction)
    const answer = send()
    await vendor.received(1)
    await relay.clock.advance(INTERVAL_MS)
    vendor.resume()
    const { status, body, ended } = await answer
    expect([status, ended]).toEqual([200, 'clean'])
    expect(readStreamError(protocol, body)).toEqual({
      word: words[PATIENT.indexOf(protocol)],
      message: expect.stringContaining(says) as unknown,
    })
    expect(lastRecord(relay)).toMatchObject({ outcome: 'failed', account: 'a' })
  })

  test('and so is a queue in which nobody became free', async () => {
    const { vendor, relay, send } = await setStage(protocol, {}, { a: { concurrency: 1 } })
    vendor.script(answerText('busy', pause()))
    const first = send()
    await vendor.received(1)
    const second = send()
    await relay.clock.advance(30_250)
    expect(readStreamError(protocol, (await second).body).message).toMatch(/^sub2api-simple: all accounts are busy/)
    vendor.resume()
    expect(readText((await first).body)).toBe('busy')
  })
})
