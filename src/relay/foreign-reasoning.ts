/**
 * A request in its own dialect without reasoning that its vendor could not unseal: what other vendors sealed and the relay
 * wrapped while they served this conversation, or, after a refusal, all of it.
 */
import type { Protocol } from '../core/account.ts'
import { applyEdits } from '../core/json-edit.ts'
import { isJsonObject, type JsonObject, type JsonValue, parseValue, peekObject, scanArray } from '../core/json.ts'
import { isWrapped, mayHoldWrapped } from '../protocols/carrier.ts'
import { NO_SIGNATURE } from '../protocols/gemini/encode-contents.ts'
import { objectAt, objectsAt } from '../protocols/members.ts'
import { readCompaction } from '../protocols/openai-responses/compaction.ts'

/** Without what the relay wrapped; the same buffer when it holds nothing of the kind, which a search for bytes tells. */
export function dropForeignReasoning(body: Buffer, protocol: Protocol): Buffer {
  return mayHoldWrapped(body) ? rewriteTurns(body, protocol, (seal) => seal === '' || isWrapped(seal)) : body
}

/** Without any sealed reasoning. */
export function dropSealedReasoning(body: Buffer, protocol: Protocol): Buffer {
  return rewriteTurns(body, protocol, () => true)
}

/** `seal` is an empty text where a vendor that seals has left none. */
type IsUnwanted = (seal: JsonValue) => boolean

/** Returns the same object when it may stay as it is, and null when nothing of it is left. */
type Rewrite = (turn: JsonObject, isUnwanted: IsUnwanted) => JsonObject | null

const TURNS: Record<Protocol, readonly [member: string, rewrite: Rewrite]> = {
  anthropic: ['messages', rewriteMessage],
  'openai-responses': ['input', rewriteItem],
  'openai-chat': ['messages', rewriteChatMessage],
  gemini: ['contents', rewriteContent],
}

/** Turns without unwanted reasoning keep their bytes. */
function rewriteTurns(body: Buffer, protocol: Protocol, isUnwanted: IsUnwanted): Buffer {
  const [member, rewrite] = TURNS[protocol]
  const list = peekObject(body, [member]).get(member)
  if (list === undefined || body[list.start] !== OPEN_BRACKET) return body
  let isChanged = false
  const kept = scanArray(body, list).flatMap((range): Buffer[] => {
    const turn = parseValue(body, range)
    const rewritten = isJsonObject(turn) ? rewrite(turn, isUnwanted) : turn
    if (rewritten === turn) return [body.subarray(range.start, range.end)]
    isChanged = true
    return rewritten === null ? [] : [Buffer.from(JSON.stringify(rewritten))]
  })
  return isChanged ? applyEdits(body, [{ ...list, text: `[${kept.join(',')}]` }]) : body
}

const OPEN_BRACKET = 0x5b

function rewriteMessage(message: JsonObject, isUnwanted: IsUnwanted): JsonObject | null {
  return rewriteList(message, 'content', (block) => {
    const isThought = block['type'] === 'thinking' || block['type'] === 'redacted_thinking'
    return isThought && isUnwanted(block['signature'] ?? block['data'] ?? '') ? null : block
  })
}

function rewriteItem(item: JsonObject, isUnwanted: IsUnwanted): JsonObject | null {
  const seal = item['encrypted_content'] ?? ''
  if (item['type'] === 'reasoning') return isUnwanted(seal) ? null : item
  if (!isWrapped(seal)) return item
  // The relay's own compaction: nobody can unseal it, but without its summary the conversation would be gone.
  const summary = readCompaction(item)
  return summary === null ? null : { type: 'message', role: 'user', content: summary }
}

function rewriteChatMessage(message: JsonObject, isUnwanted: IsUnwanted): JsonObject | null {
  const bare = rewriteList(message, 'reasoning_details', (detail) => {
    const seal = detail['signature'] ?? detail['data']
    return seal !== undefined && isUnwanted(seal) ? null : detail
  })
  if (bare === null) {
    const { reasoning_details: _details, ...others } = message
    return rewriteChatMessage(others, isUnwanted)
  }
  return rewriteList(bare, 'tool_calls', (call) => {
    const { extra_content: extra, ...others } = call
    const google = objectAt(isJsonObject(extra) ? extra : {}, 'google')
    const seal = google?.['thought_signature']
    return seal !== undefined && isUnwanted(seal) ? others : call
  })
}

/** A call keeps its place for a signature: models that look for one there are asked not to. */
function rewriteContent(content: JsonObject, isUnwanted: IsUnwanted): JsonObject | null {
  return rewriteList(content, 'parts', (part) => {
    const { thoughtSignature: camel, thought_signature: snake, ...others } = part
    const seal = camel ?? snake
    if (seal === undefined || !isUnwanted(seal)) return part
    const isCall = 'functionCall' in part || 'function_call' in part
    return isCall ? { ...others, thoughtSignature: NO_SIGNATURE } : others
  })
}

/** Rewrites the objects in a list; null when the list had some and none is left. */
function rewriteList(
  owner: JsonObject,
  member: string,
  rewrite: (element: JsonObject) => JsonObject | null,
): JsonObject | null {
  const before = objectsAt(owner, member)
  const after = before.flatMap((element) => rewrite(element) ?? [])
  if (after.length === before.length && after.every((element, i) => element === before[i])) return owner
  return after.length === 0 ? null : { ...owner, [member]: after }
}
