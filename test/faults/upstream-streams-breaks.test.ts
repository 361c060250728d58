/**
 * Streams that break: before their content another account answers and nobody notices; after it the client is told in
 * its own dialect, and never by a silent end.
 */
import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import {
  after,
  answerText,
  beforeHead,
  cut,
  end,
  errorEvent,
  failInStream,
  finish,
  framing,
  slice,
  stall,
  type Reaction,
  type Twist,
} from '../harness/reactions.ts'
import { settle } from '../harness/clock.ts'
import { readEvents, readJsonEvents, readText } from '../harness/sse.ts'
import { grudges, lastRecord, PROTOCOLS, readStreamError, setStage } from './four-dialects.ts'

/** The class of error for "the upstream broke", and for "the upstream went silent". */
const BROKEN: Record<Protocol, string> = {
  anthropic: 'api_error',
  'openai-responses': 'server_error',
  'openai-chat': 'server_error',
  gemini: 'INTERNAL',
}
const SILENT: Record<Protocol, string> = {
  anthropic: 'timeout_error',
  'openai-responses': 'server_error',
  'openai-chat': 'server_error',
  gemini: 'DEADLINE_EXCEEDED',
}
/** The vendor's own last event when it gives up; OpenAI says `error` first and then ends the response. */
const LAST_WORD: Record<Protocol, string> = {
  anthropic: 'error',
  'openai-responses': 'response.failed',
  'openai-chat': '',
  gemini: '',
}

describe.each(PROTOCOLS)('a %s stream that breaks before its content', (protocol) => {
  const EARLY: Array<[string, Reaction]> = [
    ['a FIN', answerText('lost', finish())],
    ['a FIN that looks like the end', answerText('lost', framing('close'), finish())],
    ['a proper end of nothing', answerText('lost', end())],
    ['a reset', answerText('lost', cut())],
    ['an error as the first event', failInStream(529)],
  ]
  test.each(EARLY)('row 27: %s before the first event goes to another account', async (_how, reaction) => {
    const { vendor, relay, send } = await setStage(protocol)
    vendor.forKey('a').script(reaction)
    const answer = await send()
    expect([answer.status, answer.ended]).toEqual([200, 'clean'])
    expect(answer.body).toEqual(vendor.bytesSent(2))
    expect(answer.headers).toMatchObject({ 'x-relay-account': 'b', 'x-relay-attempts': '2' })
    expect(lastRecord(relay)).toMatchObject({ outcome: 'served', account: 'b' })
  })

  test.each([
    ['before its head', beforeHead(stall())],
    ['behind its head', stall()],
  ])('row 30: silence %s, longer than first_byte_timeout, goes to another account', async (_where, twist: Twist) => {
    const { vendor, relay, send } = await setStage(protocol, { first_byte_timeout: '10s' })
    vendor.forKey('a').script(answerText('lost', twist))
    const answer = send()
    const stalled = await vendor.received(1)
    await relay.clock.advance(9_700)
    expect(vendor.requests).toHaveLength(1)
    await relay.clock.advance(500)
    expect(readText((await answer).body)).toBe('hello')
    await stalled.closed
    expect(stalled.state).toBe('aborted')
    expect(lastRecord(relay)).toMatchObject({ outcome: 'served', account: 'b', attempts: 2 })
  })
})

/** Gemini has no event that only begins an answer. */
test.each(PROTOCOLS.filter((protocol) => protocol !== 'gemini'))(
  'row 27: a %s stream that breaks behind its start event goes to another account, and the client sees one start',
  async (protocol) => {
    const { vendor, send } = await setStage(protocol)
    vendor.forKey('a').script(answerText('lost', after('start', cut())))
    const answer = await send()
    expect(answer.body).toEqual(vendor.bytesSent(2))
    expect(String(answer.body)).not.toContain('att_1')
  },
)

describe.each(PROTOCOLS)('a %s stream that breaks after its content', (protocol) => {
  const LATE: Array<[string, Reaction]> = [
    [
      'row 28: an early FIN that looks like the end',
      answerText('one two', framing('close'), after('content', finish())),
    ],
    ['row 28: a proper end without the rest', answerText('one two', after('content', end()))],
    ['row 29: a missing last chunk', answerText('one two', after('content', finish()))],
    [
      'row 29: a length that was a lie',
      answerText('one two', framing({ declaredBytes: 99_999 }), after('content', end())),
    ],
    ['row 29: a reset', answerText('one two', after('content', cut()))],
    ['row 29: a reset inside an event', answerText('one two', after('content', 'data: {"half', cut()))],
    ['row 28: an end inside an event', answerText('one two', after('content', 'data: {"half', end()))],
    ['row 28: an end behind half of an event', answerText('one two', after('content', 'data: {"half\n', end()))],
  ]
  test.each(LATE)('%s ends in an error of the dialect', async (_how, reaction) => {
    const { vendor, relay, send } = await setStage(protocol)
    vendor.script(reaction)
    const answer = await send()
    expect([answer.status, answer.ended]).toEqual([200, 'clean'])
    expect(readStreamError(protocol, answer.body)).toMatchObject({
      word: BROKEN[protocol],
      message: expect.stringMatching(/^sub2api-simple: the stream (broke off|ended without its terminal event)/),
    })
    expect(readText(answer.body)).toBe('one ')
    expect(vendor.requests).toHaveLength(1)
    expect(lastRecord(relay)).toMatchObject({ status: 200, outcome: 'broken', account: 'a', attempts: 1 })
    expect([grudges(relay, 'a'), grudges(relay, 'b')]).toEqual([['transient'], []])
  })

  test('row 31: silence of five minutes ends in an error, and the upstream is let go', async () => {
    const { vendor, relay, send } = await setStage(protocol)
    vendor.script(answerText('one two', after('content', stall())))
    const answer = send()
    await answer.until('one ')
    await relay.clock.advance(299_000)
    expect(vendor.requests[0]?.state).toBe('active')
    await relay.clock.advance(1_500)
    const { body } = await answer
    expect(readStreamError(protocol, body)).toEqual({
      word: SILENT[protocol],
      message: 'sub2api-simple: the upstream sent nothing for 300 s',
    })
    await vendor.requests[0]?.closed
    expect(vendor.requests.map(({ state }) => state)).toEqual(['aborted'])
    expect(relay.inFlight()).toEqual({ a: 0, b: 0 })
    expect(lastRecord(relay)).toMatchObject({ outcome: 'broken' })
  })

  test.each([
    ['at once', slice(99_999)],
    ['event by event', slice(Infinity)],
  ])(
    'row 40: the vendor’s own error event, written %s, passes as it is and nobody else answers',
    async (_how, pace) => {
      const { vendor, relay, send } = await setStage(protocol)
      vendor.script(answerText('one two', pace, after('content', errorEvent(529, { message: 'too much to do' }))))
      const answer = await send()
      await settle()
      expect(answer.body).toEqual(vendor.bytesSent(1))
      expect([answer.ended, readText(answer.body)]).toEqual(['clean', 'one '])
      expect(readEvents(answer.body).at(-1)).toMatchObject({
        event: LAST_WORD[protocol],
        data: expect.stringContaining('too much to do') as unknown,
      })
      expect(vendor.requests).toHaveLength(1)
      expect(lastRecord(relay)).toMatchObject({
        outcome: 'broken',
        failures: [expect.stringContaining('too much to do')],
      })
    },
  )
})

test.each(PROTOCOLS)('row 29: a %s event too large to be held back is closed before the error', async (protocol) => {
  const { vendor, send } = await setStage(protocol)
  const huge = `data: {"x":"${'x'.repeat(600 * 1024)}`
  vendor.script(answerText('one two', after('content', huge, finish())))
  const { body } = await send()
  expect(readEvents(body).some(({ data }) => data.startsWith('{"x":"xxx'))).toBe(true)
  expect(readStreamError(protocol, body)).toMatchObject({ word: BROKEN[protocol] })
})

test('row 28: the end of a broken Responses stream names the answer that the client knows', async () => {
  const { vendor, send } = await setStage('openai-responses')
  vendor.script(answerText('one two', after('content', cut())))
  const events = readJsonEvents((await send()).body)
  expect(events.at(0)).toMatchObject({ type: 'response.created', response: { id: 'resp_att_1' } })
  expect(events.at(-1)).toMatchObject({ type: 'response.failed', response: { id: 'resp_att_1', model: 'gpt-test' } })
  expect(events.map((event) => event['sequence_number'])).toEqual(events.map((_, position) => position))
})
