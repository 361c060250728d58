/**
 * The client's side of one request: how much has been promised to it, and the only pen that writes to it.
 *
 * Stages: `open` (nothing sent: status and account are free), `status` (head and perhaps signs of life sent: the status is
 * spent, the account is free), `content` (bytes of one upstream answer sent: nothing is free), `ended`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'
import { type GatewayError, retryAfterSeconds } from '../core/errors.ts'
import type { HeaderList } from '../core/headers.ts'
import type { AnswerStart, Downstream } from '../protocols/contract.ts'
import type { Heartbeat } from './heartbeat.ts'
import { watchPresence } from './presence.ts'

export interface ExchangeOptions {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly downstream: Downstream
  readonly requestId: string
  /** The client asked for a stream of events. */
  readonly isStream: boolean
  readonly keepaliveIntervalMs: number
  readonly clock: Clock
  readonly heartbeat: Heartbeat
}

/** How far an answer had come for the client when it broke. */
export interface ToldSoFar {
  readonly start: AnswerStart | null
  /** Events that went out. */
  readonly events: number
}

const NOTHING_TOLD: ToldSoFar = { start: null, events: 0 }

export type Exchange = ReturnType<typeof createExchange>

/** A client that reads nothing for this long holds a slot for nobody. */
const WRITE_STALL_MS = 60_000
/** A slow client takes this much well within that time; a larger piece would look like a stall. */
const PIECE_BYTES = 64 * 1024

const STREAM_HEADERS: HeaderList = [
  ['content-type', 'text/event-stream; charset=utf-8'],
  ['cache-control', 'no-cache'],
  // nginx buffers whole answers unless it is told not to.
  ['x-accel-buffering', 'no'],
]

export function createExchange(options: ExchangeOptions) {
  const { incoming, outgoing, downstream, requestId, isStream, clock, heartbeat } = options
  const departure = new AbortController()
  let stage: 'open' | 'status' | 'content' | 'ended' = 'open'
  let lastWriteAt = clock.monotonic()
  let stalledSince: number | null = null
  let bytesOut = 0
  let contentAt: number | null = null
  let isMidEvent = false
  let onDrain: (() => void) | null = null

  // To the last byte, not to the last write: a client may stop reading anywhere.
  const unwatch = heartbeat.watch(tick)
  outgoing.once('close', unwatch)
  outgoing.on('drain', () => {
    stalledSince = null
    onDrain?.()
  })
  watchPresence(incoming, outgoing, clock, probeStream, () => {
    unwatch()
    settle()
    departure.abort()
  })

  function settle(): void {
    stage = 'ended'
    stalledSince ??= clock.monotonic()
  }

  function tick(now: number): void {
    // A pipelined answer waits for the one before it; that says nothing of the client.
    if (stalledSince !== null && outgoing.socket === null) stalledSince = now
    if (stalledSince !== null && now - stalledSince >= WRITE_STALL_MS) outgoing.destroy()
    if (!isStream || stage === 'ended' || stalledSince !== null) return
    if (now - lastWriteAt >= options.keepaliveIntervalMs) keepAlive(now)
  }

  /** A sign of life to a silent stream; spends the status when nothing has been sent yet. */
  function keepAlive(now: number): void {
    const sign = downstream.keepalive(stage === 'content')
    if (sign === null || isMidEvent) return
    if (stage === 'open') writeHead(200, STREAM_HEADERS)
    if (stage === 'open') stage = 'status'
    put(sign)
    lastWriteAt = now
  }

  function probeStream(): void {
    // Readers that break on comments still skip a blank line between two events.
    if (isStream && !isMidEvent && stage !== 'ended') put(downstream.keepalive(true) === null ? '\r\n' : ':\n\n')
  }

  function put(chunk: Buffer | string): boolean {
    bytesOut += chunk.length
    const hasRoom = outgoing.write(chunk)
    if (!hasRoom) stalledSince ??= clock.monotonic()
    return hasRoom
  }

  /** Ends the answer with these bytes, piece by piece, so that a slow client can be told from one that has stalled. */
  function endWith(body: Buffer): void {
    if (body.length <= PIECE_BYTES) {
      settle()
      outgoing.end(body)
      return
    }
    const rest = body.subarray(PIECE_BYTES)
    const hasRoom = outgoing.write(body.subarray(0, PIECE_BYTES))
    if (hasRoom) return endWith(rest)
    stalledSince ??= clock.monotonic()
    outgoing.once('drain', () => endWith(rest))
  }

  function writeHead(status: number, headers: HeaderList): void {
    // The flat list that node:http takes as it is: an object per answer would only be taken apart again.
    const raw = headers.flat()
    // The vendor's own request id is what its support asks for; ours stands in when it gave none.
    if (!headers.some(([name]) => name === 'x-request-id')) raw.push('x-request-id', requestId)
    raw.push('x-relay-request-id', requestId)
    outgoing.writeHead(status, raw)
  }

  return {
    requestId,
    isStream,
    /** Aborts when the client has left before its answer was complete. */
    gone: departure.signal,
    get stage() {
      return stage
    },
    get bytesOut() {
      return bytesOut
    },
    /** When the answer began for the client, an error's too (monotonic ms); null while nothing of one has gone out. */
    get contentAt() {
      return contentAt
    },
    /** Called when the client reads again after `write` returned false. */
    set onDrain(callback: (() => void) | null) {
      onDrain = callback
    },

    /** The first bytes of an upstream's stream are about to flow; from here it is this answer or none. */
    commitStream(headers: HeaderList): void {
      if (stage === 'open') {
        const isUpstreams = new Set(headers.map(([name]) => name))
        writeHead(200, [...STREAM_HEADERS.filter(([name]) => !isUpstreams.has(name)), ...headers])
      }
      if (stage === 'ended') return
      stage = 'content'
      contentAt ??= clock.monotonic()
    },

    /** Passes bytes on. `endsBetweenEvents` says whether a sign of life may follow. False: wait for `onDrain`. */
    write(chunk: Buffer | string, endsBetweenEvents: boolean): boolean {
      if (stage === 'ended') return true
      lastWriteAt = clock.monotonic()
      isMidEvent = !endsBetweenEvents
      return put(chunk)
    },

    /** The stream is complete. */
    endStream(): void {
      if (stage === 'ended') return
      settle()
      outgoing.end()
    },

    /** A whole answer, as it came or as the relay made it. After `status` only a stream's error can still be told. */
    sendWhole(status: number, headers: HeaderList, body: Buffer): void {
      if (stage !== 'open') return
      writeHead(status, [...headers, ['content-length', String(body.length)]])
      bytesOut += body.length
      contentAt = clock.monotonic()
      stage = 'ended'
      endWith(body)
    },

    /**
     * Ends the request with an error in the client's dialect, in the form that its stage still allows. `told` is what the
     * client knows of a broken answer, because strict clients refuse an end that does not belong to it.
     */
    fail(error: GatewayError, relayHeaders: HeaderList = [], told: ToldSoFar = NOTHING_TOLD): void {
      if (stage === 'ended') return
      if (stage === 'open') {
        const answer = downstream.encodeError(error, requestId, clock.now())
        this.sendWhole(answer.status, [...Object.entries(answer.headers), ...relayHeaders], Buffer.from(answer.body))
        return
      }
      // A frame that was cut short is closed, so that the error is a frame of its own.
      put((isMidEvent ? '\n\n' : '') + downstream.encodeStreamError(error, requestId, told.start, told.events))
      this.endStream()
    },
  }
}

/** Every 429 carries an integer `retry-after`: Codex gives up on one that has none. */
export function withRetryAfter(headers: HeaderList, retryAfterMs: number): HeaderList {
  const others = headers.filter(([name]) => name !== 'retry-after' && name !== 'retry-after-ms')
  return [...others, ['retry-after', String(retryAfterSeconds(retryAfterMs))]]
}
