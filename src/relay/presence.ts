/**
 * Tells whether the client is still there. A connection that was closed in both directions is plain; one that was closed
 * by the client's side alone may be a client that has said all it wants to say and waits for its answer.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock, Timer } from '../core/clock.ts'

/** The second probe comes after the peer's kernel had time to refuse the first. */
const PROBE_AGAIN_MS = 40
/** A client that waits behind its half-close may still lose patience, and nothing but a probe would tell. */
const PROBE_EVERY_MS = 10_000

export interface PresenceListener {
  /** Writes a comment where one may stand, and returns quietly where not. */
  probeStream(): void
  /** The connection, or the answer's turn on it, is over. Called once; `isComplete` when the whole answer went out. */
  onClose(isComplete: boolean): void
}

/**
 * Tells `listener` when the client has left or has all of its answer.
 *
 * After a half-close a harmless probe is written twice: an informational response while no head has gone out, a comment
 * inside a stream. A peer that closed its socket answers the first with a reset, which the second one meets; a peer that
 * only stopped sending ignores both (RFC 9110 section 15.2, WHATWG SSE comments), and the rarer ones that follow.
 */
export function watchPresence(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  clock: Clock,
  listener: PresenceListener,
): void {
  const { socket } = incoming
  let timers: Timer[] | null = null
  const probe = (): void => {
    // An answer that has no socket yet is pipelined behind another one, which has its own probes.
    if (outgoing.writableEnded || outgoing.socket === null) return
    if (outgoing.headersSent) listener.probeStream()
    else if (incoming.httpVersionMinor >= 1) outgoing.writeProcessing()
    // HTTP/1.0 knows no informational responses. Who speaks it is a proxy, and a proxy closes because its client has left.
    else outgoing.destroy()
  }
  const onHalfClose = (): void => {
    probe()
    timers ??= [clock.timer(PROBE_AGAIN_MS, probe), clock.every(PROBE_EVERY_MS, probe)]
  }
  const onClose = (): void => {
    socket.off('end', onHalfClose).off('close', onClose)
    outgoing.off('close', onClose)
    for (const timer of timers ?? []) timer.cancel()
    listener.onClose(outgoing.writableFinished)
  }
  // While its body was unpacked the client may have done either, and neither is told twice.
  if (outgoing.closed || socket.destroyed) return onClose()
  if (socket.readableEnded) onHalfClose()
  else socket.on('end', onHalfClose)
  outgoing.on('close', onClose)
  // A pipelined answer has no socket before its turn, and does not hear that it is gone.
  socket.on('close', onClose)
}
