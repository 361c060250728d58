/**
 * Keeps failover from doubling the load of an upstream that is failing: only a share of the requests under way may be in
 * a second or later attempt. The others wait their turn, in order, instead of failing.
 */
import type { Clock } from '../core/clock.ts'
import type { Departure } from '../core/departure.ts'

export interface RetryBudget {
  /** A request begins; call the result when it is over. */
  enter(): () => void
  /** Waits for a place among the retries; resolves to its release, or to null when none came within the bound. */
  takeRetry(gone: Departure): Promise<(() => void) | null>
}

const SHARE = 0.2
const FLOOR = 3
const LONGEST_WAIT_MS = 10_000

export function createRetryBudget(clock: Clock): RetryBudget {
  const waiting = new Set<() => void>()
  let underWay = 0
  let retrying = 0

  const hasRoom = (): boolean => retrying < Math.max(FLOOR, underWay * SHARE)

  function release(): void {
    retrying--
    const [next] = waiting
    if (next !== undefined && hasRoom()) next()
  }

  function take(): () => void {
    retrying++
    let isReleased = false
    return () => {
      if (!isReleased) release()
      isReleased = true
    }
  }

  return {
    enter() {
      underWay++
      return () => {
        underWay--
      }
    },
    takeRetry(gone) {
      if (hasRoom()) return Promise.resolve(take())
      if (gone.hasLeft) return Promise.resolve(null)
      return new Promise((resolve) => {
        const settle = (outcome: (() => void) | null): void => {
          waiting.delete(admit)
          deadline.cancel()
          gone.unwatch(giveUp)
          resolve(outcome)
        }
        const admit = (): void => settle(take())
        const giveUp = (): void => settle(null)
        const deadline = clock.timer(LONGEST_WAIT_MS, giveUp)
        gone.watch(giveUp)
        waiting.add(admit)
      })
    },
  }
}
