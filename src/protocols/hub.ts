/**
 * The neutral vocabulary between protocols: what a request says and how an answer unfolds, in words that none of the four
 * dialects owns. A superset of Messages' blocks and Responses' items; Chat and Gemini fit into it.
 */
import type { Protocol } from '../core/account.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import type { UpstreamError, Usage } from './contract.ts'

/** A whole request. Absent members are null, so that an encoder cannot forget the case. */
export interface Conversation {
  /** The dialect it came in. */
  readonly source: Protocol
  /** As the client asked for it. */
  readonly model: string
  readonly stream: boolean
  /** System text before the first turn, one entry for each block, nonces removed. */
  readonly system: readonly TextPart[]
  readonly turns: readonly Turn[]
  readonly tools: readonly Tool[]
  readonly toolChoice: ToolChoice | null
  /** Whether several calls at once are welcome; null leaves it to the model's default. */
  readonly parallelTools: boolean | null
  readonly maxOutputTokens: number | null
  readonly stop: readonly string[]
  readonly sampling: Sampling
  readonly reasoning: ReasoningWish | null
  readonly format: Format | null
  readonly verbosity: string | null
  /** The client's own name for the conversation (cache key, session), for the upstream's cache. */
  readonly cacheKey: string | null
  /** The client marks cache breakpoints itself (`cache_control`). */
  readonly marksCache: boolean
  /** An id of the end user, hashed before it goes to another vendor. */
  readonly user: string | null
  readonly serviceTier: string | null
  readonly previousResponseId: string | null
  /** Chat clients get a usage chunk only when they ask for it. */
  readonly wantsUsage: boolean
  /** Members of the source dialect that have no place above, for answers that echo the request. */
  readonly extras: JsonObject
}

/** `system` is a system message in the middle of a conversation; leading ones are in `Conversation.system`. */
export interface Turn {
  readonly role: 'user' | 'assistant' | 'system'
  readonly parts: readonly Part[]
}

export type Part =
  | TextPart
  | ImagePart
  | DocumentPart
  | AudioPart
  | ReasoningPart
  | RefusalPart
  | ToolCallPart
  | ToolResultPart
  | WebSearchPart
  | OpaquePart

export interface TextPart {
  readonly type: 'text'
  readonly text: string
  readonly citations?: readonly Citation[]
  /** Responses' `commentary` or `final_answer`. */
  readonly phase?: string
  /** Anthropic's `cache_control` of this block, as it came. */
  readonly cacheControl?: JsonObject
}

export type MediaSource =
  | { readonly kind: 'base64'; readonly mediaType: string; readonly data: string }
  | { readonly kind: 'url'; readonly url: string }
  /** An id that only its own vendor knows. */
  | { readonly kind: 'file'; readonly id: string }

export interface ImagePart {
  readonly type: 'image'
  readonly source: MediaSource
  readonly detail?: string
  readonly cacheControl?: JsonObject
}

export interface DocumentPart {
  readonly type: 'document'
  readonly source: MediaSource | { readonly kind: 'text'; readonly text: string }
  readonly filename?: string
  readonly title?: string
  readonly context?: string
  readonly cacheControl?: JsonObject
}

export interface AudioPart {
  readonly type: 'audio'
  /** `wav`, `mp3`, … */
  readonly format: string
  readonly data: string
}

export interface ReasoningPart {
  readonly type: 'reasoning'
  /** Visible text or summary; empty when the vendor keeps it to itself. Paragraphs are separated by blank lines. */
  readonly text: string
  /** The vendor's opaque state; null when there is none, and then the part is of no use to any upstream but Chat hosts. */
  readonly carrier: Carrier | null
}

export interface RefusalPart {
  readonly type: 'refusal'
  readonly text: string
}

export interface ToolCallPart {
  readonly type: 'tool-call'
  readonly id: string
  readonly name: string
  /** Codex groups tools; encoders for dialects without groups write `namespace__name`. */
  readonly namespace?: string
  /** `custom` calls take free text, `function` calls a JSON object. */
  readonly kind: 'function' | 'custom'
  /** JSON text of the arguments, `{}` when there are none; for `custom` the raw text. */
  readonly input: string
  /** State that the vendor ties to this very call (Gemini's thought signature). */
  readonly carrier?: Carrier
  readonly cacheControl?: JsonObject
}

export interface ToolResultPart {
  readonly type: 'tool-result'
  readonly callId: string
  /** Where the dialect says it (Gemini); null where the call must be looked up. */
  readonly name: string | null
  readonly parts: readonly (TextPart | ImagePart | DocumentPart)[]
  readonly isError: boolean
  /** True when it answers a custom call. */
  readonly isCustom: boolean
  readonly cacheControl?: JsonObject
}

/** A search that the vendor's server made. */
export interface WebSearchPart {
  readonly type: 'web-search'
  readonly id: string
  readonly query: string
  readonly sources: readonly { readonly url: string; readonly title: string }[]
}

/** Something only its own dialect understands; passed to the same dialect, dropped (and noted) elsewhere. */
export interface OpaquePart {
  readonly type: 'opaque'
  readonly protocol: Protocol
  readonly raw: JsonObject
}

export interface Citation {
  readonly url: string
  readonly title: string
  readonly citedText: string
  /** Offsets in the text they belong to, where the vendor gives them. */
  readonly start?: number
  readonly end?: number
}

/** Opaque state of a model's reasoning and where it came from. `data` is exactly what the vendor sent. */
export interface Carrier {
  readonly family: ReasoningFamily
  /** Short hash of the account that made it; null when it came without our tag. */
  readonly account: string | null
  readonly model: string | null
  /** A signature text, or the whole item where the vendor needs it back unchanged. */
  readonly data: JsonValue
}

export type ReasoningFamily = 'anthropic' | 'openai' | 'gemini' | 'other'

export type Tool =
  | {
      readonly kind: 'function'
      readonly name: string
      readonly namespace?: string
      readonly description: string
      readonly schema: JsonObject
      /** Null when the client did not say. */
      readonly strict: boolean | null
      readonly isDeferred: boolean
      readonly cacheControl?: JsonObject
    }
  | {
      readonly kind: 'custom'
      readonly name: string
      readonly namespace?: string
      readonly description: string
      /** `{type: 'grammar', syntax, definition}` in Responses' flat form; null for plain text. */
      readonly format: JsonObject | null
    }
  | {
      readonly kind: 'web-search'
      /** The name by which the client knows it. */
      readonly name: string
      readonly allowedDomains: readonly string[]
      readonly blockedDomains: readonly string[]
      readonly userLocation: JsonObject | null
      readonly contextSize: string | null
      readonly maxUses: number | null
    }
  /** Any other tool that runs at a vendor. */
  | { readonly kind: 'hosted'; readonly protocol: Protocol; readonly name: string; readonly raw: JsonObject }

export type ToolChoice =
  | { readonly mode: 'auto' | 'none' | 'required' }
  | { readonly mode: 'named'; readonly name: string }
  /** A subset of the tools; `isRequired` when one of them must be called. */
  | { readonly mode: 'allowed'; readonly names: readonly string[]; readonly isRequired: boolean }

/** Numbers as the client gave them; absent members were not given. */
export interface Sampling {
  readonly temperature?: number
  readonly topP?: number
  readonly topK?: number
  readonly seed?: number
  readonly presencePenalty?: number
  readonly frequencyPenalty?: number
  /** How many alternatives per token; undefined when no log probabilities are wanted. */
  readonly topLogprobs?: number
}

export type Effort = 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max'

export interface ReasoningWish {
  readonly effort: Effort | null
  /** Tokens for thinking, from dialects that count them. */
  readonly budget: number | null
  readonly mode: 'adaptive' | 'enabled' | 'disabled' | null
  /** Whether the reasoning's text is wanted; null leaves it to the dialect's default. */
  readonly isShown: boolean | null
}

export type Format =
  | { readonly type: 'text' }
  | { readonly type: 'json' }
  | {
      readonly type: 'schema'
      readonly name: string | null
      readonly description: string | null
      readonly schema: JsonObject
      readonly strict: boolean | null
    }

/**
 * One step of an answer. Parts have keys that are unique within the answer; several may be open at once; each goes start,
 * deltas, end. The first delta is `start`. The last one is `finish` or `error`, and `usage` has come before it if it comes
 * at all (a later one overrides an earlier one, member by member).
 */
export type Delta =
  | { readonly type: 'start'; readonly id: string; readonly model: string }
  | { readonly type: 'text-start'; readonly key: string; readonly phase?: string }
  | { readonly type: 'text-delta'; readonly key: string; readonly text: string }
  | { readonly type: 'text-citation'; readonly key: string; readonly citation: Citation }
  | { readonly type: 'text-end'; readonly key: string }
  | { readonly type: 'reasoning-start'; readonly key: string }
  | { readonly type: 'reasoning-delta'; readonly key: string; readonly text: string }
  | { readonly type: 'reasoning-end'; readonly key: string; readonly carrier: Carrier | null }
  | { readonly type: 'refusal-start'; readonly key: string }
  | { readonly type: 'refusal-delta'; readonly key: string; readonly text: string }
  | { readonly type: 'refusal-end'; readonly key: string }
  | {
      readonly type: 'tool-input-start'
      readonly key: string
      readonly id: string
      readonly name: string
      readonly namespace?: string
      readonly kind: 'function' | 'custom'
    }
  | { readonly type: 'tool-input-delta'; readonly key: string; readonly text: string }
  /** `input` is the whole text, never empty for a function call (`{}`); the deltas before it are a prefix of it. */
  | { readonly type: 'tool-input-end'; readonly key: string; readonly input: string; readonly carrier?: Carrier }
  | { readonly type: 'web-search'; readonly search: WebSearchPart }
  | { readonly type: 'usage'; readonly usage: Usage }
  | {
      readonly type: 'finish'
      readonly reason: FinishReason
      readonly stopSequence?: string
      readonly details?: JsonObject
    }
  | { readonly type: 'error'; readonly error: UpstreamError }

/** A step that belongs to a part of the answer. */
export type PartDelta = Exclude<Delta, { readonly type: 'start' | 'usage' | 'finish' | 'error' }>

/**
 * Why an answer ended (one row each in every dialect's table).
 * `context_full` is the window of the model, `max_tokens` the client's own limit.
 */
export type FinishReason =
  | 'stop'
  | 'stop_sequence'
  | 'tool_calls'
  | 'max_tokens'
  | 'context_full'
  | 'refusal'
  | 'content_filter'
  | 'pause'
  | 'malformed_call'
  | 'other'

/** A whole answer: what its deltas fold into. */
export interface Result {
  readonly id: string
  readonly model: string
  readonly parts: readonly Part[]
  readonly usage: Usage
  readonly finish: { readonly reason: FinishReason; readonly stopSequence?: string; readonly details?: JsonObject }
}

/** What was dropped or weakened on the way, as `code` or `code:detail`; bounded, each entry once. */
export interface Ledger {
  note(code: string, detail?: string): void
  readonly entries: readonly string[]
}
