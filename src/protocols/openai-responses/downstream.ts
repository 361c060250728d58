/**
 * Serves a client that speaks OpenAI's Responses protocol.
 */
import type { GatewayError } from '../../core/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { Downstream, ErrorAnswer } from '../contract.ts'
import { type ConversationLayout, findParts, membersOf } from '../conversation.ts'
import { readBodyEnvelope } from '../envelope.ts'
import { openaiError, openaiErrorAnswer } from '../openai-error.ts'
import { encodeFailedResponse } from './failed-response.ts'

export const downstream: Downstream = {
  protocol: 'openai-responses',
  readEnvelope: (body) => readBodyEnvelope(body, OUTLINED),
  readConversation: (body, outline) => findParts(body, outline, LAYOUT),
  encodeError,
  encodeStreamError: encodeFailedResponse,
  // Not the dialect's own `keepalive` event: before response.created it makes OpenAI's SDK throw.
  keepalive: () => ': keepalive\n\n',
}

const LAYOUT: ConversationLayout = {
  session: ['prompt_cache_key', 'conversation', 'previous_response_id'],
  preamble: ['instructions', 'tools'],
  messages: 'input',
  sessionOf: (_, value) => readName(value),
}
/** Members that name something which only a vendor that keeps responses can look up. */
export const KEPT_BY_VENDOR = ['conversation', 'background', 'prompt'] as const
const OUTLINED = [...membersOf(LAYOUT), ...KEPT_BY_VENDOR, 'store']

/** A conversation is named by its id, bare or in an object. */
function readName(value: JsonValue): string | null {
  if (typeof value === 'string') return value
  const id = isJsonObject(value) ? value['id'] : null
  return typeof id === 'string' ? id : null
}

/** Codex waits out what is shorter, and tells its user the moment of return when it is longer. */
const LONG_WAIT_MS = 60_000

function encodeError(error: GatewayError, _requestId: string, now?: number): ErrorAnswer {
  return openaiErrorAnswer(error, isLongLimit(error) ? usageLimitError(error, now) : openaiError(error))
}

function isLongLimit({ kind, status, retryAfterMs }: GatewayError): boolean {
  return status === 429 && (retryAfterMs === undefined ? kind === 'usage_limit' : retryAfterMs > LONG_WAIT_MS)
}

/** The form in which the ChatGPT backend tells a used-up plan. Times are whole seconds. */
function usageLimitError(error: GatewayError, now: number | undefined): JsonObject {
  const { retryAfterMs } = error
  const body = { ...openaiError(error), type: 'usage_limit_reached', code: 'usage_limit_reached' }
  if (retryAfterMs === undefined) return body
  const seconds = Math.ceil(retryAfterMs / 1000)
  return {
    ...body,
    ...(now === undefined ? {} : { resets_at: Math.ceil(now / 1000) + seconds }),
    resets_in_seconds: seconds,
  }
}
