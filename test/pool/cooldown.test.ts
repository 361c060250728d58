import { describe, expect, test } from 'vitest'
import { recordFailure, recordServing, recordSuccess, viewHealth, type Health } from '../../src/pool/cooldown.ts'
import type { CoolingReason } from '../../src/pool/cooldown.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** An account that fails again and again, each time after its rest; returns the length of each rest in ms. */
function restsOf(reason: CoolingReason, failures: number, hintMs?: number): number[] {
  const health: Health = new Map()
  const rests: number[] = []
  let now = 0
  for (let i = 0; i < failures; i++) {
    fail(health, reason, { now, startedAt: now, ...(hintMs === undefined ? {} : { hintMs }) })
    const until = viewHealth(health, 'm', now).blockedBy?.until ?? now
    rests.push(until - now)
    now = until + 1
  }
  return rests
}

function fail(
  health: Health,
  reason: CoolingReason,
  facts: { now?: number; startedAt?: number; model?: string; hintMs?: number; random?: number } = {},
): void {
  const { now = 0, startedAt = now, model = 'm', hintMs, random = 0.5 } = facts
  const verdict = { reason, message: reason, ...(hintMs === undefined ? {} : { retryAfterMs: hintMs }) }
  recordFailure(health, { verdict, model, startedAt, now, random, longestMs: 6 * HOUR })
}

describe('how long an account rests', () => {
  const ladders: Array<[CoolingReason, number[]]> = [
    ['transient', [0, 5, 10, 20, 40, 60, 60].map((s) => s * SECOND)],
    ['overloaded', [5, 10, 20, 40, 60, 60].map((s) => s * SECOND)],
    ['burst', [2, 4, 8, 16, 32, 60, 60].map((s) => s * SECOND)],
    ['unauthorized', [10, 20, 40, 60, 60].map((m) => m * MINUTE)],
    ['billing', [10, 20, 40, 80, 160, 320, 360, 360].map((m) => m * MINUTE)],
    ['forbidden', [1, 2, 4, 8, 16, 30, 30].map((m) => m * MINUTE)],
    ['model_unavailable', [10, 10].map((m) => m * MINUTE)],
    ['banned', [30, 30].map((m) => m * MINUTE)],
  ]
  test.each(ladders)('%s grows as the rules say and no further', (reason, expected) => {
    expect(restsOf(reason, expected.length)).toEqual(expected)
  })

  test('a burst takes the vendor at its word, within one second and one hour', () => {
    expect(restsOf('burst', 1, 7 * SECOND)).toEqual([7 * SECOND])
    expect(restsOf('burst', 1, 100)).toEqual([SECOND])
    expect(restsOf('burst', 1, 24 * HOUR)).toEqual([HOUR])
  })

  test('a used-up window rests until its reset and one to five seconds more, capped at the longest cooldown', () => {
    expect(restsOf('quota', 1, 2 * HOUR)).toEqual([2 * HOUR + 3 * SECOND])
    expect(restsOf('quota', 1, 72 * HOUR)).toEqual([6 * HOUR])
  })

  test('chance moves a passing rest by a fifth at the most', () => {
    const shortest: Health = new Map()
    const longest: Health = new Map()
    fail(shortest, 'overloaded', { random: 0 })
    fail(longest, 'overloaded', { random: 0.999_999 })
    expect(viewHealth(shortest, 'm', 0).blockedBy?.until).toBeCloseTo(4_000, 0)
    expect(viewHealth(longest, 'm', 0).blockedBy?.until).toBeCloseTo(6_000, 0)
  })
})

describe('what counts as one failure', () => {
  test('requests that were under way together and fail together are one failure', () => {
    const health: Health = new Map()
    for (let i = 0; i < 10; i++) fail(health, 'overloaded', { now: 100 + i, startedAt: i })
    expect(viewHealth(health, 'm', 200).blockedBy?.streak).toBe(1)
  })

  test('a rest is not made longer by a late answer to an earlier request', () => {
    const health: Health = new Map()
    fail(health, 'overloaded', { now: 0, startedAt: 0 })
    fail(health, 'overloaded', { now: 4_000, startedAt: -1 })
    expect(viewHealth(health, 'm', 4_000).blockedBy?.until).toBe(5_000)
  })

  test('model trouble concerns that model alone', () => {
    const health: Health = new Map()
    fail(health, 'burst', { model: 'busy' })
    expect(viewHealth(health, 'busy', 0).state).toBe('closed')
    expect(viewHealth(health, 'other', 0).state).toBe('open')
  })

  test('a thousand invented model names do not fill the memory', () => {
    const health: Health = new Map()
    for (let i = 0; i < 1_000; i++) fail(health, 'model_unavailable', { model: `invented-${i}` })
    expect(health.size).toBe(128)
  })
})

describe('how an account comes back', () => {
  test('after a burst one request at a time may try until one succeeds', () => {
    const health: Health = new Map()
    fail(health, 'burst')
    expect(viewHealth(health, 'm', 1_999).state).toBe('closed')
    expect(viewHealth(health, 'm', 2_000).state).toBe('probe')
  })

  test('a long quota rest lets a request try every five minutes', () => {
    const health: Health = new Map()
    fail(health, 'quota', { hintMs: 3 * HOUR })
    expect(viewHealth(health, 'm', 5 * MINUTE - 1).state).toBe('closed')
    expect(viewHealth(health, 'm', 5 * MINUTE).state).toBe('probe')
  })

  test('passing trouble needs no trial: when its rest is over all may come', () => {
    const health: Health = new Map()
    fail(health, 'overloaded')
    expect(viewHealth(health, 'm', 5_000).state).toBe('open')
  })

  test('a success heals everything that was known when it began, and nothing newer', () => {
    const health: Health = new Map()
    fail(health, 'overloaded', { now: 100 })
    recordSuccess(health, 'm', 50)
    expect(viewHealth(health, 'm', 200).state).toBe('closed')
    recordSuccess(health, 'm', 100)
    expect(viewHealth(health, 'm', 200).state).toBe('open')
  })

  test('flowing content proves key and quota, but an account that breaks every stream does not heal by beginning', () => {
    const health: Health = new Map()
    fail(health, 'unauthorized', { now: 0 })
    fail(health, 'transient', { now: 0 })
    recordServing(health, 'm', 10)
    expect([...health.keys()]).toEqual(['transient'])
  })
})
