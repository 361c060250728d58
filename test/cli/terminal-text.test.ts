import { describe, expect, test } from 'vitest'
import { alignColumns } from '../../src/cli/columns.ts'
import { fit, widthOf } from '../../src/cli/terminal-text.ts'

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

test('columns are as wide as their widest cell, numbers to the right', () => {
  const rows = [
    ['model', 'requests'],
    ['日本', '7'],
  ]
  expect(alignColumns(rows, new Set([1]))).toEqual(['model  requests', '日本          7'])
})
