/**
 * The system's clock where Node's own timers go wrong.
 */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createSystemClock } from '../../src/core/clock.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test.each([2 ** 31 - 1, 2 ** 31, 2 ** 31 + 5_000, 2 ** 33])(
  'a timer of %i ms fires then, and not at once (row 87)',
  (delayMs) => {
    const run = vi.fn()
    createSystemClock().timer(delayMs, run)
    vi.advanceTimersByTime(delayMs - 1)
    expect(run).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(run).toHaveBeenCalledOnce()
  },
)

test('a timer without end never fires, and a long one can be cancelled in its second part (row 87)', () => {
  const clock = createSystemClock()
  const run = vi.fn()
  const endless = clock.timer(Infinity, run)
  const long = clock.timer(2 ** 31 + 5_000, run)
  vi.advanceTimersByTime(2 ** 31 + 1_000)
  long.cancel()
  vi.advanceTimersByTime(2 ** 32)
  endless.cancel()
  expect([run.mock.calls.length, vi.getTimerCount()]).toEqual([0, 0])
})

test.each([-1, 0])('a delay of %i ms fires as soon as it can, not never', (delayMs) => {
  const run = vi.fn()
  createSystemClock().timer(delayMs, run)
  vi.advanceTimersByTime(1)
  expect(run).toHaveBeenCalledOnce()
})
