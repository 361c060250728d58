/**
 * Tells whether the client is still there. A connection that was closed in both directions is plain; one that was closed
 * by the client's side alone may be a client that has said all it wants to say and waits for its answer.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'

/** The second probe comes after the peer's kernel had time to refuse the first. */
const PROBE_AGAIN_MS = 40

/**
 * Calls `onGone` once when the client has left before its answer was complete.
 *
 * After a half-close a harmless probe is written twice: an informational response while no head has gone out, a comment
 * inside a stream. A peer that closed its socket answers the first with a reset, which the second one meets; a peer that
 * only stopped sending ignores both (RFC 9110 section 15.2, WHATWG SSE comments).
 * `probeStream` writes the comment where one may stand, and returns quietly where not.
 */
export function watchPresence(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  clock: Clock,
  probeStream: () => void,
  onGone: () => void,
): void {
  const { socket } = incoming
  const probe = (): void => {
    if (outgoing.writableEnded || outgoing.destroyed) return
    if (outgoing.headersSent) probeStream()
    else if (incoming.httpVersionMinor >= 1) outgoing.writeProcessing()
  }
  const onHalfClose = (): void => {
    probe()
    clock.timer(PROBE_AGAIN_MS, probe)
  }
  socket.once('end', onHalfClose)
  outgoing.once('close', () => {
    socket.off('end', onHalfClose)
    if (!outgoing.writableFinished) onGone()
  })
}
