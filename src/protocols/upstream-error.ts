/**
 * Reads a failure from whatever an upstream sends instead of an answer. One reader for all dialects, because servers
 * that speak one of them often fail in the words of another.
 */
import {
  isJsonObject,
  parseValue,
  peekObject,
  peekValue,
  scanArray,
  type JsonObject,
  type JsonValue,
  type Range,
} from '../core/json.ts'
import { FrameScanner } from '../core/sse.ts'
import type { UpstreamError } from './contract.ts'
import { statusOfClass } from './error-status.ts'
import { readRetryHint } from './retry-hint.ts'

/**
 * The failure told by an error body, by the data of an error frame, or by a body that came with a 200; null for an
 * answer and for what is no JSON. Shapes (a member `error` that is null is no error):
 *
 * - `{"error": {…}}` with or without `"type": "error"` around it; in a list (Google); `{"error": "text"}`
 * - `{"type": "error", "code", "message"}`, flat (Responses stream, vLLM)
 * - `{"type": "response.failed", "response": {"error": {…}}}`
 * - `{"detail": "text"}`, or a list of details (ChatGPT backend, FastAPI); `{"message": "text"}` (gateways)
 * - any of them as the data of a server-sent event
 */
export function readUpstreamError(body: Buffer): UpstreamError | null {
  const first = body[0]
  if (first === LETTER_E || first === LETTER_D || first === COLON) return readEventStream(body)
  const members = peekObject(body, MEMBERS, firstElement(body))
  const top: JsonObject = {}
  for (const [name, range] of members) {
    if (!ANSWER_MEMBERS.has(name) && name !== 'response') top[name] = readBounded(body, range)
  }
  if (isJsonObject(top['error']) && Object.keys(top['error']).length > 0) return describe(top['error'], top)
  if (typeof top['error'] === 'string' && top['error'] !== '') return describe({ message: top['error'] }, top)
  if (top['type'] === 'response.failed') return readFailedResponse(body)
  if (top['type'] === 'error' || top['object'] === 'error' || top['error'] === true) return describe(top, top)
  for (const name of members.keys()) if (ANSWER_MEMBERS.has(name)) return null
  if (top['detail'] !== undefined) return readDetail(top['detail'], top)
  return typeof top['message'] === 'string' ? describe(top, top) : null
}

const LETTER_D = 0x64
const LETTER_E = 0x65
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const OPEN_BRACE = 0x7b

/** What only an answer has: with one of these, `detail` and `message` mean something else. */
const ANSWER_MEMBERS: ReadonlySet<string> = new Set([
  'choices',
  'content',
  'output',
  'candidates',
  'data',
  'models',
  'usage',
])
const ERROR_MEMBERS = ['error', 'type', 'object', 'code', 'message', 'detail', 'status', 'statusCode', 'response']
const MEMBERS = [...ERROR_MEMBERS, ...ANSWER_MEMBERS]

/** Error texts are short; a member beyond this is not read. */
const LONGEST_MEMBER_BYTES = 64 * 1024
const LONGEST_MESSAGE = 8 * 1024

function readBounded(body: Buffer, range: Range): JsonValue {
  if (range.end - range.start > LONGEST_MEMBER_BYTES) return null
  try {
    return parseValue(body, range)
  } catch {
    return null
  }
}

function firstElement(body: Buffer): Range | undefined {
  if (body[0] !== OPEN_BRACKET) return undefined
  try {
    return scanArray(body, { start: 0, end: body.length })[0]
  } catch {
    return undefined
  }
}

/** Calls for a stream can fail with an error status and still be labelled, and framed, as an event stream. */
function readEventStream(body: Buffer): UpstreamError | null {
  let found: UpstreamError | null = null
  const scanner = new FrameScanner(({ data }) => {
    if (data[0] === OPEN_BRACE) found ??= readUpstreamError(data)
  })
  scanner.push(body.subarray(0, LONGEST_MEMBER_BYTES))
  scanner.end()
  return found
}

function readFailedResponse(body: Buffer): UpstreamError {
  const error = peekValue(body, ['response', 'error'])
  return isJsonObject(error) ? describe(error, {}) : describe({ type: 'server_error' }, {})
}

function readDetail(detail: JsonValue, top: JsonObject): UpstreamError | null {
  if (typeof detail === 'string') return describe({ message: detail }, top)
  const first = Array.isArray(detail) ? detail[0] : detail
  if (!isJsonObject(first)) return null
  return describe({ ...first, message: first['message'] ?? first['msg'] ?? '' }, top)
}

/** `top` is the object around `error`, where gateways put the status. */
function describe(error: JsonObject, top: JsonObject): UpstreamError {
  const type = textOf(error['type']) || textOf(error['status'])
  const code = Number.isNaN(Number(error['code'] ?? NaN)) ? textOf(error['code']) : ''
  const message = (textOf(error['message']) || textOf(error['detail'])).slice(0, LONGEST_MESSAGE)
  const claimed = [error['code'], error['status'], top['status'], top['statusCode'], top['code']]
    .map(Number)
    .find(isHttpError)
  const status = claimed ?? statusOfClass(code, type)
  return {
    type: type === 'error' ? '' : type,
    code: code || readReason(error['details']),
    message,
    ...readRetryHint(error, message),
    ...(status === undefined ? {} : { status }),
  }
}

/** Google says which quota ran out, or else why, only in the details. */
function readReason(details: JsonValue | undefined): string {
  const objects = Array.isArray(details) ? details.filter((detail) => isJsonObject(detail)) : []
  const violations = objects.flatMap((detail) => (Array.isArray(detail['violations']) ? detail['violations'] : []))
  const quota = violations
    .map((violation) => (isJsonObject(violation) ? textOf(violation['quotaId']) : ''))
    .find(Boolean)
  return quota ?? objects.map((detail) => textOf(detail['reason'])).find(Boolean) ?? ''
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}

function isHttpError(status: number): boolean {
  return Number.isInteger(status) && status >= 400 && status < 600
}
