/**
 * The last minute counted by the second, against a list of everything that happened.
 */
import { expect, test } from 'vitest'
import { createMinuteWindow } from '../../src/limits/minute-window.ts'
import { createSeededRandom } from '../core/seeded-random.ts'

/** Seconds that begin in the minute before; the one that has begun is one of the sixty. */
const isCounted = (at: number, now: number): boolean => Math.floor(at / 1000) > Math.floor(now / 1000) - 60

test('it counts what a list of everything counts, and knows when there will be room', () => {
  const random = createSeededRandom(60)
  const window = createMinuteWindow()
  const all: Array<{ at: number; tokens: number }> = []
  const tokensAt = (now: number): number =>
    all.filter(({ at }) => isCounted(at, now)).reduce((sum, { tokens }) => sum + tokens, 0)
  let now = 5_000_000
  for (let step = 0; step < 2000; step++) {
    now += random.whole(random.whole(20) === 0 ? 100_000 : 3000)
    const tokens = random.whole(500)
    window.add(now, 1, tokens)
    all.push({ at: now, tokens })
    expect(window.tokens(now)).toBe(tokensAt(now))
    expect(window.requests(now)).toBe(all.filter(({ at }) => isCounted(at, now)).length)
    const most = random.whole(3000)
    const waitMs = window.msUntil('tokens', most, now)
    expect(waitMs).toBeLessThanOrEqual(60_000)
    expect(tokensAt(now + waitMs)).toBeLessThanOrEqual(most)
    if (waitMs > 0) expect(tokensAt(now + waitMs - 1)).toBeGreaterThan(most)
  }
})
