/**
 * A TCP server on a free loopback port that knows its sockets: the ground under the fake vendor, the toxic pipe, the
 * forward proxy and the trap.
 */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'

export interface Listener {
  readonly port: number
  /** As they stand now; the object itself may be kept. */
  readonly connections: { readonly open: number; readonly total: number }
  /** Resets every open connection but goes on listening. */
  readonly resetAll: () => void
  /** Stops listening, destroys every open connection, and resolves when the port is free again. Idempotent. */
  readonly close: () => Promise<void>
}

export interface ListenOptions {
  /** Default: any that is free. */
  port?: number
  /** True leaves the answer to a peer's FIN to `onConnection`. */
  allowHalfOpen?: boolean
}

/**
 * Listens on 127.0.0.1. Socket errors are swallowed: a peer that goes away is what most tests are about, and the
 * socket's `close` event tells it.
 */
export async function listen(
  onConnection: (socket: Socket) => void,
  { port = 0, allowHalfOpen = false }: ListenOptions = {},
): Promise<Listener> {
  const sockets = new Set<Socket>()
  let total = 0
  const server = createServer({ noDelay: true, allowHalfOpen }, (socket) => {
    total++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    onConnection(socket)
  })
  server.listen({ port, host: '127.0.0.1', backlog: 4096 })
  await once(server, 'listening')
  const { port: boundPort } = server.address() as AddressInfo

  return {
    port: boundPort,
    connections: {
      get open() {
        return sockets.size
      },
      get total() {
        return total
      },
    },
    resetAll() {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    async close() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** The port of a server that was closed at once: connecting to it is refused. */
export async function findClosedPort(): Promise<number> {
  const listener = await listen(() => {})
  await listener.close()
  return listener.port
}
