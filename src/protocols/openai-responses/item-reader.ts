/**
 * One output item as it grows: what its events tell, and at its end whatever they left out.
 */
import type { JsonObject } from '../../core/json.ts'
import type { Target } from '../hub-contract.ts'
import type { Delta } from '../hub.ts'
import { numberAt, objectAt, objectsAt, textAt } from '../members.ts'
import { beginCall, type CallPlace, isParallelCall, unwrapCalls } from './call-reader.ts'
import { createReasoningText } from './reasoning-text.ts'
import { readCitation, readSearch } from './search-reader.ts'

export interface ItemReader {
  read(type: string, event: JsonObject): Delta[]
  /** The item as the server tells it whole; null when it never did and the answer is over. Adds what is missing, once. */
  end(item: JsonObject | null): Delta[]
  /** As far as it is known. */
  item(): JsonObject
  isRefusal(): boolean
}

interface OpenPart {
  readonly kind: 'text' | 'refusal' | 'reasoning' | 'tool-input'
  readonly key: string
  /** What has been told; joined once, at the end. */
  readonly pieces: string[]
  length: number
  citations: number
}

/** `place` is the item's own in the answer, `responseId` the answer's. */
export function createItemReader(place: number, responseId: string, target: Target): ItemReader {
  const parts = new Map<string, OpenPart>()
  const callPlace: CallPlace = { place, responseId }
  const reasoning = createReasoningText()
  let item: JsonObject = {}
  let isOver = false
  let isRefusal = false

  function open(kind: OpenPart['kind'], name: string, begin: (key: string) => Delta, out: Delta[]): OpenPart {
    const known = parts.get(name)
    if (known !== undefined) return known
    const part = { kind, key: `${place}.${name}`, pieces: [], length: 0, citations: 0 }
    parts.set(name, part)
    out.push(begin(part.key))
    return part
  }

  function add(part: OpenPart, text: string, out: Delta[]): void {
    if (text === '') return
    part.pieces.push(text)
    part.length += text.length
    out.push({ type: `${part.kind}-delta`, key: part.key, text })
  }

  /** The whole text of a part is known: tells what the deltas left out. */
  function complete(part: OpenPart, whole: string, out: Delta[]): void {
    if (whole.length > part.length) add(part, whole.slice(part.length), out)
  }

  const textPart = (index: number, out: Delta[]): OpenPart => {
    const phase = textAt(item, 'phase')
    return open('text', `text${index}`, (key) => ({ type: 'text-start', key, ...(phase === '' ? {} : { phase }) }), out)
  }
  const refusalPart = (index: number, out: Delta[]): OpenPart => {
    isRefusal = true
    return open('refusal', `refusal${index}`, (key) => ({ type: 'refusal-start', key }), out)
  }
  const reasoningPart = (out: Delta[]): OpenPart =>
    open('reasoning', 'reasoning', (key) => ({ type: 'reasoning-start', key }), out)
  const callPart = (out: Delta[]): OpenPart => open('tool-input', 'call', (key) => beginCall(key, item, callPlace), out)
  /** Null while the call has no name: its end tells everything again. */
  const namedCallPart = (out: Delta[]): OpenPart | null =>
    textAt(item, 'name') === '' || isParallelCall(item) ? null : callPart(out)

  function read(type: string, event: JsonObject): Delta[] {
    const out: Delta[] = []
    const delta = textAt(event, 'delta')
    const index = numberAt(event, 'content_index') ?? 0
    switch (type) {
      case 'response.output_item.added':
        item = objectAt(event, 'item') ?? {}
        if (isCall(item)) namedCallPart(out)
        break
      case 'response.output_text.delta':
        add(textPart(index, out), delta, out)
        break
      case 'response.output_text.done':
        complete(textPart(index, out), textAt(event, 'text'), out)
        break
      case 'response.output_text.annotation.added':
        addCitations(textPart(index, out), [event['annotation'] ?? null], out)
        break
      case 'response.refusal.delta':
        add(refusalPart(index, out), delta, out)
        break
      case 'response.refusal.done':
        complete(refusalPart(index, out), textAt(event, 'refusal'), out)
        break
      case 'response.content_part.done':
        readContent(objectAt(event, 'part') ?? {}, index, out)
        break
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_summary_text.done':
        readReasoning('summary', numberAt(event, 'summary_index') ?? 0, event, out)
        break
      case 'response.reasoning_text.delta':
      case 'response.reasoning_text.done':
        readReasoning('content', index, event, out)
        break
      case 'response.function_call_arguments.delta':
      case 'response.custom_tool_call_input.delta': {
        const part = namedCallPart(out)
        if (part !== null) add(part, delta, out)
        break
      }
      case 'response.function_call_arguments.done':
        item = { ...item, arguments: textAt(event, 'arguments') }
        break
      case 'response.custom_tool_call_input.done':
        item = { ...item, input: textAt(event, 'input') }
        break
      case 'response.output_item.done':
        out.push(...end(objectAt(event, 'item')))
        break
      default:
    }
    return out
  }

  function readReasoning(source: 'summary' | 'content', index: number, event: JsonObject, out: Delta[]): void {
    const whole = event['text']
    const text =
      typeof whole === 'string'
        ? reasoning.complete(source, index, whole)
        : reasoning.add(source, index, textAt(event, 'delta'))
    if (text !== '') add(reasoningPart(out), text, out)
  }

  function addCitations(part: OpenPart, annotations: readonly unknown[], out: Delta[]): void {
    for (const annotation of annotations) {
      part.citations++
      const citation = readCitation(annotation)
      if (citation !== null) out.push({ type: 'text-citation', key: part.key, citation })
    }
  }

  function readContent(content: JsonObject, index: number, out: Delta[]): void {
    if (content['type'] === 'refusal') complete(refusalPart(index, out), textAt(content, 'refusal'), out)
    if (content['type'] !== 'output_text') return
    const part = textPart(index, out)
    complete(part, textAt(content, 'text'), out)
    addCitations(part, objectsAt(content, 'annotations').slice(part.citations), out)
  }

  function end(whole: JsonObject | null): Delta[] {
    if (isOver) return []
    isOver = true
    if (whole !== null) item = mergeItem(item, whole)
    const out: Delta[] = []
    switch (item['type']) {
      case 'function_call':
      case 'custom_tool_call':
        endCall(out)
        break
      case 'reasoning':
        endReasoning(out)
        break
      case 'web_search_call':
        out.push(...readSearch(item, place))
        break
      default:
        endMessage(out)
    }
    return out
  }

  function endMessage(out: Delta[]): void {
    const type = textAt(item, 'type')
    if (type !== '' && type !== 'message') target.ledger.note('dropped', type)
    else for (const [index, content] of objectsAt(item, 'content').entries()) readContent(content, index, out)
    for (const { kind, key } of parts.values()) {
      if (kind === 'text' || kind === 'refusal') out.push({ type: `${kind}-end`, key })
      // Of an item that was never announced only the pieces are known.
      if (kind === 'reasoning') out.push({ type: 'reasoning-end', key, carrier: null })
    }
  }

  function endReasoning(out: Delta[]): void {
    const part = reasoningPart(out)
    for (const source of ['summary', 'content'] as const) {
      for (const [index, { text }] of objectsAt(item, source).entries()) {
        add(part, reasoning.complete(source, index, typeof text === 'string' ? text : ''), out)
      }
    }
    const isSealed = typeof item['encrypted_content'] === 'string' && item['encrypted_content'] !== ''
    const origin = { family: 'openai' as const, account: target.account, model: target.model }
    out.push({ type: 'reasoning-end', key: part.key, carrier: isSealed ? { ...origin, data: item } : null })
  }

  function endCall(out: Delta[]): void {
    const isCustom = item['type'] === 'custom_tool_call'
    const whole = textAt(item, isCustom ? 'input' : 'arguments')
    const unwrapped = isParallelCall(item) ? unwrapCalls(whole, item, callPlace) : null
    if (unwrapped !== null) {
      out.push(...unwrapped)
      return
    }
    const part = callPart(out)
    const told = part.pieces.join('')
    // What has gone out cannot be taken back: the end of a call agrees with its pieces.
    const input = whole.startsWith(told) ? whole : told
    out.push({ type: 'tool-input-end', key: part.key, input: input === '' && !isCustom ? '{}' : input })
  }

  return {
    read,
    end,
    item: () => item,
    isRefusal: () => isRefusal,
  }
}

export function isCall({ type }: JsonObject): boolean {
  return type === 'function_call' || type === 'custom_tool_call'
}

/** Servers that are careless with the end of an item leave members empty that they have told before. */
function mergeItem(told: JsonObject, whole: JsonObject): JsonObject {
  const merged = { ...told }
  for (const [name, value] of Object.entries(whole)) {
    if ((value === '' || value === null) && merged[name] !== undefined) continue
    merged[name] = value
  }
  return merged
}
