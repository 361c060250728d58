import { describe, expect, test } from 'vitest'
import { applyEdits } from '../../src/core/json-edit.ts'
import { JsonSyntaxError } from '../../src/core/json.ts'
import { createObjectEditor, type ObjectEditor } from '../../src/core/object-editor.ts'
import { createSeededRandom } from './seeded-random.ts'

function edit(text: string, change: (editor: ObjectEditor) => void): string {
  const bytes = Buffer.from(text)
  const editor = createObjectEditor(bytes)
  change(editor)
  return applyEdits(bytes, editor.edits()).toString()
}

describe('one object in a text', () => {
  test.each<[string, string, (editor: ObjectEditor) => void, string]>([
    ['nothing', '{ "a" : 1.0e2 }', () => {}, '{ "a" : 1.0e2 }'],
    ['the first member', '{ "a":1, "b":2 }', (o) => o.remove('a'), '{ "b":2 }'],
    ['one between others', '{"a":1, "b":2 ,"c":3}', (o) => o.remove('b'), '{"a":1, "c":3}'],
    ['the last member', '{"a":1, "b":2 }', (o) => o.remove('b'), '{"a":1 }'],
    ['all of them', '{ "a":1,"b":2 }', (o) => ['a', 'b'].forEach((name) => o.remove(name)), '{  }'],
    ['a name with an escape', '{"\\u0061":1,"b":2}', (o) => o.remove('a'), '{"b":2}'],
    ['one that is replaced', '{"a": 1 ,"b":2}', (o) => o.set('a', 'null'), '{"a": null ,"b":2}'],
    ['one that is new', '{"a":1 }', (o) => o.set('b', '[2]'), '{"a":1,"b":[2] }'],
    ['the first of all', '{ }', (o) => o.set('a', '1'), '{"a":1 }'],
    ['new where all is removed', '{"a":1,"b":2}', (o) => (o.remove('a'), o.remove('b'), o.set('c', '3')), '{"c":3}'],
    ['new behind a removed end', '{"a":1,"b":2}', (o) => (o.remove('b'), o.set('c', '3')), '{"a":1,"c":3}'],
    ['one removed and set again', '{"a":1,"b":2}', (o) => (o.remove('a'), o.set('a', '3')), '{"b":2,"a":3}'],
    ['the earlier of two equal ones', '{"a":1,"b":2,"a":3}', (o) => o.set('b', '0'), '{"b":0,"a":3}'],
    ['one inside another', '{"a":{"x":1,"y":[2]},"b":2}', (o) => o.inner('a')?.remove('x'), '{"a":{"y":[2]},"b":2}'],
    [
      'one inside another that then goes',
      '{"a":{"x":1},"b":2}',
      (o) => (o.inner('a')?.set('x', '2'), o.remove('a')),
      '{"b":2}',
    ],
  ])('%s', (_what, before, change, after) => {
    expect(edit(before, change)).toBe(after)
  })

  test('a value that is no object has no inside', () => {
    expect(createObjectEditor(Buffer.from('{"a":[1]}')).inner('a')).toBeNull()
    for (const text of ['[1]', '"a":1}', '{"\\x":1}']) {
      expect(() => createObjectEditor(Buffer.from(text))).toThrow(JsonSyntaxError)
    }
  })

  test('whatever is removed and added, the text means what an object would', () => {
    const random = createSeededRandom(7)
    for (let round = 0; round < 300; round++) {
      const model: Record<string, number> = {}
      for (let i = random.whole(6); i > 0; i--) model[`m${random.whole(8)}`] = random.whole(100)
      const text = JSON.stringify(model, null, random.whole(3))
      const expected = { ...model }
      const after = edit(text, (editor) => {
        for (let i = random.whole(8); i > 0; i--) {
          const name = `m${random.whole(8)}`
          if (random.whole(2) === 0) {
            editor.remove(name)
            delete expected[name]
          } else {
            editor.set(name, String(i))
            expected[name] = i
          }
        }
      })
      expect(JSON.parse(after)).toEqual(expected)
    }
  })
})
