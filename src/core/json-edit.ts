/**
 * Changes single places of a JSON text and leaves every other byte as it is: number forms, key order and white space
 * survive, which a parse and a stringify would not grant.
 */
import { isJsonObject, scanObject, type JsonObject, type JsonValue, type Range } from './json.ts'

/** The bytes from `start` to `end` give way to `text`; `start` equal to `end` inserts. */
export interface Edit extends Range {
  readonly text: string | Buffer
}

/**
 * The bytes with all edits made; the same buffer when there are none. Edits may come in any order; those at one place are
 * made in the order given. Throws RangeError when two of them overlap.
 */
export function applyEdits(bytes: Buffer, edits: readonly Edit[]): Buffer {
  if (edits.length === 0) return bytes
  const pieces: Buffer[] = []
  let position = 0
  for (const edit of edits.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    if (edit.start < position || edit.end > bytes.length) throw new RangeError(`edit at ${edit.start} overlaps another`)
    pieces.push(
      bytes.subarray(position, edit.start),
      typeof edit.text === 'string' ? Buffer.from(edit.text) : edit.text,
    )
    position = edit.end
  }
  pieces.push(bytes.subarray(position))
  return Buffer.concat(pieces)
}

/** Puts `value` where another value stood. */
export function replaceValue(range: Range, value: JsonValue): Edit {
  return { start: range.start, end: range.end, text: stringify(value) }
}

/** What makes a request this request: never filled in from a config. */
const NEVER_FILLED = new Set(['messages', 'model', 'stream', 'input', 'contents'])

/** Names that reach into the prototypes of a careless reader behind us. */
const UNSAFE_NAMES = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * The edits that fill `defaults` into a request where it has no such member or null. The request wins; where both sides
 * have an object it is filled in turn; lists and scalars are never merged. Throws JsonSyntaxError, also when the request
 * is no object or has one of these members twice.
 */
export function fillMissing(bytes: Buffer, defaults: JsonObject): Edit[] {
  const names = Object.keys(defaults).filter((name) => !NEVER_FILLED.has(name))
  const present = scanObject(bytes, names)
  const root = { start: bytes.indexOf(OPEN_BRACE), end: bytes.lastIndexOf(CLOSE_BRACE) + 1 }
  return fillObject(bytes, root, present, defaults, names)
}

function fillObject(
  bytes: Buffer,
  object: Range,
  present: ReadonlyMap<string, Range>,
  defaults: JsonObject,
  names: readonly string[],
): Edit[] {
  const edits: Edit[] = []
  const missing: string[] = []
  for (const name of names) {
    const value = defaults[name]
    const range = present.get(name)
    if (UNSAFE_NAMES.has(name) || value === undefined || value === null) continue
    if (range === undefined) missing.push(`${JSON.stringify(name)}:${stringify(value)}`)
    else if (bytes[range.start] === LETTER_N) edits.push(replaceValue(range, value))
    else if (bytes[range.start] === OPEN_BRACE && isJsonObject(value)) {
      const inner = Object.keys(value)
      edits.push(...fillObject(bytes, range, scanObject(bytes, inner, range), value, inner))
    }
  }
  if (missing.length > 0) edits.push(appendMembers(bytes, object, missing.join(',')))
  return edits
}

const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
/** Of all JSON values only `null` begins with it. */
const LETTER_N = 0x6e
const SPACE = 0x20

/** Behind the last member, so that what the client wrote keeps its place and the vendor's prompt cache its prefix. */
function appendMembers(bytes: Buffer, object: Range, members: string): Edit {
  let at = object.end - 1
  while ((bytes[at - 1] as number) <= SPACE) at--
  return { start: at, end: at, text: at - 1 === object.start ? members : `,${members}` }
}

function stringify(value: JsonValue): string {
  return JSON.stringify(value, (name, inner: unknown) => (UNSAFE_NAMES.has(name) ? undefined : inner))
}
