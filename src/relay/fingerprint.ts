/**
 * Tells parts of a conversation from each other, whatever cache marks they carry today.
 */
import { crc32 } from 'node:zlib'
import type { Range } from '../core/json.ts'
import { NO_LIMIT, skipSpace, skipValue } from '../core/json-syntax.ts'

/**
 * What a part says, as its length and its CRC-32: enough to tell the turns of one client's conversations apart, for a
 * quarter of what a digest of the bytes costs. Whoever forges an equal one only seats two of his own beside each other.
 */
export function fingerprint(body: Buffer, { start, end }: Range): Buffer {
  const bytes = body.subarray(start, end)
  let sum = 0
  let length = 0
  let from = 0
  const add = (to: number): void => {
    sum = crc32(bytes.subarray(from, to), sum)
    length += to - from
  }
  for (const mark of cacheMarksIn(bytes)) {
    add(mark.start)
    from = mark.end
  }
  add(bytes.length)
  const print = Buffer.allocUnsafe(8)
  print.writeUInt32LE(sum, 0)
  print.writeUInt32LE(length, 4)
  return print
}

const CACHE_MARK = Buffer.from('"cache_control"')
/** A search for few bytes of which the first is rare runs at memory speed; one for the whole name takes eight times as long. */
const RARE_BYTES = CACHE_MARK.subarray(6, 12)
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c
const SPACE = 0x20

/**
 * Members `cache_control` in a part whose syntax has been checked, each with one comma beside it. They wander from message
 * to message as a conversation grows, and are no part of what was said. Inside a text the name's quotes would carry
 * backslashes.
 */
function* cacheMarksIn(bytes: Buffer): Generator<Range> {
  let last = 0
  let next = 0
  for (let found = bytes.indexOf(RARE_BYTES); found >= 0; found = bytes.indexOf(RARE_BYTES, next)) {
    next = found + 1
    let start = found - 6
    const nameEnd = start + CACHE_MARK.length
    if (start < 1 || bytes[start - 1] === BACKSLASH || !bytes.subarray(start, nameEnd).equals(CACHE_MARK)) continue
    const colon = skipSpace(bytes, nameEnd)
    if (bytes[colon] !== COLON) continue
    let end = skipSpace(bytes, skipValue({ bytes, valuesLeft: NO_LIMIT }, skipSpace(bytes, colon + 1), 0))
    // The mark before may have taken what stands between the two.
    while (start > last && (bytes[start - 1] as number) <= SPACE) start--
    if (start > last && bytes[start - 1] === COMMA) start--
    else if (bytes[end] === COMMA) end = skipSpace(bytes, end + 1)
    last = end
    // What stands within a mark goes with it, another mark among it.
    next = end
    yield { start, end }
  }
}
