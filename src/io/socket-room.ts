/**
 * Keeps room for those who have something to say: when nearly as many sockets are open as may be, those on which nothing
 * has ever been asked are closed, the oldest first. A flood of empty connections then turns itself out.
 */
import type { Socket } from 'node:net'
import { createBag } from '../core/bag.ts'

export interface SocketRoom {
  /** Counts a new socket until it closes, and makes room if need be. */
  admit(socket: Socket): void
  readonly size: number
}

/** Share of the limit from which on room is made, and that is made at once: looking at all sockets has its price. */
const MARGIN = 1 / 32

/** `forEachBusy` visits the sockets on which a request is being served. */
export function createSocketRoom(limit: number, forEachBusy: (visit: (socket: Socket) => void) => void): SocketRoom {
  const sockets = createBag<{ readonly socket: Socket; readonly place: number }>()
  const margin = Math.max(1, Math.floor(limit * MARGIN))
  let places = 0

  function makeRoom(): void {
    const busy = new Set<Socket>()
    forEachBusy((socket) => busy.add(socket))
    const empty: Array<{ socket: Socket; place: number }> = []
    sockets.forEach((each) => {
      // Whoever was answered once is a client; a request on its way in is not answered yet.
      if (each.socket.bytesWritten === 0 && !busy.has(each.socket)) empty.push(each)
    })
    empty.sort((a, b) => a.place - b.place)
    for (const { socket } of empty.slice(0, margin)) socket.destroy()
  }

  return {
    get size() {
      return sockets.size
    },
    admit(socket) {
      if (sockets.size >= limit - margin) makeRoom()
      socket.once('close', sockets.add({ socket, place: places++ }))
    },
  }
}
