/**
 * Lets a crowd of requests in by the handful. Between two handfuls the event loop sees to everything else, so whoever asks
 * `/health` meanwhile, or waits for the next event of a stream, waits for a handful and not for the crowd. How many are a
 * handful follows from how long the last one kept the event loop.
 */
import type { Clock } from '../core/clock.ts'

export interface Turnstile {
  /**
   * Calls `begin`, now or when the turn of this request comes. `isNewcomer` tells that nothing has been answered on its
   * connection yet.
   */
  enter(isNewcomer: boolean, begin: () => void): void
}

/** In one turn of the event loop. A request takes 0.1 to 0.3 ms to begin, ten times that in a process just started. */
const LARGEST_HANDFUL = 16
const SMALLEST_HANDFUL = 2
/** The first one, before it is known what this machine can do. */
const FIRST_HANDFUL = 4
/** A turn that took longer brought too many. */
const LONG_TURN_MS = 8
/** A crowd that still waits comes in by the largest handful: it may be other work that makes the turns long. */
const PATIENCE_MS = 100
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
  let handful = FIRST_HANDFUL
  let begunInTurn = 0
  let turnBeganAt = 0
  let crowdSince: number | null = null
  let lastNewcomerAt = -Infinity
  let isGrowing = false
  let heldSince: number | null = null
  let isTurnAwaited = false

  function awaitTurn(): void {
    if (isTurnAwaited) return
    isTurnAwaited = true
    turnBeganAt = clock.monotonic()
    setImmediate(onTurn)
  }

  function onTurn(): void {
    isTurnAwaited = false
    const now = clock.monotonic()
    adjustHandful(now)
    begunInTurn = 0
    const hasGrown = isGrowing
    isGrowing = false
    if (waiting.length === 0) {
      crowdSince = null
      return
    }
    awaitTurn()
    crowdSince ??= now
    heldSince ??= now
    if (hasGrown && now - heldSince < LONGEST_HOLD_MS) return
    heldSince = null
    begunInTurn = Math.min(waiting.length, handful)
    for (const begin of waiting.splice(0, handful)) begin()
  }

  function adjustHandful(now: number): void {
    if (crowdSince !== null && now - crowdSince > PATIENCE_MS) handful = LARGEST_HANDFUL
    else if (now - turnBeganAt > LONG_TURN_MS) handful = Math.max(SMALLEST_HANDFUL, handful / 2)
    else if (begunInTurn === handful) handful = Math.min(LARGEST_HANDFUL, handful * 2)
  }

  return {
    enter(isNewcomer, begin) {
      awaitTurn()
      let isOfCrowd = false
      if (isNewcomer) {
        const now = clock.monotonic()
        isOfCrowd = now - lastNewcomerAt < CROWD_GAP_MS
        lastNewcomerAt = now
        isGrowing = true
      }
      if (isOfCrowd || begunInTurn >= handful) {
        waiting.push(begin)
        return
      }
      begunInTurn++
      begin()
    },
  }
}
