/**
 * One relayed request as the books keep it: who asked, who served, what it used and cost, and how it ended.
 */

export interface UsageRecord {
  /** Epoch ms of its end. */
  readonly at: number
  /** The relay's own id of the request (`x-relay-request-id`). */
  readonly request: string
  /** Name of the client's token. */
  readonly client: string
  /** The account that had the last word; null when none was asked. */
  readonly account: string | null
  /** The model the client asked for; null when the request could not be read that far. */
  readonly model: string | null
  /** The name it was served under. */
  readonly upstreamModel: string | null
  /** The client's protocol. */
  readonly protocol: string
  /** `count_tokens` and `compact` besides the usual `generate`. */
  readonly operation: string
  /** As the vendor counted them; a kind it did not tell is 0. Input is without what came from the cache. */
  readonly tokens: TokenCounts
  /** The vendor did not tell all its counts: what it left out is the relay's estimate, and so is the cost. */
  readonly estimated: boolean
  /** USD by list price, whoever pays for the account; null when the model has no known price, never 0 for that. */
  readonly cost: number | null
  /** From arrival; null when no content came. */
  readonly firstContentMs: number | null
  readonly totalMs: number
  readonly attempts: number
  readonly outcome: 'served' | 'failed' | 'broken' | 'gone' | 'refused'
  readonly status: number
  /** Why it was refused or failed; null when it was served. */
  readonly error: string | null
}

/** An attempt that came to nothing. */
export interface FailedTry {
  /** Null when nobody could be asked. */
  readonly account: string | null
  /** The class of the failure, as the pool knows it; null where the account was never judged. */
  readonly reason: string | null
  readonly message: string
}

export interface TokenCounts {
  readonly input: number
  readonly cached: number
  readonly cacheWrite: number
  readonly output: number
  /** Part of `output`. */
  readonly reasoning: number
}
