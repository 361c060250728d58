/**
 * The client's side of one request: how much has been promised to it, and the only pen that writes to it.
 *
 * Stages: `open` (nothing sent: status and account are free), `status` (head and perhaps signs of life sent: the status is
 * spent, the account is free), `content` (bytes of one upstream answer sent: nothing is free), `ended`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'
import { ClientDeparture, type Departure } from '../core/departure.ts'
import type { GatewayError } from '../core/errors.ts'
import type { HeaderList } from '../core/headers.ts'
import type { AnswerStart, Downstream } from '../protocols/contract.ts'
import { endChunks, writeChunk, writeStreamHead } from './chunks.ts'
import type { Heartbeat, Watched } from './heartbeat.ts'
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

/**
 * One object with methods: the same as functions around shared variables takes four times the memory, for every request
 * under way.
 */
export class Exchange implements Watched {
  readonly requestId: string
  readonly isStream: boolean
  /** What has gone out, heads aside. */
  bytesOut = 0
  /** When the answer began for the client, an error's too (monotonic ms); null while nothing of one has gone out. */
  contentAt: number | null = null
  #stage: 'open' | 'status' | 'content' | 'ended' = 'open'
  #lastWriteAt: number
  #stalledSince: number | null = null
  #awaitsRoom = false
  #onDrain: (() => void) | null = null
  /** What is left of a whole answer that the client takes its time with. */
  #rest: Buffer | null = null
  #isMidEvent = false
  readonly #departure = new ClientDeparture()
  readonly #outgoing: ServerResponse
  readonly #downstream: Downstream
  readonly #keepaliveIntervalMs: number
  readonly #clock: Clock
  readonly #unwatch: () => void

  constructor(options: ExchangeOptions) {
    const { incoming, outgoing, clock } = options
    this.requestId = options.requestId
    this.isStream = options.isStream
    this.#outgoing = outgoing
    this.#downstream = options.downstream
    this.#keepaliveIntervalMs = options.keepaliveIntervalMs
    this.#clock = clock
    this.#lastWriteAt = clock.monotonic()
    // To the last byte, not to the last write: a client may stop reading anywhere.
    this.#unwatch = options.heartbeat.watch(this)
    watchPresence(incoming, outgoing, clock, {
      probeStream: () => this.#probeStream(),
      onClose: (isComplete) => this.#close(isComplete),
    })
  }

  /** Happens when the client has left before its answer was complete. */
  get gone(): Departure {
    return this.#departure
  }

  get stage(): 'open' | 'status' | 'content' | 'ended' {
    return this.#stage
  }

  /** The first bytes of an upstream's stream are about to flow; from here it is this answer or none. */
  commitStream(headers: HeaderList): void {
    if (this.#stage === 'open') {
      const isUpstreams = new Set(headers.map(([name]) => name))
      const own = STREAM_HEADERS.filter(([name]) => !isUpstreams.has(name))
      writeStreamHead(this.#outgoing, this.#rawHead([...own, ...headers]))
    }
    if (this.#stage === 'ended') return
    this.#stage = 'content'
    this.contentAt ??= this.#clock.monotonic()
  }

  /** Passes bytes on. `endsBetweenEvents` says whether a sign of life may follow. False: wait for the client (`onDrain`). */
  write(chunk: Buffer | string, endsBetweenEvents: boolean): boolean {
    if (this.#stage === 'ended') return true
    this.#lastWriteAt = this.#clock.monotonic()
    this.#isMidEvent = !endsBetweenEvents
    return this.#put(chunk)
  }

  /** Calls `listener`, and no other, when the client reads again after `write` returned false. */
  onDrain(listener: (() => void) | null): void {
    this.#onDrain = listener
  }

  /** The stream is complete. */
  endStream(): void {
    if (this.#stage === 'ended') return
    this.#settle()
    endChunks(this.#outgoing)
  }

  /** A whole answer, as it came or as the relay made it. After `status` only a stream's error can still be told. */
  sendWhole(status: number, headers: HeaderList, body: Buffer): void {
    if (this.#stage !== 'open') return
    this.#outgoing.writeHead(status, this.#rawHead([...headers, ['content-length', String(body.length)]]))
    this.bytesOut += body.length
    this.contentAt = this.#clock.monotonic()
    this.#stage = 'ended'
    this.#endWith(body)
  }

  /**
   * Ends the request with an error in the client's dialect, in the form that its stage still allows. `told` is what the
   * client knows of a broken answer, because strict clients refuse an end that does not belong to it.
   */
  fail(error: GatewayError, relayHeaders: HeaderList = [], told: ToldSoFar = NOTHING_TOLD): void {
    if (this.#stage === 'ended') return
    if (this.#stage === 'open') {
      const answer = this.#downstream.encodeError(error, this.requestId, this.#clock.now())
      this.sendWhole(answer.status, [...Object.entries(answer.headers), ...relayHeaders], Buffer.from(answer.body))
      return
    }
    const end = this.#downstream.encodeStreamError(error, this.requestId, told.start, told.events)
    // A frame that was cut short is closed, so that the error is a frame of its own.
    this.#put((this.#isMidEvent ? '\n\n' : '') + end)
    this.endStream()
  }

  tick(now: number): void {
    // A pipelined answer waits for the one before it; that says nothing of the client.
    if (this.#stalledSince !== null && this.#outgoing.socket === null) this.#stalledSince = now
    if (this.#stalledSince !== null && now - this.#stalledSince >= WRITE_STALL_MS) this.#outgoing.destroy()
    if (!this.isStream || this.#stage === 'ended' || this.#stalledSince !== null) return
    if (now - this.#lastWriteAt >= this.#keepaliveIntervalMs) this.#keepAlive(now)
  }

  /** A sign of life to a silent stream; spends the status when nothing has been sent yet. */
  #keepAlive(now: number): void {
    const sign = this.#downstream.keepalive(this.#stage === 'content')
    if (sign === null || this.#isMidEvent) return
    if (this.#stage === 'open') {
      writeStreamHead(this.#outgoing, this.#rawHead(STREAM_HEADERS))
      this.#stage = 'status'
    }
    this.#put(sign)
    this.#lastWriteAt = now
  }

  #probeStream(): void {
    // Readers that break on comments still skip a blank line between two events.
    if (!this.isStream || this.#isMidEvent || this.#stage === 'ended') return
    this.#put(this.#downstream.keepalive(true) === null ? '\r\n' : ':\n\n')
  }

  #close(isComplete: boolean): void {
    this.#unwatch()
    if (isComplete) return
    this.#settle()
    this.#departure.happen()
  }

  #settle(): void {
    this.#stage = 'ended'
    this.#stalledSince ??= this.#clock.monotonic()
  }

  #put(chunk: Buffer | string): boolean {
    this.bytesOut += chunk.length
    const hasRoom = writeChunk(this.#outgoing, chunk)
    if (!hasRoom) this.#awaitRoom()
    return hasRoom
  }

  /** Ends the answer with these bytes, piece by piece, so that a slow client can be told from one that has stalled. */
  #endWith(body: Buffer): void {
    for (let at = 0; ; at += PIECE_BYTES) {
      if (body.length - at <= PIECE_BYTES) {
        this.#rest = null
        this.#settle()
        this.#outgoing.end(at === 0 ? body : body.subarray(at))
        return
      }
      if (!this.#outgoing.write(body.subarray(at, at + PIECE_BYTES))) {
        this.#rest = body.subarray(at + PIECE_BYTES)
        this.#awaitRoom()
        return
      }
    }
  }

  #awaitRoom(): void {
    this.#stalledSince ??= this.#clock.monotonic()
    if (this.#awaitsRoom) return
    this.#awaitsRoom = true
    this.#outgoing.once('drain', () => {
      this.#awaitsRoom = false
      this.#stalledSince = null
      if (this.#rest === null) this.#onDrain?.()
      else this.#endWith(this.#rest)
    })
  }

  /** The flat list that node:http takes as it is: an object per answer would only be taken apart again. */
  #rawHead(headers: HeaderList): string[] {
    const raw: string[] = []
    let hasRequestId = false
    for (const [name, value] of headers) {
      raw.push(name, value)
      if (name === 'x-request-id') hasRequestId = true
    }
    // The vendor's own request id is what its support asks for; ours stands in when it gave none.
    if (!hasRequestId) raw.push('x-request-id', this.requestId)
    raw.push('x-relay-request-id', this.requestId)
    return raw
  }
}
