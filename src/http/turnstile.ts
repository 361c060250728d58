/**
 * Lets a crowd of requests in by the handful. Between two handfuls the event loop sees to everything else, so whoever asks
 * `/health` meanwhile, or waits for the next event of a stream, waits for a handful and not for the crowd.
 */
import type { Clock } from '../core/clock.ts'

export interface Turnstile {
  /**
   * Null when the request may begin at once; otherwise resolves when its turn comes. `isNewcomer` tells that nothing has
   * been answered on its connection yet.
   */
  enter(isNewcomer: boolean): Promise<void> | null
}

/** How long requests may begin in a row; one takes 0.1 to 0.3 ms. */
const HANDFUL_MS = 5
/** Newcomers that are no further apart are a crowd. */
const CROWD_GAP_MS = 2
/** A crowd that does not end is let in while it grows. */
const LONGEST_HOLD_MS = 15

/**
 * Newcomers of a crowd also wait until a turn of the event loop brings no further one, at most 15 ms. Node takes one
 * connection from the kernel's queue per turn: if every turn also served one of them, the last in the queue would wait
 * until all before it are served, and not just until they are let in.
 */
export function createTurnstile(clock: Pick<Clock, 'monotonic'>): Turnstile {
  const waiting: Array<() => void> = []
  /** When the first request of this handful began; null when none has. */
  let handfulAt: number | null = null
  let lastNewcomerAt = -Infinity
  let isGrowing = false
  let heldSince: number | null = null
  let isTurnAwaited = false

  function awaitTurn(): void {
    if (isTurnAwaited) return
    isTurnAwaited = true
    setImmediate(onTurn)
  }

  function onTurn(): void {
    isTurnAwaited = false
    handfulAt = null
    const hasGrown = isGrowing
    isGrowing = false
    if (waiting.length === 0) return
    awaitTurn()
    const now = clock.monotonic()
    heldSince ??= now
    if (hasGrown && now - heldSince < LONGEST_HOLD_MS) return
    heldSince = null
    admit()
  }

  function admit(): void {
    if (waiting.length === 0 || !isRoomLeft(clock.monotonic())) return
    waiting.shift()?.()
    // The request goes on with the microtask before this one: the clock is read again when it has begun.
    queueMicrotask(admit)
  }

  function isRoomLeft(now: number): boolean {
    handfulAt ??= now
    return now - handfulAt < HANDFUL_MS
  }

  return {
    enter(isNewcomer) {
      const now = clock.monotonic()
      const isOfCrowd = isNewcomer && now - lastNewcomerAt < CROWD_GAP_MS
      if (isNewcomer) {
        lastNewcomerAt = now
        isGrowing = true
      }
      awaitTurn()
      if (isRoomLeft(now) && !isOfCrowd) return null
      return new Promise((resolve) => waiting.push(resolve))
    },
  }
}
