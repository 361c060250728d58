/**
 * The end of a Responses stream that cannot be completed: `response.failed` with a whole response object, as strict
 * clients demand. Source: Open Responses specification; behaviour of OpenAI's SDK and of Codex.
 */
import type { GatewayError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { AnswerStart } from '../contract.ts'
import { encodeJson, wordsOf } from '../error-answer.ts'
import { classOf, type ErrorClass } from '../error-class.ts'
import { responseObject } from './response-object.ts'

/**
 * One frame, which names the answer that has begun. When none has, a `response.created` goes before it: without that
 * OpenAI's SDK reports a broken protocol instead of the error.
 */
export function encodeFailedResponse(
  error: GatewayError,
  requestId: string,
  start: AnswerStart | null = null,
  eventsSent = 0,
): string {
  const answer = start ?? { id: `resp_${requestId}`, model: '', createdAt: 0 }
  const failed = {
    ...responseObject(answer, 'failed'),
    error: { code: CODES[classOf(error)], message: messageOf(error) },
  }
  if (start !== null) return frame('response.failed', eventsSent, failed)
  return frame('response.created', 0, responseObject(answer, 'in_progress')) + frame('response.failed', 1, failed)
}

function frame(type: string, sequenceNumber: number, response: JsonObject): string {
  return `event: ${type}\ndata: ${encodeJson({ type, sequence_number: sequenceNumber, response })}\n\n`
}

/** Codex ends the turn at codes of the request's own faults and reconnects at the others. */
const CODES: Record<ErrorClass, string> = {
  bad_request: 'invalid_prompt',
  context_too_long: 'context_length_exceeded',
  unauthenticated: 'invalid_prompt',
  billing: 'insufficient_quota',
  forbidden: 'invalid_prompt',
  not_found: 'invalid_prompt',
  conflict: 'invalid_prompt',
  too_large: 'invalid_prompt',
  rate_limited: 'rate_limit_exceeded',
  server: 'server_error',
  overloaded: 'server_error',
  timeout: 'server_error',
}

/** What Codex waits out inside a turn; for longer it should come back, and be told in a whole answer. */
const LONGEST_WAIT_MS = 60_000

/** In a stream there is no header, so the waiting time is told where Codex reads it: in the words. */
function messageOf(error: GatewayError): string {
  const words = wordsOf(error)
  const { retryAfterMs } = error
  if (classOf(error) !== 'rate_limited' || retryAfterMs === undefined || retryAfterMs > LONGEST_WAIT_MS) return words
  if (/try again in/i.test(words)) return words
  return `${words.replace(/[.\s]*$/, '')}. Please try again in ${Math.ceil(retryAfterMs / 100) / 10}s.`
}
