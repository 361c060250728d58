/**
 * What an attempt needs and what can become of it.
 */
import type { Clock } from '../core/clock.ts'
import type { HeaderList } from '../core/headers.ts'
import type { TransportFailureKind, UpstreamCall } from '../core/upstream-call.ts'
import type { DebugLog } from '../io/debug-log.ts'
import type { UpstreamClient } from '../io/upstream.ts'
import type { Upstream, UpstreamError, Usage } from '../protocols/contract.ts'
import type { Exchange, ToldSoFar } from './exchange.ts'
import type { Heartbeat } from './heartbeat.ts'

export interface AttemptJob {
  readonly call: UpstreamCall
  readonly upstream: Upstream
  readonly exchange: Exchange
  /** The answer is expected as an event stream. */
  readonly expectsStream: boolean
  /** The name to show in place of the account's own name for the model; null when they are the same. */
  readonly shownModel: string | null
  /** The head that the client gets with this answer. */
  readonly headFor: (rawHeaders: readonly string[]) => HeaderList
  /** Content flows: the account is proven to serve. */
  readonly onServing: (rawHeaders: readonly string[]) => void
  readonly limits: AttemptLimits
  /** Sees what passes, when the config asks for it. */
  readonly debug: DebugLog | null
  /** Read on for exact usage when the client has left. */
  readonly drainsForUsage: boolean
  readonly client: UpstreamClient
  readonly clock: Clock
  readonly heartbeat: Heartbeat
}

export interface AttemptLimits {
  readonly firstByteTimeoutMs: number
  readonly responseTimeoutMs: number
  readonly streamReadTimeoutMs: number
  readonly holdStartMs: number
}

/** What an upstream sent instead of an answer. */
export interface Reply {
  readonly status: number
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  readonly error: UpstreamError | null
}

export type AttemptResult =
  /** The whole answer has reached the client; `errorEvent` when it ended in the upstream's own error event. */
  | {
      readonly kind: 'served'
      readonly status: number
      readonly rawHeaders: readonly string[]
      readonly usage: Usage
      readonly firstContentMs: number | null
      readonly errorEvent: UpstreamError | null
    }
  /** Nothing of the answer has reached the client: another account may try. */
  | { readonly kind: 'failed'; readonly reply: Reply }
  | {
      readonly kind: 'unreachable'
      readonly failure: TransportFailureKind | 'timeout' | 'bad_answer'
      readonly message: string
    }
  /** Content had begun to flow and broke off. */
  | {
      readonly kind: 'broken'
      readonly message: string
      readonly usage: Usage
      readonly isTimeout: boolean
      readonly told: ToldSoFar
    }
  | { readonly kind: 'gone'; readonly usage: Usage }

/** What takes an answer's body. */
export interface BodySink {
  onData(chunk: Buffer): boolean
  onEnd(): void
  onBreak(message: string, kind: TransportFailureKind): void
  onGone(): void
  tick(now: number): void
}
