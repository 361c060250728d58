/**
 * Calls in an answer: how one begins, and the one that stands for several.
 */
import { digest } from '../../core/digest.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { Delta } from '../hub.ts'
import { objectAt, objectsAt, textAt } from '../members.ts'

/** Where a call stands: it makes an id for a call that has none, the same however often the answer is read. */
export interface CallPlace {
  readonly place: number
  readonly responseId: string
}

export function beginCall(key: string, item: JsonObject, { place, responseId }: CallPlace): Delta {
  const id = textAt(item, 'call_id') || textAt(item, 'id') || `call_${digest(`${responseId} ${place}`, 24)}`
  const namespace = textAt(item, 'namespace')
  const kind = item['type'] === 'custom_tool_call' ? 'custom' : 'function'
  const grouped = namespace === '' ? {} : { namespace }
  return { type: 'tool-input-start', key, id, name: textAt(item, 'name'), kind, ...grouped }
}

/** A name under which OpenAI's models wrap several calls into one; no client knows it. */
export function isParallelCall(item: JsonObject): boolean {
  return item['name'] === 'multi_tool_use.parallel'
}

/** Each of the wrapped calls as the call that it was meant to be; null when they cannot be told apart. */
export function unwrapCalls(input: string, item: JsonObject, at: CallPlace): Delta[] | null {
  const uses = readUses(input)
  if (uses.length === 0) return null
  return uses.flatMap((use, index): Delta[] => {
    const key = `${at.place}.call${index}`
    const name = textAt(use, 'recipient_name').replace(/^functions\./, '')
    const callId = `${textAt(item, 'call_id') || `call_${at.place}`}_${index}`
    return [
      beginCall(key, { type: 'function_call', name, call_id: callId }, at),
      { type: 'tool-input-end', key, input: JSON.stringify(objectAt(use, 'parameters') ?? {}) },
    ]
  })
}

function readUses(input: string): JsonObject[] {
  try {
    const wrapped = JSON.parse(input) as JsonValue
    return isJsonObject(wrapped) ? objectsAt(wrapped, 'tool_uses') : []
  } catch {
    return []
  }
}
