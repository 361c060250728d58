import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import { unwrapCarrier } from '../../../src/protocols/carrier.ts'
import type { Carrier, Conversation, Delta, FinishReason, Tool } from '../../../src/protocols/hub.ts'
import { hubDownstream } from '../../../src/protocols/openai-chat/hub-downstream.ts'
import { contextOf, conversationOf, encodeAll, eventsOf, foldOf } from '../hub-stage.ts'

const START: Delta = { type: 'start', id: 'msg_1', model: 'upstream-model' }
const FINISH: Delta = { type: 'finish', reason: 'stop' }
const USAGE: Delta = { type: 'usage', usage: { input: 100, cached: 900, cacheWrite: 50, output: 30, reasoning: 10 } }
const CARRIER: Carrier = { family: 'anthropic', account: 'acct1', model: 'm', data: 'EqSig' }

const words = (...texts: string[]): Delta[] => [
  { type: 'text-start', key: 't' },
  ...texts.map((text): Delta => ({ type: 'text-delta', key: 't', text })),
  { type: 'text-end', key: 't' },
]
const call = (key: string, input: string, pieces = [input], kind: 'function' | 'custom' = 'function'): Delta[] => [
  { type: 'tool-input-start', key, id: `id_${key}`, name: `f_${key}`, kind },
  ...pieces.map((text): Delta => ({ type: 'tool-input-delta', key, text })),
  { type: 'tool-input-end', key, input },
]

function stream(deltas: readonly Delta[], conversation: Partial<Conversation> = {}): JsonObject[] {
  const context = contextOf(conversationOf({ source: 'openai-chat', ...conversation }))
  const events = eventsOf(encodeAll(hubDownstream, deltas, context))
  expect(events.at(-1)).toBe('[DONE]')
  return events.slice(0, -1) as JsonObject[]
}

function whole(deltas: readonly Delta[], conversation: Partial<Conversation> = {}): JsonObject {
  return JSON.parse(hubDownstream.encodeWhole(foldOf(deltas), contextOf(conversationOf(conversation)))) as JsonObject
}

const deltasOf = (events: readonly JsonObject[]): unknown[] =>
  events.flatMap((event) => (event['choices'] as JsonObject[]).map((choice) => choice['delta']))
const reasonsOf = (events: readonly JsonObject[]): unknown[] =>
  events.flatMap((event) => (event['choices'] as JsonObject[]).map((choice) => choice['finish_reason']))

describe('a streamed answer for a Chat client', () => {
  it('begins with the role, is told in words, and ends with a reason', () => {
    const events = stream([START, ...words('Hel', '', 'lo \u2028'), FINISH])
    expect(deltasOf(events)).toEqual([
      { role: 'assistant', content: '' },
      { content: 'Hel' },
      { content: 'lo \u2028' },
      {},
    ])
    expect(reasonsOf(events)).toEqual([null, null, null, 'stop'])
    for (const event of events) {
      expect(event).toMatchObject({
        id: 'chatcmpl-1',
        object: 'chat.completion.chunk',
        created: 1_790_000_000,
        model: 'a-model',
      })
    }
  })

  it('6.16: tells usage in one chunk without choices when it is asked for', () => {
    const events = stream([START, ...words('Hi'), USAGE, FINISH], { wantsUsage: true })
    expect(events.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 1050 } })
    expect(events.filter((event) => event['usage'] !== null)).toHaveLength(1)
  })

  it('6.16: says nothing of usage to whoever did not ask', () => {
    const events = stream([START, ...words('Hi'), USAGE, FINISH], { wantsUsage: false })
    expect(events.filter((event) => 'usage' in event)).toEqual([])
  })

  it('6.18: counts what was cached into the prompt', () => {
    expect(whole([START, ...words('Hi'), USAGE, FINISH])['usage']).toEqual({
      prompt_tokens: 1050,
      completion_tokens: 30,
      total_tokens: 1080,
      prompt_tokens_details: { cached_tokens: 900, cache_write_tokens: 50 },
      completion_tokens_details: { reasoning_tokens: 10 },
    })
  })

  it('does not make up usage that nobody told', () => {
    expect(whole([START, ...words('Hi'), FINISH])).not.toHaveProperty('usage')
    expect(stream([START, ...words('Hi'), FINISH]).at(-1)).toMatchObject({ usage: null })
  })

  it('6.2: numbers interleaved calls densely from 0 and keeps their arguments apart', () => {
    const [a1, a2, a3, a4] = call('a', '{"x":1}', ['{"x"', ':1}']) as [Delta, Delta, Delta, Delta]
    const [b1, b2, b3, b4] = call('b', '{"y":2}', ['{"y"', ':2}']) as [Delta, Delta, Delta, Delta]
    const events = stream([START, a1, b1, b2, a2, b3, a3, b4, a4, FINISH])
    const joined = ['', '']
    for (const delta of deltasOf(events) as JsonObject[]) {
      for (const told of (delta['tool_calls'] ?? []) as { index: number; function: { arguments: string } }[]) {
        joined[told.index] += told.function.arguments
      }
    }
    expect(joined).toEqual(['{"x":1}', '{"y":2}'])
    expect(deltasOf(events)[1]).toEqual({
      tool_calls: [{ index: 0, id: 'id_a', type: 'function', function: { name: 'f_a', arguments: '' } }],
    })
  })

  it('6.7: a call without arguments has an empty object', () => {
    const events = stream([START, ...call('a', '{}', []), FINISH])
    expect(deltasOf(events)[2]).toEqual({ tool_calls: [{ index: 0, function: { arguments: '{}' } }] })
  })

  it('6.5: tells the rest of arguments of which only a part had been told', () => {
    const events = stream([START, ...call('a', '{"x":1}', ['{"x"']), FINISH])
    expect(deltasOf(events).slice(2, 4)).toEqual([
      { tool_calls: [{ index: 0, function: { arguments: '{"x"' } }] },
      { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] },
    ])
  })

  it('6.9: ends with tool_calls when there are any, although the server said stop', () => {
    expect(reasonsOf(stream([START, ...call('a', '{}'), FINISH])).at(-1)).toBe('tool_calls')
    expect(whole([START, ...call('a', '{}'), FINISH])['choices']).toMatchObject([{ finish_reason: 'tool_calls' }])
  })

  it.each<[FinishReason, string]>([
    ['stop', 'stop'],
    ['stop_sequence', 'stop'],
    ['tool_calls', 'tool_calls'],
    ['max_tokens', 'length'],
    ['context_full', 'length'],
    ['refusal', 'content_filter'],
    ['content_filter', 'content_filter'],
    ['pause', 'stop'],
    ['malformed_call', 'stop'],
    ['other', 'stop'],
  ])('6.14: %s is told as %s, streamed and whole', (reason, word) => {
    const deltas: Delta[] = [START, ...words('Hi'), { type: 'finish', reason }]
    expect(reasonsOf(stream(deltas)).at(-1)).toBe(word)
    expect(whole(deltas)['choices']).toMatchObject([{ finish_reason: word }])
  })

  it('an answer of nothing at all is still one', () => {
    expect(reasonsOf(stream([START, { type: 'finish', reason: 'refusal' }]))).toEqual([null, 'content_filter'])
  })

  it('6.20: reasoning is told as it comes, and its state behind it', () => {
    const deltas: Delta[] = [
      START,
      { type: 'reasoning-start', key: 'r' },
      { type: 'reasoning-delta', key: 'r', text: 'h' },
      { type: 'reasoning-delta', key: 'r', text: 'm' },
      { type: 'reasoning-end', key: 'r', carrier: CARRIER },
      ...words('Hi'),
      FINISH,
    ]
    const [, h, m, state] = deltasOf(stream(deltas)) as JsonObject[]
    expect([h, m]).toEqual([{ reasoning_content: 'h' }, { reasoning_content: 'm' }])
    expect(state).toMatchObject({ reasoning_details: [{ type: 'reasoning.text', text: 'hm', index: 0 }] })
    const message = (whole(deltas)['choices'] as { message: JsonObject }[])[0]?.message ?? {}
    expect(message).toMatchObject({ content: 'Hi', reasoning_content: 'hm' })
    const [detail] = message['reasoning_details'] as { signature: string }[]
    expect(unwrapCarrier(detail?.signature ?? '')).toEqual(CARRIER)
  })

  it('reasoning that the client does not want to see is its state alone', () => {
    const reasoning = { effort: null, budget: null, mode: null, isShown: false }
    const deltas: Delta[] = [
      START,
      { type: 'reasoning-start', key: 'r' },
      { type: 'reasoning-delta', key: 'r', text: 'secret' },
      { type: 'reasoning-end', key: 'r', carrier: CARRIER },
      FINISH,
    ]
    expect(deltasOf(stream(deltas, { reasoning }))[1]).toMatchObject({
      reasoning_details: [{ type: 'reasoning.encrypted' }],
    })
    expect(JSON.stringify([stream(deltas, { reasoning }), whole(deltas, { reasoning })])).not.toContain('secret')
  })

  it('several parts of reasoning are paragraphs, streamed and whole', () => {
    const thought = (key: string, text: string): Delta[] => [
      { type: 'reasoning-start', key },
      { type: 'reasoning-delta', key, text },
      { type: 'reasoning-end', key, carrier: null },
    ]
    const deltas: Delta[] = [START, ...thought('a', 'one'), ...thought('b', 'two'), FINISH]
    const chunks = deltasOf(stream(deltas)) as { reasoning_content?: string }[]
    const told = chunks.map((delta) => delta.reasoning_content ?? '').join('')
    expect(told).toBe('one\n\ntwo')
    expect(whole(deltas)['choices']).toMatchObject([{ message: { reasoning_content: told } }])
  })

  it('6.25: the signature of a call stands where Google has it', () => {
    const [start, , end] = call('a', '{}') as [Delta, Delta, Extract<Delta, { type: 'tool-input-end' }>]
    const carrier: Carrier = { ...CARRIER, family: 'gemini' }
    const told = deltasOf(stream([START, start, { ...end, carrier }, FINISH]))[2] as {
      tool_calls: { extra_content: { google: { thought_signature: string } } }[]
    }
    expect(unwrapCarrier(told.tool_calls[0]?.extra_content.google.thought_signature ?? '')).toEqual(carrier)
  })

  it('6.39: free text that a server gave as a function is free text again', () => {
    const patch = '*** Begin\n+"ä" \\ 😀\n'
    const wrapped = JSON.stringify({ input: patch })
    const tools: Tool[] = [{ kind: 'custom', name: 'f_a', description: '', format: null }]
    const events = stream([START, ...call('a', wrapped, wrapped.match(/.{1,3}/gsu) ?? []), FINISH], { tools })
    expect(deltasOf(events).slice(1, 3)).toEqual([
      { tool_calls: [{ index: 0, id: 'id_a', type: 'custom', custom: { name: 'f_a', input: '' } }] },
      { tool_calls: [{ index: 0, custom: { input: patch } }] },
    ])
    expect(whole([START, ...call('a', wrapped), FINISH], { tools })['choices']).toMatchObject([
      { message: { tool_calls: [{ type: 'custom', custom: { name: 'f_a', input: patch } }] } },
    ])
  })

  it('citations become annotations', () => {
    const citation = { url: 'https://x', title: 'X', citedText: 'Hi' }
    const deltas: Delta[] = [START, ...words('Hi').slice(0, 2), { type: 'text-citation', key: 't', citation }, FINISH]
    const annotations = [
      { type: 'url_citation', url_citation: { url: 'https://x', title: 'X', start_index: 1, end_index: 2 } },
    ]
    expect(deltasOf(stream(deltas))).toContainEqual({ annotations })
    expect(whole(deltas)['choices']).toMatchObject([{ message: { annotations } }])
  })

  it('knows what it has told, for an error that comes later', () => {
    const encoder = hubDownstream.createStreamEncoder(contextOf())
    expect(encoder.told()).toEqual({ start: null, events: 0 })
    encoder.encode(START)
    encoder.encode({ type: 'text-delta', key: 't', text: 'Hi' })
    expect(encoder.told()).toEqual({
      start: { id: 'chatcmpl-1', model: 'a-model', createdAt: 1_790_000_000 },
      events: 2,
    })
  })
})
