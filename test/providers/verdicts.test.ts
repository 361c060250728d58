import { describe, expect, test } from 'vitest'
import type { WindowReading } from '../../src/core/verdict.ts'
import type { UpstreamError } from '../../src/protocols/contract.ts'
import { judgeFailure } from '../../src/providers/verdicts.ts'

const NOW = Date.UTC(2026, 10, 20, 12)

function judge(
  status: number,
  error: Partial<UpstreamError> = {},
  facts: { headers?: Array<[string, string]>; windows?: WindowReading[] } = {},
) {
  return judgeFailure({
    status,
    headers: facts.headers ?? [],
    windows: facts.windows ?? [],
    body: Buffer.alloc(0),
    error: { type: '', code: '', message: '', ...error },
    now: NOW,
  })
}

describe('what a failed answer means', () => {
  test.each<[number, Partial<UpstreamError>, string]>([
    [400, { type: 'invalid_request_error', message: 'max_tokens: required' }, 'client_mistake'],
    [400, { type: 'invalid_request_error', message: 'prompt is too long: 9 tokens > 8 maximum' }, 'client_mistake'],
    [413, { type: 'request_too_large' }, 'client_mistake'],
    [422, {}, 'client_mistake'],
    [404, { type: 'invalid_request_error', message: 'no such file' }, 'client_mistake'],
    [404, { type: 'not_found_error', message: 'model: claude-9' }, 'model_unavailable'],
    [404, { code: 'model_not_found', message: 'The model `gpt-9` does not exist' }, 'model_unavailable'],
    [404, { type: 'NOT_FOUND', message: 'models/gemini-9.5 is not found for API version v1beta' }, 'model_unavailable'],
    [
      400,
      { message: "The 'gpt-9' model is not supported when using Codex with a ChatGPT account." },
      'model_unavailable',
    ],
    [400, { type: 'invalid_request_error', message: 'Your credit balance is too low to access the API' }, 'billing'],
    [400, { type: 'overloaded_error', message: 'Overloaded' }, 'overloaded'],
    [401, { type: 'authentication_error', message: 'invalid x-api-key' }, 'unauthorized'],
    [402, {}, 'billing'],
    [403, { type: 'permission_error', message: 'country not supported' }, 'forbidden'],
    [403, { message: 'This organization has been disabled.' }, 'banned'],
    [408, {}, 'transient'],
    [409, {}, 'transient'],
    [429, { type: 'rate_limit_error', message: 'slow down' }, 'burst'],
    [429, { type: 'usage_limit_reached' }, 'quota'],
    [429, { code: 'insufficient_quota', message: 'You exceeded your current quota' }, 'billing'],
    [500, { type: 'api_error' }, 'transient'],
    [502, {}, 'transient'],
    [503, {}, 'overloaded'],
    [504, {}, 'transient'],
    [520, {}, 'transient'],
    [529, { type: 'overloaded_error' }, 'overloaded'],
    [500, { code: 'server_is_overloaded' }, 'overloaded'],
    [200, { type: 'overloaded_error', message: 'Overloaded' }, 'overloaded'],
    [200, { type: 'rate_limit_error' }, 'burst'],
    [200, { type: 'invalid_request_error', message: 'bad' }, 'client_mistake'],
    [200, { message: 'something broke' }, 'transient'],
  ])('%d %j: %s', (status, error, reason) => {
    expect(judge(status, error).reason).toBe(reason)
  })

  test('a burst that comes with a used-up window is that window, until its reset', () => {
    const windows = [
      { name: '5h', usedPercent: 100, resetsAt: NOW + 600_000, isExhausted: true },
      { name: '7d', usedPercent: 40, resetsAt: NOW + 9_000_000, isExhausted: false },
    ]
    expect(judge(429, { type: 'rate_limit_error' }, { windows })).toMatchObject({
      reason: 'quota',
      retryAfterMs: 600_000,
    })
  })

  test('a burst beside windows that still have room stays a burst', () => {
    const windows = [{ name: '5h', usedPercent: 60, resetsAt: NOW + 600_000, isExhausted: false }]
    expect(judge(429, {}, { windows, headers: [['retry-after', '3']] })).toMatchObject({
      reason: 'burst',
      retryAfterMs: 3_000,
    })
  })
})

describe('when the vendor wants to be asked again', () => {
  test.each([
    ['seconds', '7', 7_000],
    ['fractions of a second', '1.5', 1_500],
    ['a date', new Date(NOW + 90_000).toUTCString(), 90_000],
    ['a date that has passed', new Date(NOW - 90_000).toUTCString(), undefined],
    ['zero', '0', undefined],
    ['a negative number', '-5', undefined],
    ['garbage', 'soon', undefined],
    ['thirty years', '1000000000', 86_400_000],
  ])('%s', (_what, value, expected) => {
    expect(judge(429, {}, { headers: [['retry-after', value]] }).retryAfterMs).toBe(expected)
  })

  test('milliseconds are more exact and win', () => {
    const headers: Array<[string, string]> = [
      ['retry-after', '1'],
      ['retry-after-ms', '340'],
    ]
    expect(judge(429, {}, { headers }).retryAfterMs).toBe(340)
  })

  test('without a header the body counts', () => {
    expect(judge(429, { type: 'usage_limit_reached', retryAfterMs: 5_400_000 }).retryAfterMs).toBe(5_400_000)
  })
})
