/**
 * What a test can put between two pieces of an answer: control over the connection, and the odd things that vendors say
 * in the middle of a stream.
 */
import type { Piece, Step } from './reply.ts'
import { dialects, encodeEvent, type Failure } from './streams.ts'

/** Waits until the test calls `resume()`. A `resume()` that comes first is remembered. */
export function pause(): Step {
  return { step: 'pause' }
}

/** Says nothing more and keeps the connection open until the peer leaves. */
export function stall(): Step {
  return { step: 'stall' }
}

/** Resets the connection, once everything before has left. */
export function cut(): Step {
  return { step: 'cut' }
}

/**
 * Ends the connection with a FIN, here and now. With chunks the last one is then missing; with `framing('close')` a
 * reader cannot tell it from the proper end.
 */
export function finish(): Step {
  return { step: 'finish' }
}

/** Ends the message properly here; what follows is never sent. */
export function end(): Step {
  return { step: 'end' }
}

/**
 * From here on writes `sizeBytes` at a time, each in a chunk and in a turn of the event loop of its own.
 * `slice(Infinity)` gives every event a turn of its own and leaves it in one piece.
 */
export function slice(sizeBytes: number): Step {
  if (!(sizeBytes >= 1)) throw new RangeError(`a slice of ${sizeBytes} bytes is not possible`)
  return { step: 'slice', sizeBytes }
}

/** A sign of life as the dialect has it: an event in Messages, a comment elsewhere. */
export function ping(): Piece {
  return ({ protocol }) => {
    const dialect = dialects[protocol ?? 'openai-chat']
    return [encodeEvent(dialect.ping, { lineEnd: dialect.lineEnd })]
  }
}

/** The dialect's report of failure inside a stream, which ends with it. `position`: events that went before. */
export function errorEvent(status: number, failure: Omit<Failure, 'status'> = {}, position = 0): Piece {
  return (request) => {
    const dialect = dialects[request.protocol ?? 'openai-chat']
    const events = dialect.failureEvents({ status, ...failure }, request, position)
    return [...events.map((event) => encodeEvent(event, { lineEnd: dialect.lineEnd })), end()]
  }
}
