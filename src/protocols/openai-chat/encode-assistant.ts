/**
 * What the model said and called earlier, as a Chat message.
 */
import type { JsonObject } from '../../core/json.ts'
import { fitsTarget } from '../carrier.ts'
import type { Target } from '../hub-contract.ts'
import type { Part, ReasoningPart, TextPart, ToolCallPart } from '../hub.ts'
import { wrapText } from './call-form.ts'
import { keepsCustomTools } from './encode-tools.ts'
import { writeSignature } from './reasoning-details.ts'

/**
 * One message, or none when nothing is left to say. `isInToolLoop`: the model has not finished the answer that this turn
 * belongs to, so some hosts need its reasoning back.
 */
export function encodeAssistant(parts: readonly Part[], isInToolLoop: boolean, target: Target): JsonObject[] {
  const texts: TextPart[] = []
  const refusals: string[] = []
  const reasoning: ReasoningPart[] = []
  const calls: JsonObject[] = []
  for (const part of parts) {
    switch (part.type) {
      case 'text':
        texts.push(part)
        break
      case 'refusal':
        refusals.push(part.text)
        break
      case 'reasoning':
        reasoning.push(part)
        break
      case 'tool-call':
        calls.push(encodeCall(part, target))
        break
      default:
        target.ledger.note('dropped', part.type)
    }
  }
  const content = [joinTexts(texts), ...(target.isVendorHost ? [] : refusals)]
    .filter((text) => text !== '')
    .join('\n\n')
  const refusal = target.isVendorHost ? refusals.join('\n\n') : ''
  if (content === '' && refusal === '' && calls.length === 0) return []
  const nothing = target.isVendorHost ? null : ''
  return [
    {
      role: 'assistant',
      content: content === '' ? nothing : content,
      ...(refusal === '' ? {} : { refusal }),
      ...encodeReasoning(reasoning, isInToolLoop, target),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    },
  ]
}

/** Texts with citations are pieces of one paragraph. */
function joinTexts(texts: readonly TextPart[]): string {
  let joined = ''
  let wasCited = false
  for (const { text, citations } of texts) {
    const isCited = citations !== undefined && citations.length > 0
    joined += joined === '' || isCited || wasCited ? text : `\n\n${text}`
    wasCited = isCited
  }
  return joined
}

/** State goes back to the account that made it; text to models that need it while they work with tools. */
function encodeReasoning(parts: readonly ReasoningPart[], isInToolLoop: boolean, target: Target): JsonObject {
  const details = parts.flatMap(({ carrier }) => {
    const isOurs = carrier?.family === 'other' && carrier.account === target.account
    return isOurs && Array.isArray(carrier.data) ? carrier.data : []
  })
  const text = parts
    .map((part) => part.text)
    .filter((words) => words !== '')
    .join('\n\n')
  const isSent = target.capabilities.needsReasoningBack && isInToolLoop && text !== ''
  if (parts.length > 0 && !isSent && details.length === 0) target.ledger.note('dropped', 'reasoning')
  return {
    ...(isSent ? { reasoning_content: text } : {}),
    ...(details.length > 0 ? { reasoning_details: details } : {}),
  }
}

function encodeCall(part: ToolCallPart, target: Target): JsonObject {
  const name = target.toolName(part.name, part.namespace)
  const isCustom = part.kind === 'custom'
  const called =
    isCustom && keepsCustomTools(target)
      ? { type: 'custom', custom: { name, input: part.input } }
      : { type: 'function', function: { name, arguments: isCustom ? wrapText(part.input) : part.input } }
  return { id: target.callId(part.id), ...called, ...encodeSignature(part, target) }
}

/** Google's compatible endpoint; an account that never gave a signature is not shown one. */
function encodeSignature({ carrier }: ToolCallPart, target: Target): JsonObject {
  if (carrier === undefined) return {}
  const { account, data } = carrier
  const isOurs = account !== null && fitsTarget(carrier, 'gemini', target.account) === 'restore'
  if (isOurs && typeof data === 'string') return writeSignature(data)
  target.ledger.note('dropped', 'signature')
  return {}
}
