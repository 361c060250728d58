/**
 * What the error answers of all dialects have in common: the words, the waiting time, and the headers that tell clients
 * whether trying again can help.
 */
import { type GatewayError, retryAfterSeconds } from '../core/errors.ts'
import type { JsonValue } from '../core/json.ts'
import type { ErrorAnswer } from './contract.ts'

/** Clients that find no waiting time in a 429 give up (Codex) or hammer. */
const SHORTEST_WAIT_MS = 1000

const OWN_WORDS = 'sub2api-simple: '

/** An answer with this body, its headers derived from the error. Source of `x-should-retry`: the vendors' SDKs. */
export function createErrorAnswer(
  error: GatewayError,
  status: number,
  body: JsonValue,
  dialectHeaders: Readonly<Record<string, string>> = {},
): ErrorAnswer {
  const waitMs = waitBefore(error, status)
  const retryable = status === 401 ? false : error.retryable
  return {
    status,
    headers: {
      'content-type': 'application/json',
      ...(status === 401 ? { 'www-authenticate': 'Bearer realm="sub2api-simple"' } : {}),
      ...(waitMs === undefined ? {} : { 'retry-after': String(retryAfterSeconds(waitMs)) }),
      ...(retryable === undefined ? {} : { 'x-should-retry': String(retryable) }),
      ...(error.limitedBy === undefined ? {} : { 'x-relay-limited-by': error.limitedBy }),
      ...dialectHeaders,
    },
    body: encodeJson(body),
  }
}

/** Milliseconds that a client is told to wait, where this status lets it hope at all. */
export function waitBefore(error: GatewayError, status: number): number | undefined {
  if (status === 429) return error.retryAfterMs ?? SHORTEST_WAIT_MS
  return status === 503 || status === 529 ? error.retryAfterMs : undefined
}

/** The vendor's words stay as they are; the relay's own say whose they are, so that its limits are not taken for a vendor's. */
export function wordsOf(error: GatewayError): string {
  const isOurs = error.source === 'gateway' || error.limitedBy !== undefined
  return isOurs && !error.message.startsWith(OWN_WORDS) ? OWN_WORDS + error.message : error.message
}

/** JSON in which no character ends a line: some readers of event streams take U+2028 and U+2029 for line ends. */
export function encodeJson(value: JsonValue): string {
  return JSON.stringify(value).replace(/[\u2028\u2029]/g, (mark) => (mark === '\u2028' ? '\\u2028' : '\\u2029'))
}
