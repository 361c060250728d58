/**
 * Shows the client the model it asked for when the account knows it by another name. Bytes pass as they are but for the
 * value of that one member.
 */
import { type Edit, applyEdits } from '../core/json-edit.ts'
import { peekObject, type Range } from '../core/json.ts'

/** What the dialects call it. */
const NAMES = ['model', 'modelVersion']
/** Where an event tells it if not at its top: what the model says or calls may have members of the same name. */
const AROUND = ['message', 'response']

const MARK = Buffer.from('"model')
const FIELD = 'data:'
const QUOTE = 0x22
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/**
 * The bytes of complete events with the name replaced; the same buffer when none of them tells it. An event whose data
 * stands in more than one line, or whose beginning is not there, keeps the name that it has.
 */
export function renameInEvents(events: Buffer, shownModel: string): Buffer {
  const edits: Edit[] = []
  let at = events.indexOf(MARK)
  while (at >= 0) {
    const line = lineAround(events, at)
    const start = line.start + FIELD.length
    const isData = events.toString('latin1', line.start, start) === FIELD
    if (isData) edits.push(...findNames(events, { start, end: line.end }, shownModel))
    at = events.indexOf(MARK, line.end)
  }
  return applyEdits(events, edits)
}

/** The same for a whole answer, where only the top level counts. */
export function renameWhole(body: Buffer, shownModel: string): Buffer {
  return applyEdits(body, editsOf(body, peekObject(body, NAMES), shownModel))
}

function findNames(bytes: Buffer, object: Range, shownModel: string): Edit[] {
  const members = peekObject(bytes, [...NAMES, ...AROUND], object)
  const edits = editsOf(bytes, members, shownModel)
  for (const name of AROUND) {
    const inner = members.get(name)
    if (inner !== undefined) edits.push(...editsOf(bytes, peekObject(bytes, NAMES, inner), shownModel))
  }
  return edits
}

function editsOf(bytes: Buffer, members: ReadonlyMap<string, Range>, shownModel: string): Edit[] {
  const text = JSON.stringify(shownModel)
  return NAMES.flatMap((name) => {
    const range = members.get(name)
    return range === undefined || bytes[range.start] !== QUOTE ? [] : [{ ...range, text }]
  })
}

function lineAround(bytes: Buffer, at: number): Range {
  let start = at
  while (start > 0 && !isLineEnd(bytes[start - 1])) start--
  let end = at
  while (end < bytes.length && !isLineEnd(bytes[end])) end++
  return { start, end }
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === LINE_FEED || byte === CARRIAGE_RETURN
}
