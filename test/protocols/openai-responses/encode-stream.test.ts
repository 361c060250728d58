import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import { unwrapCarrier } from '../../../src/protocols/carrier.ts'
import type { Carrier, Delta, FinishReason, Tool } from '../../../src/protocols/hub.ts'
import { createStreamDecoder as decodeChat } from '../../../src/protocols/openai-chat/decode-stream.ts'
import { hubDownstream } from '../../../src/protocols/openai-responses/hub-downstream.ts'
import { streamText } from '../../harness/streams.ts'
import { contextOf, conversationOf, decodeText, encodeAll, eventsOf, foldOf, targetOf } from '../hub-stage.ts'

const START: Delta = { type: 'start', id: 'up_1', model: 'm' }
const FINISH: Delta = { type: 'finish', reason: 'stop' }
const says = (key: string, ...texts: string[]): Delta[] => [
  { type: 'text-start', key },
  ...texts.map((text): Delta => ({ type: 'text-delta', key, text })),
  { type: 'text-end', key },
]
const calls = (key: string, name: string, input: string, carrier?: Carrier): Delta[] => [
  { type: 'tool-input-start', key, id: `call_${key}`, name, kind: 'function' },
  { type: 'tool-input-end', key, input, ...(carrier === undefined ? {} : { carrier }) },
]

type Event = JsonObject & { readonly type: string; readonly response: JsonObject & { readonly output: JsonObject[] } }

const eventsFor = (deltas: readonly Delta[], context = contextOf()): Event[] =>
  eventsOf(encodeAll(hubDownstream, [START, ...deltas], context)) as Event[]
const finalOf = (deltas: readonly Delta[], context = contextOf()): Event['response'] =>
  (eventsFor(deltas, context).at(-1) as Event).response
const outputOf = (deltas: readonly Delta[], context = contextOf()): JsonObject[] => finalOf(deltas, context).output
const typesOf = (events: readonly Event[]): string[] => events.map(({ type }) => type.replace('response.', ''))

describe('events for a strict Responses client', () => {
  it('are numbered, announce what they tell, close what they open, and repeat the whole', () => {
    const events = eventsFor([
      ...says('a', 'Hel', 'lo'),
      ...calls('b', 'f', '{"a":1}'),
      { type: 'usage', usage: { input: 3, cached: 1, output: 2 } },
      FINISH,
    ])
    expect(events.map((event) => event['sequence_number'])).toEqual(events.map((_, i) => i))
    expect(typesOf(events)).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'completed',
    ])
    expect(events[4]).toEqual({
      type: 'response.output_text.delta',
      sequence_number: 4,
      item_id: 'msg_2',
      output_index: 0,
      content_index: 0,
      delta: 'Hel',
      logprobs: [],
    })
    const final = (events.at(-1) as Event).response
    expect(final.output).toEqual(
      events.flatMap((event) => (event.type.endsWith('output_item.done') ? [event['item']] : [])),
    )
    expect(final['usage']).toMatchObject({ input_tokens: 4, output_tokens: 2, total_tokens: 6 })
  })

  it('6.12: every end has an id and a model that agree with the start, also without any content', () => {
    const [created, , end] = eventsFor([FINISH])
    const shared = { id: 'resp_1', model: 'a-model', created_at: 1_790_000_000 }
    expect(created?.['response']).toMatchObject({ ...shared, status: 'in_progress' })
    expect(end?.['response']).toMatchObject({ ...shared, status: 'completed', output: [] })
  })

  it('an error that follows can agree with what was told', () => {
    const encoder = hubDownstream.createStreamEncoder(contextOf())
    expect(encoder.told()).toEqual({ start: null, events: 0 })
    encoder.encode(START)
    expect(encoder.told()).toEqual({ start: { id: 'resp_1', model: 'a-model', createdAt: 1_790_000_000 }, events: 2 })
  })

  it.each<[FinishReason, boolean, string, string | null]>([
    ['stop', false, 'completed', null],
    ['stop_sequence', false, 'completed', null],
    ['tool_calls', false, 'completed', null],
    ['pause', false, 'completed', null],
    ['other', false, 'completed', null],
    ['max_tokens', false, 'incomplete', 'max_output_tokens'],
    ['context_full', false, 'incomplete', 'max_output_tokens'],
    ['content_filter', false, 'incomplete', 'content_filter'],
    ['refusal', false, 'incomplete', 'content_filter'],
    ['refusal', true, 'completed', null],
  ])('6.13, 6.14: %s (in words: %s) is %s %s', (reason, hasWords, status, why) => {
    const words: Delta[] = [
      { type: 'refusal-start', key: 'r' },
      { type: 'refusal-delta', key: 'r', text: 'No.' },
      { type: 'refusal-end', key: 'r' },
    ]
    const events = eventsFor([...(hasWords ? words : []), { type: 'finish', reason }])
    expect(events.at(-1)).toMatchObject({
      type: `response.${status}`,
      response: { status, incomplete_details: why === null ? null : { reason: why } },
    })
  })

  it('a call that the model could not make is a failure', () => {
    expect(() => eventsFor([...says('a', 'Hi'), { type: 'finish', reason: 'malformed_call' }])).toThrow(
      'cannot be read',
    )
  })

  it('6.13: a call that a limit cut off is incomplete', () => {
    const [item] = outputOf([...calls('a', 'f', '{"a":"unfin'), { type: 'finish', reason: 'max_tokens' }])
    expect(item).toMatchObject({ status: 'incomplete', arguments: '{"a":"unfin' })
  })

  it('what is still open when the answer ends keeps what was told', () => {
    const open: Delta[] = [
      { type: 'reasoning-start', key: 'r' },
      { type: 'reasoning-delta', key: 'r', text: 'hm' },
      { type: 'text-start', key: 't' },
      { type: 'text-delta', key: 't', text: 'Hi' },
      { type: 'tool-input-start', key: 'c', id: 'call_c', name: 'f', kind: 'function' },
      { type: 'tool-input-delta', key: 'c', text: '{"a' },
    ]
    expect(outputOf([...open, { type: 'finish', reason: 'max_tokens' }])).toMatchObject([
      { summary: [{ text: 'hm' }] },
      { content: [{ text: 'Hi' }] },
      { arguments: '{"a', status: 'incomplete' },
    ])
  })

  it('texts that follow each other are parts of one message; after a call there is another', () => {
    const output = outputOf([
      ...says('a', 'one'),
      ...says('b', 'two'),
      ...calls('c', 'f', '{}'),
      ...says('d', 'three'),
      FINISH,
    ])
    expect(output.map((item) => item['type'])).toEqual(['message', 'function_call', 'message'])
    expect(output[0]?.['content']).toMatchObject([{ text: 'one' }, { text: 'two' }])
  })

  it('a text that goes on behind the start of a call loses nothing', () => {
    const [begin, first, ...rest] = says('a', 'one ', 'two')
    const [callStart, callEnd] = calls('b', 'f', '{}')
    const deltas = [begin, first, callStart, ...rest, callEnd] as Delta[]
    expect(outputOf([...deltas, FINISH])).toMatchObject([{ content: [{ text: 'one two' }] }, { type: 'function_call' }])
  })

  it('6.2, 6.3: parallel calls may be told in turns', () => {
    const answer = {
      toolCalls: [
        { name: 'a', arguments: { x: 'long enough' } },
        { name: 'b', arguments: { y: 'to be cut' } },
      ],
      interleaved: true,
    }
    const deltas = decodeText(decodeChat(targetOf('openai-chat')), streamText('openai-chat', answer))
    const output = finalOf(deltas.slice(1))['output']
    expect(output).toMatchObject([
      { name: 'a', arguments: '{"x":"long enough"}' },
      { name: 'b', arguments: '{"y":"to be cut"}' },
    ])
  })

  it('reasoning is a summary with its state sealed; without words there is only the state', () => {
    const carrier: Carrier = { family: 'anthropic', account: 'acct1', model: 'claude', data: 'sig' }
    const thinks: Delta[] = [
      { type: 'reasoning-start', key: 'r' },
      { type: 'reasoning-delta', key: 'r', text: 'hm' },
      { type: 'reasoning-end', key: 'r', carrier },
      { type: 'reasoning-start', key: 's' },
      { type: 'reasoning-end', key: 's', carrier },
    ]
    const events = eventsFor([...thinks, FINISH])
    expect(typesOf(events).slice(2, -1)).toEqual([
      'output_item.added',
      'reasoning_summary_part.added',
      'reasoning_summary_text.delta',
      'reasoning_summary_text.done',
      'reasoning_summary_part.done',
      'output_item.done',
      'output_item.added',
      'output_item.done',
    ])
    const [told, silent] = (events.at(-1) as Event).response.output
    expect(told?.['summary']).toEqual([{ type: 'summary_text', text: 'hm' }])
    expect(silent?.['summary']).toEqual([])
    expect(unwrapCarrier(silent?.['encrypted_content'] as string)).toEqual(carrier)
  })

  it('6.25: state that a vendor ties to a call stands in front of it, streamed and whole', () => {
    const carrier: Carrier = { family: 'gemini', account: 'acct1', model: 'g', data: 'c2ln' }
    const deltas = [START, ...calls('a', 'f', '{"a":1}', carrier), FINISH]
    const whole = JSON.parse(hubDownstream.encodeWhole(foldOf(deltas), contextOf())) as { output: JsonObject[] }
    for (const output of [outputOf(deltas.slice(1)), whole.output]) {
      expect(output.map((item) => item['type'])).toEqual(['reasoning', 'function_call'])
      expect(unwrapCarrier(output[0]?.['encrypted_content'] as string)).toEqual(carrier)
    }
  })

  it('a tool has the name and the group by which the client knows it', () => {
    const tool: Tool = {
      kind: 'function',
      name: 'exec',
      namespace: 'functions',
      description: '',
      schema: {},
      strict: null,
      isDeferred: false,
    }
    const context = contextOf(conversationOf({ tools: [tool] }))
    const [item] = outputOf([...calls('a', 'functions__exec', '{}'), FINISH], context)
    expect(item).toMatchObject({ name: 'exec', namespace: 'functions', type: 'function_call' })
  })

  it('a search and what it found', () => {
    const search: Delta = {
      type: 'web-search',
      search: { type: 'web-search', id: 'x', query: 'q', sources: [{ url: 'https://a/', title: 'A' }] },
    }
    const cited: Delta[] = [
      { type: 'text-start', key: 'a' },
      { type: 'text-delta', key: 'a', text: 'Hi' },
      {
        type: 'text-citation',
        key: 'a',
        citation: { url: 'https://a/', title: 'A', citedText: 'Hi', start: 0, end: 2 },
      },
      { type: 'text-end', key: 'a' },
    ]
    expect(outputOf([search, ...cited, FINISH])).toMatchObject([
      {
        type: 'web_search_call',
        status: 'completed',
        action: { query: 'q', sources: [{ type: 'url', url: 'https://a/' }] },
      },
      {
        content: [
          { annotations: [{ type: 'url_citation', url: 'https://a/', title: 'A', start_index: 0, end_index: 2 }] },
        ],
      },
    ])
  })

  it('a line separator inside text ends no line', () => {
    expect(encodeAll(hubDownstream, [START, ...says('a', 'a\u2028b'), FINISH])).not.toContain('\u2028')
  })

  it('the request is echoed, its functions with all members', () => {
    const extras = {
      instructions: 'Be kind.',
      temperature: 0.5,
      service_tier: 'priority',
      text: { verbosity: 'low' },
      tools: [{ type: 'function', name: 'f' }],
    }
    const context = contextOf(conversationOf({ source: 'openai-responses', extras }))
    expect(finalOf([FINISH], context)).toMatchObject({
      instructions: 'Be kind.',
      temperature: 0.5,
      service_tier: 'default',
      text: { verbosity: 'low', format: { type: 'text' } },
      tools: [{ type: 'function', name: 'f', description: null, parameters: null, strict: false }],
    })
  })
})
