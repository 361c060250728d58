/**
 * What is counted for `/metrics` since the start: requests, attempts, what was used, and how long answers took.
 */
import type { FailedTry, UsageRecord } from './record.ts'
import { addDuration, type Buckets, type Count, createBuckets, createSeries, type Series } from './series.ts'
import { addRecord, createTotals, type Totals } from './totals.ts'

export interface Metrics {
  add(record: UsageRecord, failedTries: readonly FailedTry[]): void
  /** By client, protocol, outcome. */
  readonly requests: Series<Count>
  /** By account, outcome: `served`, or the reason of the failure. */
  readonly attempts: Series<Count>
  /** By client, account, model. */
  readonly use: Series<Totals>
  /** Seconds, by protocol. */
  readonly firstContent: Series<Buckets>
  readonly total: Series<Buckets>
}

/** Seconds. */
export const FIRST_CONTENT_BOUNDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120]
export const TOTAL_BOUNDS = [0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]

export function createMetrics(): Metrics {
  const requests = createSeries<Count>(() => ({ value: 0 }))
  const attempts = createSeries<Count>(() => ({ value: 0 }))
  const use = createSeries(createTotals)
  const firstContent = createSeries(() => createBuckets(FIRST_CONTENT_BOUNDS))
  const total = createSeries(() => createBuckets(TOTAL_BOUNDS))
  return {
    requests,
    attempts,
    use,
    firstContent,
    total,
    add(record, failedTries) {
      const { account, client, protocol, outcome, upstreamModel, firstContentMs } = record
      requests.at(client, protocol, outcome).value++
      for (const { account: failed, reason } of failedTries) {
        if (failed !== null) attempts.at(failed, reason ?? 'failed').value++
      }
      if (account !== null && outcome === 'served') attempts.at(account, 'served').value++
      if (record.operation === 'count_tokens' || firstContentMs === null) return
      // Only what an account has answered to is worth a series; other names anybody can make up.
      if (account !== null && upstreamModel !== null) addRecord(use.at(client, account, upstreamModel), record)
      addDuration(firstContent.at(protocol), FIRST_CONTENT_BOUNDS, firstContentMs / 1000)
      if (outcome === 'served') addDuration(total.at(protocol), TOTAL_BOUNDS, record.totalMs / 1000)
    },
  }
}
