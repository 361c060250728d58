/**
 * Chance that repeats: property tests draw from it, so that a failure comes back with the same seed.
 */

export interface SeededRandom {
  /** A whole number from 0 to `below` - 1. */
  whole(below: number): number
  pick<T>(choices: readonly T[]): T
}

/** Mulberry32: small, fast, and good enough to shuffle test data. */
export function createSeededRandom(seed: number): SeededRandom {
  let state = seed
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const whole = (below: number): number => Math.floor(next() * below)
  return { whole, pick: (choices) => choices[whole(choices.length)] as (typeof choices)[number] }
}
