import { describe, expect, it } from 'vitest'
import type { UpstreamError } from '../../src/protocols/contract.ts'
import { protocols } from '../../src/protocols/index.ts'
import { startCpuClock } from '../harness/cpu.ts'

const decode = (body: unknown): UpstreamError | null =>
  protocols.anthropic.upstream.decodeError(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)))

const google = (error: object): object => ({
  error: { code: 429, message: 'm', status: 'RESOURCE_EXHAUSTED', ...error },
})
const detail = (type: string, members: object): object => ({
  '@type': `type.googleapis.com/google.rpc.${type}`,
  ...members,
})

describe('decodeError', () => {
  it.each<[string, unknown, UpstreamError]>([
    [
      'Messages',
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' }, request_id: 'req_1' },
      { type: 'overloaded_error', code: '', message: 'Overloaded', status: 529 },
    ],
    [
      'OpenAI',
      { error: { message: 'No such model', type: 'invalid_request_error', param: 'model', code: 'model_not_found' } },
      { type: 'invalid_request_error', code: 'model_not_found', message: 'No such model', status: 404 },
    ],
    [
      'Gemini',
      { error: { code: 503, message: 'busy', status: 'UNAVAILABLE' } },
      { type: 'UNAVAILABLE', code: '', message: 'busy', status: 503 },
    ],
    [
      'Gemini in a list',
      [
        {
          error: {
            code: 400,
            message: 'bad',
            status: 'INVALID_ARGUMENT',
            details: [detail('ErrorInfo', { reason: 'API_KEY_INVALID' })],
          },
        },
      ],
      { type: 'INVALID_ARGUMENT', code: 'API_KEY_INVALID', message: 'bad', status: 400 },
    ],
    [
      'the ChatGPT backend',
      { detail: 'Unsupported parameter: top_p' },
      { type: '', code: '', message: 'Unsupported parameter: top_p' },
    ],
    [
      'a used-up ChatGPT plan',
      {
        error: {
          type: 'usage_limit_reached',
          message: 'm',
          plan_type: 'plus',
          resets_at: 1_763_650_000,
          resets_in_seconds: 90,
        },
      },
      {
        type: 'usage_limit_reached',
        code: '',
        message: 'm',
        status: 429,
        retryAfterMs: 90_000,
        resetsAt: 1_763_650_000_000,
      },
    ],
    [
      'a list of details (FastAPI)',
      { detail: [{ loc: ['body'], msg: 'field required', type: 'missing' }] },
      { type: 'missing', code: '', message: 'field required' },
    ],
    [
      'a flat event of a Responses stream',
      { type: 'error', code: 'rate_limit_exceeded', message: 'slow', param: null, sequence_number: 3 },
      { type: '', code: 'rate_limit_exceeded', message: 'slow', status: 429 },
    ],
    [
      'a nested event of a Responses stream',
      { type: 'error', error: { type: 'server_error', code: null, message: 'oops' } },
      { type: 'server_error', code: '', message: 'oops', status: 500 },
    ],
    [
      'response.failed',
      {
        type: 'response.failed',
        response: { id: 'r', status: 'failed', error: { code: 'context_length_exceeded', message: 'long' } },
      },
      { type: '', code: 'context_length_exceeded', message: 'long', status: 400 },
    ],
    [
      'response.failed without a reason',
      { type: 'response.failed', response: { id: 'r', error: null } },
      { type: 'server_error', code: '', message: '', status: 500 },
    ],
    [
      'a failed response as a whole answer',
      { id: 'r', object: 'response', status: 'failed', error: { code: 'server_error', message: 'oops' }, output: [] },
      { type: '', code: 'server_error', message: 'oops', status: 500 },
    ],
    [
      'a status for a code (OpenRouter)',
      { error: { code: 502, message: 'Provider returned error' }, choices: [] },
      { type: '', code: '', message: 'Provider returned error', status: 502 },
    ],
    ['an error that is a text', { error: 'model is loading' }, { type: '', code: '', message: 'model is loading' }],
    [
      'vLLM',
      { object: 'error', message: 'too long', type: 'BadRequestError', param: null, code: 400 },
      { type: 'BadRequestError', code: '', message: 'too long', status: 400 },
    ],
    [
      'a gateway',
      { message: 'Unauthorized', statusCode: 401 },
      { type: '', code: '', message: 'Unauthorized', status: 401 },
    ],
    [
      'an event stream with an error status',
      'event: error\ndata: {"type":"error","error":{"type":"rate_limit_error","message":"slow"}}\n\n',
      { type: 'rate_limit_error', code: '', message: 'slow', status: 429 },
    ],
  ])('reads %s', (_, body, expected) => {
    expect(decode(body)).toEqual(expected)
  })

  it.each<[string, unknown]>([
    [
      'an answer of Messages',
      { id: 'm', type: 'message', role: 'assistant', content: [{ type: 'text', text: 'error' }] },
    ],
    ['an answer of Responses', { id: 'r', object: 'response', status: 'completed', error: null, output: [] }],
    ['an answer of Chat', { id: 'c', object: 'chat.completion', choices: [{ message: { content: 'x' } }] }],
    ['a chunk with an empty error', { choices: [], error: {} }],
    ['an answer of Gemini', { candidates: [], usageMetadata: {} }],
    ['an answer with a remark', { choices: [], message: 'cached', detail: 'x' }],
    ['a token count', { input_tokens: 12 }],
    ['an empty object', {}],
    ['an empty list', '[]'],
    ['HTML', '<html>error</html>'],
    ['a plain text', 'error: upstream connect error'],
    ['nothing', ''],
    ['null', 'null'],
    ['an event stream without an error', 'event: ping\ndata: {"type":"ping"}\n\n'],
  ])('sees no error in %s', (_, body) => {
    expect(decode(body)).toBeNull()
  })

  it('reads a failed response whose middle was cut out', () => {
    const body =
      '{"type":"response.failed","response":{"id":"r","error":{"code":"server_error","message":"oops"},"instructions":"You a…'
    expect(decode(body)).toMatchObject({ code: 'server_error', message: 'oops' })
  })

  it.each<[string, unknown, number | undefined]>([
    [
      'RetryInfo',
      google({ details: [detail('QuotaFailure', {}), detail('RetryInfo', { retryDelay: '34.4s' })] }),
      34_400,
    ],
    [
      'a delay of the quota',
      google({ details: [detail('ErrorInfo', { metadata: { quotaResetDelay: '1h2m3.5s' } })] }),
      3_723_500,
    ],
    ['seconds in words', { error: { message: 'Rate limit reached. Please try again in 1.5s. Visit …' } }, 1500],
    ['milliseconds in words', { error: { message: 'Please try again in 120ms.' } }, 120],
    ['minutes and seconds in words', { error: { message: 'Please try again in 6m0s.' } }, 360_000],
    ['whole words', { error: { message: 'Please try again in 2 minutes and 5 seconds' } }, 125_000],
    ["Google's words", { error: { message: 'Please retry in 34.074824224s.' } }, 34_075],
    ['resets_in_seconds before words', { error: { resets_in_seconds: 7, message: 'try again in 1s' } }, 7000],
    ['no time', { error: { message: 'try again in a while' } }, undefined],
    ['no wait', { error: { message: 'Please try again in 0s.' } }, undefined],
    ['a number of something else', { error: { message: 'try again in 5 attempts' } }, undefined],
  ])('reads when to come back from %s', (_, body, retryAfterMs) => {
    expect(decode(body)?.retryAfterMs).toBe(retryAfterMs)
  })

  it('names the quota that ran out, which tells a daily limit from one of the minute', () => {
    const violations = [{ quotaMetric: 'x', quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier' }]
    const body = google({
      details: [detail('QuotaFailure', { violations }), detail('ErrorInfo', { reason: 'RATE_LIMIT_EXCEEDED' })],
    })
    expect(decode(body)?.code).toBe('GenerateRequestsPerDayPerProjectPerModel-FreeTier')
  })

  it('does not read an error of 1 MB', () => {
    expect(decode({ error: { type: 't', message: 'x'.repeat(1_000_000) } })).toBeNull()
  })

  it.each([
    ['a message of 60 KB', { error: { type: 't', message: 'x'.repeat(60_000) } }],
    ['words that never become a time', { error: { type: 't', message: `try again in ${'1'.repeat(60_000)}` } }],
  ])('is not worn out by %s', (_, body) => {
    const cpuMs = startCpuClock()
    expect(decode(body)?.message.length).toBeLessThanOrEqual(8192)
    expect(cpuMs()).toBeLessThan(2_000)
  })
})
