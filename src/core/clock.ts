/**
 * The only place that reads time or chance. Everything that waits takes a Clock, so that tests move time by hand.
 */

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Wall time in epoch milliseconds. May jump in both directions. */
  now(): number
  /** Milliseconds that never go back; cooldowns and timeouts run on this hand. */
  monotonic(): number
  /** Calls `run` once after `delayMs`. A delay beyond 2^31 ms is honoured. */
  timer(delayMs: number, run: () => void): Timer
  /** Calls `run` every `intervalMs` until cancelled. Does not keep the process alive. */
  every(intervalMs: number, run: () => void): Timer
  /** A number in [0, 1) for jitter. */
  random(): number
}

/** Resolves when `work` is done, and after `ms` at the latest. */
export function atMost(ms: number, work: Promise<void>, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.timer(ms, resolve)
    void work.then(() => (timer.cancel(), resolve()))
  })
}

/** setTimeout fires at once for delays that do not fit in 31 bits. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

export function createSystemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    random: () => Math.random(),
    timer(delayMs, run) {
      let remainingMs = Math.max(0, delayMs)
      let handle: NodeJS.Timeout
      const arm = (): void => {
        const stepMs = Math.min(remainingMs, LONGEST_TIMEOUT_MS)
        remainingMs -= stepMs
        handle = setTimeout(() => (remainingMs > 0 ? arm() : run()), stepMs)
      }
      arm()
      return { cancel: () => clearTimeout(handle) }
    },
    every(intervalMs, run) {
      const handle = setInterval(run, intervalMs)
      handle.unref()
      return { cancel: () => clearInterval(handle) }
    },
  }
}
