/**
 * The parts of an answer in Gemini's words, from its deltas. State of reasoning travels on the part behind it, where
 * Google's clients keep it: Gemini CLI throws away parts that are empty but for a signature.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import { wrapCarrier } from '../carrier.ts'
import type { AnswerContext } from '../hub-contract.ts'
import type { Citation, Delta, FinishReason, WebSearchPart } from '../hub.ts'
import { encodeGrounding } from './grounding.ts'

export interface PartWriter {
  /** The parts that a delta completes; none while there is nothing to say. */
  write(delta: Delta): JsonObject[]
  /** What was held back until the reason was known. */
  close(reason: FinishReason): JsonObject[]
  /** What was searched and cited, as members of a candidate. */
  grounding(): JsonObject
}

type CallStart = Extract<Delta, { type: 'tool-input-start' }>
type CallEnd = Extract<Delta, { type: 'tool-input-end' }>

interface OpenCall {
  readonly begun: CallStart
  end: CallEnd | null
}

export function createPartWriter({ conversation, originalName, ledger }: AnswerContext): PartWriter {
  // Gemini's clients see thoughts only when they ask for them.
  const isShown = conversation.reasoning?.isShown === true
  /** Calls that are not written yet, in the order in which they began. */
  const calls = new Map<string, OpenCall>()
  const citations: Citation[] = []
  const searches: WebSearchPart[] = []
  /** State that waits for the next part. */
  let sealed: string | null = null
  /** Calls whose arguments cannot be read. */
  const broken: { readonly name: string; readonly part: JsonObject }[] = []

  function withState(part: JsonObject): JsonObject {
    if (sealed === null) return part
    const signed = { ...part, thoughtSignature: sealed }
    sealed = null
    return signed
  }

  /** Two states need two parts. */
  function releaseState(): JsonObject[] {
    return sealed === null ? [] : [withState({ text: '' })]
  }

  function writeCall({ begun, end }: OpenCall): JsonObject[] {
    if (end === null) return []
    const { name } = originalName(begun.name)
    const { input, carrier } = end
    const released = carrier === undefined ? [] : releaseState()
    if (carrier !== undefined) sealed = wrapCarrier(carrier)
    const args = begun.kind === 'custom' ? { input } : readArguments(input)
    if (args === null) {
      broken.push({ name, part: { functionCall: { id: begun.id, name, args: { _raw: input } } } })
      return released
    }
    return [...released, withState({ functionCall: { id: begun.id, name, args } })]
  }

  /** A call that ends before one that began earlier waits for it: signatures stand on the first of them. */
  function endCall(end: CallEnd): JsonObject[] {
    const call = calls.get(end.key)
    if (call !== undefined) call.end = end
    const parts: JsonObject[] = []
    for (const [key, next] of calls) {
      if (next.end === null) break
      calls.delete(key)
      parts.push(...writeCall(next))
    }
    return parts
  }

  return {
    write(delta) {
      switch (delta.type) {
        case 'text-delta':
        case 'refusal-delta':
          return delta.text === '' ? [] : [withState({ text: delta.text })]
        case 'reasoning-delta':
          return delta.text === '' || !isShown ? [] : [{ text: delta.text, thought: true }]
        case 'reasoning-end': {
          if (delta.carrier === null) return []
          const released = releaseState()
          sealed = wrapCarrier(delta.carrier)
          return released
        }
        case 'tool-input-start':
          calls.set(delta.key, { begun: delta, end: null })
          return []
        case 'tool-input-end':
          return endCall(delta)
        case 'text-citation':
          citations.push(delta.citation)
          return []
        case 'web-search':
          searches.push(delta.search)
          return []
        case 'start':
        case 'text-start':
        case 'text-end':
        case 'reasoning-start':
        case 'refusal-start':
        case 'refusal-end':
        case 'tool-input-delta':
        case 'usage':
        case 'finish':
        case 'error':
          return []
      }
    },
    close(reason) {
      const parts = [...calls.values()].flatMap((call) => writeCall(call))
      parts.push(...releaseState())
      // Cut off by the limit it is no call; otherwise the model made it so, and the client's tool says what is wrong.
      const isCut = reason === 'max_tokens' || reason === 'context_full'
      for (const { name, part } of broken) {
        ledger.note(isCut ? 'dropped' : 'weakened', `unfinished call ${name}`)
        if (!isCut) parts.push(part)
      }
      return parts
    },
    grounding: () => encodeGrounding(searches, citations),
  }
}

/** Null when they are no object. */
function readArguments(input: string): JsonObject | null {
  try {
    const value = JSON.parse(input) as JsonValue
    return isJsonObject(value) ? value : null
  } catch {
    return null
  }
}
