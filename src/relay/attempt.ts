/**
 * One lease, one call, one result: sends the call, looks at the head of the answer, and hands the rest to the pump
 * (streams), to the stream collector (streams for clients that asked for none) or to the collector (whole answers and
 * errors).
 */
import { headerValue } from '../core/headers.ts'
import type { TransportFailure, UpstreamCall } from '../core/upstream-call.ts'
import type { UpstreamExchange, UpstreamListener } from '../io/upstream.ts'
import type { StreamMender } from '../protocols/contract.ts'
import type { AttemptJob, AttemptResult, BodySink } from './attempt-contract.ts'
import { createCollector } from './collector.ts'
import type { Watched } from './heartbeat.ts'
import type { HubLane } from './hub-lane.ts'
import { createHubPump } from './hub-pump.ts'
import { Pump } from './pump.ts'
import { createStreamCollector } from './stream-collector.ts'

/** `call` goes out and is let go: a stream may last for hours, and its request need not. */
export function runAttempt(call: UpstreamCall, job: AttemptJob): Promise<AttemptResult> {
  return new Promise((resolve) => new Attempt(call, job, resolve))
}

/** One object in all its roles, because it lives as long as its answer does. */
class Attempt implements UpstreamListener, Watched {
  readonly #job: AttemptJob
  readonly #resolve: (result: AttemptResult) => void
  readonly #startedAt: number
  readonly #unwatch: () => void
  readonly #onGone = (): void => this.#leave()
  readonly #upstreamExchange: UpstreamExchange
  #sink: BodySink | null = null
  #isSettled = false

  constructor(call: UpstreamCall, job: AttemptJob, resolve: (result: AttemptResult) => void) {
    const { gone } = job.exchange
    this.#job = job
    this.#resolve = resolve
    this.#startedAt = job.clock.monotonic()
    this.#unwatch = job.heartbeat.watch(this)
    gone.watch(this.#onGone)
    this.#upstreamExchange = job.client.send(call, this)
    if (gone.hasLeft) this.#leave()
  }

  onHead(status: number, rawHeaders: string[]): void {
    const wrong = unusableHead(status, rawHeaders)
    if (wrong === null) this.#sink = this.#sinkFor(status, rawHeaders)
    else this.#giveUp('bad_answer', wrong)
  }

  onData(chunk: Buffer): boolean {
    return this.#sink?.onData(chunk) ?? true
  }

  onEnd(): void {
    this.#sink?.onEnd()
  }

  onFailure({ kind, code, message }: TransportFailure): void {
    const told = `${message} (${code})`
    if (this.#sink === null) this.#finish({ kind: 'unreachable', failure: kind, message: told })
    else this.#sink.onBreak(told, kind)
  }

  tick(now: number): void {
    if (this.#sink !== null) return this.#sink.tick(now)
    const { expectsStream, limits } = this.#job
    const deadlineMs = expectsStream ? limits.firstByteTimeoutMs : limits.responseTimeoutMs
    if (now - this.#startedAt >= deadlineMs) this.#giveUp('timeout', `no answer within ${deadlineMs / 1000} s`)
  }

  #sinkFor(status: number, rawHeaders: readonly string[]): BodySink {
    const job = this.#job
    const { hub, fold, mender, expectsStream, exchange } = job
    const finish = (result: AttemptResult): void => this.#finish(result)
    const [upstreamExchange, startedAt] = [this.#upstreamExchange, this.#startedAt]
    if (status === 200 && hub !== null) {
      return createHubSink(job, hub, upstreamExchange, rawHeaders, startedAt, finish)
    }
    if (status !== 200 || !expectsStream || !isEventStream(rawHeaders)) {
      return createCollector(job, upstreamExchange, status, rawHeaders, startedAt, finish)
    }
    if (fold !== null && !exchange.isStream) {
      return createStreamCollector(job, fold, upstreamExchange, rawHeaders, startedAt, finish)
    }
    const pump = new Pump(job, upstreamExchange, rawHeaders, startedAt, finish)
    return mender === null ? pump : mendedSink(pump, mender)
  }

  /** The client has left. */
  #leave(): void {
    if (this.#sink !== null) return this.#sink.onGone()
    // The question has been asked, and only the end of the answer says what it costs.
    if (this.#job.drainsForUsage) return
    this.#upstreamExchange.abort()
    this.#finish({ kind: 'gone', usage: {} })
  }

  #giveUp(failure: 'timeout' | 'bad_answer', message: string): void {
    this.#upstreamExchange.abort()
    this.#finish({ kind: 'unreachable', failure, message })
  }

  #finish(result: AttemptResult): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#unwatch()
    this.#job.exchange.gone.unwatch(this.#onGone)
    this.#resolve(result)
  }
}

/** Over the hub lane a stream is translated as it comes; a server that answers whole all the same is understood too. */
function createHubSink(
  job: AttemptJob,
  hub: HubLane,
  upstreamExchange: UpstreamExchange,
  rawHeaders: readonly string[],
  startedAt: number,
  finish: (result: AttemptResult) => void,
): BodySink {
  const pump = createHubPump(job, hub, upstreamExchange, rawHeaders, startedAt, finish)
  if (isEventStream(rawHeaders)) return pump
  return createCollector(job, upstreamExchange, 200, rawHeaders, startedAt, finish, (body) => pump.onWhole(body))
}

function mendedSink(sink: BodySink, mender: StreamMender): BodySink {
  return {
    // Nothing is passed on too: it is a sign of life.
    onData: (chunk) => sink.onData(mender.push(chunk)),
    onEnd() {
      const rest = mender.end()
      if (rest.length > 0) sink.onData(rest)
      sink.onEnd()
    },
    onBreak: (message, kind) => sink.onBreak(message, kind),
    onGone: () => sink.onGone(),
    tick: (now) => sink.tick(now),
  }
}

/** Answers that cannot be passed on, whatever is in them; null when the head is fine. */
function unusableHead(status: number, rawHeaders: readonly string[]): string | null {
  if (status >= 300 && status < 400) return `the upstream redirects (HTTP ${status}); redirects are not followed`
  const encoding = headerValue(rawHeaders, 'content-encoding')
  if (encoding !== undefined && encoding !== 'identity')
    return `the upstream sent ${encoding} although it was asked not to`
  if (status !== 200 && status < 300) return `the upstream answered HTTP ${status}`
  return null
}

function isEventStream(rawHeaders: readonly string[]): boolean {
  const type = headerValue(rawHeaders, 'content-type')
  // Some servers stream without saying what; with a stream asked for that is the only sensible reading.
  return type === undefined || type.toLowerCase().startsWith('text/event-stream')
}
