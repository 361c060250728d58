/**
 * The listening side: server limits, both loopback addresses, and an end that lets running answers finish.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createBag } from '../core/bag.ts'
import type { Clock } from '../core/clock.ts'
import { isBun } from '../core/engine.ts'
import { createSocketRoom, type SocketRoom } from './socket-room.ts'
import { createTurnstile } from './turnstile.ts'

export interface ListenOptions {
  /** Null means all interfaces. */
  readonly host: string | null
  readonly port: number
  readonly clock: Clock
  readonly listener: (incoming: IncomingMessage, outgoing: ServerResponse) => void
  /** Open at once, on all addresses together. */
  readonly mostSockets?: number
}

export interface RelayServer {
  readonly port: number
  /** `host:port` of each open door. */
  readonly addresses: readonly string[]
  /** Why the second loopback address could not be opened; null when it was, or was not wanted. */
  readonly missing: string | null
  /** Takes nothing new and waits for running answers, at most `patienceMs`; resolves to how many were cut off. */
  drain(patienceMs: number): Promise<number>
  /** Ends every connection at once. */
  close(): void
}

const LIMITS = {
  headersTimeout: 10_000,
  /** Bodies are timed by their reader, which knows idle from slow. */
  requestTimeout: 0,
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16 * 1024,
  /** Node looks for overdue headers only this often; its own default of 30 s would make the limit above idle talk. */
  connectionsCheckingInterval: 1_000,
  insecureHTTPParser: false,
}
const MOST_HEADER_LINES = 100
const MOST_SOCKETS = 8_192
/** Beyond Node's 511 the kernel lets a burst of clients wait instead of sending them off to try again a second later. */
const LONGEST_BACKLOG = 4_096

/** Opens the port. Rejects with the system's error (`EADDRINUSE`, `EACCES`) when the first address cannot be had. */
export async function listen(options: ListenOptions): Promise<RelayServer> {
  const { host, clock, listener, mostSockets = MOST_SOCKETS } = options
  const inFlight = createBag<ServerResponse>()
  const room = createSocketRoom(mostSockets, (visit) => inFlight.forEach((outgoing) => visit(outgoing.req.socket)))
  const turnstile = createTurnstile(clock)
  const track = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    outgoing.on('close', inFlight.add(outgoing))
    if (isDraining) outgoing.setHeader('connection', 'close')
    // Whoever only looks is answered at once.
    if (incoming.method !== 'POST') return listener(incoming, outgoing)
    // Bun takes in all who wait in one turn, and counts what it has written anew for each request.
    const isNewcomer = !isBun && incoming.socket.bytesWritten === 0
    turnstile.enter(isNewcomer, () => listener(incoming, outgoing))
  }
  let isDraining = false
  const servers: Server[] = []
  const open = async (address: string | null, port: number): Promise<number> => {
    const server = createConfiguredServer(track, room, mostSockets)
    await bind(server, address, port)
    servers.push(server)
    return (server.address() as AddressInfo).port
  }

  const isLoopback = host === '127.0.0.1' || host === 'localhost'
  const port = await open(isLoopback ? '127.0.0.1' : host, options.port)
  let missing: string | null = null
  if (isLoopback) {
    // "localhost" means ::1 first to many clients; without it they try in vain, or wait.
    await open('::1', port).catch((error: NodeJS.ErrnoException) => {
      missing = error.code ?? error.message
    })
  }

  return {
    port,
    missing,
    addresses: servers.map((server) => formatAddress(server.address() as AddressInfo)),
    async drain(patienceMs) {
      isDraining = true
      for (const server of servers) server.close()
      for (const server of servers) server.closeIdleConnections()
      inFlight.forEach((outgoing) => {
        if (!outgoing.headersSent) outgoing.setHeader('connection', 'close')
      })
      await new Promise<void>((resolve) => {
        const deadline = clock.timer(patienceMs, resolve)
        const check = clock.every(50, () => {
          if (inFlight.size > 0) return
          deadline.cancel()
          check.cancel()
          resolve()
        })
      })
      const cutOff = inFlight.size
      for (const server of servers) server.closeAllConnections()
      return cutOff
    },
    close() {
      for (const server of servers) {
        server.close()
        server.closeAllConnections()
      }
    },
  }
}

function createConfiguredServer(listener: ListenOptions['listener'], room: SocketRoom, mostSockets: number): Server {
  const server = createServer(LIMITS, listener)
  server.maxHeadersCount = MOST_HEADER_LINES
  server.maxConnections = mostSockets
  // A client may close its side after its last byte and still wait for the answer; who has really left is found out
  // by the exchange. Node knows the switch, its types do not. Under Bun a socket that may stay half open tells nothing of
  // its peer until the answer is over, so there whoever closes has left: an upstream that runs on for nobody costs money.
  ;(server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = !isBun
  // The body is asked for when the token has been checked, not before.
  server.on('checkContinue', listener)
  server.on('connect', (_incoming, socket) => socket.destroy())
  server.on('connection', (socket) => {
    room.admit(socket)
    socket.setNoDelay(true)
    // Each pipelined request listens for its client's leaving, and there may be many.
    socket.setMaxListeners(0)
  })
  return server
}

function bind(server: Server, address: string | null, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const isUp = (): void => {
      server.off('error', reject)
      resolve()
    }
    server.listen({ port, ...(address === null ? {} : { host: address }), backlog: LONGEST_BACKLOG }, isUp)
  })
}

function formatAddress({ address, port, family }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
}
