import { describe, expect, it } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import { type ErrorDetails, GatewayError } from '../../src/core/errors.ts'
import { protocols } from '../../src/protocols/index.ts'

const NOW = Date.UTC(2026, 10, 20, 12)

function answer(
  protocol: Protocol,
  details: ErrorDetails,
): { status: number; headers: Record<string, string>; body: unknown } {
  const { status, headers, body } = protocols[protocol].downstream.encodeError(new GatewayError(details), 'req_1', NOW)
  return { status, headers, body: JSON.parse(body) }
}

const FAILED = (status: number): ErrorDetails => ({ kind: 'upstream_failed', source: 'upstream', message: 'm', status })

describe('encodeError', () => {
  it('speaks Messages', () => {
    expect(answer('anthropic', { kind: 'invalid_request', message: '"model" is empty', param: 'model' })).toEqual({
      status: 400,
      headers: { 'content-type': 'application/json', 'request-id': 'req_1' },
      body: {
        type: 'error',
        error: { type: 'invalid_request_error', message: '"model" is empty' },
        request_id: 'req_1',
      },
    })
  })

  it.each(['openai-responses', 'openai-chat'] as const)('speaks OpenAI in %s', (protocol) => {
    expect(answer(protocol, { kind: 'invalid_request', message: '"model" is empty', param: 'model' })).toEqual({
      status: 400,
      headers: { 'content-type': 'application/json' },
      body: { error: { message: '"model" is empty', type: 'invalid_request_error', param: 'model', code: null } },
    })
  })

  it('speaks Gemini', () => {
    expect(answer('gemini', { kind: 'invalid_request', message: 'no' })).toEqual({
      status: 400,
      headers: { 'content-type': 'application/json' },
      body: { error: { code: 400, message: 'no', status: 'INVALID_ARGUMENT' } },
    })
  })

  it.each<[string, ErrorDetails, [number, string], [number, string, string | null], [number, string]]>([
    [
      'bad request',
      FAILED(400),
      [400, 'invalid_request_error'],
      [400, 'invalid_request_error', null],
      [400, 'INVALID_ARGUMENT'],
    ],
    [
      'unprocessable',
      FAILED(422),
      [400, 'invalid_request_error'],
      [422, 'invalid_request_error', null],
      [400, 'INVALID_ARGUMENT'],
    ],
    [
      'context too long',
      { kind: 'invalid_request', message: 'm', code: 'context_length_exceeded' },
      [400, 'invalid_request_error'],
      [400, 'invalid_request_error', 'context_length_exceeded'],
      [400, 'INVALID_ARGUMENT'],
    ],
    [
      'wrong token',
      { kind: 'unauthorized', message: 'm' },
      [401, 'authentication_error'],
      [401, 'invalid_request_error', 'invalid_api_key'],
      [401, 'UNAUTHENTICATED'],
    ],
    [
      'billing',
      FAILED(402),
      [402, 'billing_error'],
      [429, 'insufficient_quota', 'insufficient_quota'],
      [429, 'RESOURCE_EXHAUSTED'],
    ],
    ['permission', FAILED(403), [403, 'permission_error'], [403, 'permission_error', null], [403, 'PERMISSION_DENIED']],
    ['not found', FAILED(404), [404, 'not_found_error'], [404, 'invalid_request_error', null], [404, 'NOT_FOUND']],
    [
      'no such model',
      { kind: 'model_not_found', message: 'm' },
      [404, 'not_found_error'],
      [404, 'invalid_request_error', 'model_not_found'],
      [404, 'NOT_FOUND'],
    ],
    ['conflict', FAILED(409), [409, 'conflict_error'], [409, 'conflict_error', null], [409, 'ABORTED']],
    [
      'too large',
      { kind: 'request_too_large', message: 'm' },
      [413, 'request_too_large'],
      [413, 'invalid_request_error', 'request_too_large'],
      [413, 'INVALID_ARGUMENT'],
    ],
    [
      'rate limit',
      { kind: 'rate_limited', message: 'm' },
      [429, 'rate_limit_error'],
      [429, 'rate_limit_error', 'rate_limit_exceeded'],
      [429, 'RESOURCE_EXHAUSTED'],
    ],
    ['server', FAILED(500), [500, 'api_error'], [500, 'server_error', null], [500, 'INTERNAL']],
    [
      'bad gateway',
      { kind: 'upstream_failed', message: 'm' },
      [502, 'api_error'],
      [502, 'server_error', null],
      [502, 'INTERNAL'],
    ],
    [
      'overloaded',
      { kind: 'overloaded', message: 'm' },
      [529, 'overloaded_error'],
      [503, 'server_error', 'overloaded'],
      [503, 'UNAVAILABLE'],
    ],
    [
      'overloaded upstream',
      FAILED(529),
      [529, 'overloaded_error'],
      [503, 'server_error', 'overloaded'],
      [503, 'UNAVAILABLE'],
    ],
    [
      'no account left',
      { kind: 'unavailable', message: 'm' },
      [503, 'overloaded_error'],
      [503, 'server_error', 'overloaded'],
      [503, 'UNAVAILABLE'],
    ],
    [
      'timeout',
      { kind: 'upstream_timeout', message: 'm' },
      [504, 'timeout_error'],
      [504, 'server_error', 'timeout'],
      [504, 'DEADLINE_EXCEEDED'],
    ],
    [
      'a status of its own',
      FAILED(418),
      [418, 'invalid_request_error'],
      [418, 'invalid_request_error', null],
      [418, 'INVALID_ARGUMENT'],
    ],
    ['an unknown fault', FAILED(599), [599, 'api_error'], [599, 'server_error', null], [599, 'INTERNAL']],
  ])(
    'tells "%s" in the words of each family',
    (_, details, [status, type], [openaiStatus, openaiType, code], [geminiStatus, name]) => {
      expect(answer('anthropic', details)).toMatchObject({ status, body: { error: { type } } })
      for (const protocol of ['openai-responses', 'openai-chat'] as const) {
        expect(answer(protocol, details)).toMatchObject({
          status: openaiStatus,
          body: { error: { type: openaiType, code } },
        })
      }
      expect(answer('gemini', details)).toMatchObject({
        status: geminiStatus,
        body: { error: { code: geminiStatus, status: name } },
      })
    },
  )

  it('tells a wrong token not to try again, and how to send one', () => {
    for (const protocol of Object.keys(protocols) as Protocol[]) {
      expect(answer(protocol, { kind: 'unauthorized', message: 'm' }).headers).toMatchObject({
        'x-should-retry': 'false',
        'www-authenticate': 'Bearer realm="sub2api-simple"',
      })
    }
  })

  it.each<[string, ErrorDetails, string | undefined]>([
    ['rounds a 429 up to whole seconds', { kind: 'rate_limited', message: 'm', retryAfterMs: 34_400 }, '35'],
    ['never says 0', { kind: 'rate_limited', message: 'm', retryAfterMs: 1 }, '1'],
    ['gives every 429 a time', { kind: 'queue_full', message: 'm' }, '1'],
    ['gives a 503 its known time', { kind: 'unavailable', message: 'm', retryAfterMs: 5000 }, '5'],
    ['gives a 529 its known time', { kind: 'overloaded', message: 'm', retryAfterMs: 5000 }, '5'],
    ['makes up no time for a 503', { kind: 'unavailable', message: 'm' }, undefined],
    ['gives none to other statuses', { kind: 'upstream_failed', message: 'm', retryAfterMs: 5000 }, undefined],
  ])('retry-after %s', (_, details, expected) => {
    for (const protocol of Object.keys(protocols) as Protocol[]) {
      expect(answer(protocol, details).headers['retry-after']).toBe(expected)
    }
  })

  it('tells the wait in milliseconds to OpenAI clients and as RetryInfo to Gemini clients', () => {
    const details: ErrorDetails = { kind: 'rate_limited', message: 'm', retryAfterMs: 34_400 }
    expect(answer('openai-chat', details).headers['retry-after-ms']).toBe('34400')
    expect(answer('gemini', details).body).toMatchObject({
      error: { details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.4s' }] },
    })
  })

  it('tells no fractions of a millisecond, and no more digits than a Duration may have', () => {
    const details: ErrorDetails = { kind: 'rate_limited', message: 'm', retryAfterMs: 119_979.45986000002 }
    expect(answer('openai-chat', details).headers['retry-after-ms']).toBe('119980')
    expect(answer('gemini', details).body).toMatchObject({ error: { details: [{ retryDelay: '119.98s' }] } })
  })

  it('tells Responses clients of a long wait when it ends; a short one they wait out', () => {
    const limit = (retryAfterMs?: number): ErrorDetails => ({
      kind: 'usage_limit',
      source: 'upstream',
      message: 'used up',
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    })
    expect(answer('openai-responses', limit(3_600_500))).toMatchObject({
      status: 429,
      headers: { 'retry-after': '3601' },
      body: {
        error: {
          message: 'used up',
          type: 'usage_limit_reached',
          code: 'usage_limit_reached',
          resets_at: NOW / 1000 + 3601,
          resets_in_seconds: 3601,
        },
      },
    })
    expect(answer('openai-responses', limit())).toMatchObject({ body: { error: { type: 'usage_limit_reached' } } })
    expect(answer('openai-responses', limit(60_000))).toMatchObject({ body: { error: { type: 'rate_limit_error' } } })
    expect(answer('openai-chat', limit(3_600_000))).toMatchObject({ body: { error: { type: 'rate_limit_error' } } })
  })

  it('tells the distance alone when it does not know the time', () => {
    const error = new GatewayError({ kind: 'usage_limit', message: 'm', retryAfterMs: 120_000 })
    const { body } = protocols['openai-responses'].downstream.encodeError(error, 'req_1')
    expect(JSON.parse(body)).toMatchObject({ error: { resets_in_seconds: 120 } })
    expect(body).not.toContain('resets_at')
  })

  it('says whether trying again helps, and which of its own limits refused', () => {
    const details: ErrorDetails = {
      kind: 'queue_full',
      message: 'full',
      code: 'relay_queue_full',
      retryable: false,
      limitedBy: 'queue',
    }
    for (const protocol of Object.keys(protocols) as Protocol[]) {
      expect(answer(protocol, details).headers).toMatchObject({
        'x-should-retry': 'false',
        'x-relay-limited-by': 'queue',
      })
    }
    expect(answer('openai-chat', details).body).toMatchObject({ error: { code: 'relay_queue_full' } })
  })

  it.each<[string, ErrorDetails, string]>([
    ['marks its own faults', { kind: 'internal', message: 'm' }, 'sub2api-simple: m'],
    ['marks its own limits', { kind: 'rate_limited', message: 'm', limitedBy: 'token' }, 'sub2api-simple: m'],
    ['marks once', { kind: 'internal', message: 'sub2api-simple: m' }, 'sub2api-simple: m'],
    ['leaves the vendor its words', { kind: 'rate_limited', source: 'upstream', message: 'm' }, 'm'],
    ['leaves what the client did', { kind: 'invalid_request', message: 'm' }, 'm'],
  ])('%s', (_, details, message) => {
    for (const protocol of Object.keys(protocols) as Protocol[]) {
      expect(answer(protocol, details).body).toMatchObject({ error: { message } })
    }
  })

  it('never tells Codex a code that it takes for final', () => {
    const details: ErrorDetails = { kind: 'overloaded', source: 'upstream', message: 'm', code: 'server_is_overloaded' }
    expect(answer('openai-responses', details)).toMatchObject({
      status: 503,
      body: { error: { type: 'server_error', code: 'overloaded' } },
    })
  })
})
