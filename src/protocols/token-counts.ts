/**
 * From a vendor's usage object to token counts. Vendors differ in what `input` includes; here it never includes what was
 * read from or written to a cache.
 */
import { isJsonObject, type JsonValue } from '../core/json.ts'
import type { Usage } from './contract.ts'

type Counts = { [Name in keyof Usage]: number | undefined }

const NAMES = ['input', 'cached', 'cacheWrite', 'cacheWrite1h', 'output', 'reasoning'] as const

/** The counts that are known; null when none is. */
export function usageOf(counts: Counts): Usage | null {
  const known: Usage = {}
  let isEmpty = true
  for (const name of NAMES) {
    const count = counts[name]
    if (count === undefined) continue
    known[name] = count
    isEmpty = false
  }
  return isEmpty ? null : known
}

/** The count that the names of `path` lead to; undefined when there is no sensible number. */
export function countAt(usage: JsonValue | undefined, ...path: readonly string[]): number | undefined {
  let value = usage
  for (const name of path) {
    if (!isJsonObject(value)) return undefined
    value = value[name]
  }
  return typeof value === 'number' && value >= 0 ? value : undefined
}

/** `total` without its parts. Some servers report more cached than there was: never below 0. */
export function without(total: number | undefined, ...parts: ReadonlyArray<number | undefined>): number | undefined {
  if (total === undefined) return undefined
  return parts.reduce<number>((rest, part) => Math.max(0, rest - (part ?? 0)), total)
}

/** The sum of what is known; undefined when nothing is. */
export function sum(...parts: ReadonlyArray<number | undefined>): number | undefined {
  const known = parts.filter((part) => part !== undefined)
  return known.length === 0 ? undefined : known.reduce((total, part) => total + part, 0)
}
