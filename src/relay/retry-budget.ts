/**
 * Keeps failover from doubling the load of an upstream that is failing: only a share of the requests under way may be in
 * a second or later attempt. The others wait their turn, in order, instead of failing. And over a minute only so many
 * further calls are made as half of the requests are: when every second call fails, each client costs 1.5 of them.
 */
import type { Clock } from '../core/clock.ts'
import type { Departure } from '../core/departure.ts'

export interface RetryBudget {
  /** A request begins; call the result when it is over. */
  enter(): () => void
  /** Waits for a place among the retries; resolves to its release, or to null when none came within the bound. */
  takeRetry(gone: Departure): Promise<(() => void) | null>
  /** Counts one more call for a request; false when the minute has had its share, and it is not to be made. */
  spendRetry(): boolean
}

const SHARE = 0.2
const FLOOR = 3
const LONGEST_WAIT_MS = 10_000
const SHARE_OF_MINUTE = 0.5
/** What a few people cause when most of their accounts die at once: no storm for anybody. */
const FLOOR_OF_MINUTE = 100
const HALF_MINUTE_MS = 30_000

export function createRetryBudget(clock: Clock): RetryBudget {
  const waiting = new Set<() => void>()
  let underWay = 0
  let retrying = 0
  /** This half of the minute and the one before: enough to forget in time, without a time for every call. */
  let now = { requests: 0, retries: 0 }
  let before = now
  let turnsAt = -Infinity

  function turn(): void {
    const time = clock.monotonic()
    if (time < turnsAt) return
    before = time - turnsAt < HALF_MINUTE_MS ? now : { requests: 0, retries: 0 }
    now = { requests: 0, retries: 0 }
    turnsAt = time + HALF_MINUTE_MS
  }

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
      turn()
      now.requests++
      return () => {
        underWay--
      }
    },
    spendRetry() {
      turn()
      const share = (now.requests + before.requests) * SHARE_OF_MINUTE
      if (now.retries + before.retries >= Math.max(FLOOR_OF_MINUTE, share)) return false
      now.retries++
      return true
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
