/**
 * The newest things of an endless row, at most so many.
 */

export interface Ring<T> {
  add(item: T): void
  /** The newest first, at most `most`. */
  newest(most?: number): T[]
}

export function createRing<T>(size: number): Ring<T> {
  const items: T[] = []
  let next = 0
  return {
    add(item) {
      items[next] = item
      next = (next + 1) % size
    },
    newest(most = size) {
      const found: T[] = []
      for (let back = 1; back <= Math.min(most, items.length); back++) {
        found.push(items[(next - back + size) % size] as T)
      }
      return found
    },
  }
}
