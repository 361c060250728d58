/**
 * One lease, one call, one result: sends the call, looks at the head of the answer, and hands the rest to the pump
 * (streams), to the stream collector (streams for clients that asked for none) or to the collector (whole answers and
 * errors).
 */
import { headerValue } from '../core/headers.ts'
import type { UpstreamCall } from '../core/upstream-call.ts'
import type { UpstreamExchange } from '../io/upstream.ts'
import type { StreamMender } from '../protocols/contract.ts'
import type { AttemptJob, AttemptResult, BodySink } from './attempt-contract.ts'
import { createCollector } from './collector.ts'
import type { HubLane } from './hub-lane.ts'
import { createHubPump } from './hub-pump.ts'
import { createPump } from './pump.ts'
import { createStreamCollector } from './stream-collector.ts'

/** `call` goes out and is let go: a stream may last for hours, and its request need not. */
export function runAttempt(call: UpstreamCall, job: AttemptJob): Promise<AttemptResult> {
  return new Promise((resolve) => {
    const { clock, exchange, limits } = job
    const startedAt = clock.monotonic()
    const headDeadlineMs = job.expectsStream ? limits.firstByteTimeoutMs : limits.responseTimeoutMs
    let sink: BodySink | null = null
    let isSettled = false

    const finish = (result: AttemptResult): void => {
      if (isSettled) return
      isSettled = true
      unwatch()
      exchange.gone.unwatch(onGone)
      resolve(result)
    }
    const onGone = (): void => {
      if (sink !== null) return sink.onGone()
      // The question has been asked, and only the end of the answer says what it costs.
      if (job.drainsForUsage) return
      upstreamExchange.abort()
      finish({ kind: 'gone', usage: {} })
    }
    const unwatch = job.heartbeat.watch({
      tick(now) {
        if (sink !== null) return sink.tick(now)
        if (now - startedAt < headDeadlineMs) return
        upstreamExchange.abort()
        finish({ kind: 'unreachable', failure: 'timeout', message: `no answer within ${headDeadlineMs / 1000} s` })
      },
    })
    exchange.gone.watch(onGone)

    const upstreamExchange: UpstreamExchange = job.client.send(call, {
      onHead(status, rawHeaders) {
        const wrong = unusableHead(status, rawHeaders)
        if (wrong !== null) {
          upstreamExchange.abort()
          finish({ kind: 'unreachable', failure: 'bad_answer', message: wrong })
        } else if (status === 200 && job.hub !== null) {
          sink = createHubSink(job, job.hub, upstreamExchange, rawHeaders, startedAt, finish)
        } else if (status === 200 && job.expectsStream && isEventStream(rawHeaders)) {
          const { fold, mender } = job
          if (fold !== null && !exchange.isStream) {
            sink = createStreamCollector(job, fold, upstreamExchange, rawHeaders, startedAt, finish)
          } else {
            const pump = createPump(job, upstreamExchange, rawHeaders, startedAt, finish)
            sink = mender === null ? pump : mendedSink(pump, mender)
          }
        } else {
          sink = createCollector(job, upstreamExchange, status, rawHeaders, startedAt, finish)
        }
      },
      onData: (chunk) => sink?.onData(chunk) ?? true,
      onEnd: () => sink?.onEnd(),
      onFailure(failure) {
        const message = `${failure.message} (${failure.code})`
        if (sink === null) finish({ kind: 'unreachable', failure: failure.kind, message })
        else sink.onBreak(message, failure.kind)
      },
    })
    if (exchange.gone.hasLeft) onGone()
  })
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
    ...sink,
    // Nothing is passed on too: it is a sign of life.
    onData: (chunk) => sink.onData(mender.push(chunk)),
    onEnd() {
      const rest = mender.end()
      if (rest.length > 0) sink.onData(rest)
      sink.onEnd()
    },
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
