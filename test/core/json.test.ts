import { describe, expect, it } from 'vitest'
import {
  extractLast,
  isCompleteJson,
  JsonSyntaxError,
  outlineObject,
  parseValue,
  peekObject,
  peekValue,
  scanArray,
  scanObject,
  type JsonValue,
  type Range,
} from '../../src/core/json.ts'
import { createSeededRandom, type SeededRandom } from './seeded-random.ts'

const textAt = (bytes: Buffer, range: Range | undefined): string | undefined =>
  range && bytes.toString('utf8', range.start, range.end)

describe('scanObject', () => {
  it('finds the wanted members and nothing inside other values', () => {
    const body = Buffer.from('{"a":{"model":"inner"},"model" : "gpt-5.5", "stream":true,"b":["model"]}')
    const found = scanObject(body, ['model', 'stream', 'absent'])
    expect([...found.keys()]).toEqual(['model', 'stream'])
    expect(textAt(body, found.get('model'))).toBe('"gpt-5.5"')
    expect(textAt(body, found.get('stream'))).toBe('true')
  })

  it.each([
    ['an escape in ASCII', '{"mod\\u0065l":1}', 'model'],
    ['a name beyond ASCII', '{"größe":1}', 'größe'],
    ['an escaped quote', '{"a\\"b":1}', 'a"b'],
    ['a trailing backslash', '{"a\\\\":1}', 'a\\'],
  ])('knows a name written with %s', (_, text, name) => {
    const body = Buffer.from(text)
    expect(textAt(body, scanObject(body, [name]).get(name))).toBe('1')
  })

  it('passes over a byte order mark and white space around the object', () => {
    const body = Buffer.from('\ufeff \r\n\t{ "model" : "x" } \n')
    expect(textAt(body, scanObject(body, ['model']).get('model'))).toBe('"x"')
  })

  it('scans an object inside another text by its range', () => {
    const body = Buffer.from('{"outer":{"in":1},"rest":')
    const outer = { start: body.indexOf('{"in'), end: body.indexOf(',"rest') }
    expect(textAt(body, scanObject(body, ['in'], outer).get('in'))).toBe('1')
  })

  it.each([
    ['', 'no object begins at line 1, column 1'],
    ['[]', 'no object begins at line 1, column 1'],
    ['"x"', 'no object begins at line 1, column 1'],
    ['{', 'the text ends where a member name in double quotes should stand at line 1, column 2'],
    ['{"a":1,}', 'a member name in double quotes is missing at line 1, column 8'],
    ["{'a':1}", 'a member name in double quotes is missing at line 1, column 2'],
    ['{"a" 1}', 'a colon is missing at line 1, column 6'],
    ['{"a":}', 'a value is missing at line 1, column 6'],
    ['{"a":1 "b":2}', 'a comma or "}" is missing at line 1, column 8'],
    ['{"a":[1 2]}', 'a comma or "]" is missing at line 1, column 9'],
    ['{"a":[1,]}', 'a value is missing at line 1, column 9'],
    ['{"a":[1}', 'a comma or "]" is missing at line 1, column 8'],
    ['{"a":"b', 'a text without its closing quote at line 1, column 6'],
    [`{"a":"${'long '.repeat(20)}\\"}`, 'a text without its closing quote at line 1, column 6'],
    ['{"a":tru}', 'a value is missing at line 1, column 6'],
    ['{"a":NaN}', 'a value is missing at line 1, column 6'],
    ['{"a":01}', 'a comma or "}" is missing at line 1, column 7'],
    ['{"a":1.}', 'a digit is missing at line 1, column 8'],
    ['{"a":1e+}', 'a digit is missing at line 1, column 9'],
    ['{"a":-}', 'a value is missing at line 1, column 6'],
    ['{"a":1}x', 'more text behind the end of the JSON at line 1, column 8'],
    ['{\n  "ü": 1,\n  "ü" 2}', 'a colon is missing at line 3, column 7'],
    ['{"model":1,"model":2}', 'a second "model" at line 1, column 12'],
    ['{"model":1,"mod\\u0065l":2}', 'a second "model" at line 1, column 12'],
  ])('refuses %j and says why and where', (text, message) => {
    expect(() => scanObject(Buffer.from(text), ['model'])).toThrow(
      expect.objectContaining({ name: 'JsonSyntaxError', message }),
    )
  })

  it('tells the byte offset of the trouble', () => {
    const refuse = (): unknown => scanObject(Buffer.from('{"ü":1,}'), [])
    expect(refuse).toThrow(expect.objectContaining({ offset: 8 }))
  })

  it('counts no lines far into a text, only bytes', () => {
    const body = Buffer.from(`{${'\n'.repeat(2_000_000)}x}`)
    expect(() => scanObject(body, [])).toThrow('a member name in double quotes is missing at byte 2000002')
  })

  it('takes 512 levels of nesting and refuses 513, or a million', () => {
    const nested = (levels: number): Buffer => Buffer.from(`{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`)
    expect(scanObject(nested(512), ['a']).size).toBe(1)
    expect(() => scanObject(nested(513), ['a'])).toThrow('more than 512 levels of nesting')
    expect(() => scanObject(nested(1_000_000), ['a'])).toThrow('more than 512 levels of nesting')
  })

  it('refuses a request of more than 200,000 values', () => {
    const numbers = (count: number): Buffer => Buffer.from(`{"a":[${'1,'.repeat(count - 1)}1]}`)
    expect(scanObject(numbers(199_999), ['a']).size).toBe(1)
    expect(() => scanObject(numbers(200_000), ['a'])).toThrow('too many values')
  })
})

describe('isCompleteJson', () => {
  it('agrees with JSON.parse on random values, whole and damaged', () => {
    const random = createSeededRandom(20_261_120)
    for (let round = 0; round < 3000; round++) {
      const text = randomJson(random, 4)
      expect(isCompleteJson(Buffer.from(text))).toBe(true)
      const damaged = damage(random, text)
      expect([damaged, isCompleteJson(Buffer.from(damaged))]).toEqual([damaged, canParse(damaged)])
    }
  })

  it('notices an answer that was cut at any place', () => {
    const answer = Buffer.from('{"content":[{"type":"text","text":"a\\"b"}],"usage":{"output_tokens":12}}')
    for (let length = 0; length < answer.length; length++) {
      expect(isCompleteJson(answer.subarray(0, length))).toBe(false)
    }
  })

  it('has no limit on the values of an answer', () => {
    expect(isCompleteJson(Buffer.from(`[${'0.5,'.repeat(300_000)}1]`))).toBe(true)
  })
})

describe('outlineObject', () => {
  const outline = (text: string) => {
    const body = Buffer.from(text)
    const { found, outline: members } = outlineObject(body, ['model'], ['messages', 'system', 'model'])
    const told = [...members].map(([name, member]) => [
      name,
      textAt(body, member),
      member.elements?.map((element) => textAt(body, element)) ?? null,
    ])
    return { model: textAt(body, found.get('model')), told }
  }

  it('finds members and the elements of those that are lists, in one pass', () => {
    expect(outline('{"system":"s","other":[0],"messages":[ {"a":[1]} , 2],"model":"m"}')).toEqual({
      model: '"m"',
      told: [
        ['system', '"s"', null],
        ['messages', '[ {"a":[1]} , 2]', ['{"a":[1]}', '2']],
        ['model', '"m"', null],
      ],
    })
  })

  it('takes the first of two outlined members, and does not take the elements of the one for those of the other', () => {
    expect(outline('{"messages":[],"messages":[1],"system":"s"}').told).toEqual([
      ['messages', '[]', []],
      ['system', '"s"', null],
    ])
  })

  it.each([
    ['{"model":1,"model":2}', 'a second "model" at line 1, column 12'],
    ['{"messages":[1,]}', 'a value is missing at line 1, column 16'],
    ['{"messages":[1]', 'the text ends where a comma or "}" should stand at line 1, column 16'],
    ['[]', 'no object begins at line 1, column 1'],
    ['{} {}', 'more text behind the end of the JSON at line 1, column 4'],
    [`{"messages":${'['.repeat(600)}`, 'more than 512 levels of nesting at line 1, column 524'],
  ])('refuses %j as scanObject does', (text, message) => {
    expect(() => outline(text)).toThrow(message)
    expect(() => scanObject(Buffer.from(text), ['model'])).toThrow(message)
  })
})

describe('scanArray and parseValue', () => {
  it('give the elements, and their values', () => {
    const body = Buffer.from('{"input":[ {"role":"user"} , "text",[1,2] , 3e2]}')
    const input = scanObject(body, ['input']).get('input') as Range
    const elements = scanArray(body, input)
    expect(elements.map((range) => textAt(body, range))).toEqual(['{"role":"user"}', '"text"', '[1,2]', '3e2'])
    expect(elements.map((range) => parseValue(body, range))).toEqual([{ role: 'user' }, 'text', [1, 2], 300])
  })

  it('refuse what is no array, and a bad escape', () => {
    const body = Buffer.from('{"a":"\\x"}')
    const range = scanObject(body, ['a']).get('a') as Range
    expect(() => scanArray(body, range)).toThrow('no array')
    expect(() => parseValue(body, range)).toThrow(JsonSyntaxError)
  })
})

describe('peekObject', () => {
  it('returns what stands before the cut', () => {
    const cut = Buffer.from('{"type":"response.failed","response":{"id":"resp_1","instructions":"You a')
    expect(textAt(cut, peekObject(cut, ['type', 'response']).get('type'))).toBe('"response.failed"')
  })

  it('stops when it has all, whatever follows', () => {
    const broken = Buffer.from('{"type":"x"}}}} not JSON')
    expect(textAt(broken, peekObject(broken, ['type']).get('type'))).toBe('"x"')
  })

  it.each(['', 'null', '[1]', 'data', '<html>'])('finds nothing in %j', (text) => {
    expect(peekObject(Buffer.from(text), ['type']).size).toBe(0)
  })
})

describe('peekValue', () => {
  it.each<[string, string, string[], JsonValue]>([
    ['a member', '{"a":[1],"b":2}', ['b'], 2],
    [
      'a member of a member, before a cut',
      '{"a":1,"response":{"id":"r","error":{"code":"x"},"tools":[{"na',
      ['response', 'error'],
      { code: 'x' },
    ],
    ['nothing when it is cut itself', '{"response":{"error":{"code":"x', ['response', 'error'], null],
    ['nothing behind a cut', '{"a":"x', ['b'], null],
    ['nothing in a scalar', '{"a":5}', ['a', 'b'], null],
    ['nothing for a bad escape', '{"a":"\\x"}', ['a'], null],
    ['nothing where a colon is missing', '{"a" 1,"b":2}', ['b'], null],
    ['nothing where a comma is missing', '{"a":1 "b":2}', ['b'], null],
    ['the whole value for an empty path', ' [1] ', [], [1]],
  ])('finds %s', (_, text, path, expected) => {
    expect(peekValue(Buffer.from(text), path)).toEqual(expected)
  })

  it('looks within a range', () => {
    const bytes = Buffer.from('{"a":{"b":1},"b":2}')
    expect(peekValue(bytes, ['b'], { start: 5, end: 12 })).toBe(1)
  })
})

describe('extractLast', () => {
  it.each<[string, string, JsonValue]>([
    ['the last of several', '{"usage":{"a":1},"x":{"usage":{"a":2}}}', { a: 2 }],
    ['a member in JSON without beginning', 'xt"}],"usage" : {"a":3},"user":null}', { a: 3 }],
    ['a real member, not a text that looks like one', '{"usage":{"a":4},"text":"\\"usage\\":{\\"a\\":5}"}', { a: 4 }],
    ['a member, not a text of the same name', '{"usage":{"a":6},"list":["usage"]}', { a: 6 }],
    ['the last that is not null or cut', '{"usage":{"a":7},"usage":null,"usage":{"a"', { a: 7 }],
    ['nothing where there is none', '{"a":1}', null],
    ['nothing when the value is cut', '{"usage":{"a":', null],
  ])('finds %s', (_, text, expected) => {
    expect(extractLast(Buffer.from(text), 'usage')).toEqual(expected)
  })
})

function randomJson(random: SeededRandom, depth: number): string {
  const kinds = depth > 0 ? ['scalar', 'scalar', 'array', 'object'] : ['scalar']
  const list = (item: () => string): string =>
    Array.from({ length: random.whole(4) }, item).join(randomSpace(random, ','))
  switch (random.pick(kinds)) {
    case 'array':
      return `[${list(() => randomJson(random, depth - 1))}]`
    case 'object':
      return `{${list(() => `"${random.pick(['a', 'é', 'k\\n'])}"${randomSpace(random, ':')}${randomJson(random, depth - 1)}`)}}`
    default:
      return random.pick([
        '0',
        '-12.50e3',
        'true',
        'false',
        'null',
        '""',
        '"\\\\"',
        '"\\"a"',
        `"${'x'.repeat(random.whole(60))}"`,
      ])
  }
}

function randomSpace(random: SeededRandom, mark: string): string {
  return random.pick([mark, mark, ` ${mark}\n`])
}

/** Changes one character. No backslash is put in: escapes inside strings are a parser's business, not the scanner's. */
function damage(random: SeededRandom, text: string): string {
  const at = random.whole(text.length)
  const inserted = random.pick(['', '{', '}', '[', ']', ',', ':', '"', '0', '.', '-', 'e', 't', ' '])
  const rest = text.slice(at + random.whole(2))
  return text[at] === '\\' || text[at - 1] === '\\' ? text : text.slice(0, at) + inserted + rest
}

function canParse(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
