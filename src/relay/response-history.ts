/**
 * A conversation of the Responses protocol as a list of input items in bytes: what a request says, what an answer adds, and
 * what another account may see of it.
 */
import { applyEdits } from '../core/json-edit.ts'
import { parseValue, peekObject, peekValue, type Range, scanArray } from '../core/json.ts'
import { skipSpace } from '../core/json-syntax.ts'
import { createObjectEditor } from '../core/object-editor.ts'

const QUOTE = 0x22
const OPEN_BRACKET = 0x5b
const EMPTY_LIST = Buffer.from('[]')
const COMMA = Buffer.from(',')

/** The request with `history` before its own input and without the reference that the history stands for. */
export function prependHistory(body: Buffer, history: Buffer): Buffer {
  const members = createObjectEditor(body)
  members.remove('previous_response_id')
  members.set('input', joinLists(history, inputOf(body, members.find('input'))))
  return applyEdits(body, members.edits())
}

/** Everything said with the answer to `body`: its input and the output of `response`, both whole JSON objects. */
export function extendHistory(body: Buffer, response: Buffer): Buffer {
  const output = peekObject(response, ['output']).get('output')
  const said = inputOf(body, peekObject(body, ['input']).get('input'))
  if (output === undefined || response[output.start] !== OPEN_BRACKET) return said
  const items = scanArray(response, output).flatMap(({ start, end }) => inputItem(response.subarray(start, end)) ?? [])
  return joinLists(said, listOf(items))
}

/** The request without reasoning in its input. */
export function dropReasoningItems(body: Buffer): Buffer {
  const input = peekObject(body, ['input']).get('input')
  if (input === undefined || body[input.start] !== OPEN_BRACKET) return body
  const list = withoutReasoning(body.subarray(input.start, input.end))
  return list.length === input.end - input.start ? body : applyEdits(body, [{ ...input, text: list }])
}

/** The history without reasoning, which only the account that thought it can unseal. */
export function withoutReasoning(history: Buffer): Buffer {
  const items = scanArray(history, { start: 0, end: history.length })
  const readable = items.filter((item) => peekValue(history, ['type'], item) !== 'reasoning')
  return readable.length === items.length
    ? history
    : listOf(readable.map(({ start, end }) => history.subarray(start, end)))
}

/** As a list; a text is one message of the user. */
function inputOf(body: Buffer, range: Range | undefined): Buffer {
  if (range === undefined) return EMPTY_LIST
  const bytes = body.subarray(range.start, range.end)
  if (body[range.start] === OPEN_BRACKET) return bytes
  if (body[range.start] !== QUOTE) return EMPTY_LIST
  return Buffer.concat([Buffer.from('[{"type":"message","role":"user","content":'), bytes, Buffer.from('}]')])
}

/**
 * An output item as it may be sent back: without its id, which names something that nobody has kept. Null for reasoning
 * that was not sealed into it, and so is nothing but a name.
 */
function inputItem(bytes: Buffer): Buffer | null {
  const item = createObjectEditor(bytes)
  const type = item.find('type')
  const isReasoning = type !== undefined && parseValue(bytes, type) === 'reasoning'
  if (isReasoning && !isText(bytes, item.find('encrypted_content'))) return null
  item.remove('id')
  return applyEdits(bytes, item.edits())
}

function isText(bytes: Buffer, range: Range | undefined): boolean {
  return range !== undefined && bytes[range.start] === QUOTE
}

function joinLists(first: Buffer, second: Buffer): Buffer {
  return listOf([first, second].filter(hasItems).map((list) => list.subarray(1, -1)))
}

function hasItems(list: Buffer): boolean {
  return skipSpace(list, 1) < list.length - 1
}

function listOf(items: readonly Buffer[]): Buffer {
  const pieces = items.flatMap((item, position) => (position === 0 ? [item] : [COMMA, item]))
  return Buffer.concat([EMPTY_LIST.subarray(0, 1), ...pieces, EMPTY_LIST.subarray(1)])
}
