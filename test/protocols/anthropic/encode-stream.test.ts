import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import { hubDownstream } from '../../../src/protocols/anthropic/hub-downstream.ts'
import { unwrapCarrier } from '../../../src/protocols/carrier.ts'
import type { Carrier, Conversation, Delta, FinishReason, Tool } from '../../../src/protocols/hub.ts'
import { createNameMap } from '../../../src/protocols/names.ts'
import { contextOf, conversationOf, encodeAll, eventsOf, foldOf } from '../hub-stage.ts'

const START: Delta = { type: 'start', id: 'resp_1', model: 'upstream-model' }
const FINISH: Delta = { type: 'finish', reason: 'stop' }
const STATE: Carrier = { family: 'openai', account: 'a1', model: 'gpt-5.5', data: { type: 'reasoning', id: 'rs_1' } }
const SIGNATURE: Carrier = { family: 'gemini', account: 'a1', model: 'gemini-3', data: 'c2ln' }
const SEARCH_TOOL: Tool = {
  kind: 'web-search',
  name: 'web_search',
  allowedDomains: [],
  blockedDomains: [],
  userLocation: null,
  contextSize: null,
  maxUses: null,
}

const says = (key: string, ...texts: string[]): Delta[] => [
  { type: 'text-start', key },
  ...texts.map((text): Delta => ({ type: 'text-delta', key, text })),
  { type: 'text-end', key },
]
const thinks = (key: string, text: string, carrier: Carrier | null = null): Delta[] => [
  { type: 'reasoning-start', key },
  { type: 'reasoning-delta', key, text },
  { type: 'reasoning-end', key, carrier },
]
const calls = (key: string, input: string, pieces = [input]): Delta[] => [
  { type: 'tool-input-start', key, id: `call_${key}`, name: `f_${key}`, kind: 'function' },
  ...pieces.map((text): Delta => ({ type: 'tool-input-delta', key, text })),
  { type: 'tool-input-end', key, input },
]

interface Streamed {
  readonly events: readonly JsonObject[]
  readonly ledger: readonly string[]
}

function stream(deltas: readonly Delta[], conversation: Partial<Conversation> = {}): Streamed {
  const context = contextOf(conversationOf(conversation))
  const events = eventsOf(encodeAll(hubDownstream, deltas, context)) as JsonObject[]
  return { events, ledger: context.ledger.entries }
}

/** What a client shows: the blocks in order, put together as the SDK does it. Checks the grammar on the way. */
function contentOf({ events }: Streamed): JsonObject[] {
  const content: JsonObject[] = []
  let open: number | null = null
  for (const event of events) {
    const index = event['index'] as number
    const block = content[index] ?? {}
    switch (event['type']) {
      case 'content_block_start':
        expect({ open, index }).toEqual({ open: null, index: content.length })
        open = index
        content.push({ ...(event['content_block'] as JsonObject) })
        break
      case 'content_block_delta': {
        expect(index).toBe(open)
        const { type, ...told } = event['delta'] as JsonObject
        expect([block['type'], type]).toEqual([
          block['type'],
          DELTA_OF[block['type'] as string]?.find((t) => t === type),
        ])
        for (const [name, text] of Object.entries(told)) {
          const known = name === 'signature' ? '' : ((block[name] as string | undefined) ?? '')
          block[name] = name === 'citation' ? text : known + (text as string)
        }
        break
      }
      case 'content_block_stop':
        expect(index).toBe(open)
        open = null
        break
      default:
    }
  }
  expect(open).toBeNull()
  return content.map(({ partial_json: json, ...block }) =>
    json === undefined ? block : { ...block, input: JSON.parse(json as string) as JsonObject },
  )
}

const DELTA_OF: Readonly<Record<string, readonly string[]>> = {
  text: ['text_delta', 'citations_delta'],
  thinking: ['thinking_delta', 'signature_delta'],
  tool_use: ['input_json_delta'],
  server_tool_use: ['input_json_delta'],
}

const kindsOf = (streamed: Streamed): unknown[] => contentOf(streamed).map((block) => block['type'])
const endOf = ({ events }: Streamed): JsonObject =>
  events.find((event) => event['type'] === 'message_delta') as JsonObject

describe('a streamed answer for a Messages client', () => {
  it('has every member of the newest types, the name the client asked for, and one end', () => {
    const { events } = stream([START, ...says('t', 'Hel', '', 'lo \u2028'), FINISH])
    expect(events.map((event) => event['type'])).toEqual([
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ])
    expect(events[0]).toEqual({
      type: 'message_start',
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'a-model',
        content: [],
        container: null,
        diagnostics: null,
        stop_reason: null,
        stop_sequence: null,
        stop_details: null,
        usage: {
          input_tokens: 0,
          output_tokens: 0,
          cache_creation: null,
          cache_creation_input_tokens: null,
          cache_read_input_tokens: null,
          inference_geo: null,
          output_tokens_details: null,
          server_tool_use: null,
          service_tier: null,
          speed: null,
        },
      },
    })
    expect(contentOf({ events, ledger: [] })).toEqual([{ type: 'text', text: 'Hello \u2028', citations: null }])
  })

  it('escapes what some readers of event streams take for the end of a line', () => {
    expect(encodeAll(hubDownstream, [START, ...says('t', '\u2028')])).toContain('"text":"\\u2028"')
  })

  it('6.1: gives reasoning and text blocks of their own, after one message_start', () => {
    const streamed = stream([START, START, ...thinks('r', 'hm', STATE), ...says('t', 'Hi'), FINISH])
    expect(kindsOf(streamed)).toEqual(['thinking', 'text'])
    expect(streamed.events.filter((event) => event['type'] === 'message_start')).toHaveLength(1)
  })

  it('6.2: tells interleaved calls one after the other, in the order in which they began', () => {
    const interleaved: Delta[] = [
      START,
      { type: 'tool-input-start', key: 'a', id: 'call_a', name: 'f_a', kind: 'function' },
      { type: 'tool-input-start', key: 'b', id: 'call_b', name: 'f_b', kind: 'function' },
      { type: 'tool-input-delta', key: 'b', text: '{"b"' },
      { type: 'tool-input-delta', key: 'a', text: '{"a"' },
      { type: 'tool-input-start', key: 'c', id: 'call_c', name: 'f_c', kind: 'function' },
      { type: 'tool-input-end', key: 'c', input: '{}' },
      { type: 'tool-input-delta', key: 'b', text: ':2}' },
      { type: 'tool-input-delta', key: 'a', text: ':1}' },
      { type: 'tool-input-end', key: 'b', input: '{"b":2}' },
      { type: 'tool-input-end', key: 'a', input: '{"a":1}' },
      FINISH,
    ]
    expect(contentOf(stream(interleaved)).map(({ name, input }) => [name, input])).toEqual([
      ['f_a', { a: 1 }],
      ['f_b', { b: 2 }],
      ['f_c', {}],
    ])
  })

  it('6.3: says nothing more of a text once another part has begun, but begins a new one', () => {
    const streamed = stream([
      START,
      { type: 'text-start', key: 't' },
      { type: 'text-delta', key: 't', text: 'one' },
      ...calls('a', '{"a":1}'),
      { type: 'text-delta', key: 't', text: 'two' },
      { type: 'text-end', key: 't' },
      FINISH,
    ])
    expect(kindsOf(streamed)).toEqual(['text', 'tool_use', 'text'])
  })

  it('holds text back that comes in the middle of a call', () => {
    const [begin, piece, end] = calls('a', '{"a":1}') as [Delta, Delta, Delta]
    const [open, words, close] = says('t', 'aside') as [Delta, Delta, Delta]
    const streamed = stream([START, begin, piece, open, words, close, end, FINISH])
    expect(kindsOf(streamed)).toEqual(['tool_use', 'text'])
  })

  it.each([
    ['6.5: tells arguments that come only at the end', calls('a', '{"x":1}', []), { x: 1 }],
    ['6.7: gives a call without arguments an empty object', calls('a', '{}', []), {}],
    ['tells the rest of arguments whose pieces stop early', calls('a', '{"x":"é"}', ['{"x']), { x: 'é' }],
  ])('%s', (_, deltas, input) => {
    expect(contentOf(stream([START, ...deltas, FINISH]))).toMatchObject([{ type: 'tool_use', input }])
  })

  it('6.9: stops for tool_use when there is a call, whatever the vendor calls the end', () => {
    expect(endOf(stream([START, ...calls('a', '{}'), FINISH]))).toMatchObject({ delta: { stop_reason: 'tool_use' } })
    expect(endOf(stream([START, ...says('t', 'x'), { type: 'finish', reason: 'tool_calls' }]))).toMatchObject({
      delta: { stop_reason: 'end_turn' },
    })
  })

  it.each<[FinishReason, string]>([
    ['stop', 'end_turn'],
    ['stop_sequence', 'stop_sequence'],
    ['max_tokens', 'max_tokens'],
    ['context_full', 'model_context_window_exceeded'],
    ['refusal', 'refusal'],
    ['content_filter', 'refusal'],
    ['pause', 'pause_turn'],
    ['malformed_call', 'end_turn'],
    ['other', 'end_turn'],
  ])('6.14: tells the end "%s" as %s, streamed and whole', (reason, told) => {
    const deltas: Delta[] = [START, ...says('t', 'x'), { type: 'finish', reason, stopSequence: 'END' }]
    const stop = {
      stop_reason: told,
      stop_sequence: told === 'stop_sequence' ? 'END' : null,
      stop_details: told === 'refusal' ? { type: 'refusal', category: null, explanation: null } : null,
    }
    expect(endOf(stream(deltas))['delta']).toEqual({ ...stop, container: null })
    expect(JSON.parse(hubDownstream.encodeWhole(foldOf(deltas), contextOf()))).toMatchObject(stop)
  })

  it('fails for a call that cannot be read when nothing else was said', () => {
    const deltas: Delta[] = [START, { type: 'finish', reason: 'malformed_call' }]
    expect(() => stream(deltas)).toThrow('the model wrote a tool call that cannot be read')
    expect(() => hubDownstream.encodeWhole(foldOf(deltas), contextOf())).toThrow('cannot be read')
  })

  it('shows the words of a refusal, and why', () => {
    const details = { category: 'cyber', explanation: 'no' }
    const streamed = stream([
      START,
      { type: 'refusal-start', key: 'x' },
      { type: 'refusal-delta', key: 'x', text: 'I will not' },
      { type: 'refusal-end', key: 'x' },
      { type: 'finish', reason: 'stop', details },
    ])
    expect(contentOf(streamed)).toEqual([{ type: 'text', text: 'I will not', citations: null }])
    expect(endOf(streamed)['delta']).toMatchObject({
      stop_reason: 'refusal',
      stop_details: { type: 'refusal', ...details },
    })
  })

  it('is a complete message without any block when the vendor refuses in silence', () => {
    const { events } = stream([START, { type: 'finish', reason: 'content_filter' }])
    expect(events.map((event) => event['type'])).toEqual(['message_start', 'message_delta', 'message_stop'])
  })

  it('6.18: counts cached tokens beside the input, and thinking inside the output', () => {
    const usage = { input: 100, cached: 900, cacheWrite: 50, output: 30, reasoning: 10 }
    expect(endOf(stream([START, { type: 'usage', usage }, FINISH]))['usage']).toEqual({
      input_tokens: 100,
      cache_read_input_tokens: 900,
      cache_creation_input_tokens: 50,
      output_tokens: 30,
      output_tokens_details: { thinking_tokens: 10 },
      server_tool_use: null,
    })
  })

  it('6.20: closes reasoning with the state that must come back, also when there are no words', () => {
    const spoken = contentOf(stream([START, ...thinks('r', 'hm', STATE), ...calls('a', '{}'), FINISH]))
    const silent = contentOf(stream([START, ...thinks('r', '', STATE), ...calls('a', '{}'), FINISH]))
    expect([spoken[0]?.['thinking'], silent[0]?.['thinking']]).toEqual(['hm', ''])
    for (const [block] of [spoken, silent]) expect(unwrapCarrier(block?.['signature'] as string)).toEqual(STATE)
  })

  it('leaves the signature of reasoning without state empty', () => {
    expect(contentOf(stream([START, ...thinks('r', 'hm'), FINISH]))).toEqual([
      { type: 'thinking', thinking: 'hm', signature: '' },
    ])
  })

  it('6.25: puts the signature of a call in front of it', () => {
    const deltas: Delta[] = [
      START,
      ...says('t', 'Let me look'),
      { type: 'tool-input-start', key: 'a', id: 'call_a', name: 'f_a', kind: 'function' },
      { type: 'tool-input-end', key: 'a', input: '{"x":1}', carrier: SIGNATURE },
      FINISH,
    ]
    const content = contentOf(stream(deltas))
    expect(content.map((block) => block['type'])).toEqual(['text', 'thinking', 'tool_use'])
    expect(unwrapCarrier(content[1]?.['signature'] as string)).toEqual(SIGNATURE)
  })

  it('never ends with state that belongs to nothing that follows', () => {
    const streamed = stream([START, ...says('t', 'Done'), ...thinks('r', '', SIGNATURE), FINISH])
    expect(kindsOf(streamed)).toEqual(['text'])
    expect(streamed.ledger).toEqual(['dropped:reasoning-state'])
  })

  it('keeps the words of thinking from a client that wants only its state', () => {
    const reasoning = { effort: null, budget: null, mode: 'adaptive', isShown: false } as const
    const content = contentOf(
      stream([START, ...thinks('r', 'secret', STATE), ...says('t', 'Hi'), FINISH], { reasoning }),
    )
    expect(content).toMatchObject([{ type: 'thinking', thinking: '' }, { type: 'text' }])
  })

  it('gives calls ids that Messages clients accept', () => {
    const deltas: Delta[] = [
      START,
      { type: 'tool-input-start', key: 'a', id: 'functions.f:0', name: 'f', kind: 'function' },
      { type: 'tool-input-end', key: 'a', input: '{}' },
      FINISH,
    ]
    expect(contentOf(stream(deltas))[0]?.['id']).toMatch(/^functions_f_0_[0-9a-f]{8}$/)
  })

  it('6.36: calls tools by the names that the client gave them', () => {
    const name = 'n'.repeat(100)
    const tool: Tool = { kind: 'function', name, description: '', schema: {}, strict: null, isDeferred: false }
    const conversation = conversationOf({ tools: [tool] })
    const upstreamName = createNameMap(conversation, 'openai-chat').toolName(name)
    const deltas: Delta[] = [
      START,
      { type: 'tool-input-start', key: 'a', id: 'call_a', name: upstreamName, kind: 'function' },
      { type: 'tool-input-end', key: 'a', input: '{}' },
      FINISH,
    ]
    expect(upstreamName).toHaveLength(64)
    expect(contentOf(stream(deltas, { tools: [tool] }))).toMatchObject([{ name }])
  })
})

describe('a search of the web', () => {
  const sources = [{ url: 'https://a.example', title: 'A' }]
  const search = (pages: typeof sources): Delta => ({
    type: 'web-search',
    search: { type: 'web-search', id: 'ws_1', query: 'cats', sources: pages },
  })
  const citation = { url: 'https://a.example', title: 'A', citedText: 'cats are' }
  const cited: Delta[] = [
    { type: 'text-start', key: 't' },
    { type: 'text-delta', key: 't', text: 'Cats' },
    { type: 'text-citation', key: 't', citation },
    { type: 'text-end', key: 't' },
  ]

  it.each([
    ['that the vendor names', [search(sources), ...cited]],
    ['that it names after the text', [...cited, search(sources)]],
    ['that it names only by citing them', [search([]), ...cited]],
  ])('stands in front of the text with its pages: those %s', (_, deltas) => {
    const streamed = stream([START, ...deltas, FINISH], { tools: [SEARCH_TOOL] })
    expect(contentOf(streamed)).toMatchObject([
      { type: 'server_tool_use', id: 'srvtoolu_ws_1', name: 'web_search', input: { query: 'cats' } },
      {
        type: 'web_search_tool_result',
        tool_use_id: 'srvtoolu_ws_1',
        content: [{ type: 'web_search_result', ...sources[0], encrypted_content: '', page_age: null }],
      },
      { type: 'text', text: 'Cats', citation: { type: 'web_search_result_location', cited_text: 'cats are' } },
    ])
    expect(endOf(streamed)['usage']).toMatchObject({ server_tool_use: { web_search_requests: 1 } })
  })

  it('leaves citations away from a client that asked for no search', () => {
    const streamed = stream([START, ...cited, FINISH])
    expect(contentOf(streamed)).toEqual([{ type: 'text', text: 'Cats', citations: null }])
    expect(streamed.ledger).toEqual(['dropped:citation'])
  })
})

describe('a whole answer for a Messages client', () => {
  it('has the same blocks as the streamed one', () => {
    const deltas = [
      START,
      ...thinks('r', 'hm', STATE),
      ...says('t', 'Hi'),
      ...calls('a', '{"a":1}'),
      ...calls('b', '{}', []),
      FINISH,
    ]
    const body = JSON.parse(hubDownstream.encodeWhole(foldOf(deltas), contextOf())) as JsonObject
    expect(body['content']).toEqual(contentOf(stream(deltas)))
    expect(body).toMatchObject({ id: 'msg_1', type: 'message', model: 'a-model', stop_reason: 'tool_use' })
  })

  it('leaves out a call that the limit has cut off', () => {
    const context = contextOf()
    const cut = foldOf([START, ...says('t', 'x'), ...calls('a', '{"a'), { type: 'finish', reason: 'max_tokens' }])
    const body = JSON.parse(hubDownstream.encodeWhole(cut, context)) as JsonObject
    expect(body).toMatchObject({ content: [{ type: 'text' }], stop_reason: 'max_tokens' })
    expect(context.ledger.entries).toEqual(['dropped:unfinished-call'])
  })

  it('gives what is no object to the tool as it is', () => {
    const odd = foldOf([START, ...calls('a', 'not json'), FINISH])
    expect(JSON.parse(hubDownstream.encodeWhole(odd, contextOf()))).toMatchObject({
      content: [{ type: 'tool_use', input: { _raw: 'not json' } }],
    })
  })

  it('never ends with state that belongs to nothing', () => {
    const sealed = foldOf([START, ...says('t', 'Done'), ...thinks('r', '', SIGNATURE), FINISH])
    const { content } = JSON.parse(hubDownstream.encodeWhole(sealed, contextOf())) as { content: JsonObject[] }
    expect(content.map((block) => block['type'])).toEqual(['text'])
  })
})
