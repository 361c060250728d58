/**
 * Reads a request body within its bounds: size, pace, and what it grows to when it is compressed.
 */
import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { ByteGatherer } from '../core/byte-gatherer.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Heartbeat } from '../relay/heartbeat.ts'
import { inflateZstd } from './zstd.ts'

export interface BodyLimits {
  /** Of the body as it is used, so after inflation. */
  readonly maxBytes: number
  /** Called when the head alone gives no reason to refuse: the client may be waiting to be asked (RFC 9110 section 10.1.1). */
  readonly askFor: () => void
  /** A multipart form is taken as well. */
  readonly allowsForm?: boolean
  readonly clock: Clock
  readonly heartbeat: Heartbeat
}

const IDLE_MS = 30_000
const TOTAL_MS = 300_000
/** Text shrinks ten- to twentyfold; what shrinks more than this, and is not small, is made to blow up. */
const MOST_INFLATION = 100
const SMALL_BYTES = 1024 * 1024

/**
 * The body, inflated and without a byte order mark. Throws `request_too_large` (413; before reading when its length is
 * announced), `request_timeout` (408), `unsupported_media_type` (415), `invalid_request` for a broken encoding,
 * `client_gone` when the client left.
 */
export async function readBody(incoming: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  if (limits.allowsForm !== true && /^\s*multipart\//i.test(incoming.headers['content-type'] ?? '')) {
    throw new GatewayError({ kind: 'unsupported_media_type', message: 'the body must be JSON, not a multipart form' })
  }
  const encoding = encodingOf(incoming.headers['content-encoding'])
  const raw = await receive(incoming, limits)
  if (encoding === undefined || raw.length === 0) return withoutMark(raw)
  return withoutMark(await inflate(encoding, raw, limits.maxBytes))
}

/** Undefined when the body is plain. Throws for an encoding that is not known here, and for one around another. */
function encodingOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  const encodings = header
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .filter((part) => part !== '' && part !== 'identity')
  const [encoding, ...more] = encodings
  if (more.length === 0 && (encoding === undefined || Object.hasOwn(INFLATERS, encoding))) return encoding
  throw new GatewayError({
    kind: 'unsupported_media_type',
    message: `content-encoding "${encodings.join(', ')}" is not supported; use ${Object.keys(INFLATERS).join(', ')} or none`,
  })
}

/** A byte order mark is no part of the text, and most parsers behind us stumble over it (RFC 8259 section 8.1). */
function withoutMark(body: Buffer): Buffer {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? body.subarray(3) : body
}

function receive(incoming: IncomingMessage, { maxBytes, askFor, clock, heartbeat }: BodyLimits): Promise<Buffer> {
  const announcedBytes = Number(incoming.headers['content-length'] ?? NaN)
  if (announcedBytes > maxBytes) return Promise.reject(tooLarge(maxBytes))
  // While it waited to be let in; it would not be told a second time.
  if (incoming.destroyed) return Promise.reject(clientGone())
  askFor()
  return new Promise((resolve, reject) => {
    const gathered = new ByteGatherer(announcedBytes)
    const startedAt = clock.monotonic()
    let lastChunkAt = startedAt

    // On the common tick: a timer of its own costs more than reading a small body.
    const unwatch = heartbeat.watch({
      tick(now) {
        if (now - lastChunkAt < IDLE_MS && now - startedAt < TOTAL_MS) return
        fail(new GatewayError({ kind: 'request_timeout', message: 'the request body came too slowly' }))
      },
    })
    function settle(): void {
      unwatch()
      incoming.off('data', onData).off('end', onEnd).off('close', onClose)
    }
    function fail(error: GatewayError): void {
      settle()
      reject(error)
    }
    function onData(chunk: Buffer): void {
      if (gathered.length + chunk.length > maxBytes) {
        incoming.pause()
        fail(tooLarge(maxBytes))
        return
      }
      gathered.push(chunk)
      lastChunkAt = clock.monotonic()
    }
    function onEnd(): void {
      settle()
      resolve(gathered.whole())
    }
    function onClose(): void {
      fail(clientGone())
    }
    incoming.on('data', onData).on('end', onEnd).on('close', onClose)
  })
}

function clientGone(): GatewayError {
  return new GatewayError({ kind: 'client_gone', message: 'the client left before its body was read' })
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError({
    kind: 'request_too_large',
    message: `the request body is larger than ${Math.floor(maxBytes / 1024 / 1024)} MiB (max_body_size)`,
  })
}

type Inflater = (raw: Buffer, maxBytes: number) => Promise<Buffer>

const INFLATERS: Record<string, Inflater> = {
  gzip: (raw, maxOutputLength) => promisify<Buffer, object, Buffer>(zlib.gunzip)(raw, { maxOutputLength }),
  deflate: (raw, maxOutputLength) => promisify<Buffer, object, Buffer>(zlib.inflate)(raw, { maxOutputLength }),
  br: (raw, maxOutputLength) => promisify<Buffer, object, Buffer>(zlib.brotliDecompress)(raw, { maxOutputLength }),
  zstd: inflateZstd,
}

async function inflate(encoding: string, raw: Buffer, maxBytes: number): Promise<Buffer> {
  const worthBytes = Math.max(SMALL_BYTES, raw.length * MOST_INFLATION)
  try {
    return await (INFLATERS[encoding] as Inflater)(raw, Math.min(maxBytes, worthBytes))
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_BUFFER_TOO_LARGE') {
      throw new GatewayError({ kind: 'invalid_request', message: `the body is not valid ${encoding}`, cause: error })
    }
    if (worthBytes >= maxBytes) throw tooLarge(maxBytes)
    throw new GatewayError({
      kind: 'request_too_large',
      message: `the request body grows more than ${MOST_INFLATION}-fold when it is unpacked`,
    })
  }
}
