/**
 * System text and messages of a request as neutral turns.
 */
import { invalidRequest } from '../../core/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { Ledger, Part, TextPart, Turn } from '../hub.ts'
import { cacheControlOf, decodeBlocks } from './decode-blocks.ts'
import { objectsIn, textAt } from '../members.ts'

export interface DecodedTurns {
  readonly turns: Turn[]
  /** System messages before the first turn. */
  readonly leading: TextPart[]
}

/** Throws `invalid_request` when `messages` is no list of messages. Claude Code puts system messages in between. */
export function decodeTurns(messages: JsonValue | undefined, ledger: Ledger): DecodedTurns {
  if (!Array.isArray(messages)) throw invalidRequest('messages: a list is required', 'messages')
  if (messages.length === 0) throw invalidRequest('messages: at least one message is required', 'messages')
  const turns: Turn[] = []
  const leading: TextPart[] = []
  for (const [i, message] of messages.entries()) {
    const at = `messages.${i}`
    if (!isJsonObject(message)) throw invalidRequest(`${at}: an object is required`, at)
    const { role } = message
    if (role === 'system') {
      const parts = decodeSystem(message['content'])
      if (turns.length === 0) leading.push(...parts)
      else turns.push({ role, parts })
    } else if (role === 'user' || role === 'assistant') {
      turns.push(...splitAtCompactions(role, message['content'], at, ledger))
    } else {
      throw invalidRequest(`${at}.role: must be user, assistant or system`, `${at}.role`)
    }
  }
  return { turns, leading }
}

/** The text blocks of a `system` member or message, without Claude Code's block that changes with every request. */
export function decodeSystem(system: JsonValue | undefined): TextPart[] {
  if (typeof system === 'string') return isVolatile(system) ? [] : [{ type: 'text', text: system }]
  return objectsIn(system)
    .filter((block) => block['type'] === 'text' && !isVolatile(textAt(block, 'text')))
    .map((block) => ({ type: 'text', text: textAt(block, 'text'), ...cacheControlOf(block) }))
}

/** Its number would spoil the cache of every other vendor; it says nothing to a model. */
function isVolatile(text: string): boolean {
  return text === '' || text.startsWith('x-anthropic-billing-header')
}

/** A compaction stands for everything before it: a summary that no role said. Its encrypted half is Anthropic's alone. */
function splitAtCompactions(
  role: 'user' | 'assistant',
  content: JsonValue | undefined,
  at: string,
  ledger: Ledger,
): Turn[] {
  if (typeof content === 'string') return [{ role, parts: content === '' ? [] : [{ type: 'text', text: content }] }]
  if (!Array.isArray(content)) throw invalidRequest(`${at}.content: text or a list is required`, `${at}.content`)
  const turns: Turn[] = []
  let parts: Part[] = []
  for (const part of decodeBlocks(content, at, ledger)) {
    if (part.type === 'opaque' && part.raw['type'] === 'compaction') {
      if (parts.length > 0) turns.push({ role, parts })
      turns.push({ role: 'system', parts: [{ type: 'text', text: summaryOf(part.raw, ledger) }] })
      parts = []
    } else parts.push(part)
  }
  if (parts.length > 0 || turns.length === 0) turns.push({ role, parts })
  return turns
}

function summaryOf(compaction: JsonObject, ledger: Ledger): string {
  if (compaction['encrypted_content'] !== undefined) ledger.note('dropped', 'compaction.encrypted_content')
  return textAt(compaction, 'content')
}
