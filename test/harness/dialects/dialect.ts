/**
 * What a fake vendor can say, in words that belong to no vendor, and what each dialect does with it.
 */
import type { JsonObject, JsonValue } from '../../../src/core/json.ts'
import type { FrameKind, Usage } from '../../../src/protocols/contract.ts'

/** The answer of a model. Everything left out is absent, except `usage`, which then has small made-up numbers. */
export interface Answer {
  /** A string is told word by word, a list exactly in these deltas. */
  text?: Deltas
  thinking?: Deltas
  /** The opaque state of the reasoning: signature, encrypted content or thought signature. */
  signature?: string
  /** Tool calls, in parallel when there are several. */
  toolCalls?: readonly ToolCall[]
  /** Tells the arguments of parallel calls in turns, in the dialects that can (both of OpenAI's). */
  interleaved?: boolean
  /** Default: `tool_call` with tool calls, else `stop`. A `refusal` makes the text the words of the refusal. */
  stop?: StopReason
  /** Null: the vendor tells no usage at all. */
  usage?: Usage | null
  /** Where Chat hosts put usage: in a last chunk if asked (default), in the finish chunk, or in every chunk. */
  usageAt?: 'last' | 'finish' | 'every'
}

export type Deltas = string | readonly string[]

export interface ToolCall {
  name: string
  /** As text: these exact characters, even if they are not JSON. */
  arguments: JsonObject | string
  id?: string
}

export type StopReason = 'stop' | 'stop_sequence' | 'max_tokens' | 'tool_call' | 'refusal'

/** What goes wrong. Left out members get what the vendor says for this status. */
export interface Failure {
  status: number
  message?: string
  /** The dialect's class of error: `type`, or `status` for Gemini. */
  type?: string
  code?: string | null
  /** Members beside type and message: `resets_at`, `plan_type`, Gemini's `details`. */
  extra?: JsonObject
}

/** The request that is answered, as far as the answer repeats it. */
export interface RenderContext {
  /** In every id of the answer, so that a test can prove that all of it came from one attempt. */
  readonly attemptId: string
  readonly model: string
  readonly body: JsonObject
}

export interface StreamEvent {
  /** The `event:` line, if the dialect has one. */
  readonly event?: string
  readonly data: JsonObject | string
  readonly kind: FrameKind
}

export interface Dialect {
  stream(answer: Answer, context: RenderContext): StreamEvent[]
  whole(answer: Answer, context: RenderContext): JsonObject
  /** The body of an answer with an error status. */
  failureBody(failure: Failure, context: RenderContext): JsonObject
  /** How a failure is told inside a stream; the last thing in it. `position`: events told before. */
  failureEvents(failure: Failure, context: RenderContext, position: number): StreamEvent[]
  /** A sign of life between events; a string is a comment. */
  readonly ping: StreamEvent | string
  tokenCount(tokens: number): JsonObject
  modelList(ids: readonly string[]): JsonObject
  readonly lineEnd: '\n' | '\r\n'
  readonly streamContentType: string
  readonly wholeContentType: string
  /** The header in which this vendor names the request. */
  readonly requestIdHeader: string | null
}

/** Epoch seconds of everything the vendor makes: fixed, so that two answers differ only where they should. */
export const CREATED_AT_SECONDS = 1_790_000_000

export const DEFAULT_USAGE: Usage = { input: 11, output: 7 }

export const KNOWN_MODELS = ['claude-sonnet-5-5', 'gpt-5.5', 'gemini-3.5-flash'] as const

export function deltasOf(told: Deltas | undefined): readonly string[] {
  if (typeof told !== 'string') return told ?? []
  return told.match(/\S+\s*|\s+/g) ?? []
}

export function textOf(told: Deltas | undefined): string {
  return typeof told === 'string' ? told : (told ?? []).join('')
}

export function argumentsText(call: ToolCall): string {
  return typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments)
}

/** Argument text in the small pieces in which vendors tell it; they never end where JSON tokens do. */
export function argumentDeltas(call: ToolCall): readonly string[] {
  return argumentsText(call).match(/.{1,7}/gsu) ?? []
}

/** For dialects that carry arguments as an object. Throws when the test gave text that is none. */
export function argumentsObject(call: ToolCall): JsonObject {
  const value: JsonValue = JSON.parse(argumentsText(call))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`the arguments of ${call.name} are not an object, which this dialect cannot tell`)
  }
  return value
}

/** One of each list in turn, as long as any has more. */
export function interleave<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...lists.map((list) => list.length))
  return Array.from({ length: longest }, (_, turn) => lists.flatMap((list) => list.slice(turn, turn + 1))).flat()
}

export function stopOf(answer: Answer): StopReason {
  return answer.stop ?? ((answer.toolCalls?.length ?? 0) > 0 ? 'tool_call' : 'stop')
}

/** The number of tokens the vendor read in all, cache included. */
export function totalInput(usage: Usage): number {
  return (usage.input ?? 0) + (usage.cached ?? 0) + (usage.cacheWrite ?? 0)
}
