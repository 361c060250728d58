/**
 * One coarse tick for everything that waits: timeouts, keepalives and stalls of all requests are checked together,
 * because a timer per request (let alone per event) costs more than the check.
 */
import { createBag } from '../core/bag.ts'
import type { Clock, Timer } from '../core/clock.ts'

export interface Watched {
  /** `now` is monotonic. */
  tick(now: number): void
}

export interface Heartbeat {
  /** Ticks about four times a second until the returned function is called. */
  watch(watched: Watched): () => void
  readonly watched: number
}

const TICK_MS = 250

export function createHeartbeat(clock: Clock): Heartbeat {
  const all = createBag<Watched>()
  let timer: Timer | null = null

  function beat(): void {
    const now = clock.monotonic()
    all.forEach((each) => each.tick(now))
    // An idle relay does not wake up; one between two requests would start the timer anew for each of them.
    if (all.size > 0) return
    timer?.cancel()
    timer = null
  }

  return {
    get watched() {
      return all.size
    },
    watch(watched) {
      timer ??= clock.every(TICK_MS, beat)
      return all.add(watched)
    },
  }
}
