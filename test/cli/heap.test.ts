/**
 * How the heap of a process that serves is kept.
 */
import { expect, test } from 'vitest'
import { createHeapKeeper } from '../../src/cli/heap.ts'

const CALM = '--heap-growing-percent=100'
const BUSY = '--heap-growing-percent=300'
const TIDY = '--optimize-for-size'
const PLAIN = '--no-optimize-for-size'

/** Tells what was set by each of the collections, which begin at these seconds. */
function collect(...seconds: number[]): string[] {
  const told: string[] = []
  const onCollected = createHeapKeeper((flag) => void told.push(flag))
  expect(told.splice(0)).toEqual([CALM])
  return seconds.map((at) => {
    onCollected(at * 1_000)
    return told.splice(0).join(' ')
  })
}

test('a process that collects more than once a second gets room, and gives it back when it is calm', () => {
  const [, , ...later] = collect(1, 2, 2.9, 3.1, 3.3, 5, 7)
  expect(later).toEqual([BUSY, '', '', CALM, ''])
})

test('every two minutes one collection tidies up', () => {
  expect(collect(2, 40, 80, 121, 160, 200, 240, 281, 320)).toEqual(['', '', '', TIDY, PLAIN, '', '', TIDY, PLAIN])
})

test('a busy one is tidied no more often', () => {
  const halfSeconds = Array.from({ length: 600 }, (_, n) => n / 2)
  const told = collect(...halfSeconds).filter((flags) => flags !== '')
  expect(told).toEqual([BUSY, TIDY, PLAIN, TIDY, PLAIN])
})
