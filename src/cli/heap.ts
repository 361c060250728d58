/**
 * How V8 keeps the heap of a process that serves: small while it has little to do, roomy while it is busy, tidied now and then.
 *
 * By itself V8 chooses how far the heap may grow by how fast it has grown lately, and keeps to a low bound when requests come
 * after a pause: bodies count as heap, so that every fifteen of 200 KB began a collection of everything then, which doubled
 * what they cost (365 to 719 µs, Node 20). With its highest bound always, a relay of 200 requests a second held 190 MiB
 * where it needs 140.
 */
import { constants, type NodeGCPerformanceDetail, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { isBun } from '../core/engine.ts'

/** Growth over what was alive in the heap when it was last collected as a whole. 300 is the most that V8 chooses itself. */
const CALM_GROWTH_PERCENT = 100
const BUSY_GROWTH_PERCENT = 300
/** A collection of the whole heap takes 5 to 10 ms: once a second it is not felt. */
const BUSY_INTERVAL_MS = 1_000
/**
 * What lives long lies scattered among what has died, on more pages from minute to minute. V8 moves it together when it
 * collects to save memory, which takes 10 to 20 ms.
 */
const TIDY_INTERVAL_MS = 120_000

/** What the types of Node leave out. */
type Collection = PerformanceEntry & { readonly detail: NodeGCPerformanceDetail }

/** Call it before anything is served. Bun has another engine and no such flags. */
export function tendHeap(): void {
  if (isBun) return
  const onCollected = createHeapKeeper(setFlagsFromString)
  const observer = new PerformanceObserver((list) => {
    for (const { startTime, detail } of list.getEntries() as Collection[])
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) onCollected(startTime)
  })
  observer.observe({ entryTypes: ['gc'] })
}

/**
 * Sets the flags for a calm process, and returns what to call after every collection of the whole heap with the time at
 * which it began, in ms from the start of the process. V8 reads the flags at the end of a collection (growth) and at the
 * beginning of the next (tidiness).
 */
export function createHeapKeeper(setFlag: (flag: string) => void): (atMs: number) => void {
  let growthPercent = 0
  let collectedAt = -Infinity
  let tidiedAt = 0
  let isToBeTidied = false

  function grow(percent: number): void {
    if (percent === growthPercent) return
    growthPercent = percent
    setFlag(`--heap-growing-percent=${percent}`)
  }

  function tidy(isWanted: boolean): void {
    if (isWanted === isToBeTidied) return
    isToBeTidied = isWanted
    setFlag(isWanted ? '--optimize-for-size' : '--no-optimize-for-size')
  }

  grow(CALM_GROWTH_PERCENT)
  return (atMs) => {
    grow(atMs - collectedAt < BUSY_INTERVAL_MS ? BUSY_GROWTH_PERCENT : CALM_GROWTH_PERCENT)
    collectedAt = atMs
    if (isToBeTidied) tidiedAt = atMs
    tidy(atMs - tidiedAt >= TIDY_INTERVAL_MS)
  }
}
