/**
 * Things that come and go by the thousand while the bag itself stays, in no order.
 *
 * Not a Set: that builds a new table every few dozen deletions and links each old table to the next. Once one of them has
 * grown old, V8's young collection takes all that follow for alive, with whatever they held. In a loop that keeps 32 things
 * of 8 KB the heap grew to 120 MB between full collections with a Set, and stayed at 4 MB with a bag (Node 20).
 */

export interface Bag<T> {
  /** Puts `item` in; the returned function takes it out again, once. */
  add(item: T): () => void
  /** Visits what is in it now. Things may come and go meanwhile; what has gone before its turn is not visited. */
  forEach(visit: (item: T) => void): void
  readonly size: number
}

export function createBag<T>(): Bag<T> {
  const slots: Array<{ readonly item: T; at: number }> = []
  return {
    get size() {
      return slots.length
    },
    forEach(visit) {
      for (const slot of slots.slice()) if (slot.at >= 0) visit(slot.item)
    },
    add(item) {
      const slot = { item, at: slots.length }
      slots.push(slot)
      return () => {
        if (slot.at < 0) return
        const last = slots.pop()
        // The last one takes the free place: no gaps, and nothing is moved but it.
        if (last !== undefined && last !== slot) {
          slots[slot.at] = last
          last.at = slot.at
        }
        slot.at = -1
      }
    },
  }
}
