/**
 * Figures of this process, for `/metrics`. The event loop is watched from the first scrape on: who never scrapes pays nothing.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import type { ProcessFigures } from '../http/metrics-route.ts'

const RESOLUTION_MS = 20
const NS_PER_SECOND = 1e9

export function createProcessReader(): () => ProcessFigures {
  let delay: IntervalHistogram | null = null
  return () => {
    const loopDelay = delay === null || delay.count === 0 ? null : readDelay(delay)
    if (delay === null) {
      delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
      delay.enable()
    } else delay.reset()
    const { user, system } = process.cpuUsage()
    return {
      residentBytes: process.memoryUsage.rss(),
      cpuSeconds: (user + system) / 1e6,
      startedAtSeconds: performance.timeOrigin / 1000,
      loopDelay,
    }
  }
}

/** The histogram holds the whole interval between two looks; what is beyond the resolution is delay. */
function readDelay(histogram: IntervalHistogram): { p50: number; p99: number; max: number } {
  const secondsOf = (ns: number): number => Math.max(0, ns - RESOLUTION_MS * 1e6) / NS_PER_SECOND
  return {
    p50: secondsOf(histogram.percentile(50)),
    p99: secondsOf(histogram.percentile(99)),
    max: secondsOf(histogram.max),
  }
}
