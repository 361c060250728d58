/**
 * The body of a Responses request as the ChatGPT backend takes it. It serves one client of its own vendor and refuses what
 * that client never sends, so members pass by a list of what is known to be taken; the rest goes and is told.
 */
import { applyEdits, type Edit } from '../core/json-edit.ts'
import { isJsonObject, type JsonObject, type JsonValue, parseValue, peekObject, type Range } from '../core/json.ts'
import { NO_LIMIT, skipSpace, skipValue } from '../core/json-syntax.ts'
import { createObjectEditor, type ObjectEditor } from '../core/object-editor.ts'
import { isCodexClient } from './codex-client.ts'
import type { AdaptedBody, BodyFacts } from './contract.ts'

/** Source: recordings of the vendor's own client, and what the Go program never had to take out. */
const TAKEN: ReadonlySet<string> = new Set([
  'client_metadata',
  'include',
  'input',
  'instructions',
  'model',
  'parallel_tool_calls',
  'prompt_cache_key',
  'reasoning',
  'service_tier',
  'store',
  'stream',
  'text',
  'tool_choice',
  'tools',
])

/** Compaction answers in one piece and keeps nothing, so it is asked for less. */
const TAKEN_BY_COMPACTION: ReadonlySet<string> = new Set([
  'input',
  'instructions',
  'model',
  'parallel_tool_calls',
  'reasoning',
  'service_tier',
  'text',
  'tools',
])

/** Members that the backend is known to refuse, whoever sends them. */
const REFUSED: ReadonlySet<string> = new Set([
  'chat_template_kwargs',
  'context_management',
  'frequency_penalty',
  'max_completion_tokens',
  'max_output_tokens',
  'max_tokens',
  'metadata',
  'presence_penalty',
  'previous_response_id',
  'prompt_cache_breakpoint',
  'prompt_cache_options',
  'prompt_cache_retention',
  'safety_identifier',
  'stop_sequences',
  'stream_options',
  'temperature',
  'top_p',
  'truncation',
  'user',
])

/** For want of anything better: the backend refuses a request without any. */
const NEUTRAL_INSTRUCTIONS = 'You are a helpful assistant.'

const SEALED_REASONING = 'reasoning.encrypted_content'

/**
 * In: a JSON object in the shape of the Responses API. Out: the backend's shape, the same bytes where that is what they are,
 * and the names of the members that were dropped although they said something. Throws JsonSyntaxError.
 */
export function adaptChatgptBody(body: Buffer, facts: BodyFacts): AdaptedBody {
  const members = createObjectEditor(body)
  moveAliases(body, members)
  const dropped = dropMembers(body, members, facts)
  if (facts.operation === 'generate') forceMode(body, members)
  dropped.push(...[...facts.refused].filter((path) => removePath(members, path.split('.'))))
  lowerEffort(body, members)
  const { edits, hasDeveloper } = shapeInput(body, members)
  if (!hasDeveloper) fillInstructions(body, members, facts.defaultInstructions)
  return { body: applyEdits(body, [...members.edits(), ...edits]), dropped }
}

/** What clients of Chat Completions write for the same thing. The Responses member wins; the alias goes in any case. */
function moveAliases(body: Buffer, members: ObjectEditor): void {
  const take = (name: string): JsonValue => {
    const value = valueOf(body, members, name)
    members.remove(name)
    return value
  }
  const effort = take('reasoning_effort')
  const format = take('response_format')
  fillObject(body, members, 'reasoning', {
    effort: typeof effort === 'string' && effort.trim() !== '' ? knownEffort(effort) : null,
  })
  fillObject(body, members, 'text', {
    format: format === null ? null : responsesFormat(format),
    verbosity: take('verbosity'),
  })
}

function valueOf(body: Buffer, members: ObjectEditor, name: string): JsonValue {
  const range = members.find(name)
  return range === undefined ? null : parseValue(body, range)
}

/** Fills the parts that are not null into an object member where it lacks them. */
function fillObject(body: Buffer, members: ObjectEditor, name: string, parts: JsonObject): void {
  const told = Object.entries(parts).filter(([, value]) => value !== null)
  if (told.length === 0) return
  const inner = members.inner(name)
  if (inner === null) {
    if (valueOf(body, members, name) === null) members.set(name, JSON.stringify(Object.fromEntries(told)))
    return
  }
  for (const [part, value] of told) if (isBlank(valueOf(body, inner, part))) inner.set(part, JSON.stringify(value))
}

function isBlank(value: JsonValue): boolean {
  return value === null || (typeof value === 'string' && value.trim() === '')
}

/** Chat nests what Responses writes flat. Source: Chat Completions and Responses references, `response_format`. */
function responsesFormat(format: JsonValue): JsonValue {
  if (typeof format === 'string') return { type: format }
  if (!isJsonObject(format) || format['type'] !== 'json_schema') return format
  const { json_schema: nested, ...flat } = format
  return { name: 'output_schema', ...(isJsonObject(nested) ? nested : {}), ...flat }
}

/** The backend's models know no `minimal`. */
function knownEffort(effort: string): string {
  return effort === 'minimal' ? 'none' : effort
}

function dropMembers(body: Buffer, members: ObjectEditor, facts: BodyFacts): string[] {
  const taken = facts.operation === 'compact' ? TAKEN_BY_COMPACTION : TAKEN
  // The vendor's own client may know a member that is newer than the list.
  const isTrusted = facts.operation !== 'compact' && isCodexClient(facts.headers)
  const dropped: string[] = []
  for (const name of members.names()) {
    const isTaken = taken.has(name) || (isTrusted && !REFUSED.has(name))
    if (isTaken && !(name === 'service_tier' && !isTrusted && !isPriority(body, members))) continue
    const range = members.find(name)
    const isNull = range === undefined || body[range.start] === LETTER_N
    if (!isNull && !IMPLIED.has(name)) dropped.push(name)
    members.remove(name)
  }
  return dropped
}

/** Of all JSON values only `null` begins with it. */
const LETTER_N = 0x6e

/** Compaction is always whole and never stored: leaving these out changes nothing. */
const IMPLIED: ReadonlySet<string> = new Set(['store', 'stream'])

/** The one tier that a subscription can ask for. */
function isPriority(body: Buffer, members: ObjectEditor): boolean {
  return valueOf(body, members, 'service_tier') === 'priority'
}

function removePath(members: ObjectEditor, [name = '', ...rest]: readonly string[]): boolean {
  if (rest.length === 0) return members.remove(name)
  const inner = members.inner(name)
  return inner !== null && removePath(inner, rest)
}

/** The backend streams, keeps nothing, and tells its reasoning only sealed: without that the next turn would lack it. */
function forceMode(body: Buffer, members: ObjectEditor): void {
  if (valueOf(body, members, 'store') !== false) members.set('store', 'false')
  if (valueOf(body, members, 'stream') !== true) members.set('stream', 'true')
  const include = valueOf(body, members, 'include')
  if (Array.isArray(include) && include.includes(SEALED_REASONING)) return
  members.set('include', JSON.stringify([...(Array.isArray(include) ? include : []), SEALED_REASONING]))
}

function lowerEffort(body: Buffer, members: ObjectEditor): void {
  const reasoning = members.inner('reasoning')
  const effort = reasoning === null ? null : valueOf(body, reasoning, 'effort')
  if (typeof effort === 'string' && knownEffort(effort) !== effort) {
    reasoning?.set('effort', JSON.stringify(knownEffort(effort)))
  }
}

const QUOTE = 0x22
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const COMMA = 0x2c
const SYSTEM = Buffer.from('"system"')

/** A text becomes a list of one message, and what the system says becomes what the developer says. */
function shapeInput(body: Buffer, members: ObjectEditor): { edits: Edit[]; hasDeveloper: boolean } {
  const range = members.find('input')
  const edits: Edit[] = []
  let hasDeveloper = false
  if (range !== undefined && body[range.start] === QUOTE) {
    members.set('input', `[${userMessage(body.toString('utf8', range.start, range.end))}]`)
  } else if (range !== undefined && body[range.start] === OPEN_BRACKET) {
    const mayHaveSystem = body.includes(SYSTEM, range.start)
    for (const item of elementsOf(body, range.start)) {
      const role = peekObject(body, ['role'], item).get('role')
      const name = role === undefined ? null : parseValue(body, role)
      if (name === 'system' && role !== undefined) edits.push({ start: role.start, end: role.end, text: '"developer"' })
      if (name === 'system' || name === 'developer') hasDeveloper = true
      // Real clients put it first, so that the rest of a long conversation need not be read.
      if (hasDeveloper && !mayHaveSystem) break
    }
  }
  return { edits, hasDeveloper }
}

/** The elements of the list that begins at `at`, one by one, in text whose syntax has been checked. */
function* elementsOf(bytes: Buffer, at: number): Generator<Range> {
  const walk = { bytes, valuesLeft: NO_LIMIT }
  let start = skipSpace(bytes, at + 1)
  while (bytes[start] !== CLOSE_BRACKET) {
    const end = skipValue(walk, start, 0)
    yield { start, end }
    const next = skipSpace(bytes, end)
    start = bytes[next] === COMMA ? skipSpace(bytes, next + 1) : next
  }
}

/** `text` is a JSON string. */
function userMessage(text: string): string {
  return `{"type":"message","role":"user","content":[{"type":"input_text","text":${text}}]}`
}

/** The backend refuses a request without instructions; none of ours are put beside those of the client. */
function fillInstructions(body: Buffer, members: ObjectEditor, configured: string | null): void {
  if (isBlank(valueOf(body, members, 'instructions'))) {
    members.set('instructions', JSON.stringify(configured ?? NEUTRAL_INSTRUCTIONS))
  }
}
