/**
 * Turns as messages, their content always as blocks.
 */
import type { JsonObject } from '../../core/json.ts'
import type { Target } from '../hub-contract.ts'
import type { Conversation, Turn } from '../hub.ts'
import { wrapReminder } from '../parts.ts'
import { encodePart } from './encode-parts.ts'

/**
 * The conversation with the system messages in its middle told as the user's words, where the model knows no others. To
 * be done before the repair, so that they do not come between a call and its result.
 */
export function tellSystemTurns(conversation: Conversation, { capabilities, ledger }: Target): Conversation {
  const { turns } = conversation
  if (capabilities.takesSystemTurns || turns.every((turn) => turn.role !== 'system')) return conversation
  ledger.note('weakened', 'system-turn')
  return { ...conversation, turns: turns.map((turn) => (turn.role === 'system' ? tellToUser(turn) : turn)) }
}

function tellToUser({ parts }: Turn): Turn {
  return {
    role: 'user',
    parts: parts.map((part) => (part.type === 'text' ? { ...part, text: wrapReminder(part.text) } : part)),
  }
}

interface Message {
  readonly role: Turn['role']
  readonly content: JsonObject[]
}

/** In: a repaired conversation. Neighbours of one role are one message. */
export function encodeTurns({ turns }: Conversation, target: Target): JsonObject[] {
  const messages: Message[] = []
  for (const turn of turns) {
    const last = messages.at(-1)
    const placed = turn.role === 'system' && last?.role !== 'user' ? misplaced(turn, target) : turn
    const content = placed.parts.flatMap((part) => encodePart(part, placed.role, target))
    if (content.length === 0) continue
    if (last?.role === placed.role) last.content.push(...content)
    else messages.push({ role: placed.role, content })
  }
  return messages.map(({ role, content }) => ({ role, content }))
}

/** The vendor takes a system message only directly behind one of the user's. */
function misplaced(turn: Turn, { ledger }: Target): Turn {
  ledger.note('weakened', 'system-turn')
  return tellToUser(turn)
}
