/**
 * The virtual clock keeps time as the system clock does, only when it is told.
 */
import { createServer, connect, type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createVirtualClock } from './clock.ts'

test('timers fire in the order in which they are due, each at its own time', async () => {
  const clock = createVirtualClock({ now: 5000 })
  const fired: Array<[string, number]> = []
  clock.timer(300, () => fired.push(['late', clock.now()]))
  clock.timer(100, () => fired.push(['early', clock.now()]))
  clock.timer(100, () => fired.push(['early too', clock.now()]))
  clock.timer(301, () => fired.push(['never', clock.now()]))

  await clock.advance(300)
  expect(fired).toEqual([
    ['early', 5100],
    ['early too', 5100],
    ['late', 5300],
  ])
  expect(clock.pending).toBe(1)
})

test('what a timer sets in motion happens before the next timer, sockets included', async () => {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await new Promise((resolve) => socket.once('connect', resolve))
  const seen: string[] = []
  socket.on('data', (echo) => seen.push(String(echo)))

  const clock = createVirtualClock()
  clock.timer(10, () => socket.write('echo'))
  clock.timer(11, () => seen.push('next timer'))
  await clock.advance(11)
  expect(seen).toEqual(['echo', 'next timer'])
})

test('a timer armed by a timer fires in the same advance if it is due', async () => {
  const clock = createVirtualClock()
  const fired: number[] = []
  const startMs = clock.monotonic()
  clock.timer(10, () => clock.timer(10, () => fired.push(clock.monotonic() - startMs)))
  await clock.advance(25)
  expect(fired).toEqual([20])
  expect(clock.monotonic() - startMs).toBe(25)
})

test('a repeating timer fires on every beat until it is cancelled', async () => {
  const clock = createVirtualClock()
  let beats = 0
  const timer = clock.every(1000, () => beats++)
  await clock.advance(3500)
  expect(beats).toBe(3)
  timer.cancel()
  await clock.advance(10_000)
  expect([beats, clock.pending]).toEqual([3, 0])
})

test('a cancelled timer never fires, not even one that is cancelled while another fires', async () => {
  const clock = createVirtualClock()
  const fired: string[] = []
  const second = clock.timer(10, () => fired.push('second'))
  clock.timer(5, () => second.cancel())
  await clock.advance(20)
  expect([fired, clock.pending]).toEqual([[], 0])
})

test('a jump moves the wall hand alone', async () => {
  const clock = createVirtualClock({ now: 10_000 })
  const before = clock.monotonic()
  let hasFired = false
  clock.timer(1000, () => (hasFired = true))
  clock.jump(-7_200_000)
  await clock.advance(999)
  expect([clock.now(), clock.monotonic() - before, hasFired]).toEqual([10_999 - 7_200_000, 999, false])
})

test('a sleeping laptop leaps past its timers, and each fires once when it wakes', async () => {
  const clock = createVirtualClock({ now: 0 })
  const fired: Array<[string, number]> = []
  clock.every(60_000, () => fired.push(['beat', clock.now()]))
  clock.timer(1000, () => {
    fired.push(['timer', clock.now()])
    cancelledInTime.cancel()
  })
  const cancelledInTime = clock.timer(2000, () => fired.push(['cancelled', clock.now()]))
  const hoursMs = 8 * 3_600_000
  await clock.sleepThrough(hoursMs)
  expect(fired).toEqual([
    ['timer', hoursMs],
    ['beat', hoursMs],
  ])
  await clock.advance(60_000)
  expect(fired).toHaveLength(3)
})

test('delays beyond 31 bits and without end are honoured', async () => {
  const clock = createVirtualClock()
  const fired: string[] = []
  clock.timer(2 ** 31 + 5, () => fired.push('long'))
  clock.timer(Infinity, () => fired.push('never'))
  await clock.advance(2 ** 31)
  expect(fired).toEqual([])
  await clock.advance(10)
  expect(fired).toEqual(['long'])
})

test('chance depends on the seed alone and covers its range evenly', () => {
  expect(draw(7)).toEqual(draw(7))
  expect(draw(7)).not.toEqual(draw(8))
  const drawn = draw(7)
  expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...drawn)).toBeLessThan(1)
  expect(drawn.reduce((sum, one) => sum + one) / drawn.length).toBeCloseTo(0.5, 1)
})

test('mistakes in a test are told: an error in a timer, two advances at once, time that is no number', async () => {
  const clock = createVirtualClock()
  clock.timer(1, () => {
    throw new Error('from the timer')
  })
  await expect(clock.advance(1)).rejects.toThrow('from the timer')

  const first = clock.advance(1)
  await expect(clock.advance(1)).rejects.toThrow('moving already')
  await first
  await expect(clock.advance(-1)).rejects.toThrow('forward only')
  expect(() => clock.timer(NaN, () => {})).toThrow('not NaN')
  expect(() => clock.every(0, () => {})).toThrow('longer than 0 ms')
})

function draw(seed: number): number[] {
  const clock = createVirtualClock({ seed })
  return Array.from({ length: 1000 }, () => clock.random())
}
