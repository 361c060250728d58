/**
 * What one client token is using: requests under way and what they may still cost, the last minute, the day and the month.
 */
import { type CalendarSpan, isWithin, localDay, localMonth } from '../core/local-calendar.ts'
import { createLessons, type Lessons } from './lessons.ts'
import { createMinuteWindow, type MinuteWindow } from './minute-window.ts'

export interface TokenMeter {
  inFlight: number
  /** What is set aside for the requests under way, all together. */
  readonly reserved: { tokens: number; cost: number }
  readonly lessons: Lessons
  readonly minute: MinuteWindow
  /** USD spent in the local day or month that holds `now` (epoch ms), and when it ends. */
  spentIn(period: Period, now: number): { readonly cost: number; readonly endsAt: number }
  spend(cost: number, at: number): void
}

export type Period = 'day' | 'month'

const SPAN_OF: Record<Period, (at: number) => CalendarSpan> = { day: localDay, month: localMonth }
const PERIODS = ['day', 'month'] as const
/** The current one, and those that a wall clock put right comes back to. */
const MOST_SPANS = 3

interface Sum {
  readonly span: CalendarSpan
  cost: number
}

export function createTokenMeter(): TokenMeter {
  /** The one asked for last stands last. */
  const sums: Record<Period, Sum[]> = { day: [], month: [] }

  function sumOf(period: Period, at: number): Sum {
    const known = sums[period]
    const latest = known.at(-1)
    if (latest !== undefined && isWithin(latest.span, at)) return latest
    const sum = known.find(({ span }) => isWithin(span, at)) ?? { span: SPAN_OF[period](at), cost: 0 }
    sums[period] = [...known.filter((each) => each !== sum), sum].slice(-MOST_SPANS)
    return sum
  }

  return {
    inFlight: 0,
    reserved: { tokens: 0, cost: 0 },
    lessons: createLessons(),
    minute: createMinuteWindow(),
    spentIn(period, now) {
      const { cost, span } = sumOf(period, now)
      return { cost, endsAt: span.endsAt }
    },
    spend(cost, at) {
      for (const period of PERIODS) sumOf(period, at).cost += cost
    },
  }
}
