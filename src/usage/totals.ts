/**
 * Sums over requests: how many, how they ended, what they used and cost.
 */
import type { UsageRecord } from './record.ts'

export interface Totals {
  requests: number
  /** Requests that got no whole answer, for whatever reason; those whose client left are none. */
  failures: number
  input: number
  cached: number
  cacheWrite: number
  output: number
  /** Part of `output`. */
  reasoning: number
  /** USD of the requests whose price is known. */
  cost: number
  /** Requests whose price is not known. */
  unpriced: number
}

export function createTotals(): Totals {
  return {
    requests: 0,
    failures: 0,
    input: 0,
    cached: 0,
    cacheWrite: 0,
    output: 0,
    reasoning: 0,
    cost: 0,
    unpriced: 0,
  }
}

export function addRecord(totals: Totals, record: UsageRecord): void {
  const { tokens, cost } = record
  totals.requests++
  if (isFailure(record)) totals.failures++
  totals.input += tokens.input
  totals.cached += tokens.cached
  totals.cacheWrite += tokens.cacheWrite
  totals.output += tokens.output
  totals.reasoning += tokens.reasoning
  if (cost === null) totals.unpriced++
  else totals.cost += cost
}

export function addTotals(sum: Totals, part: Totals): void {
  sum.requests += part.requests
  sum.failures += part.failures
  sum.input += part.input
  sum.cached += part.cached
  sum.cacheWrite += part.cacheWrite
  sum.output += part.output
  sum.reasoning += part.reasoning
  sum.cost += part.cost
  sum.unpriced += part.unpriced
}

/** A client that leaves has changed its mind; nothing failed. */
export function isFailure({ outcome }: UsageRecord): boolean {
  return outcome !== 'served' && outcome !== 'gone'
}
