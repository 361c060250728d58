/**
 * What an attempt needs and what can become of it.
 */
import type { Clock } from '../core/clock.ts'
import type { HeaderList } from '../core/headers.ts'
import type { Frame } from '../core/sse.ts'
import type { TransportFailureKind } from '../core/upstream-call.ts'
import type { DebugLog } from '../io/debug-log.ts'
import type { UpstreamClient } from '../io/upstream.ts'
import type { StreamMender, Upstream, UpstreamError, Usage } from '../protocols/contract.ts'
import type { Exchange, ToldSoFar } from './exchange.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { HubLane } from './hub-lane.ts'

/** How long a finished answer may lack its terminal event before the relay supplies it. */
export const FINISH_GRACE_MS = 10_000

export interface AttemptJob {
  readonly upstream: Upstream
  /** Translates the answer; null where both sides speak one protocol. */
  readonly hub: HubLane | null
  readonly exchange: Exchange
  /** The answer is expected as an event stream. */
  readonly expectsStream: boolean
  /** Makes the whole answer that the client wants of a stream; null where streams are for clients that asked for one. */
  readonly fold: ((stream: Buffer) => Buffer | null) | null
  /** Puts an upstream's stream right before anything reads it; null where it is right. */
  readonly mender: StreamMender | null
  /** Puts a whole answer into the client's words, where that is all there is to translate; null where nothing is. */
  readonly translateWhole: ((answer: Buffer) => Buffer) | null
  /** The name to show in place of the account's own name for the model; null when they are the same. */
  readonly shownModel: string | null
  /** The head that the client gets with this answer. */
  readonly headFor: (rawHeaders: readonly string[]) => HeaderList
  /** Content flows: the account is proven to serve. */
  readonly onServing: (rawHeaders: readonly string[]) => void
  readonly limits: AttemptLimits
  /** Keeps what later requests may refer to; null when nothing may. */
  readonly watcher: AnswerWatcher | null
  /** Sees what passes, when the config asks for it. */
  readonly debug: DebugLog | null
  /** Read on for exact usage when the client has left. */
  readonly drainsForUsage: boolean
  readonly client: UpstreamClient
  readonly clock: Clock
  readonly heartbeat: Heartbeat
}

/** Sees an answer of the byte lane before the client does. */
export interface AnswerWatcher {
  /** The next event of a stream. Valid only during the call. */
  onFrame(frame: Frame): void
  /** A whole answer. */
  onWhole(body: Buffer): void
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
      /** The upstream finished without its terminal event, and the relay wrote it. */
      readonly isEndSupplied?: boolean
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
      /** What the upstream said of it, where it said anything. */
      readonly error?: UpstreamError
    }
  | { readonly kind: 'gone'; readonly usage: Usage }

/** After the end of an answer its connection gets this long to end properly, to be used again; then it is cut. */
export const CLOSE_GRACE_MS = 1_000

/** For an upstream that says that it failed and not how. */
export const UNKNOWN_ERROR: UpstreamError = {
  type: '',
  code: '',
  message: 'the upstream reported an error without a text',
}

/** What takes an answer's body. */
export interface BodySink {
  onData(chunk: Buffer): boolean
  onEnd(): void
  onBreak(message: string, kind: TransportFailureKind): void
  onGone(): void
  tick(now: number): void
}
