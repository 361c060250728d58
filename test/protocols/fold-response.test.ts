import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { foldResponse } from '../../src/protocols/openai-responses/fold-response.ts'
import { createStreamMender } from '../../src/protocols/openai-responses/mend-stream.ts'
import type { Answer } from '../harness/streams.ts'
import { renderStream, renderWhole, streamText } from '../harness/streams.ts'
import { readJsonEvents } from '../harness/sse.ts'

const ANSWER: Answer = {
  thinking: 'hm, let me see',
  signature: 'c2VhbGVk',
  text: 'Größe: 42 cm, 🦊',
  toolCalls: [
    { name: 'read_file', arguments: { path: 'a"b' }, id: 'call_a' },
    { name: 'list', arguments: {}, id: 'call_b' },
  ],
  interleaved: true,
}

const whole = (answer: Answer): JsonObject => JSON.parse(renderWhole('openai-responses', answer)) as JsonObject

const typeOf = ({ type }: JsonObject): string => (typeof type === 'string' ? type : '')

/** The stream without the events that `leave` names, and with the terminal event's `output` as `output` makes it. */
function stream(answer: Answer, leave: RegExp = /^$/, output: (given: unknown) => unknown = (given) => given): Buffer {
  const events = readJsonEvents(streamText('openai-responses', answer)).filter((event) => !leave.test(typeOf(event)))
  const last = events.at(-1)
  const response = last?.['response'] as JsonObject
  const { output: given, ...others } = response
  const made = output(given)
  const told = { ...last, response: made === undefined ? others : { ...others, output: made } }
  const all = [...events.slice(0, -1), told as JsonObject]
  return Buffer.from(all.map((event) => `event: ${typeOf(event)}\ndata: ${JSON.stringify(event)}\n\n`).join(''))
}

const fold = (bytes: Buffer): JsonObject | null =>
  JSON.parse(foldResponse(bytes)?.toString() ?? 'null') as JsonObject | null

describe('a stream becomes one response', () => {
  test.each<[string, Buffer]>([
    ['that repeats its output', stream(ANSWER)],
    ['that ends with an empty output', stream(ANSWER, /^$/, () => [])],
    ['that ends without an output', stream(ANSWER, /^$/, () => undefined)],
    ['that ends with a part of its output', stream(ANSWER, /^$/, (given) => (given as unknown[]).slice(0, 1))],
    ['that never closes its items', stream(ANSWER, /output_item\.done/)],
    ['that tells only closed items', stream(ANSWER, /delta|added|_text\.done|part|arguments/, () => [])],
  ])('%s', (_how, bytes) => {
    expect(fold(bytes)).toEqual(whole(ANSWER))
  })

  test.each([
    ['by deltas alone', /output_item\.done|_text\.done|arguments\.done|part\.done/],
    ['by closing texts alone', /output_item\.done|delta/],
  ])('whose items are never closed and told %s', (_how, leave) => {
    const answer: Answer = {
      text: 'hello there',
      thinking: 'hm',
      toolCalls: [{ name: 'f', arguments: { a: 1 }, id: 'c' }],
    }
    expect(fold(stream(answer, leave, () => []))?.['output']).toEqual(whole(answer)['output'])
  })

  test('whose items were not even announced keeps its text', () => {
    const bytes = stream({ text: 'hello' }, /output_item|content_part|_text\.done/, () => [])
    expect(fold(bytes)?.['output']).toMatchObject([
      { type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'hello' }] },
    ])
  })

  test('keeps numbers, unknown members and unknown items as they were written', () => {
    const item = '{"type":"compaction","encrypted_content":"x","n":12345678901234567890}'
    const text =
      `event: response.output_item.done\ndata: {"type":"response.output_item.done","output_index":0,"item":${item}}\n\n` +
      'event: response.completed\ndata: {"type":"response.completed","response":{"id":"r","new":1.50,"output":[]}}\n\n'
    expect(foldResponse(Buffer.from(text))?.toString()).toBe(`{"id":"r","new":1.50,"output":[${item}]}`)
  })

  test('is no response without its end', () => {
    expect(foldResponse(stream(ANSWER).subarray(0, -2_000))).toBeNull()
    expect(foldResponse(Buffer.from('event: codex.rate_limits\ndata: {}\n\n'))).toBeNull()
  })
})

describe('a stream is mended for strict readers', () => {
  const mended = (bytes: Buffer, size: number): string => {
    const mender = createStreamMender()
    const pieces: Buffer[] = []
    for (let at = 0; at < bytes.length; at += size) pieces.push(mender.push(bytes.subarray(at, at + size)))
    return Buffer.concat([...pieces, mender.end()]).toString()
  }

  test.each([1, 2, 3, 100, 1_000_000])('told in pieces of %d bytes', (size) => {
    const limits = Buffer.from('event: codex.rate_limits\r\ndata: {"type":"codex.rate_limits"}\r\n\r\n')
    const given = Buffer.concat([limits, stream(ANSWER, /^$/, () => []), Buffer.from(': bye\n\n')])
    expect(mended(given, size)).toBe(mended(given, given.length))
    const events = readJsonEvents(mended(given, size))
    expect(events.map(({ type }) => type)).not.toContain('codex.rate_limits')
    expect(events.at(-1)).toMatchObject({ response: { output: whole(ANSWER)['output'] } })
  })

  test.each(['\n', '\r\n', '\r'] as const)('and left alone where nothing is missing (line end %j)', (lineEnd) => {
    const parts = renderStream('openai-responses', ANSWER, { lineEnd, multiLineData: true, comments: true })
    const given = Buffer.from(parts.map(({ text }) => text).join(''))
    for (const size of [1, 50, given.length]) expect(mended(given, size)).toBe(given.toString())
  })

  test('however large its last event is', () => {
    const answer = { text: 'x'.repeat(300_000), toolCalls: ANSWER.toolCalls ?? [] }
    const events = readJsonEvents(
      mended(
        stream(answer, /^$/, () => []),
        16_384,
      ),
    )
    expect(events.at(-1)).toMatchObject({ response: { output: whole(answer)['output'] } })
  })
})
