/**
 * The byte lane of a stream: upstream bytes to the client as they come, with a scanner beside them that knows when the
 * answer begins, what it used, and whether it really ended.
 *
 * Start events are held until content flows, because until then another account may still take over. After that every
 * chunk is written as it is, once.
 */
import type { Timer } from '../core/clock.ts'
import { createFrameScanner, type Frame } from '../core/sse.ts'
import type { UpstreamExchange } from '../io/upstream.ts'
import type { AnswerStart, UpstreamError, Usage } from '../protocols/contract.ts'
import type { AttemptJob, AttemptResult, BodySink } from './attempt-contract.ts'
import { createModelRenamer } from './model-renamer.ts'

/** How long a finished answer may lack its terminal event before the relay supplies it. */
const FINISH_GRACE_MS = 10_000
/** After the terminal event the connection may end properly, to be used again; a server that holds it open is cut off. */
const CLOSE_GRACE_MS = 1_000
/** Start events beyond this are no start events. */
const MOST_HELD_BYTES = 1024 * 1024

export function createPump(
  job: AttemptJob,
  upstreamExchange: UpstreamExchange,
  rawHeaders: readonly string[],
  startedAt: number,
  finish: (result: AttemptResult) => void,
): BodySink {
  const { clock, exchange, limits, upstream } = job
  const usage: Usage = {}
  const scanner = createFrameScanner(onFrame)
  const renamer = job.shownModel === null ? null : createModelRenamer(job.shownModel)
  const headAt = clock.monotonic()
  let held: Buffer[] = []
  let heldBytes = 0
  let firstContentMs: number | null = null
  let state: 'holding' | 'flowing' | 'finished' | 'over' = 'holding'
  let start: AnswerStart | null = null
  let hasBegun = false
  let events = 0
  let isPaused = false
  let lastByteAt = headAt
  /** Where in the current chunk the bytes for the client stop; Infinity while the answer goes on. */
  let cutAt = Infinity
  let lastFrameEnd = 0
  let closing: Timer | null = null

  exchange.onDrain = () => {
    isPaused = false
    lastByteAt = clock.monotonic()
    upstreamExchange.resume()
  }

  function onFrame(frame: Frame, endOffset: number): void {
    if (cutAt !== Infinity) return
    const kind = upstream.inspect(frame)
    job.debug?.event(exchange.requestId, frame.event, frame.data)
    events++
    if (state === 'over') {
      // What follows the terminal event is harmless padding, or a second answer that must not reach the client.
      if (kind !== 'other') cutAt = lastFrameEnd
      lastFrameEnd = endOffset
      return
    }
    lastFrameEnd = endOffset
    if (kind === 'error' && state === 'holding') return fail(frame)
    // Content is most of a stream and tells no counts that a later event does not repeat.
    const counts = kind === 'content' ? null : upstream.usageOfFrame(frame)
    if (counts !== null) Object.assign(usage, counts)
    switch (kind) {
      case 'other':
        return
      case 'start':
        hasBegun = true
        start ??= upstream.readStart(frame.data)
        return
      case 'content':
        return commit()
      case 'finish':
        commit()
        state = 'finished'
        return
      case 'terminal':
        if (state === 'holding' && !hasBegun && frame.data.length < MOST_EMPTY_TERMINAL_BYTES) return failEmpty()
        commit()
        return complete(null)
      case 'error':
        return complete(upstream.decodeError(frame.data) ?? UNKNOWN_ERROR)
    }
  }

  /** Another account can no longer take over: the head and everything held go out. */
  function commit(): void {
    if (state !== 'holding') return
    state = 'flowing'
    firstContentMs = clock.monotonic() - startedAt
    job.onServing(rawHeaders)
    exchange.commitStream(job.headFor(rawHeaders))
    if (held.length > 0) send(Buffer.concat(held))
    held = []
  }

  function send(bytes: Buffer): boolean {
    return exchange.write(renamer === null ? bytes : renamer.push(bytes), scanner.betweenEvents)
  }

  function flushRenamer(): void {
    const rest = renamer?.end()
    if (rest !== undefined && rest.length > 0) exchange.write(rest, scanner.betweenEvents)
  }

  /** The terminal event was seen; the client is finished once the chunk that holds it has been written. */
  let result: AttemptResult | null = null
  function complete(errorEvent: UpstreamError | null): void {
    state = 'over'
    result = { kind: 'served', status: 200, rawHeaders, usage, firstContentMs, errorEvent }
  }

  function settle(outcome: AttemptResult): void {
    exchange.onDrain = null
    finish(outcome)
  }

  function fail(frame: Frame): void {
    const body = Buffer.from(frame.data)
    const error = upstream.decodeError(body) ?? UNKNOWN_ERROR
    stop({ kind: 'failed', reply: { status: error.status ?? 200, rawHeaders, body, error } })
  }

  function failEmpty(): void {
    stop({ kind: 'unreachable', failure: 'bad_answer', message: 'the stream ended before it had any content' })
  }

  function stop(outcome: AttemptResult): void {
    state = 'over'
    cutAt = 0
    upstreamExchange.abort()
    settle(outcome)
  }

  /** The upstream's bytes are at an end without its terminal event. */
  function endEarly(message: string, isTimeout: boolean): void {
    if (state === 'over') return
    if (state === 'holding') {
      return stop({ kind: 'unreachable', failure: isTimeout ? 'timeout' : 'bad_answer', message })
    }
    flushRenamer()
    if (state === 'flowing') return stop({ kind: 'broken', message, usage, isTimeout, told: { start, events } })
    if (upstream.missingEnd !== '') exchange.write(upstream.missingEnd, true)
    complete(null)
    closeClient()
  }

  /** The client is done; the connection gets a moment to end properly, so that it can be used again. */
  function closeClient(): void {
    flushRenamer()
    exchange.endStream()
    closing = clock.timer(CLOSE_GRACE_MS, () => upstreamExchange.abort())
    if (result !== null) settle(result)
  }

  return {
    onData(chunk) {
      lastByteAt = clock.monotonic()
      if (result !== null) return true
      lastFrameEnd = 0
      scanner.push(chunk)
      if (state === 'holding') {
        held.push(chunk)
        heldBytes += chunk.length
        if (heldBytes > MOST_HELD_BYTES) commit()
        return true
      }
      if (cutAt === 0) return true
      const bytes = cutAt < chunk.length ? chunk.subarray(0, cutAt) : chunk
      const hasRoom = send(bytes)
      if (result !== null) closeClient()
      isPaused = !hasRoom && result === null
      return !isPaused
    },
    onEnd() {
      closing?.cancel()
      if (result !== null) return
      const isOpenEvent = !scanner.betweenEvents
      scanner.end()
      // The last event may lack its blank line, without which a client would not see it.
      if (isOpenEvent && state !== 'holding' && cutAt === Infinity) exchange.write('\n\n', true)
      if (result === null) endEarly('the stream ended without its terminal event', false)
      else closeClient()
      closing?.cancel()
    },
    onBreak(message) {
      closing?.cancel()
      if (result === null) endEarly(`the stream broke off: ${message}`, false)
      closing?.cancel()
    },
    onGone() {
      if (job.drainsForUsage && state !== 'holding') return
      upstreamExchange.abort()
      settle({ kind: 'gone', usage })
    },
    tick(now) {
      if (isPaused) return
      const silentMs = now - lastByteAt
      if (state === 'holding' && held.length > 0 && now - headAt >= limits.holdStartMs) commit()
      if (state === 'finished' && silentMs >= FINISH_GRACE_MS) endEarly('', false)
      else if (silentMs >= limits.streamReadTimeoutMs) {
        endEarly(`the upstream sent nothing for ${limits.streamReadTimeoutMs / 1000} s`, true)
        upstreamExchange.abort()
      }
    },
  }
}

/** `data: [DONE]` alone is an end without an answer; a terminal event that carries the answer is larger. */
const MOST_EMPTY_TERMINAL_BYTES = 64

const UNKNOWN_ERROR: UpstreamError = { type: '', code: '', message: 'the upstream reported an error without a text' }
