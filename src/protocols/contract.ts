/**
 * What every wire protocol can do for the relay, in two roles: Downstream serves a client that speaks it, Upstream
 * reads a server that speaks it. Plain functions from data to data.
 */
import type { Protocol } from '../core/account.ts'
import type { GatewayError } from '../core/errors.ts'
import type { Outline, Range } from '../core/json.ts'
import type { Frame } from '../core/sse.ts'

/** What routing needs to know of a request; the rest of the body stays bytes. */
export interface Envelope {
  /** The model the client asked for. */
  readonly model: string
  readonly stream: boolean
  /** Where the model's JSON string stands in the body, quotes included; null when it came with the path. */
  readonly modelRange: Range | null
  /** Members of the body that tell its conversation, found while it was checked. */
  readonly outline: Outline
}

/** The parts of a body that tell one conversation from another, oldest first. */
export interface ConversationParts {
  /** An explicit name of the conversation in the body (session id, cache key, previous response), if there is one. */
  readonly sessionId: string | null
  /** Members that come before the first message: system text and tools. */
  readonly preamble: readonly Range[]
  readonly messages: readonly Range[]
}

/** An HTTP answer that the relay itself makes. */
export interface ErrorAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What the start event of an answer has told the client; an event that ends the answer must agree with it. */
export interface AnswerStart {
  readonly id: string
  readonly model: string
  /** Epoch seconds, as the dialect writes it. */
  readonly createdAt: number
}

export interface Downstream {
  readonly protocol: Protocol
  /**
   * Reads the members that routing needs. Throws `invalid_request` with the member at fault. A dialect whose model and
   * stream come with the path (Gemini) checks the body alone and leaves them to the caller.
   */
  readEnvelope(body: Buffer): Envelope
  /**
   * Finds what identifies the conversation, with the outline that `readEnvelope` gave for this body. Called only when no
   * header names the session. Never throws.
   */
  readConversation(body: Buffer, outline: Outline): ConversationParts
  /**
   * A whole answer that says what went wrong, with `retry-after` and `x-should-retry` where they belong. `now` is epoch
   * ms: Responses clients show the moment a usage limit ends, and without `now` only the distance is told.
   */
  encodeError(error: GatewayError, requestId: string, now?: number): ErrorAnswer
  /**
   * Complete frames that end a stream which cannot be completed; the caller puts them between two events.
   * `start` is what `Upstream.readStart` gave for this answer, null when no start event has reached the client;
   * `eventsSent` how many events have. Strict Responses clients refuse an end that names another answer.
   */
  encodeStreamError(error: GatewayError, requestId: string, start?: AnswerStart | null, eventsSent?: number): string
  /** A sign of life for a silent stream; `begun` once this answer's start event has gone out. Null: none is tolerated. */
  keepalive(begun: boolean): string | null
}

/**
 * What a frame means to the pump.
 * - `start`: says that an answer begins and nothing of its content; may be held back for failover
 * - `content`: a part of the answer (reasoning included); from here no other account may be tried
 * - `finish`: the answer is complete although the terminal event, or usage, is still to come; may be content as well, and
 *   counts as content for the choice of account. In Gemini nothing follows it (`missingEnd` is empty)
 * - `terminal`: the last event of the dialect
 * - `error`: the dialect's own report of failure; terminal as well
 * - `other`: pings and everything unknown; passes along, proves nothing
 */
export type FrameKind = 'start' | 'content' | 'finish' | 'terminal' | 'error' | 'other'

/** Token counts; `input` excludes what was read from or written to the cache. Absent members are unknown. */
export interface Usage {
  input?: number
  cached?: number
  cacheWrite?: number
  /** Part of `cacheWrite` that was written with a one-hour life. */
  cacheWrite1h?: number
  /** Includes `reasoning`. */
  output?: number
  reasoning?: number
}

/** What an upstream says about a failure, freed from its wrapping. Empty strings where it says nothing. */
export interface UpstreamError {
  /** The dialect's class of error (`rate_limit_error`, `usage_limit_reached`, `RESOURCE_EXHAUSTED`). */
  readonly type: string
  readonly code: string
  readonly message: string
  /** When the vendor says in the body that it will serve again, relative to now. */
  readonly retryAfterMs?: number
  /** The same as a moment, in epoch ms. */
  readonly resetsAt?: number
  /** The HTTP status that the body claims, or that belongs to its class: for failures told inside a 200. */
  readonly status?: number
}

/** Stands between a server's stream and its reader. */
export interface StreamMender {
  /** The bytes that may go on: complete events as they came, but for those that are mended or left out. */
  push(chunk: Buffer): Buffer
  /** What is left when the stream is over. */
  end(): Buffer
}

export interface Upstream {
  readonly protocol: Protocol
  /** Judges one frame by looking at as few bytes as possible. */
  inspect(frame: Frame): FrameKind
  /**
   * Token counts told by a frame; null when it tells none. Later frames override earlier ones, member by member. Any kind
   * of frame may tell them: in Chat it is one of kind `other`, after `finish`.
   */
  usageOfFrame(frame: Frame): Usage | null
  /** Token counts of a whole (not streamed) answer. */
  usageOfBody(body: Buffer): Usage | null
  /** Reads a failure from an error body, from the data of an error frame, or from a 200 body; null when there is none. */
  decodeError(body: Buffer): UpstreamError | null
  /**
   * How the answer introduced itself, from the data of a `start` frame or from a whole body; null where nothing refers to
   * it later. Its id is also what a follow-up request names as `previous_response_id`.
   */
  readStart(json: Buffer): AnswerStart | null
  /** What is missing when a stream stops after its `finish` frame without the terminal one; empty when nothing is. */
  readonly missingEnd: string
}
