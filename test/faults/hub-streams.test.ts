/**
 * The faults of upstream streams once more, for clients whose account speaks another dialect: before the content another
 * account answers, after it the client is told in its own dialect, and nobody ever sees a silent end.
 */
import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import { settle } from '../harness/clock.ts'
import {
  after,
  answerText,
  answerWith,
  before,
  beforeHead,
  cut,
  end,
  errorEvent,
  failInStream,
  finish,
  framing,
  hold,
  pause,
  ping,
  repeat,
  slice,
  stall,
  without,
  type Reaction,
  type Twist,
} from '../harness/reactions.ts'
import { readEvents, readJsonEvents, readText } from '../harness/sse.ts'
import { streamText } from '../harness/streams.ts'
import { grudges, type HubLane, HUB_LANES, lastRecord, setStage } from './four-dialects.ts'

/** Gemini's stream has no terminal event of its own, so its end is its finish reason. */
const END_OF: Readonly<Record<Protocol, RegExp>> = {
  anthropic: /event: message_stop\n/g,
  'openai-responses': /event: response\.completed\n/g,
  'openai-chat': /data: \[DONE\]\n/g,
  gemini: /"finishReason": ?"STOP"/g,
}

/** How often the client was told that its answer is complete. */
const endsIn = ({ client }: HubLane, body: Buffer): number => String(body).match(END_OF[client])?.length ?? 0

/** What the last event says of a failure. Fails when it is none, or when the answer was called complete as well. */
function errorIn(lane: HubLane, body: Buffer): string {
  expect(endsIn(lane, body)).toBe(0)
  const last = readJsonEvents(body).at(-1) as { error?: unknown; response?: { error?: unknown } } | undefined
  const error = (last?.error ?? last?.response?.error) as { message?: string } | undefined
  expect(error?.message).toEqual(expect.any(String))
  return error?.message ?? ''
}

describe.each(HUB_LANES)('a $client client of $upstream accounts', (lane) => {
  const EARLY: Array<[string, Reaction]> = [
    ['a FIN', answerText('lost', finish())],
    ['a FIN that looks like the end', answerText('lost', framing('close'), finish())],
    ['a proper end of nothing', answerText('lost', end())],
    ['a reset', answerText('lost', cut())],
    ['an error as the first event', failInStream(503)],
    ['an end behind its start event', answerText('lost', before('content', cut()))],
  ]
  test.each(EARLY)('row 27: %s before the content goes to another account', async (_how, reaction) => {
    const { vendor, relay, send } = await setStage(lane)
    vendor.forKey('a').script(reaction)
    const answer = await send()
    expect([answer.status, answer.ended, readText(answer.body), endsIn(lane, answer.body)]).toEqual([
      200,
      'clean',
      'hello',
      1,
    ])
    expect(answer.headers).toMatchObject({ 'x-relay-account': 'b', 'x-relay-attempts': '2' })
    expect(lastRecord(relay)).toMatchObject({ outcome: 'served', account: 'b' })
  })

  const LATE: Array<[string, Reaction]> = [
    ['row 28: an early FIN', answerText('one two', framing('close'), after('content', finish()))],
    ['row 28: a proper end without the rest', answerText('one two', after('content', end()))],
    ['row 28: an end inside an event', answerText('one two', after('content', 'data: {"half', end()))],
    ['row 29: a missing last chunk', answerText('one two', after('content', finish()))],
    ['row 29: a reset', answerText('one two', after('content', cut()))],
    ['row 29: a length that was a lie', answerText('one two', framing({ declaredBytes: 99_999 }))],
  ]
  test.each(LATE.slice(0, 5))('%s after the content ends in an error of its dialect', async (_how, reaction) => {
    const { vendor, relay, send } = await setStage(lane)
    vendor.script(reaction)
    const answer = await send()
    expect([answer.status, answer.ended]).toEqual([200, 'clean'])
    expect(errorIn(lane, answer.body)).toMatch(/^sub2api-simple: the stream (broke off|ended without)/)
    expect(readText(answer.body)).toBe('one ')
    expect(vendor.requests).toHaveLength(1)
    expect(lastRecord(relay)).toMatchObject({ status: 200, outcome: 'broken', account: 'a', attempts: 1 })
    expect([grudges(relay, 'a'), grudges(relay, 'b')]).toEqual([['transient'], []])
  })

  test.each([
    ['before its head', beforeHead(stall())],
    ['behind its head', stall()],
  ])('row 30: silence %s, longer than first_byte_timeout, goes to another account', async (_where, twist: Twist) => {
    const { vendor, relay, send } = await setStage(lane, { first_byte_timeout: '10s' })
    vendor.forKey('a').script(answerText('lost', twist))
    const answer = send()
    const stalled = await vendor.received(1)
    await relay.clock.advance(10_250)
    expect(readText((await answer).body)).toBe('hello')
    await stalled.closed
    expect(stalled.state).toBe('aborted')
  })

  test('row 31: silence of five minutes ends in an error, and the upstream is let go', async () => {
    const { vendor, relay, send } = await setStage(lane)
    vendor.script(answerText('one two', after('content', stall())))
    const answer = send()
    await answer.until('one ')
    await relay.clock.advance(299_000)
    expect(vendor.requests[0]?.state).toBe('active')
    await relay.clock.advance(1_500)
    expect(errorIn(lane, (await answer).body)).toBe('sub2api-simple: the upstream sent nothing for 300 s')
    await vendor.requests[0]?.closed
    expect([vendor.requests[0]?.state, relay.inFlight()]).toEqual(['aborted', { a: 0, b: 0 }])
  })

  test('row 32: the connection stays open behind the end: it is finished at once, or ten seconds later', async () => {
    const { vendor, relay, send } = await setStage(lane)
    vendor.script(answerText('hello', hold()))
    const answer = send()
    await vendor.received(1)
    await settle()
    // Gemini's finish reason may be followed by counts of tokens; the others say when they have finished.
    if (lane.upstream === 'gemini') await relay.clock.advance(10_250)
    const { body, ended } = await answer
    expect([ended, readText(body), endsIn(lane, body)]).toEqual(['clean', 'hello', 1])
    await relay.clock.advance(1_000)
    await vendor.requests[0]?.closed
    expect(vendor.requests[0]?.state).toBe('aborted')
    expect(relay.inFlight()).toEqual({ a: 0, b: 0 })
  })

  test('row 34: a last event without its blank line is not lost', async () => {
    const { vendor, send } = await setStage(lane)
    vendor.script(answerWith({ text: 'hello', format: { finalBlankLine: false } }))
    const { body } = await send()
    expect([readText(body), endsIn(lane, body)]).toEqual(['hello', 1])
  })

  test('row 35: bytes that come one by one, with characters and line ends cut in two, change nothing', async () => {
    const { vendor, send } = await setStage(lane)
    const text = 'Grüße, 你好, 👩‍💻 '.repeat(5)
    vendor.script(answerText(text), answerWith({ text, format: { lineEnd: '\r\n' } }, slice(1)))
    const [whole, sliced] = [await send(), await send()]
    expect(readText(whole.body)).toBe(text)
    expect([readText(sliced.body), endsIn(lane, sliced.body)]).toEqual([text, 1])
    expect(readEvents(sliced.body).map(({ event }) => event)).toEqual(readEvents(whole.body).map(({ event }) => event))
  })

  test('row 38: a vendor that only pings for ten minutes is waited for', async () => {
    const { vendor, relay, send } = await setStage(lane)
    vendor.script(answerText('hello', before('content', ...Array.from({ length: 20 }, () => [ping(), pause()]).flat())))
    const answer = send()
    await vendor.received(1)
    for (let half = 0; half < 20; half++) {
      const heardBytes = answer.bodySoFar().length
      await relay.clock.advance(30_250)
      // Gemini's clients bear no signs of life.
      if (lane.client !== 'gemini') expect(answer.bodySoFar().length).toBeGreaterThan(heardBytes)
      vendor.resume()
    }
    expect(readText((await answer).body)).toBe('hello')
    expect(lastRecord(relay)).toMatchObject({ outcome: 'served', attempts: 1 })
  })

  test('row 39: two tool calls that are told in turns keep their order and their arguments', async () => {
    const { vendor, send } = await setStage(lane)
    const toolCalls = [
      { id: 'call_weather', name: 'weather', arguments: { city: 'Zürich', days: 3 } },
      { id: 'call_time', name: 'time', arguments: { zone: 'Europe/Zurich' } },
    ]
    vendor.script(answerWith({ text: 'one moment', toolCalls, interleaved: true }))
    const { body } = await send()
    expect(callsIn(body)).toEqual(toolCalls.map(({ name, arguments: args }) => [name, args]))
  })

  test('row 40: an error event after content is told in its dialect, and nobody else is asked', async () => {
    const { vendor, relay, send } = await setStage(lane)
    vendor.script(answerText('one two', after('content', errorEvent(503, { message: 'too much to do' }))))
    const { body, ended } = await send()
    expect([ended, readText(body)]).toEqual(['clean', 'one '])
    expect(errorIn(lane, body)).toBe('too much to do')
    expect(vendor.requests).toHaveLength(1)
    expect(lastRecord(relay)).toMatchObject({ outcome: 'broken' })
  })

  test.each([
    ['in one piece', slice(99_999)],
    ['event by event', slice(Infinity)],
  ])('row 42: of two ends, sent %s, one reaches the client', async (_how, pace) => {
    const { vendor, send } = await setStage(lane)
    vendor.script(answerText('hello', repeat('terminal'), pace))
    const { body } = await send()
    expect([readText(body), endsIn(lane, body)]).toEqual(['hello', 1])
  })

  test('row 26: unknown events, members and remarks are never fatal', async () => {
    const { vendor, send } = await setStage(lane)
    const unknown = 'event: from_the_future\ndata: {"type":"from_the_future","deep":{"n":12345678901234567890}}\n\n'
    vendor.script(answerText('hello there', before('content', unknown), after('content', unknown, ': a remark\n\n')))
    const { status, body } = await send()
    expect([status, readText(body), endsIn(lane, body)]).toEqual([200, 'hello there', 1])
  })
})

describe.each(HUB_LANES.filter(({ upstream }) => upstream === 'anthropic' || upstream === 'openai-chat'))(
  'the terminal event of a $upstream stream is missing, for a $client client',
  (lane) => {
    test('row 33: the answer ends all the same, since its finish reason was there', async () => {
      const { vendor, relay, send } = await setStage(lane)
      vendor.script(answerText('hello', without('terminal')))
      const { body, ended } = await send()
      expect([ended, readText(body), endsIn(lane, body)]).toEqual(['clean', 'hello', 1])
      expect(lastRecord(relay)).toMatchObject({ outcome: 'served' })
    })

    test('row 33: and after ten seconds of silence, too', async () => {
      const { vendor, relay, send } = await setStage(lane)
      vendor.script(answerText('hello', without('terminal'), hold()))
      const answer = send()
      await vendor.received(1)
      await relay.clock.advance(10_500)
      const { body, ended } = await answer
      expect([ended, readText(body), endsIn(lane, body)]).toEqual(['clean', 'hello', 1])
    })
  },
)

test('row 33: a stream that ends without its finish reason ends in an error', async () => {
  const lane: HubLane = { client: 'anthropic', upstream: 'openai-responses' }
  const { vendor, send } = await setStage(lane)
  vendor.script(answerText('hello', without('terminal')))
  expect(errorIn(lane, (await send()).body)).toContain('ended without')
})

test('row 42: a second answer behind the end never reaches the client', async () => {
  const lane: HubLane = { client: 'openai-chat', upstream: 'anthropic' }
  const { vendor, send } = await setStage(lane)
  vendor.script(answerText('hello', after('terminal', streamText('anthropic', { text: 'twice' })), slice(99_999)))
  expect(readText((await send()).body)).toBe('hello')
})

interface AnyCall {
  readonly content_block?: { type?: string; name?: string }
  readonly delta?: { partial_json?: string } | string
  readonly index?: number
  readonly item?: { type?: string; name?: string; arguments?: string }
  readonly type?: string
  readonly choices?: Array<{
    delta?: { tool_calls?: Array<{ index: number; function?: { name?: string; arguments?: string } }> }
  }>
  readonly candidates?: Array<{ content?: { parts?: Array<{ functionCall?: { name: string; args: unknown } }> } }>
}

/** The tool calls of a stream of any dialect: names, and arguments put together. */
function callsIn(body: Buffer): Array<[name: string, args: unknown]> {
  const told = new Map<number, { name: string; text: string }>()
  const whole: Array<[string, unknown]> = []
  for (const event of readJsonEvents(body) as AnyCall[]) {
    const at = event.index ?? 0
    if (event.content_block?.type === 'tool_use') told.set(at, { name: event.content_block.name ?? '', text: '' })
    const call = told.get(at)
    if (call && typeof event.delta === 'object') call.text += event.delta.partial_json ?? ''
    for (const { index, function: named } of event.choices?.[0]?.delta?.tool_calls ?? []) {
      const before = told.get(index) ?? { name: '', text: '' }
      told.set(index, { name: before.name + (named?.name ?? ''), text: before.text + (named?.arguments ?? '') })
    }
    if (event.type === 'response.output_item.done' && event.item?.type === 'function_call') {
      whole.push([event.item.name ?? '', JSON.parse(event.item.arguments ?? '')])
    }
    for (const { functionCall } of event.candidates?.[0]?.content?.parts ?? []) {
      if (functionCall) whole.push([functionCall.name, functionCall.args])
    }
  }
  return [...whole, ...[...told.values()].map(({ name, text }): [string, unknown] => [name, JSON.parse(text)])]
}
