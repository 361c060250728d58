/**
 * The message of an answer and its blocks: what the stream and the whole answer have in common.
 */
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { wrapCarrier } from '../carrier.ts'
import type { Carrier, Conversation, FinishReason, Ledger } from '../hub.ts'
import type { AnswerContext } from '../hub-contract.ts'
import { createNameMap } from '../names.ts'

/** Every member of the newest types, so that no client finds one missing. */
export function messageShell(id: string, model: string): JsonObject {
  return { id, type: 'message', role: 'assistant', model, container: null, diagnostics: null }
}

export function toolUseBlock(id: string, name: string, input: JsonValue): JsonObject {
  return { type: 'tool_use', id, name, input, caller: { type: 'direct' } }
}

/** The id and the name by which the client will speak of a call. Clients may check ids for the letters Anthropic uses. */
export function callNames(
  call: { readonly id: string; readonly name: string },
  { conversation, originalName }: AnswerContext,
): { id: string; name: string } {
  const { name, namespace } = originalName(call.name)
  return {
    id: LEGAL_ID.test(call.id) ? call.id : createNameMap(conversation, 'anthropic').callId(call.id),
    name: namespace === undefined ? name : `${namespace}__${name}`,
  }
}

const LEGAL_ID = /^[A-Za-z0-9_-]{1,128}$/

/** The `signature` that brings the carrier back with the next request; empty where there is nothing to bring. */
export function signatureOf(carrier: Carrier | null): string {
  return carrier === null ? '' : wrapCarrier(carrier)
}

/** A client that asked for thinking without its text gets only what it must send back. */
export function hidesThinking({ reasoning }: Conversation): boolean {
  return reasoning?.isShown === false
}

/**
 * Whether the whole request is one search of the web, as Claude Code makes them: then the pages must stand in front of
 * the text, and are perhaps only known when all of it is.
 */
export function isSearchRequest({ tools }: Conversation): boolean {
  return tools.length > 0 && tools.every((tool) => tool.kind === 'web-search')
}

export function asksForSearch({ tools }: Conversation): boolean {
  return tools.some((tool) => tool.kind === 'web-search')
}

/**
 * The input of a call as the object that a block must hold; null for a call that was cut off in its middle. What cannot
 * be read otherwise goes to the client's tool as it is, which then says so to the model.
 */
export function callInput(
  text: string,
  kind: 'function' | 'custom',
  reason: FinishReason,
  ledger: Ledger,
): JsonObject | null {
  if (kind === 'custom') return { input: text }
  try {
    const value = JSON.parse(text) as JsonValue
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    if (reason === 'max_tokens' || reason === 'context_full') {
      ledger.note('dropped', 'unfinished-call')
      return null
    }
  }
  ledger.note('weakened', 'call-input')
  return { _raw: text }
}
