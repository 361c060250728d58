/**
 * The byte lane of a stream: upstream bytes to the client as they come, with a scanner beside them that knows when the
 * answer begins, what it used, and whether it really ended.
 *
 * Start events are held until content flows, because until then another account may still take over. After that events
 * pass as they are, as soon as they are complete.
 */
import type { Timer } from '../core/clock.ts'
import { createFrameScanner, type Frame, isWholeFrame } from '../core/sse.ts'
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
import { createEventBuffer } from './event-buffer.ts'
import { renameInEvents } from './model-renamer.ts'

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
  const buffer = createEventBuffer()
  let firstContentMs: number | null = null
  let state: 'holding' | 'flowing' | 'finished' | 'over' = 'holding'
  let start: AnswerStart | null = null
  /** When the start event came; null while there is none. */
  let begunAt: number | null = null
  let events = 0
  let lastContent: Frame | null = null
  let isPaused = false
  let lastByteAt = startedAt
  /** Nothing more of the upstream's bytes is for the client. */
  let isCut = false
  let isEnding = false
  let mayFailAgain = false
  let isSettled = false
  let closing: Timer | null = null

  exchange.onDrain = () => {
    isPaused = false
    lastByteAt = clock.monotonic()
    upstreamExchange.resume()
  }

  function onFrame(frame: Frame, endOffset: number): void {
    if (isCut || (isEnding && !isWholeFrame(frame))) return
    const kind = upstream.inspect(frame)
    job.debug?.event(exchange.requestId, frame.event, frame.data)
    if (state !== 'over') job.watcher?.onFrame(frame)
    // What follows the terminal event is harmless padding, or a second answer that must not reach the client.
    isCut = state === 'over' && kind !== 'other' && !(kind === 'error' && mayFailAgain)
    if (isCut) return
    if (isEnding) buffer.endLastEvent()
    else buffer.endEvent(endOffset)
    if (kind === 'error') mayFailAgain = !mayFailAgain
    if (state === 'over') return
    events++
    if (kind === 'error' && state === 'holding') return fail(frame)
    // Content is most of a stream and tells no counts that a later event does not repeat.
    const counts = kind === 'content' ? null : upstream.usageOfFrame(frame)
    if (counts !== null) Object.assign(usage, counts)
    switch (kind) {
      case 'other':
        return
      case 'start':
        begunAt ??= clock.monotonic()
        start ??= upstream.readStart(frame.data)
        return
      case 'content':
        lastContent = frame
        return commit()
      case 'finish':
        commit()
        state = 'finished'
        return
      case 'terminal':
        if (state === 'holding' && begunAt === null && frame.data.length < MOST_EMPTY_TERMINAL_BYTES) return failEmpty()
        commit()
        return complete(null)
      case 'error':
        return complete(upstream.decodeError(frame.data) ?? UNKNOWN_ERROR)
    }
  }

  /** Another account can no longer take over: the head goes out, and with the next `pass` everything held. */
  function commit(): void {
    if (state !== 'holding') return
    state = 'flowing'
    firstContentMs = clock.monotonic() - startedAt
    job.onServing(rawHeaders)
    exchange.commitStream(job.headFor(rawHeaders))
  }

  /** Gives the client what it may have; false when it must be waited for. */
  function pass(): boolean {
    const bytes = buffer.take()
    if (bytes === null) return true
    const shown = job.shownModel === null ? bytes : renameInEvents(bytes, job.shownModel)
    return exchange.write(shown, !buffer.isMidEvent)
  }

  /** The terminal event was seen; the client is finished once the chunk that holds it has been written. */
  let result: AttemptResult | null = null
  function complete(errorEvent: UpstreamError | null, isEndSupplied = false): void {
    state = 'over'
    const counts = errorEvent === null ? usage : usageSoFar()
    result = { kind: 'served', status: 200, rawHeaders, usage: counts, firstContentMs, errorEvent, isEndSupplied }
  }

  function settle(outcome: AttemptResult): void {
    isSettled = true
    exchange.onDrain = null
    finish(outcome)
  }

  /** Vendors that repeat their counts with the content, cumulative, have told the latest with the last of it. */
  function usageSoFar(): Usage {
    const counts = lastContent === null ? null : upstream.usageOfFrame(lastContent)
    return counts === null ? usage : { ...usage, ...counts }
  }

  function fail(frame: Frame): void {
    const body = Buffer.from(frame.data)
    const error = upstream.decodeError(body) ?? UNKNOWN_ERROR
    stop({ kind: 'failed', reply: { status: 200, rawHeaders, body, error } })
  }

  function failEmpty(): void {
    stop({ kind: 'unreachable', failure: 'bad_answer', message: 'the stream ended before it had any content' })
  }

  function stop(outcome: AttemptResult): void {
    state = 'over'
    isCut = true
    upstreamExchange.abort()
    settle(outcome)
  }

  /** The upstream's bytes are at an end without its terminal event. */
  function endEarly(message: string, isTimeout: boolean): void {
    if (state === 'over') return
    if (state === 'holding') {
      return stop({ kind: 'unreachable', failure: isTimeout ? 'timeout' : 'bad_answer', message })
    }
    if (state === 'flowing')
      return stop({ kind: 'broken', message, usage: usageSoFar(), isTimeout, told: { start, events } })
    if (upstream.missingEnd !== '') exchange.write(upstream.missingEnd, true)
    complete(null, upstream.missingEnd !== '')
    closeClient()
  }

  /** The client is done; the connection gets a moment to end properly, so that it can be used again. */
  function closeClient(): void {
    closing?.cancel()
    exchange.endStream()
    closing = clock.timer(CLOSE_GRACE_MS, () => upstreamExchange.abort())
    if (result !== null) settle(result)
  }

  /** After `error` OpenAI sends the `response.failed` that Codex looks for; any other end is final. */
  function closeInTime(): void {
    if (mayFailAgain) closing ??= clock.timer(CLOSE_GRACE_MS, closeClient)
    else closeClient()
  }

  return {
    onData(chunk) {
      lastByteAt = clock.monotonic()
      if (isSettled) return true
      buffer.push(chunk)
      scanner.push(chunk)
      if (isCut && result === null) return true
      if (scanner.betweenEvents && !isCut) buffer.endEvent(chunk.length)
      if (state === 'holding' && buffer.heldBytes > MOST_HELD_BYTES) commit()
      if (state === 'holding') return true
      const hasRoom = pass()
      if (result !== null) closeInTime()
      isPaused = !hasRoom && result === null
      return !isPaused
    },
    onEnd() {
      if (!isSettled) {
        isEnding = true
        if (!scanner.betweenEvents) scanner.end()
        if (state !== 'holding') pass()
        if (result === null) endEarly('the stream ended without its terminal event', false)
        else closeClient()
      }
      closing?.cancel()
    },
    onBreak(message) {
      if (result === null) endEarly(`the stream broke off: ${message}`, false)
      else if (!isSettled) closeClient()
      closing?.cancel()
    },
    onGone() {
      if (job.drainsForUsage) {
        // It may have left while the upstream waited for it to read.
        isPaused = false
        upstreamExchange.resume()
        return
      }
      closing?.cancel()
      upstreamExchange.abort()
      settle({ kind: 'gone', usage: usageSoFar() })
    },
    tick(now) {
      if (isPaused) return
      const silentMs = now - lastByteAt
      if (state === 'holding' && begunAt !== null && now - begunAt >= limits.holdStartMs) {
        commit()
        pass()
      }
      const limitMs =
        buffer.heldBytes === 0 && state === 'holding' ? limits.firstByteTimeoutMs : limits.streamReadTimeoutMs
      if (state === 'finished' && silentMs >= FINISH_GRACE_MS) endEarly('', false)
      else if (silentMs >= limitMs) {
        endEarly(`the upstream sent nothing for ${limitMs / 1000} s`, true)
        upstreamExchange.abort()
      }
    },
  }
}

/** `data: [DONE]` alone is an end without an answer; a terminal event that carries the answer is larger. */
const MOST_EMPTY_TERMINAL_BYTES = 64
