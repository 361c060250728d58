/**
 * Makes an output item of the events that told it, for servers that never say `output_item.done`.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'

/**
 * In: the data of an item's events in their order. Out: the item, or null when the events do not say what it is.
 * `isComplete` tells whether the answer came to its end.
 */
export function buildItem(events: readonly Buffer[], isComplete: boolean): JsonObject | null {
  let item: JsonObject | null = null
  for (const bytes of events) {
    const event = parseObject(bytes)
    if (event === null) continue
    if (event['type'] === 'response.output_item.added' && isJsonObject(event['item'])) item = { ...event['item'] }
    else if (typeof event['type'] === 'string') item = addPart(item ?? beginItem(event), event['type'], event)
  }
  if (item === null) return null
  return 'status' in item ? { ...item, status: isComplete ? 'completed' : 'incomplete' } : item
}

function parseObject(bytes: Buffer): JsonObject | null {
  try {
    const value = JSON.parse(bytes.toString('utf8')) as JsonValue
    return isJsonObject(value) ? value : null
  } catch {
    return null
  }
}

/** Without its announcement only a message can be told: calls would lack their name. */
function beginItem(event: JsonObject): JsonObject | null {
  if (typeof event['type'] !== 'string' || !/output_text|refusal|content_part/.test(event['type'])) return null
  return { id: event['item_id'] ?? '', type: 'message', status: 'in_progress', role: 'assistant', content: [] }
}

/** The text members of an item and of its parts, by the family of event that tells them. */
const TOLD_BY: ReadonlyArray<
  readonly [family: string, list: 'content' | 'summary' | null, part: string, member: string]
> = [
  ['response.output_text', 'content', 'output_text', 'text'],
  ['response.refusal', 'content', 'refusal', 'refusal'],
  ['response.reasoning_text', 'content', 'reasoning_text', 'text'],
  ['response.reasoning_summary_text', 'summary', 'summary_text', 'text'],
  ['response.function_call_arguments', null, '', 'arguments'],
  ['response.mcp_call_arguments', null, '', 'arguments'],
  ['response.custom_tool_call_input', null, '', 'input'],
]

/** A delta adds to the text, a `done` says all of it. */
function addPart(item: JsonObject | null, type: string, event: JsonObject): JsonObject | null {
  const told = TOLD_BY.find(([family]) => type === `${family}.delta` || type === `${family}.done`)
  if (item === null || told === undefined) return item
  const [, list, partType, member] = told
  const isDelta = type.endsWith('.delta')
  const added = event[isDelta ? 'delta' : member]
  if (typeof added !== 'string') return item
  const extend = (before: JsonValue | undefined): string =>
    isDelta ? (typeof before === 'string' ? before : '') + added : added
  if (list === null) return { ...item, [member]: extend(item[member]) }
  const index = event[list === 'summary' ? 'summary_index' : 'content_index']
  const parts = Array.isArray(item[list]) ? [...item[list]] : []
  const position = typeof index === 'number' && index < parts.length ? index : parts.length
  const part = isJsonObject(parts[position]) ? parts[position] : emptyPart(partType)
  parts[position] = { ...part, [member]: extend(part[member]) }
  return { ...item, [list]: parts }
}

function emptyPart(type: string): JsonObject {
  return type === 'output_text' ? { type, text: '', annotations: [], logprobs: [] } : { type }
}
