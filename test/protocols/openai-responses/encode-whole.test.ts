import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import { unfold } from '../../../src/protocols/fold.ts'
import type { Result } from '../../../src/protocols/hub.ts'
import { hubDownstream } from '../../../src/protocols/openai-responses/hub-downstream.ts'
import { hubUpstream } from '../../../src/protocols/openai-responses/hub-upstream.ts'
import { contextOf, encodeAll, eventsOf, foldOf, targetOf } from '../hub-stage.ts'

describe('a whole Responses answer', () => {
  const RESULT: Result = {
    id: 'up_1',
    model: 'm',
    parts: [
      { type: 'reasoning', text: 'hm', carrier: { family: 'gemini', account: 'acct1', model: 'g', data: 'x' } },
      { type: 'text', text: 'Hi 😀', citations: [{ url: 'https://a/', title: 'A', citedText: '', start: 0, end: 2 }] },
      { type: 'tool-call', id: 'call_1', name: 'f', kind: 'function', input: '{"a":1}' },
      { type: 'tool-call', id: 'call_2', name: 'g', kind: 'function', input: '{}' },
    ],
    usage: { input: 100, cached: 900, cacheWrite: 50, output: 30, reasoning: 10 },
    finish: { reason: 'tool_calls' },
  }

  it('is what the terminal event of its stream carries', () => {
    const whole = JSON.parse(hubDownstream.encodeWhole(RESULT, contextOf())) as JsonObject
    const deltas = unfold(RESULT).filter((delta) => delta.type !== 'tool-input-delta')
    expect(whole).toEqual((eventsOf(encodeAll(hubDownstream, deltas)).at(-1) as JsonObject)['response'])
  })

  it('6.8: says the same when it is read again', () => {
    const whole = JSON.parse(hubDownstream.encodeWhole(RESULT, contextOf())) as JsonObject
    const again = foldOf(hubUpstream.decodeWhole(whole, targetOf('openai-responses')))
    expect(again).toMatchObject({ usage: RESULT.usage, finish: RESULT.finish })
    expect(again.parts.slice(1)).toEqual(RESULT.parts.slice(1))
  })

  it('6.18: counts cached tokens once', () => {
    expect(JSON.parse(hubDownstream.encodeWhole(RESULT, contextOf()))).toMatchObject({
      usage: {
        input_tokens: 1050,
        input_tokens_details: { cached_tokens: 900, cache_write_tokens: 50 },
        output_tokens: 30,
        output_tokens_details: { reasoning_tokens: 10 },
        total_tokens: 1080,
      },
    })
  })
})
