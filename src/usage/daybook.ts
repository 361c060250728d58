/**
 * Totals of the last weeks, day by day, and within a day by account, token and model.
 */
import { type CalendarSpan, isWithin, localDay } from '../core/local-calendar.ts'
import type { UsageRecord } from './record.ts'
import { addRecord, addTotals, createTotals, type Totals } from './totals.ts'

/** Whom a sum is about. */
export type TotalsKind = 'day' | 'account' | 'token' | 'model'

export interface KeyedTotals {
  readonly key: string
  readonly totals: Readonly<Totals>
}

export interface Daybook {
  add(record: UsageRecord): void
  /** Whole days, from the one that holds `since` (epoch ms): days the oldest first, anything else by name. */
  totals(kind: TotalsKind, since: number): KeyedTotals[]
}

/** Two months: a budget's month, and the one to compare it with. */
const MOST_DAYS = 62
/** Names come from the config, models also from clients: what is beyond is summed up under one name. */
const MOST_NAMES = 200
const OTHERS = '(others)'

interface Day {
  readonly span: CalendarSpan
  readonly whole: Totals
  readonly account: Map<string, Totals>
  readonly token: Map<string, Totals>
  readonly model: Map<string, Totals>
}

export function createDaybook(): Daybook {
  /** By key, which sorts as the days do. */
  const days = new Map<string, Day>()
  let latest: Day | null = null

  function dayOf(at: number): Day {
    if (latest !== null && isWithin(latest.span, at)) return latest
    const span = localDay(at)
    const day = days.get(span.key) ?? {
      span,
      whole: createTotals(),
      account: new Map(),
      token: new Map(),
      model: new Map(),
    }
    days.set(span.key, day)
    if (days.size > MOST_DAYS) days.delete([...days.keys()].toSorted()[0] as string)
    latest = day
    return day
  }

  return {
    add(record) {
      const day = dayOf(record.at)
      addRecord(day.whole, record)
      if (record.account !== null) addRecord(entry(day.account, record.account), record)
      addRecord(entry(day.token, record.client), record)
      const model = record.upstreamModel ?? record.model
      if (model !== null) addRecord(entry(day.model, model), record)
    },
    totals(kind, since) {
      const chosen = [...days.values()]
        .filter(({ span }) => span.endsAt > since)
        .toSorted((a, b) => a.span.startsAt - b.span.startsAt)
      if (kind === 'day') return chosen.map(({ span, whole }) => ({ key: span.key, totals: whole }))
      const sums = new Map<string, Totals>()
      for (const day of chosen) for (const [name, totals] of day[kind]) addTotals(entry(sums, name), totals)
      return [...sums].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, totals]) => ({ key, totals }))
    },
  }
}

function entry(table: Map<string, Totals>, name: string): Totals {
  const key = table.has(name) || table.size < MOST_NAMES ? name : OTHERS
  let totals = table.get(key)
  if (totals === undefined) table.set(key, (totals = createTotals()))
  return totals
}
