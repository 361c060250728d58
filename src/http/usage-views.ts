/**
 * From the books to the JSON of `views.ts`.
 */
import type { ClientToken } from '../core/account.ts'
import type { TokenUse } from '../limits/token-limiter.ts'
import type { KeyedTotals } from '../usage/daybook.ts'
import type { UsageRecord } from '../usage/record.ts'
import type { LiveRequest } from '../usage/recorder.ts'
import type { ErrorView, LiveRequestView, TokenView, TotalsView } from './views.ts'

export function viewTotals({ key, totals }: KeyedTotals): TotalsView {
  return {
    key,
    requests: totals.requests,
    failures: totals.failures,
    input: totals.input,
    cached: totals.cached,
    cache_write: totals.cacheWrite,
    output: totals.output,
    reasoning: totals.reasoning,
    cost: totals.cost,
    unpriced: totals.unpriced,
  }
}

export function viewError(record: UsageRecord): ErrorView {
  const { request, client, account, model, status } = record
  const message = record.error ?? `the answer ended with HTTP ${status}`
  return { at: new Date(record.at).toISOString(), request, client, account, model, status, message }
}

/** `now`: monotonic ms. */
export function viewLive(
  { request, client, protocol, model, progress, arrivedAt }: LiveRequest,
  now: number,
): LiveRequestView {
  return { request, client, account: progress?.account ?? null, model, protocol, age_ms: Math.round(now - arrivedAt) }
}

export function viewToken({ name, models, accounts, limits }: ClientToken, use: TokenUse): TokenView {
  const { maxConcurrency, rpm, tpm, budgetDay, budgetMonth, expiresAt } = limits
  return {
    name,
    limits: {
      models,
      accounts,
      max_concurrency: maxConcurrency || null,
      rpm: rpm || null,
      tpm: tpm || null,
      budget_day: budgetDay,
      budget_month: budgetMonth,
      expires_at: expiresAt === null ? null : new Date(expiresAt).toISOString(),
    },
    in_flight: use.inFlight,
    requests_last_minute: use.requestsLastMinute,
    tokens_last_minute: use.tokensLastMinute,
    cost_day: use.day.cost,
    cost_month: use.month.cost,
    day_resets_at: new Date(use.day.endsAt).toISOString(),
    month_resets_at: new Date(use.month.endsAt).toISOString(),
  }
}
