/**
 * A raw TCP client that speaks HTTP/1.1 as well or as badly as a test wants, and reports what came back byte by byte.
 */
import { connect } from 'node:net'
import { createMessageReader } from './http1.ts'
import { createExchange, type OpenExchange, type RawExchange } from './raw-exchange.ts'
import { sendRequest, type RawRequest } from './raw-request.ts'

export type { RawExchange, RawHead, RawResponse } from './raw-exchange.ts'
export type { RawRequest } from './raw-request.ts'

export interface RawConnection {
  /** Sends a request behind the earlier ones, without waiting for their answers (pipelining). */
  send(request: RawRequest): RawExchange
  /** Takes the connection down: `reset` with an RST, else with a FIN, as when a program exits. */
  abort(how?: 'reset' | 'close'): void
  /** While reading stands still the kernel's buffers fill up, and then the sender feels it. */
  pauseReading(): void
  resumeReading(): void
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>
}

/** One request on a connection of its own, closed behind the answer. Await it for the whole answer. */
export function rawRequest(port: number, request: RawRequest = {}): RawExchange {
  const connection = rawConnect(port)
  const exchange = connection.send(request)
  const close = (): void => connection.abort()
  exchange.then(close, close)
  return exchange
}

/** Opens a connection for several requests; answers come in their order (RFC 9112 section 9.3). */
export function rawConnect(port: number, host = '127.0.0.1'): RawConnection {
  const socket = connect({ port, host, noDelay: true })
  const waiting: OpenExchange[] = []
  /** Requests go out one behind the other, however slowly their bodies come. */
  let sending = Promise.resolve()
  let hasAborted = false
  let wasReset = false

  const failAll = (cause: unknown): void => {
    const problem = cause instanceof Error ? cause : new Error(String(cause))
    for (const exchange of waiting.splice(0)) exchange.fail(problem)
    socket.destroy()
  }
  const reader = createMessageReader(
    { reads: 'responses', isBodyless: () => waiting[0]?.method === 'HEAD' },
    {
      head: (head) => waiting[0]?.onHead(head),
      body: (bytes, continues) => waiting[0]?.onBody(bytes, continues),
      end: () => waiting.shift()?.onEnd('clean'),
    },
  )
  socket.on('data', (bytes) => {
    try {
      reader.push(bytes)
    } catch (cause) {
      failAll(cause)
    }
  })
  socket.once('end', () => reader.close())
  socket.on('error', () => (wasReset = true))
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      const ended = hasAborted ? 'aborted' : wasReset ? 'reset' : 'truncated'
      for (const exchange of waiting.splice(0)) exchange.onEnd(ended)
      resolve()
    })
  })

  const connection = {
    closed,
    abort(how: 'reset' | 'close' = 'close') {
      hasAborted = true
      if (how === 'reset') socket.resetAndDestroy()
      else socket.destroy()
    },
    pauseReading: () => void socket.pause(),
    resumeReading: () => void socket.resume(),
  }
  return {
    ...connection,
    send(request) {
      const open = createExchange(request, connection)
      waiting.push(open)
      if (request.neverReads === true) connection.pauseReading()
      sending = sending.then(() => sendRequest(socket, port, request)).catch(failAll)
      return open.exchange
    },
  }
}
