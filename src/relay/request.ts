/**
 * A relayed request on its way through the rooms, and what became of it.
 */
import type { ClientToken, Protocol } from '../core/account.ts'
import type { Envelope, Usage } from '../protocols/contract.ts'
import type { Operation } from '../providers/contract.ts'
import type { FailedTry } from '../usage/record.ts'
import type { Exchange } from './exchange.ts'
import type { ReasoningRepairs } from './reasoning-repair.ts'
import type { ResponseThread } from './response-thread.ts'

export interface RelayRequest {
  readonly client: ClientToken
  readonly protocol: Protocol
  readonly operation: Operation
  readonly envelope: Envelope
  readonly body: Buffer
  readonly rawHeaders: readonly string[]
  readonly query: URLSearchParams
  readonly exchange: Exchange
}

/** A request with what is known of its conversation. */
export interface ThreadedRequest extends RelayRequest {
  /** What it refers to; only Responses requests do. */
  readonly thread: ResponseThread | null
  readonly repairs: ReasoningRepairs
  /** Stable name of the conversation for an upstream's prompt cache; null when nothing identifies it. */
  readonly cacheKey: string | null
}

/** What becomes of a request, for the log and the books; whoever shows requests under way may read it meanwhile. */
export interface RelayRecord {
  account: string | null
  model: string
  upstreamModel: string | null
  attempts: number
  outcome: 'served' | 'failed' | 'broken' | 'gone'
  usage: Usage
  /** The attempts that did not serve, in order. */
  failures: FailedTry[]
  /** What the answer was made without, or mended. */
  dropped: readonly string[]
  /** What the translation could not carry over, as `code:detail`. */
  losses: readonly string[]
}

export function startRecord(model: string): RelayRecord {
  return {
    account: null,
    model,
    upstreamModel: null,
    attempts: 0,
    outcome: 'failed',
    usage: {},
    failures: [],
    dropped: [],
    losses: [],
  }
}

/** Counting tokens is free at every vendor, so what comes of it says nothing of an account's health. */
export function isSideCall({ operation }: RelayRequest): boolean {
  return operation === 'count_tokens'
}
