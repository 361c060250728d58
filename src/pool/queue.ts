/**
 * Requests that wait for a slot: first in, first out within a client, and clients take turns, so that one busy agent
 * cannot starve the others.
 */

export interface Waiter {
  /** Whose turn it uses. */
  readonly group: string
  /** Tries to be served now; true when it was, or has given up, and may leave the queue. */
  tryServe(): boolean
}

export interface WaitQueue {
  add(waiter: Waiter): void
  remove(waiter: Waiter): void
  /**
   * Serves as many waiters as can be served, in fair order, in the next turn of the event loop: what this one brings may be
   * that some of them have left, and several places that fall free are given away in one go.
   */
  serve(): void
  /** Serves those at once who were to be served in the next turn: whoever comes now comes behind them. */
  catchUp(): void
  /** How many of a group wait. */
  sizeOf(group: string): number
  readonly size: number
}

export function createWaitQueue(): WaitQueue {
  /** Groups in the order of their turns; each with its waiters in order of arrival. */
  const groups = new Map<string, Waiter[]>()
  let isDue = false

  /** True when one was served. */
  function serveNext(): boolean {
    for (const [group, waiters] of groups) {
      const index = waiters.findIndex((waiter) => waiter.tryServe())
      if (index < 0) continue
      waiters.splice(index, 1)
      // To the end of the round: the others come first now.
      groups.delete(group)
      if (waiters.length > 0) groups.set(group, waiters)
      return true
    }
    return false
  }

  function catchUp(): void {
    if (!isDue) return
    isDue = false
    while (serveNext());
  }

  return {
    catchUp,
    get size() {
      let size = 0
      for (const waiters of groups.values()) size += waiters.length
      return size
    },
    sizeOf(group) {
      return groups.get(group)?.length ?? 0
    },
    add(waiter) {
      const waiters = groups.get(waiter.group)
      if (waiters === undefined) groups.set(waiter.group, [waiter])
      else waiters.push(waiter)
    },
    remove(waiter) {
      const waiters = groups.get(waiter.group) ?? []
      const index = waiters.indexOf(waiter)
      if (index >= 0) waiters.splice(index, 1)
      if (waiters.length === 0) groups.delete(waiter.group)
    },
    serve() {
      if (isDue || groups.size === 0) return
      isDue = true
      setImmediate(catchUp)
    },
  }
}
