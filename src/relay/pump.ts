/**
 * The byte lane of a stream: upstream bytes to the client as they come, with a scanner beside them that knows when the
 * answer begins, what it used, and whether it really ended.
 *
 * Start events are held until content flows, because until then another account may still take over. After that events
 * pass as they are, as soon as they are complete.
 */
import type { Timer } from '../core/clock.ts'
import { FrameScanner, type Frame, isWholeFrame } from '../core/sse.ts'
import type { UpstreamExchange } from '../io/upstream.ts'
import type { AnswerStart, UpstreamError, Usage } from '../protocols/contract.ts'
import {
  CLOSE_GRACE_MS,
  FINISH_GRACE_MS,
  UNKNOWN_ERROR,
  type AttemptJob,
  type AttemptResult,
  type BodySink,
} from './attempt-contract.ts'
import { EventBuffer } from './event-buffer.ts'
import { renameInEvents } from './model-renamer.ts'

/** Start events beyond this are no start events. */
const MOST_HELD_BYTES = 1024 * 1024

/** One object with methods, as the exchange is: thousands of silent streams are kept at the same time. */
export class Pump implements BodySink {
  readonly #job: AttemptJob
  readonly #upstreamExchange: UpstreamExchange
  readonly #rawHeaders: readonly string[]
  readonly #startedAt: number
  readonly #finish: (result: AttemptResult) => void
  readonly #usage: Usage = {}
  readonly #scanner: FrameScanner
  readonly #buffer = new EventBuffer()
  #firstContentMs: number | null = null
  #state: 'holding' | 'flowing' | 'finished' | 'over' = 'holding'
  #start: AnswerStart | null = null
  /** When the start event came; null while there is none. */
  #begunAt: number | null = null
  #events = 0
  #lastContent: Frame | null = null
  #isPaused = false
  #lastByteAt: number
  /** Nothing more of the upstream's bytes is for the client. */
  #isCut = false
  #isEnding = false
  #mayFailAgain = false
  #isSettled = false
  #closing: Timer | null = null
  /** The terminal event was seen; the client is finished once the chunk that holds it has been written. */
  #result: AttemptResult | null = null

  constructor(
    job: AttemptJob,
    upstreamExchange: UpstreamExchange,
    rawHeaders: readonly string[],
    startedAt: number,
    finish: (result: AttemptResult) => void,
  ) {
    this.#job = job
    this.#upstreamExchange = upstreamExchange
    this.#rawHeaders = rawHeaders
    this.#startedAt = startedAt
    this.#lastByteAt = startedAt
    this.#finish = finish
    this.#scanner = new FrameScanner((frame, endOffset) => this.#onFrame(frame, endOffset))
    job.exchange.onDrain(() => {
      this.#isPaused = false
      this.#lastByteAt = job.clock.monotonic()
      upstreamExchange.resume()
    })
  }

  onData(chunk: Buffer): boolean {
    this.#lastByteAt = this.#job.clock.monotonic()
    if (this.#isSettled) return true
    this.#buffer.push(chunk)
    this.#scanner.push(chunk)
    if (this.#isCut && this.#result === null) return true
    if (this.#scanner.betweenEvents && !this.#isCut) this.#buffer.endEvent(chunk.length)
    if (this.#state === 'holding' && this.#buffer.heldBytes > MOST_HELD_BYTES) this.#commit()
    if (this.#state === 'holding') return true
    const hasRoom = this.#pass()
    if (this.#result !== null) this.#closeInTime()
    this.#isPaused = !hasRoom && this.#result === null
    return !this.#isPaused
  }

  onEnd(): void {
    if (!this.#isSettled) {
      this.#isEnding = true
      if (!this.#scanner.betweenEvents) this.#scanner.end()
      if (this.#state !== 'holding') this.#pass()
      if (this.#result === null) this.#endEarly('the stream ended without its terminal event', false)
      else this.#closeClient()
    }
    this.#closing?.cancel()
  }

  onBreak(message: string): void {
    if (this.#result === null) this.#endEarly(`the stream broke off: ${message}`, false)
    else if (!this.#isSettled) this.#closeClient()
    this.#closing?.cancel()
  }

  onGone(): void {
    if (this.#job.drainsForUsage) {
      // It may have left while the upstream waited for it to read.
      this.#isPaused = false
      this.#upstreamExchange.resume()
      return
    }
    this.#closing?.cancel()
    this.#upstreamExchange.abort()
    this.#settle({ kind: 'gone', usage: this.#usageSoFar() })
  }

  tick(now: number): void {
    if (this.#isPaused) return
    const { limits } = this.#job
    const silentMs = now - this.#lastByteAt
    if (this.#state === 'holding' && this.#begunAt !== null && now - this.#begunAt >= limits.holdStartMs) {
      this.#commit()
      this.#pass()
    }
    const isBare = this.#buffer.heldBytes === 0 && this.#state === 'holding'
    const limitMs = isBare ? limits.firstByteTimeoutMs : limits.streamReadTimeoutMs
    if (this.#state === 'finished' && silentMs >= FINISH_GRACE_MS) this.#endEarly('', false)
    else if (silentMs >= limitMs) {
      this.#endEarly(`the upstream sent nothing for ${limitMs / 1000} s`, true)
      this.#upstreamExchange.abort()
    }
  }

  #onFrame(frame: Frame, endOffset: number): void {
    if (this.#isCut || (this.#isEnding && !isWholeFrame(frame))) return
    const { upstream, debug, watcher, exchange, clock } = this.#job
    const kind = upstream.inspect(frame)
    debug?.event(exchange.requestId, frame.event, frame.data)
    if (this.#state !== 'over') watcher?.onFrame(frame)
    // What follows the terminal event is harmless padding, or a second answer that must not reach the client.
    this.#isCut = this.#state === 'over' && kind !== 'other' && !(kind === 'error' && this.#mayFailAgain)
    if (this.#isCut) return
    if (this.#isEnding) this.#buffer.endLastEvent()
    else this.#buffer.endEvent(endOffset)
    if (kind === 'error') this.#mayFailAgain = !this.#mayFailAgain
    if (this.#state === 'over') return
    this.#events++
    if (kind === 'error' && this.#state === 'holding') return this.#fail(frame)
    // Content is most of a stream and tells no counts that a later event does not repeat.
    const counts = kind === 'content' ? null : upstream.usageOfFrame(frame)
    if (counts !== null) Object.assign(this.#usage, counts)
    switch (kind) {
      case 'other':
        return
      case 'start':
        this.#begunAt ??= clock.monotonic()
        this.#start ??= upstream.readStart(frame.data)
        return
      case 'content':
        this.#lastContent = frame
        return this.#commit()
      case 'finish':
        this.#commit()
        this.#state = 'finished'
        return
      case 'terminal':
        if (this.#state === 'holding' && this.#begunAt === null && frame.data.length < MOST_EMPTY_TERMINAL_BYTES) {
          return this.#failEmpty()
        }
        this.#commit()
        return this.#complete(null)
      case 'error':
        return this.#complete(upstream.decodeError(frame.data) ?? UNKNOWN_ERROR)
    }
  }

  /** Another account can no longer take over: the head goes out, and with the next `pass` everything held. */
  #commit(): void {
    if (this.#state !== 'holding') return
    const { clock, exchange, onServing, headFor } = this.#job
    this.#state = 'flowing'
    this.#firstContentMs = clock.monotonic() - this.#startedAt
    onServing(this.#rawHeaders)
    exchange.commitStream(headFor(this.#rawHeaders))
  }

  /** Gives the client what it may have; false when it must be waited for. */
  #pass(): boolean {
    const bytes = this.#buffer.take()
    if (bytes === null) return true
    const { exchange, shownModel } = this.#job
    const shown = shownModel === null ? bytes : renameInEvents(bytes, shownModel)
    return exchange.write(shown, !this.#buffer.isMidEvent)
  }

  #complete(errorEvent: UpstreamError | null, isEndSupplied = false): void {
    this.#state = 'over'
    const usage = errorEvent === null ? this.#usage : this.#usageSoFar()
    const [rawHeaders, firstContentMs] = [this.#rawHeaders, this.#firstContentMs]
    this.#result = { kind: 'served', status: 200, rawHeaders, usage, firstContentMs, errorEvent, isEndSupplied }
  }

  #settle(outcome: AttemptResult): void {
    this.#isSettled = true
    this.#job.exchange.onDrain(null)
    this.#finish(outcome)
  }

  /** Vendors that repeat their counts with the content, cumulative, have told the latest with the last of it. */
  #usageSoFar(): Usage {
    const counts = this.#lastContent === null ? null : this.#job.upstream.usageOfFrame(this.#lastContent)
    return counts === null ? this.#usage : { ...this.#usage, ...counts }
  }

  #fail(frame: Frame): void {
    const body = Buffer.from(frame.data)
    const error = this.#job.upstream.decodeError(body) ?? UNKNOWN_ERROR
    this.#stop({ kind: 'failed', reply: { status: 200, rawHeaders: this.#rawHeaders, body, error } })
  }

  #failEmpty(): void {
    this.#stop({ kind: 'unreachable', failure: 'bad_answer', message: 'the stream ended before it had any content' })
  }

  #stop(outcome: AttemptResult): void {
    this.#state = 'over'
    this.#isCut = true
    this.#upstreamExchange.abort()
    this.#settle(outcome)
  }

  /** The upstream's bytes are at an end without its terminal event. */
  #endEarly(message: string, isTimeout: boolean): void {
    if (this.#state === 'over') return
    if (this.#state === 'holding') {
      return this.#stop({ kind: 'unreachable', failure: isTimeout ? 'timeout' : 'bad_answer', message })
    }
    if (this.#state === 'flowing') {
      const told = { start: this.#start, events: this.#events }
      return this.#stop({ kind: 'broken', message, usage: this.#usageSoFar(), isTimeout, told })
    }
    const { missingEnd } = this.#job.upstream
    if (missingEnd !== '') this.#job.exchange.write(missingEnd, true)
    this.#complete(null, missingEnd !== '')
    this.#closeClient()
  }

  /** The client is done; the connection gets a moment to end properly, so that it can be used again. */
  #closeClient(): void {
    this.#closing?.cancel()
    this.#job.exchange.endStream()
    this.#closing = this.#job.clock.timer(CLOSE_GRACE_MS, () => this.#upstreamExchange.abort())
    if (this.#result !== null) this.#settle(this.#result)
  }

  /** After `error` OpenAI sends the `response.failed` that Codex looks for; any other end is final. */
  #closeInTime(): void {
    if (this.#mayFailAgain) this.#closing ??= this.#job.clock.timer(CLOSE_GRACE_MS, () => this.#closeClient())
    else this.#closeClient()
  }
}

/** `data: [DONE]` alone is an end without an answer; a terminal event that carries the answer is larger. */
const MOST_EMPTY_TERMINAL_BYTES = 64
