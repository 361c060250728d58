import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import { unfold } from '../../../src/protocols/fold.ts'
import type { Delta, FinishReason } from '../../../src/protocols/hub.ts'
import { hubUpstream } from '../../../src/protocols/openai-responses/hub-upstream.ts'
import { createSeededRandom } from '../../core/seeded-random.ts'
import { renderWhole, streamText, type Answer } from '../../harness/streams.ts'
import { decodeText, foldOf, targetOf } from '../hub-stage.ts'
import { startCpuClock } from '../../harness/cpu.ts'

const decode = (text: string, pieceBytes?: number): Delta[] =>
  decodeText(hubUpstream.createStreamDecoder(targetOf('openai-responses')), text, pieceBytes)

const stream = (...events: JsonObject[]): string => events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')
const created = { type: 'response.created', response: { id: 'resp_1', model: 'm' } }
const completed = (output: JsonObject[] = [], members: JsonObject = {}): JsonObject => ({
  type: 'response.completed',
  response: { id: 'resp_1', status: 'completed', output, ...members },
})
const added = (place: number, item: JsonObject): JsonObject => ({
  type: 'response.output_item.added',
  output_index: place,
  item,
})
const done = (place: number, item: JsonObject): JsonObject => ({
  type: 'response.output_item.done',
  output_index: place,
  item,
})
const message = (text: string): JsonObject => ({
  id: 'msg_1',
  type: 'message',
  content: [{ type: 'output_text', text, annotations: [] }],
})
const call = (input: string, members: JsonObject = {}): JsonObject => ({
  id: 'fc_1',
  type: 'function_call',
  call_id: 'call_1',
  name: 'f',
  arguments: input,
  ...members,
})
const partsOf = (...events: JsonObject[]) => foldOf(decode(stream(created, ...events))).parts
const reasonOf = (...events: JsonObject[]) => foldOf(decode(stream(created, ...events))).finish.reason

const ANSWER: Answer = {
  thinking: 'Let me think about 😀.',
  signature: 'gAAAAsealed',
  text: 'Es ist schön, fürwahr 😀!',
  toolCalls: [
    { name: 'weather', arguments: { city: 'Zürich' } },
    { name: 'time', arguments: {} },
  ],
  interleaved: true,
  usage: { input: 10, cached: 5, output: 7, reasoning: 3 },
}

describe('a streamed answer of a Responses server', () => {
  it.each([1, 2, 3, 7, 64, Infinity])('6.37: is the same in pieces of %s bytes, as a whole, and folded', (bytes) => {
    const body = JSON.parse(renderWhole('openai-responses', ANSWER)) as JsonObject
    const whole = foldOf(hubUpstream.decodeWhole(body, targetOf('openai-responses')))
    const streamed = foldOf(decode(streamText('openai-responses', ANSWER), bytes))
    expect(streamed).toEqual(whole)
    expect(foldOf(unfold(streamed))).toEqual(streamed)
    expect(whole.parts.map((part) => part.type)).toEqual(['reasoning', 'text', 'tool-call', 'tool-call'])
    expect(whole.usage).toEqual({ input: 10, cached: 5, cacheWrite: 0, output: 7, reasoning: 3 })
    expect(whole.finish.reason).toBe('tool_calls')
  })

  it('keeps the reasoning item as it came, bound to the account', () => {
    const item = { id: 'rs_1', type: 'reasoning', summary: [{ type: 'summary_text', text: 'hm' }] }
    const sealed = { ...item, encrypted_content: 'gAAAAx', status: 'completed' }
    expect(partsOf(added(0, { ...item, summary: [] }), done(0, sealed), completed([sealed]))).toEqual([
      {
        type: 'reasoning',
        text: 'hm',
        carrier: { family: 'openai', account: 'acct1', model: 'a-model', data: sealed },
      },
    ])
  })

  it('parts of a summary are paragraphs, and what one source tells is not told again by the other', () => {
    const summary = (index: number, delta: string): JsonObject => ({
      type: 'response.reasoning_summary_text.delta',
      output_index: 0,
      summary_index: index,
      delta,
    })
    const raw = { type: 'response.reasoning_text.delta', output_index: 0, content_index: 0, delta: 'raw' }
    const item = {
      type: 'reasoning',
      summary: [{ text: 'first' }, { text: 'second' }, { text: 'third' }],
      content: [{ text: 'raw' }],
    }
    const parts = partsOf(summary(0, 'fir'), summary(0, 'st'), raw, summary(1, 'second'), done(0, item), completed())
    expect(parts).toMatchObject([{ text: 'first\n\nsecond\n\nthird' }])
  })

  it.each<[string, JsonObject[]]>([
    [
      'in the arguments’ own end',
      [{ type: 'response.function_call_arguments.done', output_index: 0, arguments: '{"a":1}' }, done(0, call(''))],
    ],
    ['in the item’s end', [done(0, call('{"a":1}'))]],
    ['in the final response', []],
  ])('6.5: arguments that are told only %s are complete', (_, events) => {
    const final = completed([call(events.length === 2 ? '' : '{"a":1}')])
    expect(partsOf(added(0, call('')), ...events, final)).toMatchObject([{ id: 'call_1', input: '{"a":1}' }])
  })

  it('6.5: text that is told only at the end is complete', () => {
    const part = { type: 'response.output_text.done', output_index: 0, content_index: 0, text: 'Hi there' }
    expect(partsOf(part, completed([message('Hi there')]))).toEqual([{ type: 'text', text: 'Hi there' }])
    expect(partsOf(completed([message('Hi there')]))).toEqual([{ type: 'text', text: 'Hi there' }])
  })

  it('6.7: a call without arguments has an empty object', () => {
    expect(partsOf(added(0, call('')), done(0, call('')), completed())).toMatchObject([{ input: '{}' }])
  })

  it('6.3: interleaved calls keep their pieces apart', () => {
    const piece = (place: number, delta: string): JsonObject => ({
      type: 'response.function_call_arguments.delta',
      output_index: place,
      delta,
    })
    const b = { id: 'fc_2', call_id: 'call_2', name: 'g' }
    const events = [
      added(0, call('')),
      added(1, call('', b)),
      piece(0, '{"a"'),
      piece(1, '{"b"'),
      piece(0, ':1}'),
      piece(1, ':2}'),
    ]
    const ends = [done(1, call('{"b":2}', b)), done(0, call('{"a":1}'))]
    expect(partsOf(...events, ...ends, completed())).toMatchObject([{ input: '{"a":1}' }, { input: '{"b":2}' }])
  })

  it('an item whose id changes on the way, or whose place does, is told once', () => {
    const delta = { type: 'response.output_text.delta', output_index: 3, content_index: 0, item_id: 'x', delta: 'Hi' }
    const events = [added(3, { ...message(''), content: [] }), delta, done(3, { ...message('Hi'), id: 'msg_2' })]
    expect(partsOf(...events, completed([{ ...message('Hi'), id: 'msg_3' }]))).toEqual([{ type: 'text', text: 'Hi' }])
  })

  it('an event without a place belongs to the item told last', () => {
    const delta = { type: 'response.output_text.delta', delta: 'Hi' }
    expect(partsOf(added(2, { type: 'message', content: [] }), delta, completed())).toEqual([
      { type: 'text', text: 'Hi' },
    ])
  })

  it('calls that are wrapped into one are told as the calls they are', () => {
    const uses = [
      { recipient_name: 'functions.read', parameters: { path: 'a' } },
      { recipient_name: 'functions.list', parameters: {} },
    ]
    const wrapped = call(JSON.stringify({ tool_uses: uses }), { name: 'multi_tool_use.parallel' })
    expect(partsOf(added(0, { ...wrapped, arguments: '' }), done(0, wrapped), completed([wrapped]))).toEqual([
      { type: 'tool-call', id: 'call_1_0', name: 'read', kind: 'function', input: '{"path":"a"}' },
      { type: 'tool-call', id: 'call_1_1', name: 'list', kind: 'function', input: '{}' },
    ])
    const unreadable = { ...wrapped, arguments: '{"tool_us' }
    expect(partsOf(done(0, unreadable), completed())).toMatchObject([{ name: 'multi_tool_use.parallel' }])
  })

  it('a call without an id gets one, the same each time', () => {
    const bare = { type: 'function_call', name: 'f', arguments: '{}' }
    const [first] = partsOf(done(0, bare), completed())
    expect(first).toEqual(partsOf(done(0, bare), completed())[0])
    expect(first).toMatchObject({ id: expect.stringMatching(/^call_[0-9a-f]{24}$/) as string })
  })

  it('a search tells what was asked and found; its citations stand with the text', () => {
    const search = {
      id: 'ws_1',
      type: 'web_search_call',
      action: { type: 'search', query: 'q', sources: [{ url: 'https://a/' }] },
    }
    const opened = { id: 'ws_2', type: 'web_search_call', action: { type: 'open_page', url: 'https://a/' } }
    const annotation = { type: 'url_citation', url: 'https://a/', title: 'A', start_index: 0, end_index: 2 }
    const text = { type: 'message', content: [{ type: 'output_text', text: 'Hi', annotations: [annotation] }] }
    const delta = { type: 'response.output_text.delta', output_index: 2, content_index: 0, delta: 'Hi' }
    expect(partsOf(done(0, search), done(1, opened), delta, done(2, text), completed())).toEqual([
      { type: 'web-search', id: 'ws_1', query: 'q', sources: [{ url: 'https://a/', title: '' }] },
      { type: 'text', text: 'Hi', citations: [{ url: 'https://a/', title: 'A', citedText: '', start: 0, end: 2 }] },
    ])
  })

  it('items of no other dialect are noted, events of no answer passed over', () => {
    const target = targetOf('openai-responses')
    const text = stream(
      created,
      { type: 'codex.rate_limits', output_index: 0 },
      { type: 'keepalive' },
      done(0, { type: 'image_generation_call' }),
      completed(),
    )
    const result = foldOf(decodeText(hubUpstream.createStreamDecoder(target), text))
    expect(result).toMatchObject({ parts: [], finish: { reason: 'stop' } })
    expect(target.ledger.entries).toEqual(['dropped:image_generation_call'])
  })

  it.each<[string, JsonObject[], FinishReason]>([
    ['a plain end', [completed([message('Hi')])], 'stop'],
    ['a call', [completed([call('{}')])], 'tool_calls'],
    ['words of refusal', [completed([{ type: 'message', content: [{ type: 'refusal', refusal: 'No.' }] }])], 'refusal'],
    [
      'a limit',
      [
        {
          ...completed([], { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }),
          type: 'response.incomplete',
        },
      ],
      'max_tokens',
    ],
    [
      'a limit, although a call was made',
      [
        {
          ...completed([call('{"a')], { incomplete_details: { reason: 'max_output_tokens' } }),
          type: 'response.incomplete',
        },
      ],
      'max_tokens',
    ],
    ['a limit without a word', [{ type: 'response.incomplete', response: {} }], 'max_tokens'],
    [
      'a filter',
      [{ ...completed([], { incomplete_details: { reason: 'content_filter' } }), type: 'response.incomplete' }],
      'content_filter',
    ],
    [
      'anything else',
      [{ ...completed([], { incomplete_details: { reason: 'steered' } }), type: 'response.incomplete' }],
      'other',
    ],
  ])('6.14: %s is told as what it is', (_, events, reason) => {
    expect(reasonOf(...events)).toBe(reason)
  })
})

describe('a failing Responses server', () => {
  it.each<[string, JsonObject[], string]>([
    ['an error event', [{ type: 'error', error: { type: 'server_error', message: 'busy' } }], 'busy'],
    ['a flat error event', [{ type: 'error', code: 'x', message: 'busy' }], 'busy'],
    [
      'a failed response',
      [
        {
          type: 'response.failed',
          response: { status: 'failed', error: { code: 'rate_limit_exceeded', message: 'busy' } },
        },
      ],
      'busy',
    ],
    ['a cancelled response', [{ type: 'response.cancelled', response: {} }], 'cancelled'],
    [
      'a completed response that failed',
      [completed([], { status: 'failed', error: { code: 'server_error', message: 'busy' } })],
      'busy',
    ],
  ])('6.11: %s is told in its words', (_, events, words) => {
    const deltas = decode(stream(created, done(0, message('Hi')), ...events, completed()))
    const last = deltas.at(-1)
    expect(last?.type === 'error' && last.error.message).toContain(words)
  })

  it.each(['', 'data: [DONE]\n\n'])('6.10, 6.12: a stream that breaks off is no answer (%j)', (end) => {
    const text = stream(created, { type: 'response.output_text.delta', output_index: 0, delta: 'Hi' }) + end
    expect(decode(text).at(-1)).toMatchObject({ type: 'error', error: { status: 502 } })
  })

  it('a whole answer that is not finished is no answer', () => {
    const body = { id: 'resp_1', status: 'in_progress', output: [message('Hi')] }
    expect(hubUpstream.decodeWhole(body, targetOf('openai-responses')).at(-1)?.type).toBe('error')
  })

  it('never makes the decoder throw or go on after the end', () => {
    const random = createSeededRandom(7)
    const bytes = Buffer.from(streamText('openai-responses', ANSWER))
    for (let round = 0; round < 500; round++) {
      const broken = Buffer.from(bytes)
      for (let hits = random.whole(8); hits >= 0; hits--) broken[random.whole(broken.length)] = random.whole(128)
      const deltas = decode(broken.toString('latin1'), 1 + random.whole(200))
      expect(deltas.filter(({ type }) => type === 'finish' || type === 'error')).toEqual([deltas.at(-1)])
    }
  })
})

it('6.37: arguments of 8 MB in pieces take no longer than their bytes', () => {
  const piece = 'x'.repeat(512)
  const decoder = hubUpstream.createStreamDecoder(targetOf('openai-responses'))
  const frameOf = (event: JsonObject) => ({ event: '', data: Buffer.from(JSON.stringify(event)), cut: false })
  const frame = frameOf({ type: 'response.function_call_arguments.delta', output_index: 0, delta: piece })
  const cpuMs = startCpuClock()
  decoder.decode(frameOf(added(0, call(''))))
  for (let i = 0; i < 16_384; i++) decoder.decode(frame)
  const [end] = decoder.decode(frameOf(done(0, call(piece.repeat(16_384)))))
  expect(end?.type === 'tool-input-end' && end.input.length).toBe(512 * 16_384)
  expect(cpuMs()).toBeLessThan(2_000)
})
