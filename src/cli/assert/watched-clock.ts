/**
 * A clock that knows how many of its timers are armed.
 */
import type { Clock, Timer } from '../../core/clock.ts'

export interface WatchedClock extends Clock {
  readonly timers: number
}

export function watchClock(clock: Clock): WatchedClock {
  let timers = 0
  const counted = (arm: (onOver: () => void) => Timer): Timer => {
    let isArmed = true
    const over = (): void => {
      if (isArmed) timers--
      isArmed = false
    }
    timers++
    const timer = arm(over)
    return { cancel: () => (over(), timer.cancel()) }
  }
  return {
    get timers() {
      return timers
    },
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    random: () => clock.random(),
    timer: (delayMs, run) => counted((over) => clock.timer(delayMs, () => (over(), run()))),
    every: (intervalMs, run) => counted(() => clock.every(intervalMs, run)),
  }
}
