/**
 * The books of `SUB2API_ASSERT=1`: which of the relay's invariants were looked at, and which were broken. An invariant is
 * a number of the list in test/faults/invariants.md.
 */
import type { Facts, Log } from '../../io/log.ts'

export interface Rules {
  /** Looks at an invariant. A broken one becomes an error line; `tell` adds what was found and is not called otherwise. */
  hold(invariant: number, isKept: boolean, tell: () => Facts): void
  readonly checks: number
  readonly violations: number
}

/** A broken rule is usually broken again and again. */
const MOST_LINES = 100

export function createRules(log: Log): Rules {
  let checks = 0
  let violations = 0
  return {
    get checks() {
      return checks
    },
    get violations() {
      return violations
    },
    hold(invariant, isKept, tell) {
      checks++
      if (isKept) return
      violations++
      if (violations <= MOST_LINES) log.error('assert.violated', { invariant, ...tell() })
    },
  }
}
