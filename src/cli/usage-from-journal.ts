/**
 * Sums up the journal of usage as a running relay sums up its books, and as far back as the journal goes.
 */
import { localDay } from '../core/local-calendar.ts'
import type { TotalsView, UsageView } from '../http/views.ts'
import { viewTotals } from '../http/usage-views.ts'
import { readJournal, type SkippedLine } from '../usage/read-journal.ts'
import type { UsageRecord } from '../usage/record.ts'
import { addRecord, createTotals, type Totals } from '../usage/totals.ts'

/**
 * Whole local days, from the one that holds `since` (epoch ms): days the oldest first, anything else by name. Rejects with the
 * system's error when a file of the journal cannot be read.
 */
export async function sumUpJournal(
  path: string,
  by: UsageView['by'],
  since: number,
  onSkipped: (skipped: SkippedLine) => void,
): Promise<TotalsView[]> {
  const sums = new Map<string, Totals>()
  for await (const record of readJournal(path, localDay(since).startsAt, onSkipped)) {
    const key = keyOf(record, by)
    if (key === null) continue
    const totals = sums.get(key) ?? createTotals()
    addRecord(totals, record)
    sums.set(key, totals)
  }
  return [...sums].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, totals]) => viewTotals({ key, totals }))
}

/** Null for a request that says nothing of it. */
function keyOf(record: UsageRecord, by: UsageView['by']): string | null {
  switch (by) {
    case 'day':
      return localDay(record.at).key
    case 'account':
      return record.account
    case 'token':
      return record.client
    case 'model':
      return record.upstreamModel ?? record.model
  }
}
