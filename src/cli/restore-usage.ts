/**
 * Brings back from the journal what an earlier run had counted: the sums of the last month, and what tokens have spent.
 */
import type { RelayConfig } from '../config/config.ts'
import type { Clock } from '../core/clock.ts'
import { localMonth } from '../core/local-calendar.ts'
import type { Log } from '../io/log.ts'
import { readJournal } from '../usage/read-journal.ts'
import type { AssembledRelay } from './assemble.ts'

const SHOWN_MS = 31 * 24 * 3600 * 1000

/** Resolves when all is back that matters to a budget; the rest follows while the relay serves. Never rejects. */
export async function restoreUsage(config: RelayConfig, relay: AssembledRelay, clock: Clock, log: Log): Promise<void> {
  const { usageLog } = config
  if (usageLog === null) return
  const hasBudgets = config.tokens.some(({ limits }) => limits.budgetDay !== null || limits.budgetMonth !== null)
  const restored = restore(usageLog, relay, clock, log)
  if (hasBudgets) await restored
}

async function restore(path: string, { recorder, limiter }: AssembledRelay, clock: Clock, log: Log): Promise<void> {
  const now = clock.now()
  const since = Math.min(localMonth(now).startsAt, now - SHOWN_MS)
  try {
    const records = readJournal(path, since, ({ file, line, isLast }) => {
      const reason = isLast ? 'the last line is cut off; its request is not counted' : 'a line is no record'
      log.warn('usage_log.skipped', { path: file, line, reason })
    })
    for await (const record of records) {
      // What this run has written meanwhile is counted already.
      if (record.at >= now) continue
      recorder.restore(record)
      if (record.cost !== null && record.cost > 0) limiter.restore(record.client, record.cost, record.at)
    }
  } catch (error) {
    log.warn('usage_log.unreadable', { path, reason: (error as Error).message })
  }
}
