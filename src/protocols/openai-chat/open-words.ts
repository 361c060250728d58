/**
 * The words of an answer that is being read: text, reasoning and refusal, told one after the other, because no host says
 * where one of them begins or ends.
 */
import type { JsonObject } from '../../core/json.ts'
import type { Target } from '../hub-contract.ts'
import type { Carrier, Delta } from '../hub.ts'
import { mergeReasoningDetails } from './reasoning-details.ts'

/** The keys of what is open. */
export interface OpenWords {
  readonly target: Target
  /** Numbers the parts, which makes their keys. */
  parts: number
  text: string | null
  reasoning: string | null
  refusal: string | null
  hasRefusal: boolean
  /** OpenRouter's list, as far as the open reasoning has it. */
  details: JsonObject[]
}

export function createOpenWords(target: Target): OpenWords {
  return { target, parts: 0, text: null, reasoning: null, refusal: null, hasRefusal: false, details: [] }
}

export function addText(words: OpenWords, text: string, deltas: Delta[]): void {
  if (text === '') return
  closeReasoning(words, deltas)
  if (words.text === null) {
    words.text = nextKey(words)
    deltas.push({ type: 'text-start', key: words.text })
  }
  deltas.push({ type: 'text-delta', key: words.text, text })
}

/** `text` may be empty, where only state is told. */
export function addReasoning(words: OpenWords, text: string, details: readonly JsonObject[], deltas: Delta[]): void {
  if (text === '' && details.length === 0) return
  if (words.reasoning === null) {
    closeText(words, deltas)
    words.reasoning = nextKey(words)
    deltas.push({ type: 'reasoning-start', key: words.reasoning })
  }
  words.details.push(...details)
  if (text !== '') deltas.push({ type: 'reasoning-delta', key: words.reasoning, text })
}

export function addRefusal(words: OpenWords, text: string, deltas: Delta[]): void {
  if (text === '') return
  closeReasoning(words, deltas)
  words.hasRefusal = true
  if (words.refusal === null) {
    words.refusal = nextKey(words)
    deltas.push({ type: 'refusal-start', key: words.refusal })
  }
  deltas.push({ type: 'refusal-delta', key: words.refusal, text })
}

/** A call begins, or the answer ends. */
export function closeWords(words: OpenWords, deltas: Delta[]): void {
  closeReasoning(words, deltas)
  closeText(words, deltas)
  if (words.refusal !== null) deltas.push({ type: 'refusal-end', key: words.refusal })
  words.refusal = null
}

function nextKey(words: OpenWords): string {
  return `words${words.parts++}`
}

function closeText(words: OpenWords, deltas: Delta[]): void {
  if (words.text !== null) deltas.push({ type: 'text-end', key: words.text })
  words.text = null
}

/** Without details the carrier holds no state: it keeps the text alive in clients that drop thoughts without a signature. */
function closeReasoning(words: OpenWords, deltas: Delta[]): void {
  if (words.reasoning === null) return
  const { account, model } = words.target
  const data = words.details.length === 0 ? null : mergeReasoningDetails(words.details)
  const carrier: Carrier = { family: 'other', account, model, data }
  deltas.push({ type: 'reasoning-end', key: words.reasoning, carrier })
  words.reasoning = null
  words.details = []
}
