/**
 * Orders the accounts of one priority tier. Pure: the strategy sees facts and says who comes first.
 */

/** What a strategy may know of an account. */
export interface Candidate {
  readonly inFlight: number
  /** 0 means no limit. */
  readonly concurrency: number
  /** Monotonic ms of the last time it was chosen; -Infinity when never. */
  readonly lastUsedAt: number
  /** Position in the config. */
  readonly position: number
  /** Epoch ms of the next reset among its quota windows that still have room; Infinity when none is known. */
  readonly nextResetAt: number
}

/** Negative when `a` comes before `b`. */
export type Strategy = (a: Candidate, b: Candidate) => number

/** Least loaded in relation to its limit; among equals the one that has waited longest. */
const leastInFlight: Strategy = (a, b) =>
  loadOf(a) - loadOf(b) || compareTimes(a.lastUsedAt, b.lastUsedAt) || a.position - b.position

/** The one that has waited longest. */
const roundRobin: Strategy = (a, b) => compareTimes(a.lastUsedAt, b.lastUsedAt) || a.position - b.position

/** In the order of the config, until each is full. */
const fillFirst: Strategy = (a, b) => a.position - b.position

/** Use up what expires first. */
const soonestReset: Strategy = (a, b) => compareTimes(a.nextResetAt, b.nextResetAt) || leastInFlight(a, b)

export const strategies = {
  least_in_flight: leastInFlight,
  round_robin: roundRobin,
  fill_first: fillFirst,
  soonest_reset: soonestReset,
} as const satisfies Record<string, Strategy>

function loadOf(candidate: Candidate): number {
  return candidate.concurrency === 0 ? candidate.inFlight / 1000 : candidate.inFlight / candidate.concurrency
}

/** Infinity minus itself is not a number, so times are compared, not subtracted. */
function compareTimes(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1
}
