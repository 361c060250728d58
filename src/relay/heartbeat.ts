/**
 * One coarse tick for everything that waits: timeouts, keepalives and stalls of all requests are checked together,
 * because a timer per request (let alone per event) costs more than the check.
 */
import { createBag } from '../core/bag.ts'
import type { Clock, Timer } from '../core/clock.ts'

export interface Heartbeat {
  /** Calls `tick` with the monotonic time about four times a second until the returned function is called. */
  watch(tick: (now: number) => void): () => void
  readonly watched: number
}

const TICK_MS = 250

export function createHeartbeat(clock: Clock): Heartbeat {
  const ticks = createBag<(now: number) => void>()
  let timer: Timer | null = null
  return {
    get watched() {
      return ticks.size
    },
    watch(tick) {
      const remove = ticks.add(tick)
      // An idle relay does not wake up.
      timer ??= clock.every(TICK_MS, () => {
        const now = clock.monotonic()
        ticks.forEach((each) => each(now))
      })
      return () => {
        remove()
        if (ticks.size > 0) return
        timer?.cancel()
        timer = null
      }
    },
  }
}
