import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import { decodeRequest } from '../../../src/protocols/anthropic/decode-request.ts'
import { createStreamDecoder, decodeWhole } from '../../../src/protocols/anthropic/decode-stream.ts'
import { encodeRequest } from '../../../src/protocols/anthropic/encode-request.ts'
import { hubDownstream } from '../../../src/protocols/anthropic/hub-downstream.ts'
import { unfold } from '../../../src/protocols/fold.ts'
import type { Carrier, Conversation, Delta, Part, Result, ToolCallPart, Turn } from '../../../src/protocols/hub.ts'
import { createLedger } from '../../../src/protocols/ledger.ts'
import { createSeededRandom, type SeededRandom } from '../../core/seeded-random.ts'
import { contextOf, conversationOf, decodeText, encodeAll, foldOf, targetOf } from '../hub-stage.ts'
import { startCpuClock } from '../../harness/cpu.ts'

const TEXTS = ['Hi', 'schön 😀', 'line\nline', '"quoted" \\ {}', 'a\u2028b']
const INPUTS = ['{}', '{"a":1}', '{"text":"ä\\n\\"x\\""}']
const STATE: Carrier = { family: 'anthropic', account: null, model: null, data: 'EqQBCkYIBR' }
const MODEL = 'claude-opus-5-5'

const textPart = (random: SeededRandom): Extract<Part, { type: 'text' }> => ({ type: 'text', text: random.pick(TEXTS) })
const callPart = (random: SeededRandom, id: string): ToolCallPart => ({
  type: 'tool-call',
  id,
  name: 'f',
  kind: 'function',
  input: random.pick(INPUTS),
})

/** A conversation that this dialect can express in full. */
function randomConversation(random: SeededRandom): Conversation {
  const turns: Turn[] = [{ role: 'user', parts: [textPart(random)] }]
  for (let round = random.whole(4); round > 0; round--) turns.push(...randomRound(random, round))
  return conversationOf({
    model: MODEL,
    system: random.whole(2) === 0 ? [] : [textPart(random)],
    turns,
    tools: [
      {
        kind: 'function',
        name: 'f',
        description: 'd',
        schema: { type: 'object', properties: {} },
        strict: null,
        isDeferred: false,
      },
    ],
    toolChoice: random.pick([null, { mode: 'auto' }, { mode: 'required' }, { mode: 'named', name: 'f' }]),
    maxOutputTokens: random.pick([100, 5000]),
    stop: random.pick([[], ['END']]),
    reasoning: random.pick([null, { effort: 'high', budget: null, mode: 'adaptive', isShown: true }]),
    serviceTier: random.pick([null, 'auto', 'default']),
    marksCache: true,
  })
}

function randomRound(random: SeededRandom, round: number): Turn[] {
  const calls = Array.from({ length: random.whole(3) }, (_, i) => callPart(random, `toolu_${round}_${i}`))
  const said: Part[] = [
    ...(random.whole(2) === 0 ? [] : [{ type: 'reasoning' as const, text: 'hm', carrier: STATE }]),
    ...(calls.length > 0 && random.whole(2) === 0 ? [] : [textPart(random)]),
    ...calls,
  ]
  const results = calls.map((call): Part => ({
    type: 'tool-result',
    callId: call.id,
    name: null,
    parts: random.pick([
      [textPart(random)],
      [textPart(random), { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AA==' } }],
    ]),
    isError: random.whole(2) === 0,
    isCustom: false,
  }))
  const cacheControl = { type: 'ephemeral' }
  const next: Part[] = [
    { ...textPart(random), cacheControl },
    { type: 'document', source: { kind: 'text', text: random.pick(TEXTS) }, title: 'T' },
  ]
  const told: Turn[] = random.whole(2) === 0 ? [] : [{ role: 'system', parts: [textPart(random)] }]
  return [{ role: 'assistant', parts: said }, { role: 'user', parts: [...results, ...next] }, ...told]
}

/** An answer in which parts overlap as vendors may send them, each text in pieces. */
function randomAnswer(random: SeededRandom): Delta[] {
  const parts = Array.from({ length: random.whole(5) }, (_, i) => unfoldPart(randomPart(random, i), random))
  const woven: Delta[] = []
  while (parts.some((steps) => steps.length > 0)) {
    const steps = random.pick(parts.filter((each) => each.length > 0))
    woven.push(steps.shift() as Delta)
  }
  return [
    { type: 'start', id: 'x', model: MODEL },
    ...woven,
    { type: 'usage', usage: { input: 1, output: 2 } },
    {
      type: 'finish',
      reason: parts.length > 0 && woven.some(({ type }) => type === 'tool-input-start') ? 'tool_calls' : 'stop',
    },
  ]
}

function randomPart(random: SeededRandom, position: number): Part {
  return random.whole(2) === 0 ? textPart(random) : callPart(random, `call_${position}`)
}

function unfoldPart(part: Part, random: SeededRandom): Delta[] {
  const key = `k${random.whole(1e9)}`
  const result: Result = { id: '', model: '', parts: [part], usage: {}, finish: { reason: 'stop' } }
  return unfold(result)
    .slice(1, -2)
    .flatMap((delta): Delta[] => {
      const keyed = { ...delta, key } as Delta
      if (keyed.type !== 'text-delta' && keyed.type !== 'tool-input-delta') return [keyed]
      const cut = random.whole(keyed.text.length + 1)
      return [keyed.text.slice(0, cut), keyed.text.slice(cut)].map((text) => ({ ...keyed, text }))
    })
}

/** Half characters count one by one: a text may be cut anywhere, and another part may come in between. */
const unitsOf = (parts: readonly Part[]): string[] =>
  parts.flatMap((part) => (part.type === 'text' ? part.text.split('') : [])).toSorted()
const callsOf = (parts: readonly Part[]): unknown[] =>
  parts
    .filter((part) => part.type === 'tool-call')
    .map((part) => [part.id, part.name, JSON.parse(part.input) as unknown])
    .toSorted((a, b) => String(a[0]).localeCompare(String(b[0])))

describe('Messages there and back', () => {
  it('keeps every conversation that it can express', () => {
    const random = createSeededRandom(20_261_121)
    for (let i = 0; i < 200; i++) {
      const conversation = randomConversation(random)
      const target = targetOf('anthropic', { model: MODEL, isVendorHost: true, conversation })
      const body = JSON.parse(JSON.stringify(encodeRequest(conversation, target))) as JsonObject
      const back = decodeRequest(body, conversation, createLedger())
      expect({ ...back, marksCache: true }).toEqual(conversation)
      expect(target.ledger.entries).toEqual([])
    }
  })

  it('keeps the words and the calls of every answer, however its parts overlap', () => {
    const random = createSeededRandom(7)
    for (let i = 0; i < 300; i++) {
      const deltas = randomAnswer(random)
      const sent = foldOf(deltas)
      const text = encodeAll(hubDownstream, deltas)
      const received = foldOf(decodeText(createStreamDecoder(targetOf('anthropic')), text, 1 + random.whole(200)))
      expect([callsOf(received.parts), received.finish, received.usage]).toEqual([
        callsOf(sent.parts),
        sent.finish,
        sent.usage,
      ])
      expect(unitsOf(received.parts)).toEqual(unitsOf(sent.parts))
    }
  })

  it('tells a whole answer in the same parts as a streamed one', () => {
    const random = createSeededRandom(11)
    for (let i = 0; i < 100; i++) {
      const sent = foldOf(randomAnswer(random))
      const whole = JSON.parse(hubDownstream.encodeWhole(sent, contextOf())) as JsonObject
      const streamed = encodeAll(hubDownstream, unfold(sent))
      const target = targetOf('anthropic')
      expect(foldOf(decodeWhole(whole, target))).toEqual(foldOf(decodeText(createStreamDecoder(target), streamed)))
    }
  })

  it('brings the state of reasoning back to where it came from', () => {
    const carrier: Carrier = { family: 'openai', account: 'a', model: 'gpt', data: { type: 'reasoning', id: 'rs' } }
    const parts: Part[] = [
      { type: 'reasoning', text: 'hm', carrier },
      { type: 'text', text: 'Hi' },
    ]
    const result: Result = { id: '', model: '', parts, usage: {}, finish: { reason: 'stop' } }
    const { content } = JSON.parse(hubDownstream.encodeWhole(result, contextOf())) as { content: JsonObject[] }
    const messages = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content },
    ]
    expect(decodeRequest({ messages }, conversationOf(), createLedger()).turns[1]?.parts).toEqual(parts)
  })

  it('6.37: reads and writes one event of 8 MB in linear time', () => {
    const input = JSON.stringify({ text: 'ä'.repeat(4 * 1024 * 1024) })
    const frame = (data: JsonObject): { event: string; data: Buffer; cut: boolean } => ({
      event: '',
      data: Buffer.from(JSON.stringify(data)),
      cut: false,
    })
    const decoder = createStreamDecoder(targetOf('anthropic'))
    const events = [
      frame({ type: 'message_start', message: { id: 'm' } }),
      frame({ type: 'content_block_start', index: 0, content_block: { type: 'tool_use', id: 'a', name: 'f' } }),
      frame({ type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: input } }),
      frame({ type: 'content_block_stop', index: 0 }),
      frame({ type: 'message_stop' }),
    ]
    const cpuMs = startCpuClock()
    const deltas = events.flatMap((event) => decoder.decode(event))
    expect(encodeAll(hubDownstream, deltas).length).toBeGreaterThan(input.length)
    // 0.08 s on a small machine; whatever is quadratic takes minutes.
    expect(cpuMs()).toBeLessThan(2_000)
  })
})
