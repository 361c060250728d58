/**
 * Changes to an answer that is otherwise as it should be: something before or after an event, an event too few or too
 * many, other headers, a false framing.
 */
import { STATUS_CODES } from 'node:http'
import { encodeHead, mergeHeaders, type HeaderValues } from './header-list.ts'
import { isStep, resolvePieces, type Framing, type Piece, type Reply, type Twist } from './reply.ts'

/**
 * A place in an answer.
 * - `start`: the event that begins it (`message_start`, `response.created`, the role chunk)
 * - `content`: the first event that carries a part of the answer; a whole answer up to its middle
 * - `finish`: the event that says why the model stopped, where that is not the terminal one (Messages, Chat)
 * - `terminal`: the last event (`message_stop`, `response.completed`, `[DONE]`, Gemini's chunk with the finish reason)
 * - a number: the nth event, from 1
 */
export type Place = 'start' | 'content' | 'finish' | 'terminal' | number

/** Does something just before the event at `place`. Throws when the answer has no such event. */
export function before(place: Place, ...pieces: readonly Piece[]): Twist {
  return (reply, request) => insert(reply, findPart(reply, place), resolvePieces(pieces, request))
}

/** Does something just after the event at `place`: `after('content', cut())` breaks a stream that has begun. */
export function after(place: Place, ...pieces: readonly Piece[]): Twist {
  return (reply, request) => insert(reply, findPart(reply, place) + 1, resolvePieces(pieces, request))
}

/** Leaves the event at `place` out. */
export function without(place: Place): Twist {
  return (reply) => ({ ...reply, body: reply.body.toSpliced(findPart(reply, place), 1) })
}

/** Tells the event at `place` twice. */
export function repeat(place: Place): Twist {
  return (reply) => {
    const position = findPart(reply, place)
    return insert(reply, position, reply.body.slice(position, position + 1))
  }
}

/** Does something before the head of the answer is written: `beforeHead(stall())` leaves the relay without headers. */
export function beforeHead(...pieces: readonly Piece[]): Twist {
  return (reply, request) => ({ ...reply, beforeHead: [...reply.beforeHead, ...resolvePieces(pieces, request)] })
}

/** An interim answer first: 103 Early Hints, 100 Continue. */
export function informational(status: number, headers: HeaderValues = {}): Twist {
  return beforeHead(encodeHead(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}`, mergeHeaders([], headers)))
}

/** Sets headers; the values of a list go out as separate lines. Names keep their case. */
export function headers(changes: HeaderValues): Twist {
  return (reply) => ({ ...reply, headers: mergeHeaders(reply.headers, changes) })
}

/** Tells the end of the body in another way; `{ declaredBytes }` declares a length that may be false. */
export function framing(declared: Framing): Twist {
  return (reply) => ({ ...reply, framing: declared })
}

/** Keeps the message unfinished and the connection open after the last event. */
export function hold(): Twist {
  return (reply) => ({ ...reply, body: [...reply.body, { step: 'stall' }] })
}

/** Ends the connection after the complete answer without having said so: the next request on it finds it stale. */
export function thenClose(): Twist {
  return (reply) => ({ ...reply, thenCloses: true })
}

function insert(reply: Reply, position: number, parts: Reply['body']): Reply {
  return { ...reply, body: reply.body.toSpliced(position, 0, ...parts) }
}

function findPart(reply: Reply, place: Place): number {
  const kindAt = (position: number): string | undefined => {
    const part = reply.body[position]
    return part === undefined || isStep(part) || Buffer.isBuffer(part) ? undefined : part.kind
  }
  const events = [...reply.body.keys()].filter((position) => kindAt(position) !== undefined)
  const firstOf = (kind: string): number | undefined => events.find((position) => kindAt(position) === kind)
  const found = {
    start: firstOf('start') ?? events[0],
    content: firstOf('content'),
    finish: firstOf('finish') ?? firstOf('terminal'),
    terminal: firstOf('terminal'),
  }
  const position = typeof place === 'number' ? events[place - 1] : found[place]
  if (position === undefined) throw new Error(`the answer has no place ${place}: it has ${events.length} events`)
  return position
}
