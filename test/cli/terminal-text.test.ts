import { describe, expect, test } from 'vitest'
import { alignColumns } from '../../src/cli/columns.ts'
import { fit, harmless, widthOf } from '../../src/cli/terminal-text.ts'

test.each([
  ['plain', 5],
  ['', 0],
  ['ä', 1],
  ['ä', 1],
  ['日本', 4],
  ['👩‍👩‍👧', 2],
])('%j is shown on %i columns', (text, width) => {
  expect(widthOf(text)).toBe(width)
})

describe('text that is too wide', () => {
  test.each([
    ['plain', 5, 'plain'],
    ['plain', 4, 'pla…'],
    ['日本語', 5, '日本…'],
    ['日本語', 4, '日…'],
    ['plain', 1, '…'],
    ['plain', 0, ''],
  ])('%s is cut to %i columns as %j', (text, width, expected) => {
    expect(fit(text, width)).toBe(expected)
  })
})

test('what would drive a terminal is shown as a mark', () => {
  expect(harmless('a\u001b[31mb\u0007\u009bc\u202ed\n')).toBe('a�[31mb��c�d�')
})

test('columns are as wide as their widest cell, numbers to the right', () => {
  const rows = [
    ['model', 'requests'],
    ['日本', '7'],
  ]
  expect(alignColumns(rows, new Set([1]))).toEqual(['model  requests', '日本          7'])
})
