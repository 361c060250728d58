/**
 * Makes bad input out of good: bytes that are flipped, cut, doubled or replaced by what parsers stumble over, and JSON in
 * which a value has become another.
 */
import type { JsonValue } from '../../src/core/json.ts'
import type { SeededRandom } from '../core/seeded-random.ts'

/** As text, into any place. */
const TOKENS = [
  'null',
  'true',
  '{}',
  '[]',
  '""',
  '-1',
  '0',
  '1e400',
  '1e-400',
  '12345678901234567890',
  '"__proto__"',
  '"constructor"',
  '"\\ud800"',
  '"\\u0000"',
  '\\',
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\0',
  '\r',
  '\n\n',
  '\r\n\r\n',
  'data: ',
  'event: ',
  ': ',
  '\uFEFF',
  '\u2028',
  '😀',
  '[DONE]',
  '${HOME}',
  '&a',
  '*a',
  '<<: *a',
  '- ',
  '!!binary ',
  '---\n',
  '\t',
  '#',
  '//',
  'NaN',
  'Infinity',
  '0x10',
  '1_000',
  '9'.repeat(400),
  '['.repeat(600),
  '{"a":'.repeat(300),
  '*'.repeat(50),
]

/** As values, in the place of others. */
const VALUES: readonly JsonValue[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e21,
  Number.MAX_SAFE_INTEGER,
  '',
  ' ',
  'a',
  '0',
  'null',
  '\ud800',
  '\u0000',
  '../../etc',
  'x'.repeat(5_000),
  [],
  {},
  [null],
  [[]],
  [{}],
  { type: 'text' },
  { type: 'nobody knows' },
  { text: null },
  ['a', 1, null],
  { toString: 1, length: -1 },
  JSON.parse('{"__proto__":{"a":1},"constructor":{"prototype":1}}') as JsonValue,
]

const MOST_BYTES = 64 * 1024

/** One to four changes. */
export function mutate(input: Buffer, random: SeededRandom, others: readonly Buffer[]): Buffer {
  let bytes = input
  for (let changes = 1 + random.whole(4); changes > 0; changes--) bytes = changeOnce(bytes, random, others)
  return bytes.subarray(0, MOST_BYTES)
}

function changeOnce(bytes: Buffer, random: SeededRandom, others: readonly Buffer[]): Buffer {
  const at = random.whole(bytes.length + 1)
  const length = random.whole(Math.min(64, bytes.length - at) + 1)
  const [before, piece, behind] = [bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at + length)]
  switch (random.whole(8)) {
    case 0:
      return Buffer.concat([before, Buffer.from([random.whole(256)]), behind])
    case 1:
      return Buffer.concat([before, behind])
    case 2:
      return Buffer.concat([before, piece, piece, behind])
    case 3:
      return Buffer.concat([before, Buffer.from(random.pick(TOKENS)), behind])
    case 4:
      return before
    case 5: {
      const other = random.pick(others)
      const from = random.whole(other.length + 1)
      return Buffer.concat([before, other.subarray(from, from + random.whole(400)), behind])
    }
    default:
      return changeJson(bytes, random) ?? changeJsonLines(bytes, random) ?? before
  }
}

/** The same JSON with one value replaced, doubled, left out or under another name; null for what is no JSON. */
function changeJson(bytes: Buffer, random: SeededRandom): Buffer | null {
  const root = parse(bytes.toString())
  return root === undefined ? null : Buffer.from(JSON.stringify(changeValue(root, random)))
}

/** A stream of events: the JSON of one `data:` line is changed, or an event is left out, doubled or moved. */
function changeJsonLines(bytes: Buffer, random: SeededRandom): Buffer | null {
  const events = bytes.toString().split(/(?<=\n\r?\n)/)
  const at = random.whole(events.length)
  const event = events[at] ?? ''
  const found = /^data: ?(.*)$/m.exec(event)
  if (found === null) return null
  switch (random.whole(5)) {
    case 0:
      return Buffer.from(events.toSpliced(at, 1).join(''))
    case 1:
      return Buffer.from(events.toSpliced(at, 0, event).join(''))
    case 2:
      return Buffer.from(events.toSpliced(at, 1).toSpliced(random.whole(events.length), 0, event).join(''))
    default: {
      const value = parse(found[1] ?? '')
      if (value === undefined) return null
      const changed = event.replace(found[1] ?? '', () => JSON.stringify(changeValue(value, random)))
      return Buffer.from(events.toSpliced(at, 1, changed).join(''))
    }
  }
}

function changeValue(root: JsonValue, random: SeededRandom): JsonValue {
  const places: Array<{ readonly holder: Record<string, JsonValue>; readonly key: string }> = []
  const visit = (value: JsonValue): void => {
    if (typeof value !== 'object' || value === null || places.length > 2_000) return
    for (const key of Object.keys(value)) {
      const holder = value as Record<string, JsonValue>
      places.push({ holder, key })
      visit(holder[key] as JsonValue)
    }
  }
  visit(root)
  if (places.length === 0) return random.pick(VALUES)
  const { holder, key } = random.pick(places)
  const other = random.pick(places)
  const value = holder[key] as JsonValue
  switch (random.whole(6)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(key), 1)
      else delete holder[key]
      break
    case 1:
      if (Array.isArray(holder)) holder.push(value)
      else holder[other.key] = value
      break
    case 2:
      holder[key] = structuredClone(other.holder[other.key] as JsonValue)
      break
    case 3:
      holder[key] = [value]
      break
    default:
      holder[key] = random.pick(VALUES)
  }
  return root
}

/** Undefined for what is no JSON, and for what is so deep that writing it again would throw. */
function parse(text: string): JsonValue | undefined {
  try {
    const value = JSON.parse(text) as JsonValue
    JSON.stringify(value)
    return value
  } catch {
    return undefined
  }
}
