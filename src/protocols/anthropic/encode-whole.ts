/**
 * A whole answer as the body of one message: the same blocks as in the stream.
 */
import type { JsonObject } from '../../core/json.ts'
import { encodeJson } from '../error-answer.ts'
import type { AnswerContext } from '../hub-contract.ts'
import type { Part, ReasoningPart, Result, TextPart, ToolCallPart, WebSearchPart } from '../hub.ts'
import { encodeCitation } from './citations.ts'
import {
  asksForSearch,
  callInput,
  callNames,
  hidesThinking,
  isSearchRequest,
  messageShell,
  signatureOf,
  toolUseBlock,
} from './message-shape.ts'
import { encodeSearch, withFoundPages } from './search-blocks.ts'
import { encodeStop } from './stop-reasons.ts'
import { writeMessageUsage } from './usage.ts'

/** In: a complete answer. Out: JSON text. Throws as `encodeStop` does. */
export function encodeWhole(result: Result, context: AnswerContext): string {
  const { finish, usage } = result
  const parts = isSearchRequest(context.conversation) ? searchesFirst(result.parts) : result.parts
  const content = parts.flatMap((part) => encodePart(part, finish.reason, context))
  dropLastSeal(content, context)
  const has = (type: string): boolean => content.some((block) => block['type'] === type)
  const refuses = result.parts.some((part) => part.type === 'refusal' && part.text !== '')
  const shown = { text: has('text'), calls: has('tool_use'), refusal: refuses }
  const searches = content.filter((block) => block['type'] === 'server_tool_use').length
  return encodeJson({
    ...messageShell(context.createId('msg_'), context.model),
    content,
    ...encodeStop(finish, shown),
    usage: writeMessageUsage(usage, searches),
  })
}

function searchesFirst(parts: readonly Part[]): Part[] {
  const cited = parts.flatMap((part) => (part.type === 'text' ? (part.citations ?? []) : []))
  const searches = parts.filter((part): part is WebSearchPart => part.type === 'web-search')
  return [...withFoundPages(searches, cited), ...parts.filter((part) => part.type !== 'web-search')]
}

function encodePart(part: Part, reason: Result['finish']['reason'], context: AnswerContext): JsonObject[] {
  switch (part.type) {
    case 'text':
      return part.text === '' ? [] : [encodeText(part, context)]
    case 'refusal':
      return part.text === '' ? [] : [{ type: 'text', text: part.text, citations: null }]
    case 'reasoning':
      return encodeReasoning(part, context)
    case 'tool-call':
      return encodeCall(part, reason, context)
    case 'web-search': {
      const { use, result } = encodeSearch(part)
      return [use, result]
    }
    // No model answers with these, or not in a way that the dialect could tell.
    case 'image':
    case 'document':
    case 'audio':
    case 'tool-result':
    case 'opaque':
      context.ledger.note('dropped', part.type)
      return []
  }
}

/** Only a client that asked for a search expects citations. */
function encodeText({ text, citations = [] }: TextPart, { conversation, ledger }: AnswerContext): JsonObject {
  const isCited = citations.length > 0 && asksForSearch(conversation)
  if (citations.length > 0 && !isCited) ledger.note('dropped', 'citation')
  return { type: 'text', text, citations: isCited ? citations.map((citation) => encodeCitation(citation)) : null }
}

function encodeReasoning({ text, carrier }: ReasoningPart, { conversation }: AnswerContext): JsonObject[] {
  const thinking = hidesThinking(conversation) ? '' : text
  const signature = signatureOf(carrier)
  return thinking === '' && signature === '' ? [] : [{ type: 'thinking', thinking, signature }]
}

function encodeCall(call: ToolCallPart, reason: Result['finish']['reason'], context: AnswerContext): JsonObject[] {
  const input = callInput(call.input, call.kind, reason, context.ledger)
  if (input === null) return []
  const { id, name } = callNames(call, context)
  const signature = signatureOf(call.carrier ?? null)
  const seal = signature === '' ? [] : [{ type: 'thinking', thinking: '', signature }]
  return [...seal, toolUseBlock(id, name, input)]
}

/** Reasoning state behind everything that was said belongs to nothing, and a message must not end with thinking. */
function dropLastSeal(content: JsonObject[], { ledger }: AnswerContext): void {
  while (content.length > 1 && content.at(-1)?.['type'] === 'thinking' && content.at(-1)?.['thinking'] === '') {
    content.pop()
    ledger.note('dropped', 'reasoning-state')
  }
}
