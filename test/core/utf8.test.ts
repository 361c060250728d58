/**
 * Bytes as text.
 */
import { describe, expect, test } from 'vitest'
import { decodeUtf8 } from '../../src/core/utf8.ts'

describe.each([
  ['short', 3],
  ['long', 9_000],
])('a %s text', (_length, times) => {
  test.each([
    ['of ASCII', '{"a": "b\\u00e9"}\n'],
    ['of two, three and four bytes a letter', 'é€😀'],
    ['with byte order marks', '\uFEFFa'],
  ])('%s is what it says', (_what, words) => {
    const text = words.repeat(times)
    expect(decodeUtf8(Buffer.from(text))).toBe(text)
  })

  test('with one byte that is not UTF-8 has U+FFFD in its place', () => {
    const ascii = 'abc'.repeat(times)
    const bytes = Buffer.concat([Buffer.from(ascii), Buffer.from([0xff]), Buffer.from(ascii)])
    expect(decodeUtf8(bytes)).toBe(`${ascii}\uFFFD${ascii}`)
  })
})
