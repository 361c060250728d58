/**
 * The form in which a client expects a call: what it declared as free text may have been a function with one member for the
 * server, and the other way round.
 */
import { isJsonObject, type JsonValue } from '../../core/json.ts'
import type { AnswerContext } from '../hub-contract.ts'

export interface CallForm {
  readonly name: string
  readonly kind: 'function' | 'custom'
  /** From the server's whole input to the client's; null when they are the same. */
  readonly convert: ((input: string) => string) | null
}

/** The member that holds the free text where a server knows functions only. */
const TEXT_MEMBER = 'input'

export function adaptCall(
  call: { readonly name: string; readonly kind: 'function' | 'custom' },
  context: AnswerContext,
): CallForm {
  const { name, kind: declared } = context.originalName(call.name)
  if (declared === null || declared === call.kind) return { name, kind: call.kind, convert: null }
  return { name, kind: declared, convert: declared === 'custom' ? unwrapText : wrapText }
}

/** Free text as the arguments of a function. */
export function wrapText(text: string): string {
  return JSON.stringify({ [TEXT_MEMBER]: text })
}

/** What is no such object is free text already. */
function unwrapText(argumentText: string): string {
  try {
    const value = JSON.parse(argumentText) as JsonValue
    const text = isJsonObject(value) ? value[TEXT_MEMBER] : undefined
    return typeof text === 'string' ? text : argumentText
  } catch {
    return argumentText
  }
}

/** The schema of a function that stands for a tool with free text. */
export const TEXT_SCHEMA = {
  type: 'object',
  properties: { [TEXT_MEMBER]: { type: 'string' } },
  required: [TEXT_MEMBER],
  additionalProperties: false,
}
