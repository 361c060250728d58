/**
 * The page of the two matrices against the tests themselves: no row without a test or a reason, and no file that is named for
 * a row which it does not carry.
 */
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

interface ToldRow {
  readonly what: string
  readonly byte: readonly string[]
  readonly hub: readonly string[]
  readonly reason: string | null
}

const script = new URL('../../scripts/faults/rows.mjs', import.meta.url)
const { FAULTS, INPUTS, findRows, readReadme, rowsIn } = (await import(script.href)) as {
  FAULTS: number
  INPUTS: number
  findRows: (root: string) => Map<string, Set<string>>
  readReadme: (root: string) => Map<string, ToldRow>
  rowsIn: (title: string) => string[]
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const carriers = findRows(root)
const told = readReadme(root)
const upTo = (kind: string, last: number): string[] => Array.from({ length: last }, (_, i) => `${kind} ${i + 1}`)

test('every row of both matrices has a test, or a reason why it has none', () => {
  const bare = [...upTo('row', FAULTS), ...upTo('input', INPUTS)].filter((row) => {
    const { reason, byte, hub } = told.get(row) ?? { reason: null, byte: [], hub: [] }
    return reason === null && byte.length + hub.length === 0
  })
  expect(bare).toEqual([])
})

test('every file that is named for a row carries it', () => {
  const untrue = [...told].flatMap(([row, { byte, hub }]) =>
    [...byte, ...hub].filter((file) => carriers.get(row)?.has(file) !== true).map((file) => `${row}: ${file}`),
  )
  expect(untrue).toEqual([])
})

test('no title names a row that does not exist', () => {
  expect([...carriers.keys()].filter((row) => !told.has(row))).toEqual([])
})

describe('both lanes stand under the rows', () => {
  /** Upstream answers and streams, and what clients do while they are answered. */
  const ROWS = [...upTo('row', 42), 'row 52', 'row 53', 'row 54', 'row 56', 'row 57']
  test.each(['byte', 'hub'] as const)('the %s lane has a test for each', (lane) => {
    expect(ROWS.filter((row) => told.get(row)?.[lane].length === 0)).toEqual([])
  })
})

test('a title may name several rows', () => {
  expect(rowsIn('rows 53, 54 and 57: they leave; input 9: and come')).toEqual(['row 53', 'row 54', 'row 57', 'input 9'])
  expect(rowsIn('fails three times in a row')).toEqual([])
})
