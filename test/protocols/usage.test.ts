import { describe, expect, it } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import type { Frame } from '../../src/core/sse.ts'
import type { Usage } from '../../src/protocols/contract.ts'
import { protocols } from '../../src/protocols/index.ts'

const frame = (data: object & { type?: string }, cut = false): Frame => ({
  event: data.type ?? '',
  data: Buffer.from(JSON.stringify(data)),
  cut,
})

const ofFrame = (protocol: Protocol, data: object): Usage | null =>
  protocols[protocol].upstream.usageOfFrame(frame(data))
const ofBody = (protocol: Protocol, body: unknown): Usage | null =>
  protocols[protocol].upstream.usageOfBody(Buffer.from(JSON.stringify(body)))

describe('usageOfBody', () => {
  // The same exchange in the words of each vendor: 100 fresh tokens in, 900 read from the cache, 50 written; 30 out.
  const SAME: Usage = { input: 100, cached: 900, cacheWrite: 50, output: 30, reasoning: 10 }

  it.each<[string, Protocol, object, Usage]>([
    [
      'Messages, whose input excludes the cache',
      'anthropic',
      {
        usage: {
          input_tokens: 100,
          cache_read_input_tokens: 900,
          cache_creation_input_tokens: 50,
          output_tokens: 30,
          output_tokens_details: { thinking_tokens: 10 },
        },
      },
      SAME,
    ],
    [
      'Responses, whose input includes it',
      'openai-responses',
      {
        usage: {
          input_tokens: 1050,
          input_tokens_details: { cached_tokens: 900, cache_write_tokens: 50 },
          output_tokens: 30,
          output_tokens_details: { reasoning_tokens: 10 },
          total_tokens: 1080,
        },
      },
      SAME,
    ],
    [
      'Chat, likewise',
      'openai-chat',
      {
        usage: {
          prompt_tokens: 1050,
          prompt_tokens_details: { cached_tokens: 900, cache_write_tokens: 50 },
          completion_tokens: 30,
          completion_tokens_details: { reasoning_tokens: 10 },
          total_tokens: 1080,
        },
      },
      SAME,
    ],
    [
      'Gemini, whose candidates exclude thoughts',
      'gemini',
      {
        usageMetadata: {
          promptTokenCount: 900,
          toolUsePromptTokenCount: 100,
          cachedContentTokenCount: 900,
          candidatesTokenCount: 20,
          thoughtsTokenCount: 10,
          totalTokenCount: 1030,
        },
      },
      { input: 100, cached: 900, output: 30, reasoning: 10 },
    ],
  ])('reads %s', (_, protocol, body, usage) => {
    expect(ofBody(protocol, body)).toEqual(usage)
  })

  it.each<[string, Protocol, object, Usage | null]>([
    [
      'cache writes that live an hour',
      'anthropic',
      {
        cache_creation_input_tokens: 5,
        cache_creation: { ephemeral_5m_input_tokens: 2, ephemeral_1h_input_tokens: 3 },
      },
      { cacheWrite: 5, cacheWrite1h: 3 },
    ],
    ['Kimi on Messages', 'anthropic', { input_tokens: 7, cached_tokens: 3 }, { input: 7, cached: 3 }],
    ['null for what is unknown', 'anthropic', { input_tokens: 7, cache_read_input_tokens: null }, { input: 7 }],
    ['DeepSeek', 'openai-chat', { prompt_tokens: 10, prompt_cache_hit_tokens: 4 }, { input: 6, cached: 4 }],
    ['Kimi on Chat', 'openai-chat', { prompt_tokens: 10, cached_tokens: 4 }, { input: 6, cached: 4 }],
    ['more cached than there was', 'openai-chat', { prompt_tokens: 3, cached_tokens: 4 }, { input: 0, cached: 4 }],
    [
      'a completion without its reasoning, by the total',
      'openai-chat',
      { prompt_tokens: 5, completion_tokens: 20, completion_tokens_details: { reasoning_tokens: 8 }, total_tokens: 33 },
      { input: 5, output: 28, reasoning: 8 },
    ],
    [
      'a completion without its reasoning, by its size',
      'openai-chat',
      { completion_tokens: 2, completion_tokens_details: { reasoning_tokens: 8 } },
      { output: 10, reasoning: 8 },
    ],
    ['numbers that are none', 'openai-chat', { prompt_tokens: '5', completion_tokens: -1 }, null],
    ['nothing', 'openai-responses', {}, null],
  ])('reads %s', (_, protocol, usage, expected) => {
    expect(ofBody(protocol, { usage })).toEqual(expected)
  })

  it('reads the last chunk of a Gemini stream that came as a list', () => {
    const chunks = [{ usageMetadata: { promptTokenCount: 1 } }, { usageMetadata: { promptTokenCount: 9 } }]
    expect(ofBody('gemini', chunks)).toEqual({ input: 9 })
  })

  it('is not misled by a member of the same name in the content', () => {
    const content = [{ type: 'tool_use', input: { usage: { input_tokens: 666 } } }]
    expect(ofBody('anthropic', { usage: { input_tokens: 7 }, content })).toEqual({ input: 7 })
    expect(ofBody('anthropic', { content })).toBeNull()
  })

  it.each(['', 'hello', '[]', '{"usage":', '{"usage":null}', '{"usage":5}'])('is null for %j', (body) => {
    for (const { upstream } of Object.values(protocols)) expect(upstream.usageOfBody(Buffer.from(body))).toBeNull()
  })
})

describe('usageOfFrame', () => {
  it('takes the input of Messages from the start and the output from the end', () => {
    const start = {
      type: 'message_start',
      message: { usage: { input_tokens: 100, cache_read_input_tokens: 9, output_tokens: 1 } },
    }
    const end = {
      type: 'message_delta',
      delta: { stop_reason: 'end_turn' },
      usage: { input_tokens: 0, output_tokens: 42 },
    }
    expect({ ...ofFrame('anthropic', start), ...ofFrame('anthropic', end) }).toEqual({
      input: 100,
      cached: 9,
      output: 42,
    })
  })

  it('lets the end of Messages correct a start that did not know', () => {
    const start = { type: 'message_start', message: { usage: { input_tokens: 0, output_tokens: 0 } } }
    const end = { type: 'message_delta', delta: {}, usage: { input_tokens: 70, output_tokens: 42 } }
    expect({ ...ofFrame('anthropic', start), ...ofFrame('anthropic', end) }).toEqual({ input: 70, output: 42 })
  })

  it.each(['completed', 'incomplete', 'failed'])('reads the terminal event response.%s', (status) => {
    const response = { status, usage: { input_tokens: 5, output_tokens: 6 }, metadata: { usage: 'none' } }
    expect(ofFrame('openai-responses', { type: `response.${status}`, response })).toEqual({ input: 5, output: 6 })
  })

  it('reads a terminal event whose middle was cut out', () => {
    const data = Buffer.from(
      '{"type":"response.completed","response":{"id":"r","output":[{"text":"He…llo"}],"usage":{"input_tokens":5},"user":null}}',
    )
    const cut: Frame = { event: 'response.completed', data, cut: true }
    expect(protocols['openai-responses'].upstream.usageOfFrame(cut)).toEqual({ input: 5 })
  })

  it.each([
    ['at the top', { choices: [], usage: { prompt_tokens: 5 } }],
    [
      'in the choice (Moonshot)',
      { choices: [{ delta: {}, finish_reason: 'stop', usage: { prompt_tokens: 5 } }], usage: null },
    ],
    ['in a member of the vendor (Groq)', { choices: [], x_groq: { usage: { prompt_tokens: 5 } } }],
  ])('reads the usage of a chunk of Chat %s', (_, chunk) => {
    expect(ofFrame('openai-chat', chunk)).toEqual({ input: 5 })
  })

  it('reads each chunk of Gemini', () => {
    expect(ofFrame('gemini', { candidates: [], usageMetadata: { promptTokenCount: 5 } })).toEqual({ input: 5 })
  })

  it.each<[Protocol, object]>([
    ['anthropic', { type: 'content_block_delta', delta: { text: 'x' } }],
    ['anthropic', { type: 'message_delta', delta: {} }],
    ['openai-responses', { type: 'response.created', response: { usage: null } }],
    ['openai-responses', { type: 'response.completed', response: { usage: null } }],
    ['openai-chat', { choices: [{ delta: { content: '"usage": {"prompt_tokens":5}' } }], usage: null }],
    ['gemini', { candidates: [] }],
  ])('is null where %s tells nothing: %j', (protocol, data) => {
    expect(ofFrame(protocol, data)).toBeNull()
  })
})
