/**
 * Answers that the relay makes by itself, outside the life of a relayed request.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'
import type { GatewayError } from '../core/errors.ts'
import type { Downstream } from '../protocols/contract.ts'

/** A small JSON answer; a HEAD request gets its head alone. */
export function sendJson(outgoing: ServerResponse, requestId: string, status: number, value: unknown): void {
  sendJsonBytes(outgoing, requestId, status, Buffer.from(`${JSON.stringify(value)}\n`))
}

/** The same for what is JSON already. */
export function sendJsonBytes(outgoing: ServerResponse, requestId: string, status: number, body: Buffer): void {
  outgoing.writeHead(status, {
    'content-type': 'application/json',
    'content-length': body.length,
    'x-request-id': requestId,
    'cache-control': 'no-store',
  })
  outgoing.end(outgoing.req.method === 'HEAD' ? undefined : body)
}

/** How long a client that is still sending may go on, so that it can read why it was refused. */
const LINGER_MS = 1_000

/**
 * Refuses a request in the client's dialect. A body that is still on its way is read and thrown away for a moment and the
 * connection closed: closing at once would reset it, and the client would never see the reason (RFC 9112 section 9.6).
 */
export function refuse(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  downstream: Downstream,
  error: GatewayError,
  requestId: string,
  clock: Clock,
  extraHeaders: Readonly<Record<string, string>> = {},
): void {
  if (outgoing.headersSent || outgoing.destroyed) return
  const answer = downstream.encodeError(error, requestId, clock.now())
  const body = Buffer.from(answer.body)
  const isUnread = !incoming.complete && hasBody(incoming)
  outgoing.writeHead(answer.status, {
    ...answer.headers,
    ...extraHeaders,
    'content-length': body.length,
    'x-request-id': requestId,
    ...(isUnread ? { connection: 'close' } : {}),
  })
  if (incoming.method === 'HEAD' || !isUnread) {
    outgoing.end(incoming.method === 'HEAD' ? undefined : body)
    return
  }
  outgoing.write(body)
  const end = (): void => {
    timer.cancel()
    outgoing.end()
  }
  const timer = clock.timer(LINGER_MS, end)
  incoming.once('end', end).once('close', end).resume()
}

/** RFC 9112 section 6.3: a request without either header has no body. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
