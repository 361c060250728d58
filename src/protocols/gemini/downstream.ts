/**
 * Serves a client that speaks Google's Gemini protocol.
 */
import type { GatewayError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Downstream } from '../contract.ts'
import { type ConversationLayout, findParts, membersOf } from '../conversation.ts'
import { readMembers } from '../envelope.ts'
import { createErrorAnswer, encodeJson, waitBefore, wordsOf } from '../error-answer.ts'
import { classOf, type ErrorClass } from '../error-class.ts'

export const downstream: Downstream = {
  protocol: 'gemini',
  readEnvelope(body) {
    const { outline } = readMembers(body, [], OUTLINED)
    return { model: '', stream: false, modelRange: null, outline }
  },
  readConversation: (body, outline) => findParts(body, outline, LAYOUT),
  encodeError: (error) => createErrorAnswer(error, statusOf(error), errorBody(error)),
  encodeStreamError: (error) => `data: ${encodeJson(errorBody(error))}\r\n\r\n`,
  // Comments break the reader inside Gemini CLI, and the dialect has no event that says nothing.
  keepalive: () => null,
}

export interface GeminiPath {
  readonly model: string
  readonly verb: 'generateContent' | 'streamGenerateContent' | 'countTokens'
}

/**
 * Model and verb of the path segment behind `models/`, such as `gemini-3-pro:generateContent`; null for anything that is
 * not plainly one, since the model becomes part of the upstream's path.
 */
export function readGeminiPath(segment: string): GeminiPath | null {
  const [, model, verb] = /^([A-Za-z0-9._-]{1,128}):(\w+)$/.exec(segment) ?? []
  if (model === undefined || /^\.+$/.test(model)) return null
  switch (verb) {
    case 'generateContent':
    case 'streamGenerateContent':
    case 'countTokens':
      return { model, verb }
    default:
      return null
  }
}

/** Google's readers take both spellings of a member; its clients send the first. They name no session. */
const LAYOUT: ConversationLayout = {
  session: [],
  preamble: ['systemInstruction', 'system_instruction', 'tools'],
  messages: 'contents',
  sessionOf: () => null,
}
const OUTLINED = membersOf(LAYOUT)

const STATUS_NAMES: Record<ErrorClass, string> = {
  bad_request: 'INVALID_ARGUMENT',
  context_too_long: 'INVALID_ARGUMENT',
  unauthenticated: 'UNAUTHENTICATED',
  billing: 'RESOURCE_EXHAUSTED',
  forbidden: 'PERMISSION_DENIED',
  not_found: 'NOT_FOUND',
  conflict: 'ABORTED',
  too_large: 'INVALID_ARGUMENT',
  rate_limited: 'RESOURCE_EXHAUSTED',
  server: 'INTERNAL',
  overloaded: 'UNAVAILABLE',
  timeout: 'DEADLINE_EXCEEDED',
}

/** Gemini's clients read the waiting time from the RetryInfo detail alone. Source: google.rpc.Status. */
function errorBody(error: GatewayError): JsonObject {
  const code = statusOf(error)
  const waitMs = waitBefore(error, code)
  const details: JsonObject =
    waitMs === undefined
      ? {}
      : {
          details: [
            { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${Math.ceil(waitMs) / 1000}s` },
          ],
        }
  return { error: { code, message: wordsOf(error), status: STATUS_NAMES[classOf(error)], ...details } }
}

function statusOf(error: GatewayError): number {
  switch (error.status) {
    case 402:
      return 429
    case 422:
      return 400
    case 529:
      return 503
    default:
      return error.status
  }
}
