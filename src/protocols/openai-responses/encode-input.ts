/**
 * Turns as input items. Messages, reasoning, calls and results are items of their own, in the order in which they happened.
 */
import { invalidRequest } from '../../core/errors.ts'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import { fitsTarget } from '../carrier.ts'
import type { Target } from '../hub-contract.ts'
import type {
  AudioPart,
  Conversation,
  DocumentPart,
  ImagePart,
  MediaSource,
  ReasoningPart,
  RefusalPart,
  TextPart,
  ToolCallPart,
  ToolResultPart,
  Turn,
} from '../hub.ts'
import { toDataUrl } from '../parts.ts'

export function encodeInput(conversation: Conversation, target: Target): JsonObject[] {
  return conversation.turns.flatMap((turn) => encodeTurn(turn, target))
}

const ROLES = { user: 'user', assistant: 'assistant', system: 'developer' } as const

function encodeTurn(turn: Turn, target: Target): JsonObject[] {
  const items: JsonObject[] = []
  let content: JsonObject[] = []
  let phase: string | undefined
  /** What was said so far becomes one message before something else happens. */
  const endMessage = (next?: 'call'): void => {
    if (content.length === 0) return
    const told =
      turn.role === 'assistant' && target.capabilities.usesPhases
        ? (phase ?? (next === 'call' ? 'commentary' : 'final_answer'))
        : undefined
    items.push({ type: 'message', role: ROLES[turn.role], content, ...(told === undefined ? {} : { phase: told }) })
    content = []
    phase = undefined
  }
  for (const part of turn.parts) {
    switch (part.type) {
      case 'text':
      case 'refusal':
      case 'image':
      case 'document':
      case 'audio':
        if (turn.role === 'assistant' && part.type !== 'text' && part.type !== 'refusal') {
          target.ledger.note('dropped', `${part.type} of the assistant`)
          break
        }
        if (part.type === 'text') phase ??= part.phase
        content.push(encodeContent(part, turn.role))
        break
      case 'reasoning': {
        endMessage()
        const item = restoreReasoning(part, target)
        if (item !== null) items.push(item)
        break
      }
      case 'tool-call':
        endMessage('call')
        items.push(encodeCall(part, target))
        break
      case 'tool-result':
        endMessage()
        items.push(encodeResult(part, target))
        break
      case 'web-search':
        target.ledger.note('dropped', 'web_search')
        break
      case 'opaque':
        if (part.protocol === 'openai-responses') {
          endMessage()
          items.push(part.raw)
        } else {
          target.ledger.note('dropped', typeof part.raw['type'] === 'string' ? part.raw['type'] : 'unknown part')
        }
        break
    }
  }
  endMessage()
  return items
}

type ContentPart = TextPart | RefusalPart | ImagePart | DocumentPart | AudioPart

/** What the assistant said is output, also when it is told back. */
function encodeContent(part: ContentPart, role: Turn['role']): JsonObject {
  switch (part.type) {
    case 'text':
      return { type: role === 'assistant' ? 'output_text' : 'input_text', text: part.text }
    case 'refusal':
      return { type: 'refusal', refusal: part.text }
    case 'image':
      return { type: 'input_image', image_url: urlOf(part.source), detail: part.detail ?? 'auto' }
    case 'document':
      return encodeDocument(part)
    case 'audio':
      return { type: 'input_audio', input_audio: { data: part.data, format: part.format } }
  }
}

function encodeDocument({ source, filename, title, context }: DocumentPart): JsonObject {
  switch (source.kind) {
    case 'text': {
      const text = [title, context, source.text].filter((each) => each !== undefined && each !== '').join('\n\n')
      return { type: 'input_text', text }
    }
    case 'url':
      return { type: 'input_file', file_url: source.url }
    case 'base64':
      return { type: 'input_file', filename: filename ?? title ?? 'document.pdf', file_data: toDataUrl(source) }
    case 'file':
      return refuseFile()
  }
}

function urlOf(source: MediaSource): string {
  if (source.kind === 'file') return refuseFile()
  return source.kind === 'url' ? source.url : toDataUrl(source)
}

function refuseFile(): never {
  throw invalidRequest('a file id is only known to the vendor that gave it; send the content itself', 'file_id')
}

/** The item as it came, less its id: without storage the vendor does not know ids. */
function restoreReasoning({ carrier }: ReasoningPart, { account, ledger }: Target): JsonObject | null {
  if (carrier === null) {
    ledger.note('dropped', 'reasoning')
    return null
  }
  if (fitsTarget(carrier, 'openai', account) === 'drop') {
    ledger.note('dropped', `reasoning of ${carrier.family}`)
    return null
  }
  if (typeof carrier.data === 'string') return { type: 'reasoning', summary: [], encrypted_content: carrier.data }
  if (!isJsonObject(carrier.data)) return null
  const { id: _id, ...item } = carrier.data
  return item
}

function encodeCall(call: ToolCallPart, target: Target): JsonObject {
  if (call.carrier !== undefined) target.ledger.note('dropped', 'signature')
  const name = target.toolName(call.name, call.namespace)
  const callId = target.callId(call.id)
  if (call.kind === 'custom') return { type: 'custom_tool_call', call_id: callId, name, input: call.input }
  return { type: 'function_call', call_id: callId, name, arguments: call.input === '' ? '{}' : call.input }
}

function encodeResult(result: ToolResultPart, target: Target): JsonObject {
  const type = result.isCustom ? 'custom_tool_call_output' : 'function_call_output'
  return { type, call_id: target.callId(result.callId), output: encodeOutput(result) }
}

/** Text alone is a plain string. The dialect has no flag for failure, so the words say it. */
function encodeOutput({ parts, isError }: ToolResultPart): string | JsonObject[] {
  const texts = parts.filter((part) => part.type === 'text')
  if (texts.length === parts.length) return withErrorWord(texts.map(({ text }) => text).join('\n'), isError)
  const content = parts.map((part) => encodeContent(part, 'user'))
  return isError ? [{ type: 'input_text', text: 'Error:' }, ...content] : content
}

function withErrorWord(text: string, isError: boolean): string {
  return isError && !/^\W*error/i.test(text) ? `Error: ${text}` : text
}
