/**
 * Collects a whole answer or an error before any of it goes to the client, so that half an answer is nobody's answer.
 */
import { ByteGatherer } from '../core/byte-gatherer.ts'
import { headerValue } from '../core/headers.ts'
import { isCompleteJson } from '../core/json.ts'
import type { TransportFailureKind } from '../core/upstream-call.ts'
import type { UpstreamExchange } from '../io/upstream.ts'
import type { AttemptJob, AttemptResult, BodySink } from './attempt-contract.ts'
import { renameWhole } from './model-renamer.ts'

const MOST_WHOLE_BYTES = 256 * 1024 * 1024

export function createCollector(
  job: AttemptJob,
  upstreamExchange: UpstreamExchange,
  status: number,
  rawHeaders: readonly string[],
  startedAt: number,
  finish: (result: AttemptResult) => void,
  /** Takes a good answer in the client's place. */
  deliver: ((body: Buffer) => void) | null = null,
): BodySink {
  const announcedBytes = Number(headerValue(rawHeaders, 'content-length') ?? NaN)
  const gathered = new ByteGatherer(announcedBytes <= MOST_WHOLE_BYTES ? announcedBytes : NaN)

  function reject(message: string, failure: TransportFailureKind | 'timeout' | 'bad_answer' = 'bad_answer'): void {
    upstreamExchange.abort()
    finish({ kind: 'unreachable', failure, message })
  }

  function translate(body: Buffer): Buffer | null {
    try {
      return job.translateWhole?.(body) ?? body
    } catch {
      return null
    }
  }

  return {
    onData(chunk) {
      if (gathered.length + chunk.length > MOST_WHOLE_BYTES) reject('the answer is larger than the relay can hold')
      else gathered.push(chunk)
      return true
    },
    onEnd() {
      const body = gathered.whole()
      job.debug?.body(job.exchange.requestId, 'upstream answer', body)
      const error = job.upstream.decodeError(body)
      if (status >= 400 || error !== null) return finish({ kind: 'failed', reply: { status, rawHeaders, body, error } })
      const wrong = unusableBody(rawHeaders, body, job.exchange.isStream && deliver === null)
      if (wrong !== null) return reject(wrong)
      if (deliver !== null) return deliver(body)
      const translated = translate(body)
      if (translated === null) return reject('the answer cannot be read')
      job.onServing(rawHeaders)
      const shown = job.shownModel === null ? translated : renameWhole(translated, job.shownModel)
      job.watcher?.onWhole(shown)
      job.exchange.sendWhole(status, job.headFor(rawHeaders), shown)
      finish({
        kind: 'served',
        status,
        rawHeaders,
        usage: job.upstream.usageOfBody(body) ?? {},
        firstContentMs: job.clock.monotonic() - startedAt,
        errorEvent: null,
      })
    },
    onBreak(message, kind) {
      reject(`the answer broke off: ${message}`, kind === 'reset' ? 'bad_answer' : kind)
    },
    onGone() {
      if (job.drainsForUsage) return
      upstreamExchange.abort()
      finish({ kind: 'gone', usage: {} })
    },
    tick(now) {
      if (now - startedAt < job.limits.responseTimeoutMs) return
      reject(`no whole answer within ${job.limits.responseTimeoutMs / 1000} s`, 'timeout')
    },
  }
}

/** Why a 200 is not an answer; null when it is one. */
function unusableBody(rawHeaders: readonly string[], body: Buffer, needsStream: boolean): string | null {
  const type = headerValue(rawHeaders, 'content-type')?.toLowerCase() ?? 'application/json'
  if (body.length === 0) return 'the upstream answered 200 with an empty body'
  if (!type.includes('json')) return `the upstream answered with ${type.split(';')[0]} instead of JSON`
  if (!isCompleteJson(body)) return 'the answer is cut off: its JSON is not complete'
  if (needsStream) return 'the upstream answered with a whole body although a stream was asked for'
  return null
}
