import OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import { type ErrorDetails, GatewayError } from '../../src/core/errors.ts'
import { FrameScanner } from '../../src/core/sse.ts'
import type { AnswerStart } from '../../src/protocols/contract.ts'
import { protocols } from '../../src/protocols/index.ts'

const BROKEN: ErrorDetails = { kind: 'upstream_failed', source: 'upstream', message: 'it broke' }
const START: AnswerStart = { id: 'resp_9', model: 'gpt-5.5', createdAt: 1_763_640_000 }

function encode(protocol: Protocol, details: ErrorDetails, start?: AnswerStart, eventsSent?: number): string {
  return protocols[protocol].downstream.encodeStreamError(new GatewayError(details), 'req_1', start, eventsSent)
}

function frames(stream: string): Array<{ event: string; data: Record<string, unknown> }> {
  const seen: Array<{ event: string; data: Record<string, unknown> }> = []
  const scanner = new FrameScanner(({ event, data }) => seen.push({ event, data: JSON.parse(data.toString()) }))
  scanner.push(Buffer.from(stream))
  expect(scanner.betweenEvents).toBe(true)
  return seen
}

describe('encodeStreamError', () => {
  it('ends a Messages stream with its error event', () => {
    expect(encode('anthropic', BROKEN)).toBe(
      'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"it broke"},"request_id":"req_1"}\n\n',
    )
  })

  it('ends a Chat stream with an error chunk', () => {
    expect(encode('openai-chat', BROKEN)).toBe(
      'data: {"error":{"message":"it broke","type":"server_error","param":null,"code":null}}\n\n',
    )
  })

  it('ends a Gemini stream with an error chunk, in the line ends of that dialect', () => {
    expect(encode('gemini', BROKEN)).toBe(
      'data: {"error":{"code":502,"message":"it broke","status":"INTERNAL"}}\r\n\r\n',
    )
  })

  it('ends a Responses stream with the failure of the answer that has begun', () => {
    const [failed, ...others] = frames(encode('openai-responses', BROKEN, START, 17))
    expect(others).toEqual([])
    expect(failed).toMatchObject({
      event: 'response.failed',
      data: {
        type: 'response.failed',
        sequence_number: 17,
        response: {
          id: 'resp_9',
          object: 'response',
          created_at: 1_763_640_000,
          model: 'gpt-5.5',
          status: 'failed',
          error: { code: 'server_error', message: 'it broke' },
        },
      },
    })
  })

  it('puts every member into the failed response that the specification requires', () => {
    const required = `id object created_at completed_at status incomplete_details model previous_response_id instructions
      output error tools tool_choice truncation parallel_tool_calls text top_p presence_penalty frequency_penalty
      top_logprobs temperature reasoning usage max_output_tokens max_tool_calls store background service_tier metadata
      safety_identifier prompt_cache_key`
    const [failed] = frames(encode('openai-responses', BROKEN, START))
    expect(Object.keys(failed?.data['response'] as object).toSorted()).toEqual(required.split(/\s+/).toSorted())
  })

  it.each<[ErrorDetails, string, string]>([
    [{ kind: 'invalid_request', message: 'm' }, 'invalid_prompt', 'm'],
    [{ kind: 'invalid_request', message: 'm', code: 'context_length_exceeded' }, 'context_length_exceeded', 'm'],
    [{ kind: 'upstream_failed', source: 'upstream', message: 'm', status: 402 }, 'insufficient_quota', 'm'],
    [{ kind: 'overloaded', source: 'upstream', message: 'm', code: 'server_is_overloaded' }, 'server_error', 'm'],
    [{ kind: 'upstream_timeout', source: 'upstream', message: 'm' }, 'server_error', 'm'],
    [
      { kind: 'rate_limited', message: 'Slow down.', retryAfterMs: 1420 },
      'rate_limit_exceeded',
      'Slow down. Please try again in 1.5s.',
    ],
    [
      { kind: 'rate_limited', message: 'try again in 9s', retryAfterMs: 1420 },
      'rate_limit_exceeded',
      'try again in 9s',
    ],
    [{ kind: 'usage_limit', message: 'm', retryAfterMs: 3_600_000 }, 'rate_limit_exceeded', 'm'],
  ])('tells Codex %j as %s: "%s"', (details, code, message) => {
    const [failed] = frames(encode('openai-responses', details, START))
    expect(failed?.data).toMatchObject({ response: { error: { code, message } } })
  })

  it('lets no character of a message end a line', () => {
    for (const protocol of Object.keys(protocols) as Protocol[]) {
      const stream = encode(protocol, { ...BROKEN, message: 'a\nb\u2028c\u2029d' }, START)
      expect(frames(stream)).toHaveLength(1)
      expect(stream).not.toMatch(/[\u2028\u2029]/)
    }
  })

  const begun = `event: response.created\ndata: ${JSON.stringify({
    type: 'response.created',
    sequence_number: 0,
    response: { id: 'resp_9', object: 'response', created_at: 5, status: 'in_progress', model: 'gpt-5.5', output: [] },
  })}\n\n`

  it.each([
    ['that has begun', begun, START],
    ['that has not begun', ': keepalive\n\n', undefined],
  ])("is read by OpenAI's SDK as the failure it is, in a stream %s", async (_, sent, start) => {
    const stream = sent + encode('openai-responses', BROKEN, start, 1)
    const fetch = (): Promise<Response> =>
      Promise.resolve(new Response(stream, { headers: { 'content-type': 'text/event-stream' } }))
    const client = new OpenAI({ apiKey: 'k', baseURL: 'http://localhost', maxRetries: 0, fetch })
    const response = await client.responses.stream({ model: 'gpt-5.5', input: 'hi' }).finalResponse()
    expect(response).toMatchObject({ status: 'failed', error: { code: 'server_error', message: 'it broke' } })
  })
})

describe('keepalive', () => {
  it.each<[Protocol, string | null, string | null]>([
    ['anthropic', ': keepalive\n\n', 'event: ping\ndata: {"type": "ping"}\n\n'],
    ['openai-responses', ': keepalive\n\n', ': keepalive\n\n'],
    ['openai-chat', ': keepalive\n\n', ': keepalive\n\n'],
    ['gemini', null, null],
  ])('of %s is %j before the answer begins and %j after', (protocol, before, after) => {
    const { downstream } = protocols[protocol]
    expect([downstream.keepalive(false), downstream.keepalive(true)]).toEqual([before, after])
  })
})
