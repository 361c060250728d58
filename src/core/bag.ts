/**
 * Things that come and go by the thousand while the bag itself stays, in no order.
 *
 * Not a Set: that builds a new table every few dozen deletions and links each old table to the next. Once one of them has
 * grown old, V8's young collection takes all that follow for alive, with every request they ever held: one Set per server
 * made the heap grow by 2 MB in 100 requests until the next full collection.
 */

export interface Bag<T> {
  /** Puts `item` in; the returned function takes it out again, once. */
  add(item: T): () => void
  /** What is in it now, as a list of its own: it may be walked through while things come and go. */
  list(): T[]
  readonly size: number
}

export function createBag<T>(): Bag<T> {
  const slots: Array<{ readonly item: T; at: number }> = []
  return {
    get size() {
      return slots.length
    },
    list: () => slots.map(({ item }) => item),
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
