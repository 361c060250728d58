/**
 * What a request asks of the pool, and what it gets.
 */
import type { Account, Protocol } from '../core/account.ts'
import type { Departure } from '../core/departure.ts'

export interface PoolRequest {
  readonly protocol: Protocol
  readonly model: string
  readonly confinedTo: readonly string[]
  /** Whose turn in the queue it uses. */
  readonly group: string
  readonly sessionKeys: readonly string[]
  /** Accounts that have failed this request; the caller adds to it. */
  readonly tried: Set<Account>
  /** The account to try once more, when it still may; the caller sets it. */
  prefer: Account | null
  /** The request can be put into the words of another protocol. */
  readonly isTranslatable: boolean
  readonly takesSlot: boolean
  /** False when the caller has another name to try before it waits for this one. */
  readonly mayWait: boolean
  /** When the client leaves it waits no longer. */
  readonly gone: Departure
  /** The lease is kept when the client leaves, because its answer is read on; else it ends by itself. */
  readonly outlivesClient: boolean
}

/**
 * The right to use one account for one attempt. Ends once: by `release`, or by itself when the client leaves and nobody
 * reads on.
 */
export interface Lease {
  readonly account: Account
  /** The name it was leased for. */
  readonly model: string
  /** The model's name at this account. */
  readonly upstreamModel: string
  readonly startedAt: number
  /** True when the conversation is at home here, so that its cache is worth a second try. */
  readonly isHome: boolean
  release(): void
}
