/**
 * JSON as bytes: finds the few members that matter without building values, and reads those.
 */
import {
  JsonSyntaxError,
  NO_LIMIT,
  type OnList,
  type OnMember,
  skipArray,
  skipObject,
  skipSpace,
  skipValue,
  type Walk,
} from './json-syntax.ts'

export { JsonSyntaxError } from './json-syntax.ts'

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject
export interface JsonObject {
  [key: string]: JsonValue
}

/** True for what has members: neither a scalar nor a list. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A half-open range of byte offsets. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** The value of a member, and where the elements stand when it is a list. */
export interface Member extends Range {
  readonly elements: readonly Range[] | null
}

/** Members of an object by their names. */
export type Outline = ReadonlyMap<string, Member>

/** Of a text that has no members, or none that anybody reads. */
export const NO_OUTLINE: Outline = new Map()

/** A request with more values than this is refused before it costs anybody memory. Answers (embeddings) hold more. */
const MAX_REQUEST_VALUES = 200_000

const OPEN_BRACE = 0x7b
const OPEN_BRACKET = 0x5b
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c
const QUOTE = 0x22

/**
 * Where the values of the `wanted` members of an object stand. The object is the whole text (a byte order mark and white
 * space around it are fine) or the one in `range`. Its structure is checked as a parser would, down to the last bracket;
 * a wanted member that appears twice is an error too, since readers disagree which one counts. Throws JsonSyntaxError.
 *
 * In µs, JSON.parse in brackets: 1 KB 1.4 (2.9), 20 KB 5 (24), 200 KB of prose 5 (160), of source code 40 (240), of JSON in
 * JSON with a quote at every few bytes 210 (310).
 */
export function scanObject(bytes: Buffer, wanted: readonly string[], range?: Range): ReadonlyMap<string, Range> {
  return outlineObject(bytes, wanted, [], range).found
}

/**
 * Like scanObject, and in the same pass an outline of the members named in `outlined`. Of those the first counts when one
 * appears twice: they are read for guidance, and the text is somebody else's to judge.
 */
export function outlineObject(
  bytes: Buffer,
  wanted: readonly string[],
  outlined: readonly string[],
  range?: Range,
): { readonly found: ReadonlyMap<string, Range>; readonly outline: Outline } {
  const found = new Map<string, Range>()
  const outline = new Map<string, Member>()
  let elements: Range[] | null = null
  const walk = startWalk(bytes, range, MAX_REQUEST_VALUES)
  const at = skipSpace(walk.bytes, range?.start ?? startOfText(bytes))
  if (walk.bytes[at] !== OPEN_BRACE) throw new JsonSyntaxError('no object begins', walk.bytes, at)
  const onMember: OnMember = (nameStart, nameEnd, start, end) => {
    const name = matchName(walk.bytes, nameStart, nameEnd, wanted)
    if (name !== undefined) {
      if (found.has(name)) throw new JsonSyntaxError(`a second "${name}"`, walk.bytes, nameStart - 1)
      found.set(name, { start, end })
    }
    const noted = matchName(walk.bytes, nameStart, nameEnd, outlined)
    if (noted !== undefined && !outline.has(noted)) outline.set(noted, { start, end, elements })
    elements = null
    return false
  }
  const onList: OnList = (nameStart, nameEnd) => {
    if (matchName(walk.bytes, nameStart, nameEnd, outlined) === undefined) return null
    const list: Range[] = []
    elements = list
    return (start, end) => void list.push({ start, end })
  }
  expectEnd(walk, skipObject(walk, at, 1, onMember, onList))
  return { found, outline }
}

/** The places of the elements of the array in `range`. Throws JsonSyntaxError, also when there is no array. */
export function scanArray(bytes: Buffer, range: Range): Range[] {
  const elements: Range[] = []
  const walk = startWalk(bytes, range)
  const at = skipSpace(walk.bytes, range.start)
  if (walk.bytes[at] !== OPEN_BRACKET) throw new JsonSyntaxError('no array begins', walk.bytes, at)
  expectEnd(
    walk,
    skipArray(walk, at, 1, (start, end) => elements.push({ start, end })),
  )
  return elements
}

/**
 * Like scanObject, for JSON that may be cut or wrong further on: stops as soon as all of `wanted` are found, returns what
 * it found before any trouble, and never throws. The first of two equal members counts.
 */
export function peekObject(bytes: Buffer, wanted: readonly string[], range?: Range): Map<string, Range> {
  const found = new Map<string, Range>()
  const walk = startWalk(bytes, range)
  const at = skipSpace(walk.bytes, range?.start ?? startOfText(bytes))
  if (walk.bytes[at] !== OPEN_BRACE) return found
  try {
    skipObject(walk, at, 1, (nameStart, nameEnd, start, end) => {
      const name = matchName(walk.bytes, nameStart, nameEnd, wanted)
      if (name !== undefined && !found.has(name)) found.set(name, { start, end })
      return found.size === wanted.length
    })
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error
  }
  return found
}

/**
 * The value that the names of `path` lead to, in JSON that may be cut or wrong behind it; null when it is absent, cut or
 * wrong itself. Never throws.
 */
export function peekValue(bytes: Buffer, path: readonly string[], within?: Range): JsonValue {
  const walk = startWalk(bytes, within)
  try {
    let at = skipSpace(walk.bytes, within?.start ?? startOfText(bytes))
    for (const name of path) {
      at = walk.bytes[at] === OPEN_BRACE ? findMember(walk, at, name) : -1
      if (at < 0) return null
    }
    return parseValue(bytes, { start: at, end: skipValue(walk, at, 0) })
  } catch (error) {
    if (error instanceof JsonSyntaxError) return null
    throw error
  }
}

/** Where the value of the member `name` begins in the object at `at`; -1 when it has none. What follows is not read. */
function findMember(walk: Walk, at: number, name: string): number {
  const { bytes } = walk
  let next = skipSpace(bytes, at + 1)
  while (bytes[next] === QUOTE) {
    const nameEnd = skipValue(walk, next, 0) - 1
    const colon = skipSpace(bytes, nameEnd + 1)
    if (bytes[colon] !== COLON) return -1
    const value = skipSpace(bytes, colon + 1)
    if (matchName(bytes, next + 1, nameEnd, [name]) !== undefined) return value
    const comma = skipSpace(bytes, skipValue(walk, value, 0))
    if (bytes[comma] !== COMMA) return -1
    next = skipSpace(bytes, comma + 1)
  }
  return -1
}

/** Whether the text is one JSON value from beginning to end, and not a truncated one. */
export function isCompleteJson(bytes: Buffer): boolean {
  const walk = startWalk(bytes)
  try {
    expectEnd(walk, skipValue(walk, skipSpace(bytes, startOfText(bytes)), 0))
    return true
  } catch (error) {
    if (error instanceof JsonSyntaxError) return false
    throw error
  }
}

/** The value in `range`, built. Throws JsonSyntaxError for what only a full parse notices, such as a bad escape. */
export function parseValue(bytes: Buffer, range: Range): JsonValue {
  if (isPlainText(bytes, range)) return bytes.toString('latin1', range.start + 1, range.end - 1)
  try {
    return JSON.parse(bytes.toString('utf8', range.start, range.end)) as JsonValue
  } catch {
    throw new JsonSyntaxError('a value that cannot be read', bytes, range.start)
  }
}

/** Texts up to this length are mostly names, and nearly always what stands between their quotes. */
const LONGEST_NAME = 64

/** Whether the value is a short text of printable ASCII without escapes. */
function isPlainText(bytes: Buffer, { start, end }: Range): boolean {
  if (bytes[start] !== QUOTE || end - start > LONGEST_NAME || end - start < 2) return false
  for (let at = start + 1; at < end - 1; at++) {
    const byte = bytes[at] as number
    if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH || byte === QUOTE) return false
  }
  return bytes[end - 1] === QUOTE
}

/**
 * The value of the last member called `key` that is not null, at any depth, in JSON that may be cut anywhere before it;
 * null when there is none or it is cut itself. A search is enough: inside a string the quotes around the name would carry
 * backslashes. Gives up after a few, so that the work stays linear.
 */
export function extractLast(bytes: Buffer, key: string): JsonValue {
  const name = `"${key}"`
  let at = bytes.lastIndexOf(name)
  for (let tries = 0; at >= 0 && tries < MOST_TRIES; tries++) {
    const colon = skipSpace(bytes, at + name.length)
    const value = bytes[colon] === COLON ? peekValue(bytes, [], { start: colon + 1, end: bytes.length }) : null
    if (value !== null) return value
    at = at === 0 ? -1 : bytes.lastIndexOf(name, at - 1)
  }
  return null
}

const MOST_TRIES = 8

/** A view that ends with the range keeps offsets true and stops the walk where the range stops. */
function startWalk(bytes: Buffer, range?: Range, valuesLeft = NO_LIMIT): Walk {
  return { bytes: range === undefined || range.end === bytes.length ? bytes : bytes.subarray(0, range.end), valuesLeft }
}

function startOfText(bytes: Buffer): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
}

function expectEnd(walk: Walk, at: number): void {
  const rest = skipSpace(walk.bytes, at)
  if (rest < walk.bytes.length) throw new JsonSyntaxError('more text behind the end of the JSON', walk.bytes, rest)
}

/** Which of `wanted` the name in the bytes is. Names in plain ASCII, nearly all of them, are compared as bytes. */
function matchName(bytes: Buffer, start: number, end: number, wanted: readonly string[]): string | undefined {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number
    if (byte === BACKSLASH || byte > 0x7e) {
      const name = parseValue(bytes, { start: start - 1, end: end + 1 })
      return wanted.find((candidate) => candidate === name)
    }
  }
  for (const candidate of wanted) {
    if (candidate.length === end - start && hasText(bytes, start, candidate)) return candidate
  }
  return undefined
}

function hasText(bytes: Buffer, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (bytes[start + i] !== text.charCodeAt(i)) return false
  }
  return true
}
