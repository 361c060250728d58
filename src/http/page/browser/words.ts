/**
 * Numbers and times as people read them.
 */

const WHOLE = new Intl.NumberFormat('en')
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const DOLLARS = new Intl.NumberFormat('en', {
  style: 'currency',
  currency: 'USD',
  trailingZeroDisplay: 'stripIfInteger',
})
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })
const MOMENT = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** 99,999, and 100K from there on: its width has an end. */
export const countOf = (count: number): string => (count < 100_000 ? WHOLE : COMPACT).format(count)

/** 3.2M */
export const roughly = (count: number): string => COMPACT.format(count)

/** In: USD. What costs something is never shown as nothing. */
export const dollars = (amount: number): string => (amount > 0 && amount < 0.01 ? '< $0.01' : DOLLARS.format(amount))

/** `1 request`, `2 requests`. */
export const plural = (count: number, noun: string): string => `${countOf(count)} ${noun}${count === 1 ? '' : 's'}`

/** How long something still takes, or has taken: 0:42, 12:04, 1 h 12 m, 4 d 2 h. In: milliseconds. */
export function span(ms: number): string {
  const left = Math.max(0, ms)
  if (left >= DAY_MS) return `${Math.floor(left / DAY_MS)} d ${Math.floor((left % DAY_MS) / HOUR_MS)} h`
  if (left >= HOUR_MS) return `${Math.floor(left / HOUR_MS)} h ${Math.floor((left % HOUR_MS) / MINUTE_MS)} m`
  const seconds = Math.floor(left / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** 21 Nov. In: the day as YYYY-MM-DD; anything else stays as it is. */
export function dayName(day: string): string {
  const at = Date.parse(day)
  return Number.isNaN(at) ? day : DAY.format(at)
}

/** 21 Nov, 04:11, by the clock of whoever looks. In: ISO 8601. */
export function momentName(iso: string): string {
  const at = Date.parse(iso)
  return Number.isNaN(at) ? iso : MOMENT.format(at)
}

/** `5h` as 5 h, `7d_oi` as 7 d oi. */
export const windowName = (key: string): string => key.replace(/^(\d+)([hd])/, '$1 $2').replaceAll('_', ' ')
