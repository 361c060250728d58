/**
 * Things that are counted apart by labels, and durations in buckets: what a scrape of `/metrics` reads.
 */

/** Values of labels, in the order of the family's names. */
export type Labels = readonly string[]

export interface Series<T> {
  /** What is counted under these labels; made when they are seen for the first time. */
  at(...labels: Labels): T
  /** In order of their first appearance. */
  entries(): Iterable<readonly [Labels, T]>
}

export interface Count {
  value: number
}

/** How long something took, by how many were no longer than each bound. */
export interface Buckets {
  /** In the order of the bounds. */
  readonly upTo: number[]
  count: number
  sum: number
}

/** Names of models come from clients: beyond this all are one. */
const MOST_SERIES = 500
const OTHERS = '(others)'

export function createSeries<T>(create: () => T): Series<T> {
  const series = new Map<string, readonly [Labels, T]>()
  return {
    at(...labels) {
      const key = labels.join('\n')
      const known = series.get(key)
      if (known !== undefined) return known[1]
      if (series.size >= MOST_SERIES) {
        const others = labels.map(() => OTHERS)
        if (key !== others.join('\n')) return this.at(...others)
      }
      const fresh = create()
      series.set(key, [labels, fresh])
      return fresh
    },
    entries: () => series.values(),
  }
}

export function createBuckets(bounds: readonly number[]): Buckets {
  return { upTo: bounds.map(() => 0), count: 0, sum: 0 }
}

/** `bounds` are in rising order, in the unit of `duration`. */
export function addDuration(buckets: Buckets, bounds: readonly number[], duration: number): void {
  buckets.count++
  buckets.sum += duration
  for (let at = bounds.length - 1; at >= 0 && duration <= (bounds[at] as number); at--) {
    buckets.upTo[at] = (buckets.upTo[at] as number) + 1
  }
}
