/**
 * What a dialect can do for the hub lane, in its two roles. Every function is pure; state lives in what it returns.
 */
import type { Protocol } from '../core/account.ts'
import type { JsonObject } from '../core/json.ts'
import type { Frame } from '../core/sse.ts'
import type { Capabilities } from './capabilities.ts'
import type { AnswerStart } from './contract.ts'
import type { Conversation, Delta, Ledger, Result } from './hub.ts'

/** The dialect of the client. */
export interface HubDownstream {
  readonly protocol: Protocol
  /**
   * The request in neutral words. `body` is the parsed body; `model` and `stream` come from the envelope, because Gemini
   * has them in its path. Throws GatewayError `invalid_request` with `param` where an answer would be wrong otherwise.
   */
  decodeRequest(
    body: JsonObject,
    envelope: { readonly model: string; readonly stream: boolean },
    ledger: Ledger,
  ): Conversation
  /** An encoder for one answer. */
  createStreamEncoder(context: AnswerContext): StreamEncoder
  /** A whole answer as the JSON text of its body. */
  encodeWhole(result: Result, context: AnswerContext): string
}

export interface StreamEncoder {
  /**
   * Complete frames for one delta; an empty string while there is nothing to say yet. `error` is not passed here: the
   * exchange writes errors (`Downstream.encodeStreamError`).
   */
  encode(delta: Delta): string
  /** The whole answer as its terminal event told it, in dialects where a later request may refer to it. */
  final?(): JsonObject | null
  /** What the stream has told so far, for an error that must agree with it; null before the start event. */
  told(): { readonly start: AnswerStart | null; readonly events: number }
}

export interface AnswerContext {
  readonly conversation: Conversation
  /** The name the client asked for and sees in the answer. */
  readonly model: string
  /** Epoch ms of the answer's beginning. */
  readonly now: number
  /** A fresh id with this prefix (`msg_`, `resp_`, `fc_` …), unique within the answer. */
  readonly createId: (prefix: string) => string
  /** The client's name for a tool whose name had to change for the upstream. */
  readonly originalName: (name: string) => {
    readonly name: string
    readonly namespace?: string
    readonly kind: 'function' | 'custom' | null
  }
  readonly ledger: Ledger
}

/** The dialect of the server. */
export interface HubUpstream {
  readonly protocol: Protocol
  /** The request body for this server. Always asks for a stream; whole answers are folded from it. */
  encodeRequest(conversation: Conversation, target: Target): JsonObject
  /** A decoder for one answer. */
  createStreamDecoder(target: Target): StreamDecoder
  /** A whole body that came although a stream was asked for, as the deltas it amounts to. */
  decodeWhole(body: JsonObject, target: Target): Delta[]
}

export interface StreamDecoder {
  /** The deltas of one event. Views into the frame do not outlive the call. */
  decode(frame: Frame): Delta[]
  /**
   * The stream is over. What was still open is closed and, where the answer is complete without its terminal event, the
   * `finish` is supplied; otherwise an `error` delta says that it broke off. Empty when `finish` or `error` was given.
   */
  end(): Delta[]
  /** Nothing is missing any more but the terminal event, which some servers never send. */
  isComplete(): boolean
}

export interface Target {
  /** The model's name at the account. */
  readonly model: string
  readonly capabilities: Capabilities
  /** Short hash of the account, which reasoning state is bound to. */
  readonly account: string
  /** True for the host of whoever made the dialect; compatible servers often lack newer members. */
  readonly isVendorHost: boolean
  /** Stable name of the conversation for the upstream's prompt cache, at most 64 characters; null when unknown. */
  readonly cacheKey: string | null
  /** A tool's name as this dialect allows it; the reverse is `AnswerContext.originalName`. */
  readonly toolName: (name: string, namespace?: string) => string
  /** A call id as this dialect allows it; the same on every turn. */
  readonly callId: (id: string) => string
  readonly ledger: Ledger
}
