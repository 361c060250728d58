/**
 * The grammar of JSON over bytes (RFC 8259): steps over one value and builds nothing. What strings hold is not looked at.
 */

/** Far beyond any real text, far below what makes recursive readers (ours and those behind us) run out of stack. */
const MAX_DEPTH = 512

/** JSON that a parser would reject. The message is a clause for a person and says where. */
export class JsonSyntaxError extends Error {
  /** Byte offset of the trouble. */
  readonly offset: number

  constructor(problem: string, bytes: Buffer, offset: number) {
    super(`${problem} at ${describePosition(bytes, offset)}`)
    this.name = 'JsonSyntaxError'
    this.offset = offset
  }
}

/** As many values as anybody likes: the largest number that stays a machine integer. */
export const NO_LIMIT = 2 ** 30

/** One pass over a text: the bytes, and how many more values it may meet. */
export interface Walk {
  readonly bytes: Buffer
  valuesLeft: number
}

/** Called for each member of an object with the places of name (without quotes) and value; true ends the walk. */
export type OnMember = (nameStart: number, nameEnd: number, valueStart: number, valueEnd: number) => boolean

/** Called for each element of an array with its place. */
export type OnElement = (start: number, end: number) => void

/** Asked for each member that is an array who wants to be told of its elements; null for nobody. */
export type OnList = (nameStart: number, nameEnd: number) => OnElement | null

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const SPACE = 0x20
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const TAB = 0x09
const MINUS = 0x2d
const PLUS = 0x2b
const POINT = 0x2e
const ZERO = 0x30

/**
 * Steps over the value at `at` and returns the offset behind it. `depth` is how many containers already surround it.
 * Throws JsonSyntaxError.
 */
export function skipValue(walk: Walk, at: number, depth: number): number {
  if (--walk.valuesLeft < 0) throw new JsonSyntaxError('too many values', walk.bytes, at)
  switch (walk.bytes[at]) {
    case QUOTE:
      return skipString(walk.bytes, at)
    case OPEN_BRACE:
      return skipObject(walk, at, depth + 1, null)
    case OPEN_BRACKET:
      return skipArray(walk, at, depth + 1, null)
    case 0x74:
      return skipLiteral(walk.bytes, at, 'true')
    case 0x66:
      return skipLiteral(walk.bytes, at, 'false')
    case 0x6e:
      return skipLiteral(walk.bytes, at, 'null')
    default:
      return skipNumber(walk.bytes, at)
  }
}

/** Steps over the object whose brace is at `at`. */
export function skipObject(
  walk: Walk,
  at: number,
  depth: number,
  onMember: OnMember | null,
  onList: OnList | null = null,
): number {
  const { bytes } = walk
  if (depth > MAX_DEPTH) throw new JsonSyntaxError(`more than ${MAX_DEPTH} levels of nesting`, bytes, at)
  let next = skipSpace(bytes, at + 1)
  if (bytes[next] === CLOSE_BRACE) return next + 1
  for (;;) {
    if (bytes[next] !== QUOTE) throw unexpected(bytes, next, 'a member name in double quotes')
    const nameStart = next + 1
    const nameEnd = skipString(bytes, next) - 1
    next = skipSpace(bytes, nameEnd + 1)
    if (bytes[next] !== COLON) throw unexpected(bytes, next, 'a colon')
    const valueStart = skipSpace(bytes, next + 1)
    const onElement = onList !== null && bytes[valueStart] === OPEN_BRACKET ? onList(nameStart, nameEnd) : null
    const valueEnd =
      onElement === null ? skipValue(walk, valueStart, depth) : skipArray(walk, valueStart, depth + 1, onElement)
    if (onMember?.(nameStart, nameEnd, valueStart, valueEnd)) return valueEnd
    next = skipSpace(bytes, valueEnd)
    if (bytes[next] === CLOSE_BRACE) return next + 1
    if (bytes[next] !== COMMA) throw unexpected(bytes, next, 'a comma or "}"')
    next = skipSpace(bytes, next + 1)
  }
}

/** Steps over the array whose bracket is at `at`. */
export function skipArray(walk: Walk, at: number, depth: number, onElement: OnElement | null): number {
  const { bytes } = walk
  if (depth > MAX_DEPTH) throw new JsonSyntaxError(`more than ${MAX_DEPTH} levels of nesting`, bytes, at)
  let next = skipSpace(bytes, at + 1)
  if (bytes[next] === CLOSE_BRACKET) return next + 1
  for (;;) {
    const end = skipValue(walk, next, depth)
    onElement?.(next, end)
    next = skipSpace(bytes, end)
    if (bytes[next] === CLOSE_BRACKET) return next + 1
    if (bytes[next] !== COMMA) throw unexpected(bytes, next, 'a comma or "]"')
    next = skipSpace(bytes, next + 1)
  }
}

/** The offset of the next byte that is no white space. */
export function skipSpace(bytes: Buffer, at: number): number {
  let next = at
  for (;;) {
    const byte = bytes[next] as number
    if (byte > SPACE || (byte !== SPACE && byte !== LINE_FEED && byte !== CARRIAGE_RETURN && byte !== TAB)) return next
    next++
  }
}

/**
 * Most strings of a request are short names, most bytes stand in a few long texts: so a string is read in plain code at
 * first and then by a native search for its quote, which runs at memory speed but costs a call. Escaped quotes often come
 * in pairs around a word, so behind each one it is plain code again for a while.
 */
const PLAIN_BYTES = 24

/** Steps over the string whose quote is at `at`. */
function skipString(bytes: Buffer, at: number): number {
  let next = at + 1
  for (;;) {
    for (const plainEnd = next + PLAIN_BYTES; next < plainEnd; next++) {
      const byte = bytes[next]
      if (byte === QUOTE) return next + 1
      if (byte === BACKSLASH) next++
      else if (byte === undefined) throw new JsonSyntaxError('a text without its closing quote', bytes, at)
    }
    const quote = bytes.indexOf(QUOTE, next)
    if (quote < 0) throw new JsonSyntaxError('a text without its closing quote', bytes, at)
    let escapes = quote
    while (escapes > next && bytes[escapes - 1] === BACKSLASH) escapes--
    if ((quote - escapes) % 2 === 0) return quote + 1
    next = quote + 1
  }
}

function skipLiteral(bytes: Buffer, at: number, literal: string): number {
  for (let i = 1; i < literal.length; i++) {
    if (bytes[at + i] !== literal.charCodeAt(i)) throw unexpected(bytes, at, 'a value')
  }
  return at + literal.length
}

function skipNumber(bytes: Buffer, at: number): number {
  let next = bytes[at] === MINUS ? at + 1 : at
  if (!isDigit(bytes[next])) throw unexpected(bytes, at, 'a value')
  next = bytes[next] === ZERO ? next + 1 : skipDigits(bytes, next)
  if (bytes[next] === POINT) next = skipDigits(bytes, next + 1)
  if (((bytes[next] ?? 0) | 0x20) === 0x65) {
    const sign = bytes[next + 1]
    next = skipDigits(bytes, sign === PLUS || sign === MINUS ? next + 2 : next + 1)
  }
  return next
}

function skipDigits(bytes: Buffer, at: number): number {
  if (!isDigit(bytes[at])) throw unexpected(bytes, at, 'a digit')
  let next = at + 1
  while (isDigit(bytes[next])) next++
  return next
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= 0x39
}

function unexpected(bytes: Buffer, at: number, wanted: string): JsonSyntaxError {
  const problem = at >= bytes.length ? `the text ends where ${wanted} should stand` : `${wanted} is missing`
  return new JsonSyntaxError(problem, bytes, at)
}

/** Beyond this nobody looks for a line, and counting them would be work for a stranger. */
const FAR_BYTES = 1024 * 1024

/** Line and column as an editor counts them, both from 1. */
function describePosition(bytes: Buffer, offset: number): string {
  if (offset > FAR_BYTES) return `byte ${offset + 1}`
  let line = 1
  let lineStart = 0
  for (;;) {
    const lineFeed = bytes.indexOf(LINE_FEED, lineStart)
    if (lineFeed < 0 || lineFeed >= offset) break
    line++
    lineStart = lineFeed + 1
  }
  return `line ${line}, column ${bytes.toString('utf8', lineStart, offset).length + 1}`
}
