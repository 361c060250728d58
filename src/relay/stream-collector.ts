/**
 * Makes the whole answer that a client asked for out of the stream that its upstream sends in any case. Nothing goes out
 * before the stream has ended well, so every failure up to then is still another account's chance.
 */
import type { Timer } from '../core/clock.ts'
import { FrameScanner, type Frame } from '../core/sse.ts'
import type { UpstreamExchange } from '../io/upstream.ts'
import type { UpstreamError, Usage } from '../protocols/contract.ts'
import {
  CLOSE_GRACE_MS,
  UNKNOWN_ERROR,
  type AttemptJob,
  type AttemptResult,
  type BodySink,
} from './attempt-contract.ts'
import { renameWhole } from './model-renamer.ts'

const MOST_STREAM_BYTES = 256 * 1024 * 1024

/** `fold` makes one answer of a whole stream; null when there is none in it. */
export function createStreamCollector(
  job: AttemptJob,
  fold: (stream: Buffer) => Buffer | null,
  upstreamExchange: UpstreamExchange,
  rawHeaders: readonly string[],
  startedAt: number,
  finish: (result: AttemptResult) => void,
): BodySink {
  const { clock, limits, upstream } = job
  const chunks: Buffer[] = []
  const usage: Usage = {}
  const scanner = new FrameScanner(onFrame)
  let size = 0
  let firstContentMs: number | null = null
  let lastByteAt = startedAt
  let closing: Timer | null = null
  /** The terminal event has come. */
  let hasEnded = false
  /** The result is out; what still comes is for nobody. */
  let isOver = false

  function onFrame(frame: Frame): void {
    if (hasEnded || isOver) return
    const kind = upstream.inspect(frame)
    job.debug?.event(job.exchange.requestId, frame.event, frame.data)
    if (kind === 'error') return fail(frame)
    if (kind === 'content') {
      firstContentMs ??= clock.monotonic() - startedAt
      return
    }
    Object.assign(usage, upstream.usageOfFrame(frame))
    hasEnded = kind === 'terminal'
  }

  /** The upstream's own report of failure, in the form in which it would have come without a stream. */
  function fail(frame: Frame): void {
    const error = upstream.decodeError(Buffer.from(frame.data)) ?? UNKNOWN_ERROR
    const headers = withoutContentType(rawHeaders)
    const reply = {
      status: error.status ?? 200,
      rawHeaders: [...headers, 'content-type', 'application/json'],
      body: encodeError(error),
      error,
    }
    stop({ kind: 'failed', reply })
  }

  function stop(result: AttemptResult): void {
    isOver = true
    upstreamExchange.abort()
    finish(result)
  }

  function reject(message: string, failure: 'timeout' | 'bad_answer' = 'bad_answer'): void {
    if (!isOver) stop({ kind: 'unreachable', failure, message })
  }

  function answer(): void {
    const body = fold(Buffer.concat(chunks))
    if (body === null) return reject('the stream ended without an answer in it')
    isOver = true
    job.onServing(rawHeaders)
    const shown = job.shownModel === null ? body : renameWhole(body, job.shownModel)
    job.watcher?.onWhole(shown)
    const headers = job.headFor(rawHeaders).filter(([name]) => name !== 'content-type')
    job.exchange.sendWhole(200, [...headers, ['content-type', 'application/json']], shown)
    finish({ kind: 'served', status: 200, rawHeaders, usage, firstContentMs, errorEvent: null })
    closing = clock.timer(CLOSE_GRACE_MS, () => upstreamExchange.abort())
  }

  return {
    onData(chunk) {
      if (isOver) return true
      lastByteAt = clock.monotonic()
      size += chunk.length
      if (size > MOST_STREAM_BYTES) {
        reject('the answer is larger than the relay can hold')
        return true
      }
      chunks.push(chunk)
      scanner.push(chunk)
      if (hasEnded) answer()
      return true
    },
    onEnd() {
      closing?.cancel()
      if (isOver) return
      scanner.end()
      if (hasEnded) answer()
      else reject('the stream ended without its terminal event')
      closing?.cancel()
    },
    onBreak(message) {
      closing?.cancel()
      reject(`the stream broke off: ${message}`)
    },
    onGone() {
      if (!isOver && !job.drainsForUsage) stop({ kind: 'gone', usage })
    },
    tick(now) {
      const isSilent = now - lastByteAt >= limits.streamReadTimeoutMs
      if (isSilent) reject(`the upstream sent nothing for ${limits.streamReadTimeoutMs / 1000} s`, 'timeout')
      else if (now - startedAt >= limits.responseTimeoutMs) {
        reject(`no whole answer within ${limits.responseTimeoutMs / 1000} s`, 'timeout')
      }
    },
  }
}

function withoutContentType(rawHeaders: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.toLowerCase() !== 'content-type') kept.push(name, rawHeaders[i + 1] as string)
  }
  return kept
}

function encodeError({ type, code, message, resetsAt }: UpstreamError): Buffer {
  const words = { message, type: type || code || 'server_error', param: null, code: code || null }
  const ends = resetsAt === undefined ? {} : { resets_at: Math.ceil(resetsAt / 1000) }
  return Buffer.from(JSON.stringify({ error: { ...words, ...ends } }))
}
