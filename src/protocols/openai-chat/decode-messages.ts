/**
 * The messages of a Chat request as system text and neutral turns.
 */
import { invalidRequest } from '../../core/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { Ledger, Part, TextPart, ToolResultPart, Turn } from '../hub.ts'
import { textAt } from '../members.ts'
import { decodeAssistant, type OpenCalls } from './decode-assistant.ts'
import { decodeContent } from './decode-content.ts'

export interface DecodedMessages {
  /** System messages before the first turn. */
  readonly system: readonly TextPart[]
  readonly turns: readonly Turn[]
  /** Some part carries a `cache_control`, which hosts of Claude take. */
  readonly marksCache: boolean
}

/** Throws `invalid_request`, with the message at fault as `param`. */
export function decodeMessages(messages: JsonValue | undefined, ledger: Ledger): DecodedMessages {
  if (!Array.isArray(messages)) throw invalidRequest('messages: a list is required', 'messages')
  if (messages.length === 0) throw invalidRequest('messages: at least one message is required', 'messages')
  const system: TextPart[] = []
  const turns: { role: Turn['role']; parts: Part[]; isResults?: boolean }[] = []
  const openCalls: OpenCalls = new Map()
  for (const [position, message] of messages.entries()) {
    const at = `messages.${position}`
    if (!isJsonObject(message)) throw invalidRequest(`${at}: an object is required`, at)
    const role = textAt(message, 'role')
    switch (role) {
      case 'system':
      case 'developer': {
        const parts = decodeSystem(message, at, ledger)
        if (turns.length === 0) system.push(...parts)
        else turns.push({ role: 'system', parts })
        break
      }
      case 'user':
        turns.push({ role: 'user', parts: decodeContent(message['content'], `${at}.content`, ledger) })
        break
      case 'assistant':
        turns.push({ role: 'assistant', parts: decodeAssistant(message, position, openCalls, ledger) })
        break
      case 'tool':
      case 'function': {
        const result = decodeResult(message, at, openCalls, ledger)
        const last = turns.at(-1)
        if (last?.isResults === true) last.parts.push(result)
        else turns.push({ role: 'user', parts: [result], isResults: true })
        break
      }
      default:
        throw invalidRequest(`${at}.role: "${role}" is no role of this protocol`, `${at}.role`)
    }
  }
  return {
    system,
    turns: turns.map(({ role, parts }) => ({ role, parts })),
    marksCache: [...system, ...turns.flatMap((turn) => turn.parts)].some(hasCacheControl),
  }
}

function hasCacheControl(part: Part): boolean {
  return 'cacheControl' in part && part.cacheControl !== undefined
}

function decodeSystem(message: JsonObject, at: string, ledger: Ledger): TextPart[] {
  const parts = decodeContent(message['content'], `${at}.content`, ledger)
  return parts.filter((part): part is TextPart => part.type === 'text' && part.text !== '')
}

/** A result without an id answers the oldest open call, of its name where it has one (the older `function` role). */
function decodeResult(message: JsonObject, at: string, openCalls: OpenCalls, ledger: Ledger): ToolResultPart {
  const name = textAt(message, 'name')
  const told = textAt(message, 'tool_call_id')
  const callId = told || [...openCalls].find(([, call]) => name === '' || call.name === name)?.[0] || name
  const call = openCalls.get(callId)
  openCalls.delete(callId)
  const parts = decodeContent(message['content'], `${at}.content`, ledger)
  return {
    type: 'tool-result',
    callId,
    name: call?.name ?? (name || null),
    parts: parts.filter((part) => part.type === 'text' || part.type === 'image' || part.type === 'document'),
    isError: false,
    isCustom: call?.isCustom ?? false,
  }
}
