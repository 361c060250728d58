/**
 * System text and turns as Chat messages. Compatible hosts put them into templates that know little more than text, so
 * every message is as plain as it can be.
 */
import type { JsonObject } from '../../core/json.ts'
import type { Target } from '../hub-contract.ts'
import type { Conversation, ImagePart, Part, ToolResultPart, Turn } from '../hub.ts'
import { textOfParts, wrapReminder } from '../parts.ts'
import { repairConversation } from '../repair.ts'
import { encodeAssistant } from './encode-assistant.ts'
import { encodeContent, encodeImage } from './encode-content.ts'

/** `instruction` is one more system text, for what the host has no member for. */
export function encodeMessages(conversation: Conversation, target: Target, instruction: string | null): JsonObject[] {
  const { capabilities, isVendorHost, ledger } = target
  const rules = {
    // Many templates insist that user and assistant take turns.
    mergesNeighbours: !isVendorHost,
    allowsPrefill: capabilities.allowsPrefill,
    startsWithUser: false,
    dropsBlankText: false,
  }
  const placed = capabilities.takesSystemTurns ? conversation : withoutSystemTurns(conversation, target)
  const { system, turns } = repairConversation(placed, rules, ledger)
  const role = isVendorHost && capabilities.isOpenaiReasoning ? 'developer' : 'system'
  const lead = [textOfParts(system), instruction ?? ''].filter((text) => text !== '').join('\n\n')
  const loopStart = startOfToolLoop(turns)
  const messages: JsonObject[] = lead === '' ? [] : [{ role, content: lead }]
  for (const [position, turn] of turns.entries()) {
    switch (turn.role) {
      case 'system':
        messages.push({ role, content: textOfParts(turn.parts) })
        break
      case 'user':
        messages.push(...encodeUser(turn.parts, target))
        break
      case 'assistant':
        messages.push(...encodeAssistant(turn.parts, position >= loopStart, target))
    }
  }
  return messages
}

function withoutSystemTurns(conversation: Conversation, { ledger }: Target): Conversation {
  const turns = conversation.turns.map((turn): Turn => {
    if (turn.role !== 'system') return turn
    ledger.note('weakened', 'system-turn')
    return { role: 'user', parts: [{ type: 'text', text: wrapReminder(textOfParts(turn.parts)) }] }
  })
  return { ...conversation, turns }
}

/**
 * Behind the last words of the user: what the model thought since then belongs to calls that still matter. Clients put
 * reminders beside results, so a turn with results is no new question.
 */
function startOfToolLoop(turns: readonly Turn[]): number {
  const isQuestion = (turn: Turn): boolean =>
    turn.role === 'user' && turn.parts.every((part) => part.type !== 'tool-result')
  return turns.findLastIndex(isQuestion) + 1
}

/** Results first, one message each; their images follow all of them, since a tool's message holds text only. */
function encodeUser(parts: readonly Part[], target: Target): JsonObject[] {
  const results = parts.filter((part) => part.type === 'tool-result')
  const images = results.flatMap(imagesOf)
  const words = parts.filter((part) => part.type !== 'tool-result')
  const content = encodeContent(words, target)
  if (images.length > 0) {
    const shown = [
      { type: 'text', text: 'The images of the results above:' },
      ...images.map((image) => encodeImage(image)),
    ]
    const said = typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? [])
    return [...results.map((part) => encodeResult(part, target)), { role: 'user', content: [...shown, ...said] }]
  }
  const messages = results.map((part) => encodeResult(part, target))
  return content === null ? messages : [...messages, { role: 'user', content }]
}

function imagesOf(result: ToolResultPart): ImagePart[] {
  return result.parts.filter((part) => part.type === 'image')
}

const LOOKS_LIKE_ERROR = /^\W*\w*(error|exception|fail)/i

/** This dialect has no flag for a failed tool. */
function encodeResult(result: ToolResultPart, target: Target): JsonObject {
  const texts: string[] = []
  for (const part of result.parts) {
    if (part.type === 'text') texts.push(part.text)
    else if (part.type === 'image') texts.push('[image: shown below]')
    else if (part.source.kind === 'text') texts.push(part.source.text)
    else {
      target.ledger.note('dropped', 'result.document')
      texts.push(`[document ${part.filename ?? part.title ?? ''}: cannot be shown to this model]`)
    }
  }
  const text = texts.join('\n\n')
  const content = result.isError && !LOOKS_LIKE_ERROR.test(text) ? `Error: ${text}` : text
  return { role: 'tool', tool_call_id: target.callId(result.callId), content }
}
