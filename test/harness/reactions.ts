/**
 * The vocabulary of the fake vendor: everything a test can tell it to answer. `answerText('hello', slice(1),
 * after('content', cut()))` streams hello byte by byte and resets the connection after the first word.
 */
import { gzipSync } from 'node:zlib'
import type { JsonObject } from '../../src/core/json.ts'
import { DEFAULT_USAGE, KNOWN_MODELS, totalInput, type Dialect } from './dialects/dialect.ts'
import { mergeHeaders, type Header, type HeaderValues } from './header-list.ts'
import {
  applyTwists,
  resolvePieces,
  type Framing,
  type Piece,
  type Reaction,
  type Reply,
  type ReplyPart,
  type Twist,
} from './reply.ts'
import { cut, errorEvent } from './steps.ts'
import { dialects, renderStream, renderWhole, type Answer, type Failure, type StreamFormat } from './streams.ts'
import type { VendorRequest } from './vendor-request.ts'

export type { Piece, Reaction, Twist } from './reply.ts'
export { cut, end, errorEvent, finish, pause, ping, slice, stall } from './steps.ts'
export {
  after,
  before,
  beforeHead,
  framing,
  headers,
  hold,
  informational,
  repeat,
  thenClose,
  without,
  type Place,
} from './twists.ts'

/** A model that says `text`, in the dialect and in the form (stream or whole) of the request. */
export function answerText(text: Answer['text'] & {}, ...twists: readonly Twist[]): Reaction {
  return answerWith({ text }, ...twists)
}

/**
 * A model's answer in full. Token counts and model lists are answered too, by the route of the request. `format` writes
 * the same stream in another legal form.
 */
export function answerWith(answer: Answer & { format?: StreamFormat }, ...twists: readonly Twist[]): Reaction {
  return (request) => {
    const { protocol, purpose } = request
    if (protocol === null) return unknownPath(request)
    const dialect = dialects[protocol]
    if (purpose === 'count') {
      const usage = answer.usage ?? DEFAULT_USAGE
      return applyTwists(wholeReply(dialect, dialect.tokenCount(totalInput(usage)), request), twists, request)
    }
    if (purpose === 'models') {
      return applyTwists(wholeReply(dialect, dialect.modelList(KNOWN_MODELS), request), twists, request)
    }
    const reply = request.stream
      ? streamReply(
          dialect,
          renderStream(protocol, answer, { ...formatOf(request), ...answer.format }, request),
          request,
        )
      : wholeReply(dialect, renderWhole(protocol, answer, request), request)
    return applyTwists(reply, twists, request)
  }
}

/**
 * A refusal in the dialect's shape. `headers` as the vendor sends them; `body` replaces the whole body; `asStatus` is
 * the HTTP status when it differs from what the body claims (an overload told as 200 or 400).
 */
export function fail(
  status: number,
  details: Omit<Failure, 'status'> & {
    headers?: HeaderValues
    body?: JsonObject | string
    asStatus?: number
  } = {},
  ...twists: readonly Twist[]
): Reaction {
  const { headers = {}, body, asStatus = status, ...failure } = details
  return (request) => {
    const dialect = dialects[request.protocol ?? 'openai-chat']
    const reply = wholeReply(dialect, body ?? dialect.failureBody({ status, ...failure }, request), request)
    return applyTwists({ ...reply, status: asStatus, headers: mergeHeaders(reply.headers, headers) }, twists, request)
  }
}

/** A stream that begins well, with status 200, and whose first event is the failure. */
export function failInStream(
  status: number,
  failure: Omit<Failure, 'status'> = {},
  ...twists: readonly Twist[]
): Reaction {
  return (request) => {
    const parts = resolvePieces([errorEvent(status, failure)], request)
    return applyTwists(streamReply(dialects[request.protocol ?? 'openai-chat'], parts, request), twists, request)
  }
}

/** Exactly this head (with the framing and the attempt id) and these pieces of a body. Default: 200, chunked. */
export function raw(answer: {
  status?: number
  headers?: HeaderValues
  framing?: Framing
  pieces?: readonly Piece[]
}): Reaction {
  return (request) =>
    createReply(request, {
      status: answer.status ?? 200,
      headers: mergeHeaders([], answer.headers ?? {}),
      framing: answer.framing ?? 'chunked',
      body: resolvePieces(answer.pieces ?? [], request),
    })
}

/** Exactly these bytes on the socket, head included, for answers that are not HTTP. Ends the connection. */
export function wire(...pieces: readonly Piece[]): Reaction {
  return (request) => createReply(request, { framing: null, beforeHead: resolvePieces(pieces, request) })
}

/** No answer: resets the connection, as a vendor does that closes a stale one. */
export function drop(): Reaction {
  return wire(cut())
}

export function redirect(url: string, status = 307): Reaction {
  return raw({ status, headers: { location: url }, framing: 'length' })
}

/** What a captive portal or an error page in front of the vendor says. */
export function html(status = 200, page = '<!doctype html><title>Sign in</title><h1>Sign in</h1>'): Reaction {
  return raw({ status, headers: { 'content-type': 'text/html; charset=utf-8' }, framing: 'length', pieces: [page] })
}

/** A body of no bytes, with the content type that the request expects. */
export function empty(status = 200): Reaction {
  return (request) => {
    const dialect = dialects[request.protocol ?? 'openai-chat']
    const contentType = request.stream ? dialect.streamContentType : dialect.wholeContentType
    return createReply(request, { status, headers: [['content-type', contentType]] })
  }
}

/** JSON white space that grows a thousandfold when inflated; `inflatedBytes` in whole MiB. */
export function gzipBomb(inflatedBytes = 50 * 1024 * 1024): Reaction {
  const member = gzipSync(Buffer.alloc(1024 * 1024, ' '))
  // A gzip file may have many members (RFC 1952 section 2.2), so one is enough to make any size.
  const pieces = Array.from({ length: Math.ceil(inflatedBytes / (1024 * 1024)) }, () => member)
  return raw({ headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' }, framing: 'length', pieces })
}

function streamReply(dialect: Dialect, body: readonly ReplyPart[], request: VendorRequest): Reply {
  const contentType = formatOf(request).jsonArray === true ? dialect.wholeContentType : dialect.streamContentType
  const headers: Header[] = [
    ['content-type', contentType],
    ['cache-control', 'no-cache'],
  ]
  return createReply(request, { headers: [...headers, ...requestIds(dialect, request)], framing: 'chunked', body })
}

/** The body in two halves, so that a test can do something in its middle. */
function wholeReply(dialect: Dialect, body: JsonObject | string, request: VendorRequest): Reply {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const half = Math.floor(text.length / 2)
  // Between two characters: half of a surrogate pair cannot be encoded.
  const middle = /^[\uDC00-\uDFFF]/.test(text.slice(half)) ? half + 1 : half
  return createReply(request, {
    headers: [['content-type', dialect.wholeContentType], ...requestIds(dialect, request)],
    body: [
      { text: text.slice(0, middle), kind: 'content' },
      { text: text.slice(middle), kind: 'terminal' },
    ],
  })
}

function createReply({ attemptId }: VendorRequest, members: Partial<Reply>): Reply {
  const headers: Header[] = [...(members.headers ?? []), ['x-attempt-id', attemptId]]
  return { status: 200, framing: 'length', beforeHead: [], body: [], thenCloses: false, ...members, headers }
}

function requestIds(dialect: Dialect, { attemptId }: VendorRequest): Header[] {
  return dialect.requestIdHeader === null ? [] : [[dialect.requestIdHeader, `req_${attemptId}`]]
}

function formatOf(request: VendorRequest): StreamFormat {
  return { jsonArray: request.protocol === 'gemini' && !request.target.includes('alt=sse') }
}

function unknownPath(request: VendorRequest): Reply {
  const pieces = [`the vendor has no ${request.method} ${request.target}`]
  return raw({ status: 404, headers: { 'content-type': 'text/plain' }, framing: 'length', pieces })(request)
}
