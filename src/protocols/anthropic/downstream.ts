/**
 * Serves a client that speaks Anthropic's Messages protocol.
 */
import type { GatewayError } from '../../core/errors.ts'
import { peekObject, type JsonObject, type Range } from '../../core/json.ts'
import type { Downstream } from '../contract.ts'
import { type ConversationLayout, findParts, membersOf } from '../conversation.ts'
import { readBodyEnvelope } from '../envelope.ts'
import { createErrorAnswer, encodeJson, wordsOf } from '../error-answer.ts'
import { classOf, type ErrorClass } from '../error-class.ts'
import { readUserId } from './user-id.ts'

export const downstream: Downstream = {
  protocol: 'anthropic',
  readEnvelope: (body) => readBodyEnvelope(body, OUTLINED),
  readConversation: (body, outline) => findParts(body, outline, LAYOUT),
  encodeError: (error, requestId) =>
    createErrorAnswer(error, statusOf(error), errorBody(error, requestId), { 'request-id': requestId }),
  encodeStreamError: (error, requestId) => `event: error\ndata: ${encodeJson(errorBody(error, requestId))}\n\n`,
  // A ping resets the client's own watch on silence, but before message_start it would be an event out of order.
  keepalive: (begun) => (begun ? 'event: ping\ndata: {"type": "ping"}\n\n' : ': keepalive\n\n'),
}

const LAYOUT: ConversationLayout = {
  session: ['metadata'],
  preamble: ['tools', 'system'],
  messages: 'messages',
  sessionOf: (_, metadata) => readUserId(metadata).session,
  isVolatile: isBillingBlock,
}
const OUTLINED = membersOf(LAYOUT)

const BILLING_TEXT = '"x-anthropic-billing-header'

/** Claude Code's first system block carries a number that changes with every request. */
function isBillingBlock(body: Buffer, part: Range): boolean {
  const text = peekObject(body, ['text'], part).get('text') ?? part
  return body.toString('latin1', text.start, text.start + BILLING_TEXT.length) === BILLING_TEXT
}

const TYPES: Record<ErrorClass, string> = {
  bad_request: 'invalid_request_error',
  context_too_long: 'invalid_request_error',
  unauthenticated: 'authentication_error',
  billing: 'billing_error',
  forbidden: 'permission_error',
  not_found: 'not_found_error',
  conflict: 'conflict_error',
  too_large: 'request_too_large',
  rate_limited: 'rate_limit_error',
  server: 'api_error',
  overloaded: 'overloaded_error',
  timeout: 'timeout_error',
}

/** Source: Anthropic API reference, "Errors". */
function errorBody(error: GatewayError, requestId: string): JsonObject {
  return {
    type: 'error',
    error: { type: TYPES[classOf(error)], message: wordsOf(error) },
    request_id: requestId,
  }
}

function statusOf(error: GatewayError): number {
  if (error.kind === 'overloaded' && error.status === 503) return 529
  return error.status === 422 ? 400 : error.status
}
