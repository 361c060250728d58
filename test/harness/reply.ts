/**
 * What the fake vendor is about to do on the wire for one request, as plain data: a head, pieces of a body, and steps
 * in between.
 */
import type { Header } from './header-list.ts'
import type { Fragment } from './streams.ts'
import type { VendorRequest } from './vendor-request.ts'

export interface Reply {
  readonly status: number
  readonly headers: readonly Header[]
  /** Written as they are before the head: interim answers, steps. */
  readonly beforeHead: readonly ReplyPart[]
  /** Null: no head at all, `beforeHead` is everything that goes on the socket. */
  readonly framing: Framing | null
  readonly body: readonly ReplyPart[]
  /** The vendor ends the connection after the answer without having announced it. */
  readonly thenCloses: boolean
}

/**
 * How the end of the body is told: by its length, a declared length that may be a lie, chunks, or the end of the
 * connection. RFC 9112 section 6.3.
 */
export type Framing = 'length' | 'chunked' | 'close' | { readonly declaredBytes: number }

export type ReplyPart = Fragment | Buffer | Step

export type Step =
  /** Waits for `resume()` of the vendor or of the request. */
  | { readonly step: 'pause' }
  /** Never goes on; ends when the peer leaves. */
  | { readonly step: 'stall' }
  /** Resets the connection (TCP RST). */
  | { readonly step: 'cut' }
  /** Ends the connection (TCP FIN) without ending the message. */
  | { readonly step: 'finish' }
  /** Ends the message properly here, whatever follows. */
  | { readonly step: 'end' }
  /** From here on writes `sizeBytes` at a time, each in its own turn of the event loop. */
  | { readonly step: 'slice'; readonly sizeBytes: number }

/** Decides what to do about a request. Everything in `reactions.ts` makes one of these. */
export type Reaction = (request: VendorRequest) => Reply

/** A change to a reply: a function, or a step alone, which then stands at the beginning of the body. */
export type Twist = Step | ((reply: Reply, request: VendorRequest) => Reply)

/** What tests write between two events. A function sees the request and so can speak its dialect. */
export type Piece = string | Buffer | Step | ((request: VendorRequest) => readonly Piece[])

export function isStep(part: ReplyPart | Piece): part is Step {
  return typeof part === 'object' && 'step' in part
}

export function bytesOf(part: Fragment | Buffer): Buffer {
  return Buffer.isBuffer(part) ? part : Buffer.from(part.text)
}

/** Pieces as a test writes them, made ready to be sent. */
export function resolvePieces(pieces: readonly Piece[], request: VendorRequest): ReplyPart[] {
  return pieces.flatMap((piece): ReplyPart[] => {
    if (typeof piece === 'string') return [Buffer.from(piece)]
    return typeof piece === 'function' ? resolvePieces(piece(request), request) : [piece]
  })
}

/** Applies changes from left to right; steps that stand alone begin the body, in their order. */
export function applyTwists(reply: Reply, twists: readonly Twist[], request: VendorRequest): Reply {
  const steps = twists.filter((twist) => typeof twist !== 'function')
  const changes = twists.filter((twist) => typeof twist === 'function')
  const changed = changes.reduce((current, change) => change(current, request), reply)
  return { ...changed, body: [...steps, ...changed.body] }
}
