import { describe, expect, it } from 'vitest'
import { protocols } from '../../src/protocols/index.ts'
import { createSeededRandom } from '../core/seeded-random.ts'

const REAL = [
  '{"type":"message_start","message":{"id":"m","usage":{"input_tokens":5,"cache_creation":{"ephemeral_1h_input_tokens":1}}}}',
  '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
  '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}}',
  '{"type":"response.output_item.added","item":{"type":"message","content":[]}}',
  '{"type":"response.failed","response":{"id":"r","error":{"code":"server_error","message":"try again in 5s"},"usage":{}}}',
  '{"choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0}]},"finish_reason":null}],"usage":{"prompt_tokens":1}}',
  '{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1}}',
  '[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"3s","violations":[{"quotaId":"q"}]}]}}]',
  'event: error\ndata: {"error":{"message":"no"}}\n\n',
]

const NAMES = [
  '',
  'message_start',
  'message_delta',
  'content_block_start',
  'response.output_item.added',
  'response.failed',
  'error',
]

describe('a hostile upstream', () => {
  it('cannot make a reader throw, whatever it sends', () => {
    const random = createSeededRandom(7)
    for (let round = 0; round < 1000; round++) {
      const text = random.pick(REAL)
      const data = Buffer.from(text.slice(0, random.pick([text.length, random.whole(text.length)])))
      for (let hits = random.whole(4); hits > 0 && data.length > 0; hits--)
        data[random.whole(data.length)] = random.whole(256)
      const frame = { event: random.pick(NAMES), data, cut: random.whole(2) === 0 }
      for (const { upstream } of Object.values(protocols)) {
        expect(['start', 'content', 'finish', 'terminal', 'error', 'other']).toContain(upstream.inspect(frame))
        for (const result of [
          upstream.usageOfFrame(frame),
          upstream.usageOfBody(data),
          upstream.decodeError(data),
          upstream.readStart(data),
        ]) {
          expect(typeof result).toBe('object')
        }
      }
    }
  })

  it.each([
    ['a name that is never closed', '"usage":['.repeat(14_000)],
    ['deep nesting', '{"usage":'.repeat(14_000)],
    ['quotes', '"'.repeat(120_000)],
    ['backslashes', `{"usage":"${'\\'.repeat(120_000)}`],
    ['braces', '{'.repeat(120_000)],
  ])('cannot keep a reader busy with %s', (_, text) => {
    const frame = { event: 'response.completed', data: Buffer.from(text), cut: true }
    const startedAt = performance.now()
    for (const { upstream } of Object.values(protocols)) {
      upstream.inspect(frame)
      expect(upstream.usageOfFrame(frame)).toBeNull()
      expect(upstream.decodeError(frame.data)).toBeNull()
    }
    expect(performance.now() - startedAt).toBeLessThan(500)
  })
})
