/**
 * The error body that OpenAI's two protocols share. Source: OpenAI error codes; the fatal ones as real clients treat them.
 */
import type { GatewayError } from '../core/errors.ts'
import type { JsonObject } from '../core/json.ts'
import type { ErrorAnswer } from './contract.ts'
import { createErrorAnswer, waitBefore, wordsOf } from './error-answer.ts'
import { classOf, type ErrorClass } from './error-class.ts'

const WORDS: Record<ErrorClass, { type: string; code: string | null }> = {
  bad_request: { type: 'invalid_request_error', code: null },
  context_too_long: { type: 'invalid_request_error', code: 'context_length_exceeded' },
  unauthenticated: { type: 'invalid_request_error', code: 'invalid_api_key' },
  billing: { type: 'insufficient_quota', code: 'insufficient_quota' },
  forbidden: { type: 'permission_error', code: null },
  not_found: { type: 'invalid_request_error', code: null },
  conflict: { type: 'conflict_error', code: null },
  too_large: { type: 'invalid_request_error', code: 'request_too_large' },
  rate_limited: { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  server: { type: 'server_error', code: null },
  overloaded: { type: 'server_error', code: 'overloaded' },
  timeout: { type: 'server_error', code: 'timeout' },
}

/** Codex takes these for final and stops, although the next try may reach another account. */
const FATAL_CODES = new Set(['server_is_overloaded', 'slow_down'])

/** The members of `error` in an OpenAI error body. */
export function openaiError(error: GatewayError): JsonObject {
  const { type, code } = WORDS[classOf(error)]
  const own = error.code !== undefined && !FATAL_CODES.has(error.code) ? error.code : undefined
  const usual = error.kind === 'model_not_found' ? 'model_not_found' : code
  return { message: wordsOf(error), type, param: error.param ?? null, code: own ?? usual }
}

/** An answer with `body` as its `error`; `retry-after-ms` is what OpenAI's SDKs read first. */
export function openaiErrorAnswer(error: GatewayError, body: JsonObject): ErrorAnswer {
  const status = openaiStatus(error)
  const waitMs = waitBefore(error, status)
  const headers: Record<string, string> = waitMs === undefined ? {} : { 'retry-after-ms': String(Math.ceil(waitMs)) }
  return createErrorAnswer(error, status, { error: body }, headers)
}

/** An empty purse is a 429 here, and a 529 is unknown. */
function openaiStatus(error: GatewayError): number {
  switch (error.status) {
    case 402:
      return 429
    case 529:
      return 503
    default:
      return error.status
  }
}
