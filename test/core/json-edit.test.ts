import { describe, expect, it } from 'vitest'
import { applyEdits, fillMissing, replaceValue } from '../../src/core/json-edit.ts'
import { scanObject, type JsonObject, type Range } from '../../src/core/json.ts'

const fill = (request: string, defaults: JsonObject): string => {
  const bytes = Buffer.from(request)
  return applyEdits(bytes, fillMissing(bytes, defaults)).toString()
}

describe('applyEdits', () => {
  it('splices one value and leaves every other byte', () => {
    const body = Buffer.from('{ "n":12345678901234567890, "model" : "alias", "x":1.0, "x":2 }')
    const model = scanObject(body, ['model']).get('model') as Range
    expect(applyEdits(body, [replaceValue(model, 'gpt-5.5"')]).toString()).toBe(
      '{ "n":12345678901234567890, "model" : "gpt-5.5\\"", "x":1.0, "x":2 }',
    )
  })

  it('makes edits in any order, and those at one place in the order given', () => {
    const edits = [
      { start: 5, end: 6, text: 'F' },
      { start: 2, end: 2, text: '1' },
      { start: 0, end: 2, text: Buffer.from('AB') },
      { start: 2, end: 2, text: '2' },
    ]
    expect(applyEdits(Buffer.from('abcdef'), edits).toString()).toBe('AB12cdeF')
  })

  it('returns the same bytes when there is nothing to do', () => {
    const body = Buffer.from('{}')
    expect(applyEdits(body, [])).toBe(body)
  })

  it('refuses edits that overlap or lie outside', () => {
    const overlapping = [
      { start: 0, end: 3, text: '' },
      { start: 2, end: 4, text: '' },
    ]
    expect(() => applyEdits(Buffer.from('abcdef'), overlapping)).toThrow(RangeError)
    expect(() => applyEdits(Buffer.from('ab'), [{ start: 1, end: 3, text: '' }])).toThrow(RangeError)
  })
})

describe('fillMissing', () => {
  it.each<[string, string, JsonObject, string]>([
    ['adds a missing member behind the last', '{"a":1}', { b: 2 }, '{"a":1,"b":2}'],
    ['fills an empty object', '{ }', { b: 2, c: [1] }, '{"b":2,"c":[1] }'],
    ['replaces null', '{"b":null,"a":1}', { b: 2 }, '{"b":2,"a":1}'],
    ['lets the request win', '{"b":0,"c":false,"d":""}', { b: 1, c: true, d: 'x' }, '{"b":0,"c":false,"d":""}'],
    [
      'merges objects',
      '{"r":{"effort":"low"}}',
      { r: { effort: 'high', summary: 'auto' } },
      '{"r":{"effort":"low","summary":"auto"}}',
    ],
    [
      'merges objects in objects',
      '{"a":{"b":{"c":1}}}',
      { a: { b: { d: 2 }, e: 3 } },
      '{"a":{"b":{"c":1,"d":2},"e":3}}',
    ],
    ['never merges lists', '{"include":["x"]}', { include: ['y'] }, '{"include":["x"]}'],
    ['leaves a scalar where the default is an object', '{"a":1}', { a: { b: 2 } }, '{"a":1}'],
    ['leaves an object where the default is a scalar', '{"a":{}}', { a: 5 }, '{"a":{}}'],
    ['knows a member behind an escape', '{"\\u0061":1}', { a: 2 }, '{"\\u0061":1}'],
    [
      'keeps numbers, order and white space',
      '{ "z" : 1.0,\n  "a":12345678901234567890\n}',
      { b: 1 },
      '{ "z" : 1.0,\n  "a":12345678901234567890,"b":1\n}',
    ],
    ['does nothing for a default of null', '{"a":null}', { a: null, b: null }, '{"a":null}'],
  ])('%s', (_, request, defaults, expected) => {
    expect(fill(request, defaults)).toBe(expected)
  })

  it('never touches what makes the request', () => {
    const defaults = { messages: [], model: 'other', stream: true, input: '', contents: [], metadata: { model: 'm' } }
    expect(fill('{"model":null}', defaults)).toBe('{"model":null,"metadata":{"model":"m"}}')
  })

  it('passes over names that reach into prototypes, at any depth', () => {
    const defaults = JSON.parse('{"__proto__":{"x":1},"a":{"constructor":1,"b":2},"c":{"prototype":1}}') as JsonObject
    expect(fill('{"a":{}}', defaults)).toBe('{"a":{"b":2},"c":{}}')
  })

  it('ignores what the defaults inherit', () => {
    expect(fill('{}', Object.create({ inherited: 1 }) as JsonObject)).toBe('{}')
  })

  it('refuses a request that is no object, and a member it fills that appears twice', () => {
    expect(() => fill('[{}]', { a: 1 })).toThrow('no object begins')
    expect(() => fill('{"a":{},"a":{}}', { a: 1 })).toThrow('a second "a"')
  })
})
