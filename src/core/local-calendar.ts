/**
 * Days and months as the clock on the wall of this machine counts them: budgets and totals follow its owner's days.
 */

export interface CalendarSpan {
  /** `2026-11-21` for a day, `2026-11` for a month. */
  readonly key: string
  /** Epoch ms. */
  readonly startsAt: number
  /** Epoch ms of the first moment after it. A day has 23 or 25 hours where the clocks are changed. */
  readonly endsAt: number
}

/** The local day that holds `at`, epoch ms. */
export function localDay(at: number): CalendarSpan {
  const date = new Date(at)
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()]
  return {
    key: `${year}-${twoDigits(month + 1)}-${twoDigits(day)}`,
    startsAt: new Date(year, month, day).getTime(),
    endsAt: new Date(year, month, day + 1).getTime(),
  }
}

/** The local month that holds `at`, epoch ms. */
export function localMonth(at: number): CalendarSpan {
  const date = new Date(at)
  const [year, month] = [date.getFullYear(), date.getMonth()]
  return {
    key: `${year}-${twoDigits(month + 1)}`,
    startsAt: new Date(year, month, 1).getTime(),
    endsAt: new Date(year, month + 1, 1).getTime(),
  }
}

export function isWithin({ startsAt, endsAt }: CalendarSpan, at: number): boolean {
  return at >= startsAt && at < endsAt
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0')
}
