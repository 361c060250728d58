/**
 * The books of a running relay: which requests are under way, what became of the last ones, and sums over all of them.
 *
 * A request costs a place in a list and a handful of additions, when it comes and when it is over; nothing while its
 * answer flows. Everything kept has its bound.
 */
import { createBag } from '../core/bag.ts'
import { createRing } from '../core/ring.ts'
import { createDaybook, type KeyedTotals, type TotalsKind } from './daybook.ts'
import type { Journal } from './journal.ts'
import type { Metrics } from './metrics.ts'
import type { FailedTry, UsageRecord } from './record.ts'
import { isFailure } from './totals.ts'

/** A request under way; whoever serves it fills in what becomes known. */
export interface LiveRequest {
  /** The relay's own id of the request. */
  readonly request: string
  /** Name of the client's token. */
  readonly client: string
  readonly protocol: string
  /** Monotonic ms. */
  readonly arrivedAt: number
  /** Null until the body is there. */
  model: string | null
  /** What is known of its way through the pool; null until it has begun. */
  progress: { readonly account: string | null } | null
}

/** What an account has done since the start. */
export interface AccountUse {
  /** Requests that it had the last word in, or failed on the way. */
  requests: number
  /** Attempts that came to nothing through no fault of the client. */
  failures: number
  /** Tokens that were read from the vendor's cache, and all that went in. */
  cached: number
  inputInAll: number
  lastError: { readonly at: number; readonly message: string } | null
}

export interface UsageRecorder {
  /** Shows a request as under way until the returned function is called. */
  begin(live: LiveRequest): () => void
  /** Enters a request that is over. `failedTries`: the attempts that came to nothing, in order. */
  finish(record: UsageRecord, failedTries: readonly FailedTry[]): void
  /** Enters a request of an earlier run into the sums. */
  restore(record: UsageRecord): void

  /** Whole local days from the one that holds `since` (epoch ms), at most 62: days the oldest first, names in order. */
  totals(kind: TotalsKind, since: number): KeyedTotals[]
  /** The newest first, at most 200. */
  recent(most?: number): UsageRecord[]
  /** Requests that were refused or failed, the newest first, at most 100. */
  errors(most?: number): UsageRecord[]
  /** The oldest first. */
  live(most?: number): LiveRequest[]
  readonly liveCount: number
  /** Null for an account that has not been asked yet. */
  accountUse(name: string): Readonly<AccountUse> | null
}

const MOST_RECENT = 200
const MOST_ERRORS = 100
/** The config bounds them; reloads might add up. */
const MOST_ACCOUNTS = 1_000
const LONGEST_MESSAGE = 500

export interface UsageRecorderOptions {
  /** Masks secrets: vendors quote what they refuse. */
  readonly redact: (text: string) => string
  /** Null when the config asks for none. */
  readonly journal: Pick<Journal, 'append'> | null
  readonly metrics: Pick<Metrics, 'add'>
}

export function createUsageRecorder({ redact, journal, metrics }: UsageRecorderOptions): UsageRecorder {
  const live = createBag<LiveRequest>()
  const recent = createRing<UsageRecord>(MOST_RECENT)
  const errors = createRing<UsageRecord>(MOST_ERRORS)
  const accounts = new Map<string, AccountUse>()
  const daybook = createDaybook()

  function useOf(name: string): AccountUse {
    const known = accounts.get(name)
    if (known !== undefined) return known
    const fresh = { requests: 0, failures: 0, cached: 0, inputInAll: 0, lastError: null }
    accounts.set(name, fresh)
    if (accounts.size > MOST_ACCOUNTS) accounts.delete(accounts.keys().next().value as string)
    return fresh
  }

  function noteAccounts({ at, account, tokens }: UsageRecord, failedTries: readonly FailedTry[]): void {
    if (account !== null) {
      const use = useOf(account)
      use.requests++
      use.cached += tokens.cached
      use.inputInAll += tokens.input + tokens.cached + tokens.cacheWrite
    }
    for (const failed of failedTries) {
      if (failed.account === null || failed.reason === 'client_mistake') continue
      const use = useOf(failed.account)
      if (failed.account !== account) use.requests++
      use.failures++
      use.lastError = { at, message: presentable(failed.message) }
    }
  }

  function presentable(message: string): string {
    return redact(message).slice(0, LONGEST_MESSAGE)
  }

  return {
    begin: live.add,
    finish(told, failedTries) {
      const record = told.error === null ? told : { ...told, error: presentable(told.error) }
      recent.add(record)
      if (isFailure(record)) errors.add(record)
      noteAccounts(record, failedTries)
      daybook.add(record)
      journal?.append(record)
      metrics.add(record, failedTries)
    },
    restore: daybook.add,
    totals: daybook.totals,
    recent: recent.newest,
    errors: errors.newest,
    live(most = live.size) {
      const requests: LiveRequest[] = []
      live.forEach((request) => requests.push(request))
      return requests.toSorted((a, b) => a.arrivedAt - b.arrivedAt).slice(0, most)
    },
    get liveCount() {
      return live.size
    },
    accountUse: (name) => accounts.get(name) ?? null,
  }
}
