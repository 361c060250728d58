import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import { unwrapCarrier, wrapCarrier } from '../../../src/protocols/carrier.ts'
import { hubDownstream } from '../../../src/protocols/gemini/hub-downstream.ts'
import { hubUpstream } from '../../../src/protocols/gemini/hub-upstream.ts'
import type { Carrier, Delta, FinishReason, Result } from '../../../src/protocols/hub.ts'
import { contextOf, conversationOf, encodeAll, eventsOf, foldOf, targetOf } from '../hub-stage.ts'

const START: Delta = { type: 'start', id: 'up_1', model: 'm' }
const FINISH: Delta = { type: 'finish', reason: 'stop' }
const says = (key: string, ...texts: string[]): Delta[] => [
  { type: 'text-start', key },
  ...texts.map((text): Delta => ({ type: 'text-delta', key, text })),
  { type: 'text-end', key },
]
const thinks = (key: string, text: string, carrier: Carrier | null): Delta[] => [
  { type: 'reasoning-start', key },
  { type: 'reasoning-delta', key, text },
  { type: 'reasoning-end', key, carrier },
]
const callStart = (key: string): Delta => ({
  type: 'tool-input-start',
  key,
  id: `call_${key}`,
  name: 'f',
  kind: 'function',
})
const callEnd = (key: string, input: string, carrier?: Carrier): Delta => ({
  type: 'tool-input-end',
  key,
  input,
  ...(carrier === undefined ? {} : { carrier }),
})
const CLAUDE: Carrier = { family: 'anthropic', account: 'acct1', model: 'claude', data: 'sig' }
const GEMINI: Carrier = { family: 'gemini', account: 'acct1', model: 'g', data: 'c2ln' }

const shown = conversationOf({ source: 'gemini', reasoning: { effort: null, budget: null, mode: null, isShown: true } })
const chunksFor = (deltas: readonly Delta[], context = contextOf(shown)): JsonObject[] =>
  eventsOf(encodeAll(hubDownstream, [START, ...deltas], context)) as JsonObject[]
const partsIn = (chunk: JsonObject | undefined): JsonObject[] =>
  (chunk as unknown as { candidates: [{ content: { parts: JsonObject[] } }] }).candidates[0].content.parts
const partsFor = (deltas: readonly Delta[], context = contextOf(shown)): JsonObject[] =>
  chunksFor(deltas, context).flatMap((chunk) => partsIn(chunk))

describe('chunks for a strict Gemini client', () => {
  it('each has a candidate with parts, and the last one the reason and the counts', () => {
    const chunks = chunksFor([
      ...says('a', 'Hel', '', 'lo'),
      { type: 'usage', usage: { input: 100, cached: 900, cacheWrite: 50, output: 30, reasoning: 10 } },
      FINISH,
    ])
    const names = { modelVersion: 'a-model', responseId: '1' }
    const candidate = (text: string): JsonObject => ({ content: { parts: [{ text }], role: 'model' }, index: 0 })
    expect(chunks).toEqual([
      { candidates: [candidate('Hel')], ...names },
      { candidates: [candidate('lo')], ...names },
      {
        candidates: [{ ...candidate(''), finishReason: 'STOP' }],
        usageMetadata: {
          promptTokenCount: 1050,
          cachedContentTokenCount: 900,
          candidatesTokenCount: 20,
          thoughtsTokenCount: 10,
          totalTokenCount: 1080,
        },
        ...names,
      },
    ])
  })

  it('are data lines alone, in which no character ends a line', () => {
    const text = encodeAll(hubDownstream, [START, ...says('a', 'a\u2028b\n'), FINISH], contextOf(shown))
    expect(
      text
        .split('\r\n\r\n')
        .slice(0, -1)
        .every((frame) => /^data: \{[^\n\u2028]*\}$/.test(frame)),
    ).toBe(true)
  })

  it('say nothing before there is something to say', () => {
    const encoder = hubDownstream.createStreamEncoder(contextOf(shown))
    expect(
      [START, callStart('a'), { type: 'text-start', key: 'b' } as Delta].map((delta) => encoder.encode(delta)).join(''),
    ).toBe('')
    expect(encoder.told()).toEqual({ start: null, events: 0 })
    encoder.encode({ type: 'text-delta', key: 'b', text: 'Hi' })
    expect(encoder.told()).toMatchObject({ start: { id: '1', model: 'a-model' }, events: 1 })
  })

  it('show thoughts to those who asked for them', () => {
    expect(partsFor([...thinks('a', 'hm', null), ...says('b', 'Hi'), FINISH])[0]).toEqual({ text: 'hm', thought: true })
    const silent = contextOf(conversationOf({ source: 'gemini' }))
    expect(partsFor([...thinks('a', 'hm', null), ...says('b', 'Hi'), FINISH], silent)).toEqual([
      { text: 'Hi' },
      { text: '' },
    ])
  })

  it.each<[string, Delta[], JsonObject[]]>([
    [
      'text',
      [...thinks('a', 'hm', CLAUDE), ...says('b', 'Hi', '!')],
      [
        { text: 'hm', thought: true },
        { text: 'Hi', thoughtSignature: wrapCarrier(CLAUDE) },
        { text: '!' },
        { text: '' },
      ],
    ],
    [
      'call',
      [...thinks('a', '', CLAUDE), callStart('b'), callEnd('b', '{}')],
      [{ functionCall: { id: 'call_b', name: 'f', args: {} }, thoughtSignature: wrapCarrier(CLAUDE) }, { text: '' }],
    ],
    [
      'end',
      [...says('a', 'Hi'), ...thinks('b', '', GEMINI)],
      [{ text: 'Hi' }, { text: '', thoughtSignature: wrapCarrier(GEMINI) }],
    ],
    [
      'reasoning',
      [...thinks('a', '', CLAUDE), ...thinks('b', '', GEMINI)],
      [
        { text: '', thoughtSignature: wrapCarrier(CLAUDE) },
        { text: '', thoughtSignature: wrapCarrier(GEMINI) },
      ],
    ],
  ])('6.20: state of reasoning stands on the %s behind it', (_, deltas, expected) => {
    expect(partsFor([...deltas, FINISH])).toEqual(expected)
  })

  it('6.25: a signature of its own stays with its call', () => {
    const [part] = partsFor([callStart('a'), callEnd('a', '{"x":1}', GEMINI), FINISH])
    expect(part).toMatchObject({ functionCall: { args: { x: 1 } } })
    expect(unwrapCarrier(part?.['thoughtSignature'] as string)).toEqual(GEMINI)
  })

  it('6.2: parallel calls come whole, in the order in which they began', () => {
    const deltas = [callStart('a'), callStart('b'), callEnd('b', '{"n":2}'), callEnd('a', '{"n":1}'), FINISH]
    expect(partsFor(deltas).map((part) => (part['functionCall'] as JsonObject | undefined)?.['id'])).toEqual([
      'call_a',
      'call_b',
      undefined,
    ])
  })

  it('a call that a limit cut off is dropped, one that the model made so is told', () => {
    const context = contextOf(shown)
    const broken = [callStart('a'), callEnd('a', '{"x":"unfin')]
    expect(partsFor([...broken, { type: 'finish', reason: 'max_tokens' }], context)).toEqual([{ text: '' }])
    expect(context.ledger.entries).toEqual(['dropped:unfinished_call_f'])
    expect(partsFor([...broken, FINISH])).toMatchObject([{ functionCall: { args: { _raw: '{"x":"unfin' } } }])
  })

  it('a tool has the name by which the client knows it', () => {
    const name = 'my tool'
    const conversation = {
      ...shown,
      tools: [{ kind: 'function' as const, name, description: '', schema: {}, strict: null, isDeferred: false }],
    }
    const start = { ...callStart('a'), name: 'my_tool' } as Delta
    expect(partsFor([start, callEnd('a', '{}'), FINISH], contextOf(conversation))[0]).toMatchObject({
      functionCall: { name },
    })
  })

  it('a search and its pages stand with the reason', () => {
    const search: Delta = {
      type: 'web-search',
      search: { type: 'web-search', id: 'x', query: 'q', sources: [{ url: 'https://a/', title: 'A' }] },
    }
    const citation: Delta = {
      type: 'text-citation',
      key: 'a',
      citation: { url: 'https://b/', title: 'B', citedText: '' },
    }
    expect(chunksFor([search, ...says('a', 'Hi').slice(0, 2), citation, FINISH]).at(-1)).toMatchObject({
      candidates: [
        {
          groundingMetadata: {
            webSearchQueries: ['q'],
            groundingChunks: [{ web: { uri: 'https://a/' } }, { web: { uri: 'https://b/', title: 'B' } }],
          },
        },
      ],
    })
  })

  it.each<[FinishReason, string]>([
    ['stop', 'STOP'],
    ['stop_sequence', 'STOP'],
    ['tool_calls', 'STOP'],
    ['pause', 'STOP'],
    ['max_tokens', 'MAX_TOKENS'],
    ['context_full', 'MAX_TOKENS'],
    ['refusal', 'SAFETY'],
    ['content_filter', 'SAFETY'],
    ['malformed_call', 'MALFORMED_FUNCTION_CALL'],
    ['other', 'OTHER'],
  ])('6.14: %s is %s', (reason, word) => {
    expect(chunksFor([{ type: 'finish', reason }])).toMatchObject([
      { candidates: [{ content: { parts: [{ text: '' }] }, finishReason: word }] },
    ])
  })
})

describe('a whole Gemini answer', () => {
  const RESULT: Result = {
    id: 'up_1',
    model: 'm',
    parts: [
      { type: 'reasoning', text: 'hm', carrier: CLAUDE },
      { type: 'text', text: 'Hi 😀' },
      { type: 'tool-call', id: 'call_1', name: 'f', kind: 'function', input: '{"a":1}', carrier: GEMINI },
      { type: 'tool-call', id: 'call_2', name: 'g', kind: 'function', input: '{}' },
    ],
    usage: { input: 100, cached: 900, output: 30, reasoning: 10 },
    finish: { reason: 'tool_calls' },
  }
  const whole = (): JsonObject => JSON.parse(hubDownstream.encodeWhole(RESULT, contextOf(shown))) as JsonObject

  it('has the parts of the stream', () => {
    const streamed: Delta[] = [
      ...thinks('a', 'hm', CLAUDE),
      ...says('b', 'Hi 😀'),
      callStart('1'),
      callEnd('1', '{"a":1}', GEMINI),
      { ...callStart('2'), name: 'g' } as Delta,
      callEnd('2', '{}'),
    ]
    expect(partsFor([...streamed, FINISH]).slice(0, -1)).toEqual(partsIn(whole()))
  })

  it('6.8, 6.18: says the same when it is read again', () => {
    const again = foldOf(hubUpstream.decodeWhole(whole(), targetOf('gemini')))
    const { usage, finish } = RESULT
    expect(again).toMatchObject({ usage, finish })
    expect(again.parts.filter(({ type }) => type === 'text')).toEqual([RESULT.parts[1]])
    expect(again.parts.filter(({ type }) => type === 'tool-call')).toMatchObject([
      { id: 'call_1', input: '{"a":1}' },
      { id: 'call_2', input: '{}' },
    ])
  })

  it('6.19, 6.20: comes back from the client with the state it was given', () => {
    const { candidates } = whole() as unknown as { candidates: [{ content: JsonObject }] }
    const body = { contents: [{ parts: [{ text: 'Hi' }] }, candidates[0].content, { parts: [{ text: 'Go' }] }] }
    const context = contextOf(shown)
    const { turns } = hubDownstream.decodeRequest(body, { model: 'm', stream: true }, context.ledger)
    expect(turns[1]?.parts).toEqual(RESULT.parts)
  })
})
