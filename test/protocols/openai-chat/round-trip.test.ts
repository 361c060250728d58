import { describe, expect, it } from 'vitest'
import type { Conversation, Delta, Part, Result, Turn } from '../../../src/protocols/hub.ts'
import { unfold } from '../../../src/protocols/fold.ts'
import { createLedger } from '../../../src/protocols/ledger.ts'
import { decodeRequest } from '../../../src/protocols/openai-chat/decode-request.ts'
import { createStreamDecoder, decodeWhole } from '../../../src/protocols/openai-chat/decode-stream.ts'
import { encodeRequest } from '../../../src/protocols/openai-chat/encode-request.ts'
import { hubDownstream } from '../../../src/protocols/openai-chat/hub-downstream.ts'
import { createSeededRandom, type SeededRandom } from '../../core/seeded-random.ts'
import { contextOf, conversationOf, decodeText, encodeAll, foldOf, targetOf } from '../hub-stage.ts'

const TEXTS = ['Hi', 'schön 😀', 'line\nline', '"quoted" \\ {}', '\u2028', '<think>']
const INPUTS = ['{}', '{"a":1}', '{"text":"ä\\n\\"x\\""}']

/** A conversation that this dialect can express in full. */
function randomConversation(random: SeededRandom): Conversation {
  const turns: Turn[] = [{ role: 'user', parts: [{ type: 'text', text: random.pick(TEXTS) }] }]
  for (let round = random.whole(4); round > 0; round--) turns.push(...randomRound(random, round))
  return conversationOf({
    source: 'openai-chat',
    system: random.whole(2) === 0 ? [] : [{ type: 'text', text: random.pick(TEXTS) }],
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
      { kind: 'custom', name: 'patch', description: 'p', format: { type: 'grammar', syntax: 'lark', definition: 'x' } },
    ],
    toolChoice: random.pick([
      null,
      { mode: 'auto' },
      { mode: 'named', name: 'f' },
      { mode: 'allowed', names: ['f', 'patch'], isRequired: true },
    ]),
    parallelTools: random.pick([null, true, false]),
    maxOutputTokens: random.pick([null, 100]),
    stop: random.pick([[], ['END']]),
    format: random.pick([null, { type: 'json' }]),
    verbosity: random.pick([null, 'low']),
    serviceTier: random.pick([null, 'flex']),
  })
}

function randomRound(random: SeededRandom, round: number): Turn[] {
  const calls = Array.from({ length: random.whole(3) }, (_, i): Extract<Part, { type: 'tool-call' }> => {
    const isCustom = random.whole(2) === 0
    const input = isCustom ? random.pick(TEXTS) : random.pick(INPUTS)
    return {
      type: 'tool-call',
      id: `call_${round}_${i}`,
      name: isCustom ? 'patch' : 'f',
      kind: isCustom ? 'custom' : 'function',
      input,
    }
  })
  const said: Part[] = calls.length > 0 && random.whole(2) === 0 ? [] : [{ type: 'text', text: random.pick(TEXTS) }]
  const results = calls.map((call): Part => ({
    type: 'tool-result',
    callId: call.id,
    name: call.name,
    parts: [{ type: 'text', text: random.pick(TEXTS) }],
    isError: false,
    isCustom: call.kind === 'custom',
  }))
  const next: Part[] = [
    { type: 'text', text: random.pick(TEXTS) },
    {
      type: 'image',
      source: random.pick([
        { kind: 'url', url: 'https://x/y.png' },
        { kind: 'base64', mediaType: 'image/png', data: 'AA==' },
      ]),
    },
  ]
  return [
    { role: 'assistant', parts: [...said, ...calls] },
    ...(results.length === 0 ? [] : [{ role: 'user' as const, parts: results }]),
    ...(random.whole(3) === 0
      ? [{ role: 'system' as const, parts: [{ type: 'text' as const, text: random.pick(TEXTS) }] }]
      : []),
    { role: 'user', parts: next },
  ]
}

/** An answer that this dialect can express in full. */
function randomAnswer(random: SeededRandom): Result {
  const carrier = { family: 'other', account: 'acct1', model: 'a-model', data: null } as const
  const reasoning: Part[] = random.whole(2) === 0 ? [] : [{ type: 'reasoning', text: random.pick(TEXTS), carrier }]
  const calls = Array.from({ length: random.whole(4) }, (_, i): Part => ({
    type: 'tool-call',
    id: `call_${i}`,
    name: 'f',
    kind: 'function',
    input: random.pick(INPUTS),
  }))
  return {
    id: 'chatcmpl-1',
    model: 'a-model',
    parts: [...reasoning, { type: 'text', text: random.pick(TEXTS) }, ...calls],
    usage: { input: random.whole(100), cached: random.whole(100), output: 50, reasoning: random.whole(50) },
    finish: { reason: calls.length > 0 ? 'tool_calls' : random.pick(['stop', 'max_tokens', 'content_filter']) },
  }
}

describe('what this dialect can express', () => {
  it('survives the way to a server and back as a request', () => {
    const random = createSeededRandom(4)
    for (let round = 0; round < 300; round++) {
      const conversation = randomConversation(random)
      const target = targetOf('openai-chat', { model: 'gpt-5.5', isVendorHost: true, conversation })
      const body = encodeRequest(conversation, target)
      const ledger = createLedger()
      const decoded = decodeRequest(body, { model: conversation.model, stream: true }, ledger)
      expect(decoded).toEqual(conversation)
      expect([...target.ledger.entries, ...ledger.entries]).toEqual([])
    }
  })

  it('survives the way to a client and back as an answer, streamed in any pieces and whole', () => {
    const random = createSeededRandom(5)
    for (let round = 0; round < 200; round++) {
      const answer = randomAnswer(random)
      const deltas: Delta[] = unfold(answer)
      const target = targetOf('openai-chat')
      const stream = encodeAll(hubDownstream, deltas, contextOf())
      const streamed = foldOf(decodeText(createStreamDecoder(target), withoutOurDetails(stream), 1 + random.whole(99)))
      expect(streamed).toEqual(answer)
      const whole = JSON.parse(withoutOurDetails(hubDownstream.encodeWhole(answer, contextOf()))) as Parameters<
        typeof decodeWhole
      >[0]
      expect(foldOf(decodeWhole(whole, target))).toEqual(answer)
    }
  })
})

/** A server would not send the relay's own carriers. */
function withoutOurDetails(text: string): string {
  return text.replaceAll(/"reasoning_details":\[\{.*?\}\]/g, '"reasoning_details":[]')
}
