/**
 * Input items as neutral turns. Items come flat: runs of the model's items are an assistant turn, runs of results and user
 * messages a user turn. Types that nobody knows are kept for their own dialect and noted, never refused.
 */
import { invalidRequest } from '../../core/errors.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { unwrapCarrier } from '../carrier.ts'
import type {
  Carrier,
  Ledger,
  Part,
  ReasoningPart,
  TextPart,
  Tool,
  ToolCallPart,
  ToolResultPart,
  Turn,
} from '../hub.ts'
import { objectAt, objectsAt, objectsIn, textAt } from '../members.ts'
import { readCompaction } from './compaction.ts'
import { decodeContent, decodeOutput } from './decode-content.ts'
import { decodeTools } from './decode-tools.ts'

export interface DecodedInput {
  /** System and developer messages before the first turn. */
  readonly leading: TextPart[]
  readonly turns: Turn[]
  /** Tools that came as items (Codex sends its tools so). */
  readonly tools: Tool[]
}

/** Throws `invalid_request` when there is no input. */
export function decodeInput(input: JsonValue | undefined, ledger: Ledger): DecodedInput {
  if (typeof input === 'string') {
    return { leading: [], turns: [{ role: 'user', parts: [{ type: 'text', text: input }] }], tools: [] }
  }
  if (!Array.isArray(input)) throw invalidRequest('input: text or a list of items is required', 'input')
  const leading: TextPart[] = []
  const turns: { role: Turn['role']; parts: Part[] }[] = []
  const tools: Tool[] = []
  const add = (role: Turn['role'], parts: readonly Part[]): void => {
    const last = turns.at(-1)
    if (last?.role === role && role !== 'system') last.parts.push(...parts)
    else if (parts.length > 0) turns.push({ role, parts: [...parts] })
  }
  for (const [position, item] of objectsIn(input).entries()) {
    const type = textAt(item, 'type') || (item['role'] === undefined ? '' : 'message')
    switch (type) {
      case 'message':
        requireRole(item, position)
        addMessage(item, leading, turns.length, add, ledger)
        break
      case 'reasoning':
        add('assistant', decodeReasoning(item))
        break
      case 'function_call':
      case 'custom_tool_call':
        add('assistant', [{ ...decodeCall(item), ...takeCallState(turns.at(-1)) }])
        break
      case 'function_call_output':
      case 'custom_tool_call_output':
        add('user', [decodeResult(item, ledger)])
        break
      case 'additional_tools':
      case 'tool_search_output':
        tools.push(...decodeTools(item['tools'], ledger))
        break
      case 'compaction':
      case 'compaction_summary':
        addCompaction(item, add, ledger)
        break
      case 'compaction_trigger':
        // Read where the whole request is (`asksForCompaction`).
        break
      case 'item_reference':
        throw invalidRequest('item references are only known to OpenAI; send the item itself', 'input')
      default:
        addOther(type, item, add, ledger)
    }
  }
  return { leading, turns, tools }
}

type Add = (role: Turn['role'], parts: readonly Part[]) => void

/** A message without a role is the user's. */
const ROLES = new Set(['user', 'assistant', 'system', 'developer', ''])

function requireRole(item: JsonObject, position: number): void {
  const role = textAt(item, 'role')
  const at = `input.${position}.role`
  if (!ROLES.has(role)) throw invalidRequest(`${at}: "${role.slice(0, 40)}" is no role of this protocol`, at)
}

function addMessage(item: JsonObject, leading: TextPart[], turnCount: number, add: Add, ledger: Ledger): void {
  const role = textAt(item, 'role')
  const phase = textAt(item, 'phase')
  const parts = decodeContent(item['content'], ledger).map((part) =>
    part.type === 'text' && phase !== '' ? { ...part, phase } : part,
  )
  if (role === 'assistant') return add('assistant', parts)
  if (role !== 'system' && role !== 'developer') return add('user', parts)
  const texts = parts.filter((part) => part.type === 'text')
  if (turnCount === 0) leading.push(...texts)
  else add('system', texts)
}

function addCompaction(item: JsonObject, add: Add, ledger: Ledger): void {
  const summary = readCompaction(item)
  if (summary === null) ledger.note('dropped', 'compaction')
  else add('user', [{ type: 'text', text: summary }])
}

/** Words without sealed state are of use to Chat hosts alone; every other encoder leaves them out. */
function decodeReasoning(item: JsonObject): ReasoningPart[] {
  const summary = objectsAt(item, 'summary')
  const words = summary.length > 0 ? summary : objectsAt(item, 'content')
  const text = words.map((part) => textAt(part, 'text')).join('\n\n')
  const sealed = textAt(item, 'encrypted_content')
  if (sealed === '') return text === '' ? [] : [{ type: 'reasoning', text, carrier: null }]
  const carrier = unwrapCarrier(sealed, 'openai')
  // Without our tag it is OpenAI's own, which needs the whole item back as it was.
  const isOwn = carrier.family === 'openai' && carrier.account === null
  return [{ type: 'reasoning', text, carrier: isOwn ? { ...carrier, data: item } : carrier }]
}

function decodeCall(item: JsonObject): ToolCallPart {
  const isCustom = item['type'] === 'custom_tool_call'
  const namespace = textAt(item, 'namespace')
  return {
    type: 'tool-call',
    id: textAt(item, 'call_id') || textAt(item, 'id'),
    name: textAt(item, 'name'),
    ...(namespace === '' ? {} : { namespace }),
    kind: isCustom ? 'custom' : 'function',
    input: isCustom ? textAt(item, 'input') : textAt(item, 'arguments') || '{}',
  }
}

/** Gemini ties its state to a call; it came as reasoning without words right in front of it. */
function takeCallState(turn: { role: Turn['role']; parts: Part[] } | undefined): { carrier?: Carrier } {
  const last = turn?.parts.at(-1)
  if (turn?.role !== 'assistant' || last?.type !== 'reasoning') return {}
  if (last.carrier?.family !== 'gemini' || last.text !== '') return {}
  turn.parts.pop()
  return { carrier: last.carrier }
}

function decodeResult(item: JsonObject, ledger: Ledger): ToolResultPart {
  return {
    type: 'tool-result',
    callId: textAt(item, 'call_id'),
    name: null,
    parts: decodeOutput(item['output'], ledger),
    isError: false,
    isCustom: item['type'] === 'custom_tool_call_output',
  }
}

/** Codex's own calls that have a plain meaning become calls of a tool with that name. */
const BUILT_IN_CALLS = new Set(['local_shell_call', 'shell_call', 'apply_patch_call'])
const BUILT_IN_OUTPUTS = new Set(['local_shell_call_output', 'shell_call_output', 'apply_patch_call_output'])

function addOther(type: string, item: JsonObject, add: Add, ledger: Ledger): void {
  if (BUILT_IN_CALLS.has(type)) {
    const name = type.slice(0, -'_call'.length)
    const input = JSON.stringify(objectAt(item, 'action') ?? objectAt(item, 'operation') ?? {})
    return add('assistant', [{ type: 'tool-call', id: textAt(item, 'call_id'), name, kind: 'function', input }])
  }
  if (BUILT_IN_OUTPUTS.has(type)) return add('user', [decodeResult(item, ledger)])
  ledger.note('dropped', type || 'untyped item')
}
