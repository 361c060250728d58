/**
 * When a vendor wants to be asked again, from its headers.
 */
import type { HeaderList } from '../core/headers.ts'

const LONGEST_MS = 24 * 3_600_000

/**
 * Milliseconds to wait, at most a day, or undefined when nothing usable is said. `retry-after-ms` is more exact and wins;
 * `retry-after` is seconds (fractions seen in the wild) or an HTTP date (RFC 9110 section 10.2.3). `now` is epoch ms.
 */
export function parseRetryAfter(headers: HeaderList, now: number): number | undefined {
  const exact = Number(findHeader(headers, 'retry-after-ms') ?? NaN)
  if (exact > 0) return Math.min(exact, LONGEST_MS)
  const text = findHeader(headers, 'retry-after')?.trim()
  if (text === undefined || text === '') return undefined
  const seconds = Number(text)
  const waitMs = Number.isNaN(seconds) ? Date.parse(text) - now : seconds * 1000
  return waitMs > 0 ? Math.min(waitMs, LONGEST_MS) : undefined
}

function findHeader(headers: HeaderList, name: string): string | undefined {
  return headers.find(([candidate]) => candidate === name)?.[1]
}
