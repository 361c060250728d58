/**
 * The hub lane of an answer: events of one dialect in, frames or a whole body of another out. The same promises as the byte
 * lane: nothing goes out before content flows, backpressure both ways, an end only where the answer really ended.
 */
import type { Timer } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { JsonObject } from '../core/json.ts'
import { type Frame, FrameScanner, isWholeFrame } from '../core/sse.ts'
import { decodeUtf8 } from '../core/utf8.ts'
import type { UpstreamExchange } from '../io/upstream.ts'
import type { UpstreamError, Usage } from '../protocols/contract.ts'
import { piecesOf } from '../protocols/delta-pieces.ts'
import { createFold } from '../protocols/fold.ts'
import type { Delta } from '../protocols/hub.ts'
import {
  CLOSE_GRACE_MS,
  FINISH_GRACE_MS,
  type AttemptJob,
  type AttemptResult,
  type BodySink,
} from './attempt-contract.ts'
import type { HubLane } from './hub-lane.ts'
import { Steps } from './steps.ts'

/** What says that something will come, and nothing of it: until more follows another account may take over. */
const ANNOUNCEMENTS: ReadonlySet<Delta['type']> = new Set([
  'start',
  'usage',
  'text-start',
  'reasoning-start',
  'refusal-start',
])
/** An event is translated as a whole: a picture, or the arguments of a call that writes a long file. */
const LARGEST_EVENT_BYTES = 128 * 1024 * 1024
/** A larger one is translated in steps: 20 MB take a tenth of a second, and others need not wait so long. */
const LARGE_EVENT_BYTES = 1024 * 1024

export interface HubPump extends BodySink {
  /** A whole body that came although a stream was asked for. */
  onWhole(body: Buffer): void
}

export function createHubPump(
  job: AttemptJob,
  lane: HubLane,
  upstreamExchange: UpstreamExchange,
  rawHeaders: readonly string[],
  startedAt: number,
  finish: (result: AttemptResult) => void,
): HubPump {
  const { clock, exchange, limits } = job
  const usage: Usage = {}
  const scanner = new FrameScanner(
    (frame) => {
      if (isEnding && !isWholeFrame(frame)) return
      job.debug?.event(exchange.requestId, frame.event, frame.data)
      const isLarge = bytesSinceEvent > LARGE_EVENT_BYTES
      bytesSinceEvent = 0
      if (isLarge || steps.isBusy) steps.add(translate(frame))
      else if (state !== 'over') take(lane.decoder.decode(frame))
    },
    { keptBytes: LARGEST_EVENT_BYTES },
  )
  /** A whole answer is the fold of the stream: one way to read an answer, not two. */
  const fold = exchange.isStream ? null : createFold()
  let state: 'holding' | 'flowing' | 'over' = 'holding'
  let firstContentMs: number | null = null
  let lastByteAt = startedAt
  let hasBytes = false
  let pending = ''
  let isPaused = false
  let isEnding = false
  let closing: Timer | null = null
  let isEndSupplied = false
  let bytesSinceEvent = 0
  /** Large events, and what came behind them. The upstream is not read meanwhile. */
  const steps = new Steps({
    isHeld: () => isPaused,
    onDone() {
      lastByteAt = clock.monotonic()
      if (endOfSteps !== null) endOfSteps()
      else if (!isPaused) upstreamExchange.resume()
    },
  })
  /** The upstream's end, when it came before they were done. */
  let endOfSteps: (() => void) | null = null

  exchange.onDrain(() => {
    isPaused = false
    lastByteAt = clock.monotonic()
    goOn()
  })

  function goOn(): void {
    if (steps.isBusy) steps.goOn()
    else upstreamExchange.resume()
  }

  function take(deltas: readonly Delta[]): void {
    for (const delta of deltas) {
      if (state === 'over') return
      if (delta.type === 'usage') Object.assign(usage, delta.usage)
      if (delta.type === 'error') return fail(delta.error)
      if (delta.type === 'finish') supplyUsage()
      fold?.push(delta)
      if (fold === null) pending += lane.encoder.encode(delta)
      if (state === 'holding' && !ANNOUNCEMENTS.has(delta.type)) begin()
      if (delta.type === 'finish') complete()
    }
  }

  /** As it would be at once, but in steps, each when the client has room for what it says. */
  function* translate(frame: Frame): Generator<void> {
    try {
      const deltas = state === 'over' ? [] : lane.decoder.decode(frame)
      yield
      for (const delta of deltas.flatMap(piecesOf)) {
        take([delta])
        send()
        yield
      }
    } catch (error) {
      tripOver(error)
    }
  }

  function supplyUsage(): void {
    const estimate = Object.keys(usage).length > 0 ? null : lane.estimateUsage()
    if (estimate === null) return
    const delta = { type: 'usage', usage: estimate } as const
    if (fold === null) pending += lane.encoder.encode(delta)
    else fold.push(delta)
  }

  /** Content flows. A whole answer still waits for its end, but its account has proven itself. */
  function begin(): void {
    state = 'flowing'
    firstContentMs = clock.monotonic() - startedAt
    job.onServing(rawHeaders)
    if (fold === null) exchange.commitStream(job.headFor(lane.withoutForeignHeaders(rawHeaders)))
  }

  function complete(): void {
    state = 'over'
    if (fold === null) {
      exchange.write(pending, true)
      pending = ''
      exchange.endStream()
      const final = lane.encoder.final?.() ?? null
      if (final !== null) job.watcher?.onWhole(Buffer.from(JSON.stringify(final)))
    } else {
      const body = Buffer.from(lane.encodeWhole(fold.result()))
      job.watcher?.onWhole(body)
      const head = job.headFor(lane.withoutForeignHeaders(rawHeaders))
      exchange.sendWhole(200, [['content-type', 'application/json'], ...head], body)
    }
    closing = clock.timer(CLOSE_GRACE_MS, () => upstreamExchange.abort())
    settle({ kind: 'served', status: 200, rawHeaders, usage, firstContentMs, errorEvent: null, isEndSupplied })
  }

  function settle(result: AttemptResult): void {
    exchange.onDrain(null)
    finish(result)
  }

  /** The upstream reports a failure: before content another account may take over, later the client must be told. */
  function fail(error: UpstreamError): void {
    const isUntold = state === 'holding' || fold !== null
    state = 'over'
    upstreamExchange.abort()
    if (isUntold) {
      const reply = { status: error.status ?? 200, rawHeaders, body: Buffer.alloc(0), error }
      return settle({ kind: 'failed', reply })
    }
    flush()
    settle({ kind: 'broken', message: error.message, usage, isTimeout: false, told: lane.encoder.told(), error })
  }

  function breakOff(message: string, isTimeout: boolean): void {
    if (state === 'over') return
    const isUntold = state === 'holding' || fold !== null
    state = 'over'
    upstreamExchange.abort()
    if (isUntold) return settle({ kind: 'unreachable', failure: isTimeout ? 'timeout' : 'bad_answer', message })
    flush()
    settle({ kind: 'broken', message, usage, isTimeout, told: lane.encoder.told() })
  }

  /** Nothing more will come: what is complete but for its terminal event gets its end, the rest is broken. */
  function endWithout(message: string, isTimeout: boolean): void {
    if (state === 'over') return
    if (lane.decoder.isComplete()) {
      isEndSupplied = job.upstream.missingEnd !== ''
      take(lane.decoder.end())
    }
    breakOff(message, isTimeout)
  }

  function send(): void {
    if (state === 'flowing' && fold === null) isPaused = !flush()
  }

  function flush(): boolean {
    if (pending === '') return true
    const text = pending
    pending = ''
    return exchange.write(text, true)
  }

  function guarded(run: () => void): void {
    try {
      run()
    } catch (error) {
      tripOver(error)
    }
  }

  /** Whatever a decoder trips over is the upstream's fault, and one attempt's, not the relay's. */
  function tripOver(error: unknown): void {
    if (!(error instanceof GatewayError)) lane.onFault(error)
    breakOff(`the answer cannot be read: ${error instanceof Error ? error.message : String(error)}`, false)
  }

  return {
    onData(chunk) {
      lastByteAt = clock.monotonic()
      hasBytes = true
      if (state === 'over') return true
      bytesSinceEvent += chunk.length
      guarded(() => scanner.push(chunk))
      send()
      return !isPaused && !steps.isBusy
    },
    onWhole(body) {
      guarded(() => take(lane.decodeWhole(JSON.parse(decodeUtf8(body)) as JsonObject)))
      breakOff('the whole answer has no end', false)
      closing?.cancel()
    },
    onEnd() {
      if (!isEnding && !steps.isBusy) {
        isEnding = true
        // A last event that lacks its blank line; it may be a large one.
        guarded(() => scanner.end())
      }
      if (steps.isBusy) return void (endOfSteps = () => this.onEnd())
      guarded(() => endWithout('the stream ended without its terminal event', false))
      closing?.cancel()
    },
    onBreak(message, kind) {
      if (steps.isBusy) return void (endOfSteps = () => this.onBreak(message, kind))
      guarded(() => endWithout(`the stream broke off: ${message}`, false))
      closing?.cancel()
    },
    onGone() {
      if (job.drainsForUsage && state === 'flowing') {
        // It may have left while the upstream waited for it to read.
        isPaused = false
        return goOn()
      }
      state = 'over'
      upstreamExchange.abort()
      settle({ kind: 'gone', usage })
    },
    tick(now) {
      if (isPaused || steps.isBusy || state === 'over') return
      // A head alone is no sign that an answer comes.
      if (now - lastByteAt >= FINISH_GRACE_MS && lane.decoder.isComplete()) guarded(() => endWithout('', false))
      const patienceMs = hasBytes ? limits.streamReadTimeoutMs : limits.firstByteTimeoutMs
      if (now - lastByteAt >= patienceMs) {
        breakOff(`the upstream sent nothing for ${patienceMs / 1000} s`, true)
      } else if (fold !== null && now - startedAt >= limits.responseTimeoutMs) {
        breakOff(`no whole answer within ${limits.responseTimeoutMs / 1000} s`, true)
      }
    },
  }
}
