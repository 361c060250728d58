/**
 * An assistant's message of a Chat request: reasoning first, then its words, then its calls.
 */
import { digest } from '../../core/digest.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { unwrapCarrier } from '../carrier.ts'
import type { Ledger, Part, ReasoningPart, ToolCallPart } from '../hub.ts'
import { objectAt, objectsAt, textAt } from '../members.ts'
import { decodeContent } from './decode-content.ts'
import { decodeReasoningDetails, readSignature } from './reasoning-details.ts'

/** Calls that wait for their result, oldest first: for results that name none, and to know custom calls again. */
export type OpenCalls = Map<string, { readonly name: string; readonly isCustom: boolean }>

/** `position` of the message makes ids for calls that have none: the same on every turn. Calls are added to `openCalls`. */
export function decodeAssistant(message: JsonObject, position: number, openCalls: OpenCalls, ledger: Ledger): Part[] {
  const content = decodeContent(message['content'], `messages.${position}.content`, ledger)
  const refusal = textAt(message, 'refusal')
  const calls = objectsAt(message, 'tool_calls').map((call, i) => decodeCall(call, `${position}/${i}`))
  const legacy = objectAt(message, 'function_call')
  if (legacy !== null) calls.push(decodeCall({ function: legacy }, `${position}/`))
  if (objectAt(message, 'audio') !== null) ledger.note('dropped', 'audio')
  for (const { id, name, kind } of calls) openCalls.set(id, { name, isCustom: kind === 'custom' })
  return [
    ...decodeReasoning(message),
    ...content.filter((part) => part.type !== 'text' || part.text !== ''),
    ...(refusal === '' ? [] : [{ type: 'refusal' as const, text: refusal }]),
    ...calls,
  ]
}

/** Details carry the vendor's state; without them there is at most the text, under either of two names. */
function decodeReasoning(message: JsonObject): ReasoningPart[] {
  const parts = decodeReasoningDetails(objectsAt(message, 'reasoning_details'))
  if (parts.some((part) => part.carrier !== null)) return parts
  const text = textAt(message, 'reasoning_content') || textAt(message, 'reasoning')
  return text === '' ? parts : [{ type: 'reasoning', text, carrier: null }]
}

function decodeCall(call: JsonObject, place: string): ToolCallPart {
  const custom = objectAt(call, 'custom')
  const called = custom ?? objectAt(call, 'function') ?? {}
  const name = textAt(called, 'name')
  const signature = readSignature(call)
  return {
    type: 'tool-call',
    id: textAt(call, 'id') || `call_${digest(`${place} ${name}`, 24)}`,
    name,
    kind: custom === null ? 'function' : 'custom',
    input: custom === null ? argumentsText(called['arguments']) : textAt(custom, 'input'),
    ...(signature === '' ? {} : { carrier: unwrapCarrier(signature, 'gemini') }),
  }
}

/** Some clients send the object that the text should be. */
function argumentsText(given: JsonValue | undefined): string {
  if (typeof given === 'string') return given.trim() === '' ? '{}' : given
  return given === undefined || given === null ? '{}' : JSON.stringify(given)
}
