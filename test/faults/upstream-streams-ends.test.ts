/**
 * How streams end: the client is finished when the answer is, whatever the vendor does with its last event and with the
 * connection.
 */
import { describe, expect, test } from 'vitest'
import { settle } from '../harness/clock.ts'
import type { Protocol } from '../../src/core/account.ts'
import {
  after,
  answerText,
  answerWith,
  before,
  cut,
  end,
  hold,
  ping,
  raw,
  repeat,
  slice,
  without,
  type Twist,
} from '../harness/reactions.ts'
import { readEvents, readText } from '../harness/sse.ts'
import { streamText } from '../harness/streams.ts'
import { lastRecord, PROTOCOLS, readStreamError, setStage } from './four-dialects.ts'

/** Dialects whose terminal event is nothing but that. */
const BARE_ENDS: Array<[Protocol, string]> = [
  ['anthropic', 'event: message_stop\ndata: {"type":"message_stop"}\n\n'],
  ['openai-chat', 'data: [DONE]\n\n'],
]

const WITH_TERMINAL = PROTOCOLS.filter((protocol) => protocol !== 'gemini')

describe('the connection stays open behind the terminal event', () => {
  test.each(WITH_TERMINAL)('row 32: a %s client is finished at once, the upstream a second later', async (protocol) => {
    const { vendor, relay, send } = await setStage(protocol)
    vendor.script(answerText('hello', hold()))
    const answer = await send()
    expect([answer.ended, answer.body]).toEqual(['clean', vendor.bytesSent(1)])
    expect(lastRecord(relay)).toMatchObject({ outcome: 'served' })
    expect(relay.inFlight()).toEqual({ a: 0, b: 0 })
    expect(vendor.requests[0]?.state).toBe('active')
    await relay.clock.advance(1_000)
    await vendor.requests[0]?.closed
    expect(vendor.requests[0]?.state).toBe('aborted')
  })

  test('row 32: Gemini has no terminal event, so its client is finished ten seconds behind the finish reason', async () => {
    const { vendor, relay, send } = await setStage('gemini')
    vendor.script(answerText('hello', hold()))
    const answer = send()
    await answer.until('STOP')
    await relay.clock.advance(10_250)
    expect((await answer).body).toEqual(vendor.bytesSent(1))
    expect(lastRecord(relay)).toMatchObject({ outcome: 'served', output: 7 })
  })

  test.each(WITH_TERMINAL)('row 32: a %s connection that ends properly in time is used again', async (protocol) => {
    const { vendor, send } = await setStage(protocol, {}, { a: {} })
    await send()
    await send()
    expect(vendor.requests.map(({ connection }) => connection)).toEqual([1, 1])
  })
})

describe('the terminal event is missing', () => {
  test.each(BARE_ENDS)(
    'row 33: a %s answer that ends without it gets it, and the log says so',
    async (protocol, terminal) => {
      const { vendor, relay, send } = await setStage(protocol)
      vendor.script(answerText('hello', without('terminal')))
      const answer = await send()
      expect([answer.ended, String(answer.body)]).toEqual(['clean', `${String(vendor.bytesSent(1))}${terminal}`])
      expect(lastRecord(relay)).toMatchObject({ outcome: 'served', account: 'a', output: 7 })
      expect(relay.log).toContainEqual(expect.objectContaining({ event: 'terminal_event.supplied', account: 'a' }))
    },
  )

  test.each(BARE_ENDS)(
    'row 33: a %s answer that then falls silent gets it after ten seconds',
    async (protocol, terminal) => {
      const { vendor, relay, send } = await setStage(protocol)
      vendor.script(answerText('hello', without('terminal'), hold()))
      const answer = send()
      await relay.clock.advance(9_500)
      expect(String(answer.bodySoFar())).not.toContain(terminal)
      await relay.clock.advance(1_000)
      expect(String((await answer).body)).toBe(`${String(vendor.bytesSent(1))}${terminal}`)
    },
  )

  test.each(BARE_ENDS)('row 33: a %s answer that is cut off inside it gets a whole one', async (protocol, terminal) => {
    const { vendor, send } = await setStage(protocol)
    const half = 'data: {"cut'
    vendor.script(
      answerText('hello', without('terminal'), (reply) => ({
        ...reply,
        body: [...reply.body, Buffer.from(half), cut()],
      })),
    )
    const answer = await send()
    expect(String(answer.body)).toBe(String(vendor.bytesSent(1)).replace(half, '') + terminal)
  })

  test.each(['openai-responses', 'gemini'] as const)(
    'row 33: a %s answer without it lacks a part of its content, so it ends in an error',
    async (protocol) => {
      const { vendor, relay, send } = await setStage(protocol)
      vendor.script(answerText('hello', without('terminal')))
      const answer = await send()
      expect(readStreamError(protocol, answer.body).message).toContain('ended without its terminal event')
      expect(lastRecord(relay)).toMatchObject({ outcome: 'broken' })
    },
  )

  test('row 33: an answer that ended in due form is not logged as one that did not', async () => {
    const { relay, send } = await setStage('anthropic')
    await send()
    expect(relay.log.map(({ event }) => event)).toEqual(['request.end'])
  })
})

describe.each(PROTOCOLS)('the last %s event', (protocol) => {
  test.each([
    ['at once', slice(99_999)],
    ['byte by byte', slice(1)],
  ])('row 34: without its blank line, written %s, is delivered with one', async (_how, pace) => {
    const { vendor, relay, send } = await setStage(protocol)
    vendor.script(answerWith({ text: 'hello', format: { finalBlankLine: false } }, pace))
    const answer = await send()
    expect(String(answer.body)).toBe(`${String(vendor.bytesSent(1))}\n\n`)
    expect(readEvents(answer.body)).toHaveLength(readEvents(`${String(vendor.bytesSent(1))}\n`).length)
    expect([answer.ended, readText(answer.body)]).toEqual(['clean', 'hello'])
    expect(lastRecord(relay)).toMatchObject({ outcome: 'served', output: 7 })
  })

  test('row 34: without any line end is delivered with both', async () => {
    const { vendor, relay, send } = await setStage(protocol)
    const complete = streamText(protocol, { text: 'hello' })
    vendor.script(raw({ headers: { 'content-type': 'text/event-stream' }, pieces: [complete.trimEnd()] }))
    expect(String((await send()).body)).toBe(`${complete.trimEnd()}\n\n`)
    expect(lastRecord(relay)).toMatchObject({ outcome: 'served' })
  })

  test('row 34: behind lone carriage returns needs nothing more', async () => {
    const { vendor, send } = await setStage(protocol)
    vendor.script(answerWith({ text: 'hello', format: { lineEnd: '\r' } }))
    expect((await send()).body).toEqual(vendor.bytesSent(1))
  })
})

describe('more than one end', () => {
  const PACES: Array<[string, Twist]> = [
    ['in one piece', slice(99_999)],
    ['event by event', slice(Infinity)],
  ]
  const CASES = WITH_TERMINAL.flatMap((protocol) => PACES.map(([how, pace]) => [protocol, how, pace] as const))

  test.each(CASES)(
    'row 42: of two %s terminal events, sent %s, one reaches the client',
    async (protocol, _how, pace) => {
      const { vendor, relay, send } = await setStage(protocol)
      vendor.script(answerText('hello', repeat('terminal'), pace))
      const answer = await send()
      await settle()
      const terminal = String(answer.body).trimEnd().split('\n\n').at(-1)
      expect(`${String(answer.body)}${terminal}\n\n`).toBe(String(vendor.bytesSent(1)))
      expect(lastRecord(relay)).toMatchObject({ outcome: 'served' })
    },
  )

  test.each(CASES)(
    'row 42: behind a %s terminal event, sent %s, no second answer reaches the client',
    async (protocol, _how, pace) => {
      const { vendor, send } = await setStage(protocol)
      const second = streamText(protocol, { text: 'twice' })
      vendor.script(answerText('hello', after('terminal', second), pace))
      const answer = await send()
      expect(readText(answer.body)).toBe('hello')
      expect(vendor.bytesSent(1).subarray(0, answer.body.length)).toEqual(answer.body)
    },
  )

  test('row 42: every Gemini chunk may have a finish reason, so all of them reach the client', async () => {
    const { vendor, relay, send } = await setStage('gemini')
    vendor.script(answerText('hello', repeat('terminal')))
    expect((await send()).body).toEqual(vendor.bytesSent(1))
    expect(lastRecord(relay)).toMatchObject({ outcome: 'served' })
  })

  test.each(PROTOCOLS)('row 42: pings between and behind %s events do no harm', async (protocol) => {
    const { vendor, send } = await setStage(protocol)
    vendor.script(
      answerText('one two', before('content', ping()), after('content', ping()), after('terminal', ': bye\n\n', end())),
    )
    const answer = await send()
    await settle()
    expect(readText(answer.body)).toBe('one two')
    expect([...vendor.bytesSent(1).subarray(0, answer.body.length)]).toEqual([...answer.body])
  })
})
