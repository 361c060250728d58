/**
 * A request of the raw client: well-formed by default, wrong wherever a test says so, as slow as a test wants.
 */
import type { Socket } from 'node:net'
import type { JsonObject } from '../../src/core/json.ts'
import { encodeHead, mergeHeaders, type Header, type HeaderValues } from './header-list.ts'
import { encodeChunk, LAST_CHUNK } from './http1.ts'

export interface RawRequest {
  /** Default: POST with a body, GET without. */
  method?: string
  /** Goes out as it is, unencoded. Default `/`. */
  path?: string
  /** Added to `host` and the body's framing, or in place of them. */
  headers?: HeaderValues
  /**
   * An object goes out as JSON. An async iterable is written piece by piece as the test yields them, in chunks unless
   * the test sets a `content-length`.
   */
  body?: string | Buffer | JsonObject | AsyncIterable<string | Buffer>
  /** Sends a body of known length as one chunk nevertheless. */
  chunked?: boolean
  /** Exactly this instead of all the above, at once or piece by piece. */
  bytes?: string | Buffer | AsyncIterable<string | Buffer>
  /** Sends a FIN behind the request and goes on reading. */
  halfClose?: boolean
  /** Reads nothing until `resumeReading()`. */
  neverReads?: boolean
  /** Takes the connection down when the first of these comes true. Default: with a FIN. */
  abort?: {
    /** Bytes of the answer's body. */
    afterBytes?: number
    /** Complete events (blank lines) of the answer's body. */
    afterEvents?: number
    on?: Promise<unknown>
    how?: 'reset' | 'close'
  }
}

/** Writes the request and, if asked, closes the sending side behind it. Stops quietly when the socket is gone. */
export async function sendRequest(socket: Socket, port: number, request: RawRequest): Promise<void> {
  for await (const piece of encodeRequest(port, request)) {
    if (socket.destroyed) return
    socket.write(piece)
  }
  if (request.halfClose === true) socket.end()
}

async function* encodeRequest(port: number, request: RawRequest): AsyncGenerator<string | Buffer> {
  const { bytes, path = '/', headers = {} } = request
  if (bytes !== undefined) {
    yield* piecesOf(bytes)
    return
  }
  const body = request.body === undefined ? null : isObject(request.body) ? JSON.stringify(request.body) : request.body
  const isWhole = typeof body === 'string' || Buffer.isBuffer(body)
  const hasLength = Object.keys(headers).some((name) => name.toLowerCase() === 'content-length')
  const isChunked = request.chunked === true || (body !== null && !isWhole && !hasLength)
  const defaults: Header[] = [
    ['host', `127.0.0.1:${port}`],
    ...(isObject(request.body) ? [['content-type', 'application/json'] as const] : []),
    ...(isChunked ? [['transfer-encoding', 'chunked'] as const] : []),
    ...(isWhole && !isChunked ? [['content-length', String(Buffer.byteLength(body))] as const] : []),
  ]
  const method = request.method ?? (body === null ? 'GET' : 'POST')
  yield encodeHead(`${method} ${path} HTTP/1.1`, mergeHeaders(defaults, headers))
  if (body !== null) for await (const piece of piecesOf(body)) yield isChunked ? encodeChunk(piece) : piece
  if (isChunked) yield LAST_CHUNK
}

async function* piecesOf(content: string | Buffer | AsyncIterable<string | Buffer>): AsyncGenerator<Buffer> {
  if (typeof content === 'string' || Buffer.isBuffer(content)) yield Buffer.from(content)
  else for await (const piece of content) yield Buffer.from(piece)
}

function isObject(body: RawRequest['body']): body is JsonObject {
  return typeof body === 'object' && !Buffer.isBuffer(body) && !(Symbol.asyncIterator in body)
}
