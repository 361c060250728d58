/**
 * A Clock that moves only when a test says so. It has two hands: the wall hand (`now`), which may jump, and the
 * monotonic hand, which timers follow.
 */
import type { Clock, Timer } from '../../src/core/clock.ts'
import { binary } from './chosen-program.ts'

const FEWEST_TURNS = 10
/** What is enough for another process to react, also on a busy machine. */
const SETTLING_MS = 40

export interface VirtualClock extends Clock {
  /**
   * Moves both hands forward by `ms`, stopping at every timer that falls due: it fires, and what it set in motion
   * (promises, loopback sockets) settles before the hands move on. An error thrown by a timer rejects the promise.
   */
  advance(ms: number): Promise<void>
  /** Moves the wall hand alone, in either direction, as a user or NTP does. No timer notices. */
  jump(wallMs: number): void
  /** A laptop that sleeps: both hands leap by `ms` at once, then every timer that is overdue fires once. */
  sleepThrough(ms: number): Promise<void>
  /** Timers that are armed, repeating ones included: zero at the end of a test that leaks none. */
  readonly pending: number
}

export interface VirtualClockOptions {
  /** Where the wall hand starts, in epoch milliseconds. */
  now?: number
  /** Same seed, same sequence of `random()`. */
  seed?: number
}

interface ArmedTimer {
  dueAt: number
  readonly run: () => void
  /** 0 for a timer that fires once. */
  readonly intervalMs: number
}

export function createVirtualClock(options: VirtualClockOptions = {}): VirtualClock {
  const armed = new Set<ArmedTimer>()
  let wallMs = options.now ?? Date.UTC(2026, 10, 20, 12)
  let monotonicMs = 1_000_000
  let isMoving = false

  const arm = (delayMs: number, intervalMs: number, run: () => void): Timer => {
    if (Number.isNaN(delayMs)) throw new RangeError('a timer needs a number of milliseconds, not NaN')
    const timer = { dueAt: monotonicMs + Math.max(0, delayMs), intervalMs, run }
    armed.add(timer)
    return { cancel: () => void armed.delete(timer) }
  }

  const fire = (timer: ArmedTimer): void => {
    // A Set keeps insertion order and so breaks ties: a timer that repeats goes behind those armed meanwhile.
    armed.delete(timer)
    if (timer.intervalMs > 0) {
      timer.dueAt = monotonicMs + timer.intervalMs
      armed.add(timer)
    }
    timer.run()
  }

  const moveTo = (reachedMs: number): void => {
    wallMs += reachedMs - monotonicMs
    monotonicMs = reachedMs
  }

  const moving = async (ms: number, run: (endMs: number) => Promise<void>): Promise<void> => {
    if (!(ms >= 0)) throw new RangeError(`time goes forward only, not by ${ms} ms`)
    if (isMoving) throw new Error('the clock is moving already: await the earlier advance() first')
    isMoving = true
    try {
      await settle()
      await run(monotonicMs + ms)
    } finally {
      isMoving = false
    }
  }

  return {
    now: () => wallMs,
    monotonic: () => monotonicMs,
    random: createRandom(options.seed ?? 1),
    timer: (delayMs, run) => arm(delayMs, 0, run),
    every(intervalMs, run) {
      if (!(intervalMs > 0)) throw new RangeError(`an interval must be longer than ${intervalMs} ms`)
      return arm(intervalMs, intervalMs, run)
    },
    advance: (ms) =>
      moving(ms, async (endMs) => {
        for (let timer = firstDue(armed, endMs); timer !== undefined; timer = firstDue(armed, endMs)) {
          moveTo(timer.dueAt)
          fire(timer)
          await settle()
        }
        moveTo(endMs)
      }),
    jump(deltaMs) {
      wallMs += deltaMs
    },
    sleepThrough: (ms) =>
      moving(ms, async (endMs) => {
        moveTo(endMs)
        const overdue = [...armed].filter((timer) => timer.dueAt <= endMs).sort((a, b) => a.dueAt - b.dueAt)
        for (const timer of overdue) {
          if (armed.has(timer)) fire(timer)
          await settle()
        }
      }),
    get pending() {
      return armed.size
    },
  }
}

/**
 * Lets promises and loopback sockets of this process react without any time passing. A turn of the event loop (about
 * 2 µs when idle) carries bytes one hop; from the client through the relay to the vendor and back are a dozen or two.
 */
export async function settle(turns = 50): Promise<void> {
  // Another process has turns of its own; who waits for a turn or two means this one.
  if (binary !== undefined && turns >= FEWEST_TURNS)
    await new Promise<void>((resolve) => void setTimeout(resolve, SETTLING_MS))
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

function firstDue(armed: ReadonlySet<ArmedTimer>, endMs: number): ArmedTimer | undefined {
  let first: ArmedTimer | undefined
  for (const timer of armed) {
    if (timer.dueAt <= endMs && (first === undefined || timer.dueAt < first.dueAt)) first = timer
  }
  return first
}

/** Mulberry32, a generator of one 32-bit word: small, even enough for jitter, the same on every machine. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
