/**
 * `reasoning_details`, OpenRouter's list in which reasoning travels with its vendor's state. It is the only channel by which
 * a Chat client can bring that state back. Source: OpenRouter, "Preserving reasoning".
 */
import type { JsonObject } from '../../core/json.ts'
import { unwrapCarrier, wrapCarrier } from '../carrier.ts'
import type { AnswerContext } from '../hub-contract.ts'
import type { Carrier, ReasoningFamily, ReasoningPart } from '../hub.ts'
import { objectAt, textAt } from '../members.ts'

/** Whether the client asked not to be shown the model's reasoning. */
export function isReasoningHidden({ conversation }: AnswerContext): boolean {
  return conversation.reasoning?.isShown === false
}

/** Reasoning for a client, with its state; `index` is its place in the message. */
export function encodeReasoningDetail(text: string, carrier: Carrier, index: number): JsonObject {
  const state = wrapCarrier(carrier)
  const format = FORMATS[carrier.family]
  return text === ''
    ? { type: 'reasoning.encrypted', data: state, format, index }
    : { type: 'reasoning.text', text, signature: state, format, index }
}

/**
 * The reasoning in a client's list: a text belongs to the state that follows it or stands beside it. A list that came from
 * OpenRouter itself has untagged states, which `format` tells apart.
 */
export function decodeReasoningDetails(details: readonly JsonObject[]): ReasoningPart[] {
  const parts: ReasoningPart[] = []
  let texts: string[] = []
  for (const detail of details) {
    const text = textAt(detail, 'text') || textAt(detail, 'summary')
    if (text !== '') texts.push(text)
    const state = textAt(detail, 'signature') || textAt(detail, 'data')
    if (state === '') continue
    const home = familyOfFormat(textAt(detail, 'format'))
    parts.push({ type: 'reasoning', text: texts.join(''), carrier: unwrapCarrier(state, home) })
    texts = []
  }
  return texts.length === 0 ? parts : [...parts, { type: 'reasoning', text: texts.join(''), carrier: null }]
}

/**
 * The pieces of a streamed list, joined: pieces of one entry have its index and type. Unlike the texts, a server gets its
 * own list back as it was.
 */
export function mergeReasoningDetails(details: readonly JsonObject[]): JsonObject[] {
  const merged: JsonObject[] = []
  for (const detail of details) {
    const last = merged.at(-1)
    if (last === undefined || last['type'] !== detail['type'] || last['index'] !== detail['index']) {
      merged.push({ ...detail })
      continue
    }
    for (const [name, value] of Object.entries(detail)) {
      const before = last[name]
      const grows = GROWING.has(name) && typeof before === 'string' && typeof value === 'string'
      if (value !== null) last[name] = grows ? before + value : value
    }
  }
  return merged
}

const GROWING: ReadonlySet<string> = new Set(['text', 'summary', 'data'])

const FORMATS: Record<ReasoningFamily, string> = {
  anthropic: 'anthropic-claude-v1',
  openai: 'openai-responses-v1',
  gemini: 'google-gemini-v1',
  other: 'unknown',
}

function familyOfFormat(format: string): ReasoningFamily | null {
  for (const [family, name] of Object.entries(FORMATS)) {
    if (format === name && family !== 'other') return family as ReasoningFamily
  }
  return null
}

/** Google's place for the thought signature of a call, which the relay's answers use too; empty when there is none. */
export function readSignature(call: JsonObject): string {
  const google = objectAt(objectAt(call, 'extra_content') ?? {}, 'google')
  return google === null ? '' : textAt(google, 'thought_signature')
}

/** The same place, written. */
export function writeSignature(signature: string): JsonObject {
  return { extra_content: { google: { thought_signature: signature } } }
}
