/**
 * Which test file carries which row of the two matrices. A title names its rows: `row 17` is the seventeenth fault,
 * `input 17` the seventeenth bad input; `rows 53 and 54` names two.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const FAULTS = 97
export const INPUTS = 73

const NAMED = /\b(row|input)s? (\d+(?:(?:, | and )\d+)*)/g

/** The rows in a title, as `row 17` and `input 17`. */
export function rowsIn(title) {
  return [...title.matchAll(NAMED)].flatMap(([, kind, numbers]) =>
    numbers.match(/\d+/g).map((number) => `${kind} ${number}`),
  )
}

/** Row -> the test files (relative to `root`) whose titles name it. Comments do not count. */
export function findRows(root) {
  const carriers = new Map()
  for (const file of testFiles(root)) {
    const code = readFileSync(join(root, file), 'utf8')
      .split('\n')
      .filter((line) => !/^\s*(\*|\/\*|\/\/)/.test(line))
    for (const row of rowsIn(code.join('\n'))) carriers.set(row, (carriers.get(row) ?? new Set()).add(file))
  }
  return carriers
}

/** The test of this very rule speaks of rows without being about them. */
const RULE = 'test/faults/matrix.test.ts'

function testFiles(root) {
  return readdirSync(join(root, 'test'), { recursive: true })
    .map((name) => `test/${name.replaceAll('\\', '/')}`)
    .filter((name) => name.endsWith('.test.ts') && name !== RULE)
    .toSorted()
}

/** What test/faults/README.md says of each row: the files it names, and whether it explains why there is no test. */
export function readReadme(root) {
  const told = new Map()
  for (const line of readFileSync(join(root, 'test/faults/README.md'), 'utf8').split('\n')) {
    const [, kind, number, ...cells] = /^\| (row|input) (\d+) \|(.*)\|$/.exec(line) ?? []
    if (kind === undefined) continue
    const text = cells.join('|')
    const [what = '', byte = '', hub = ''] = text.split('|').map((cell) => cell.trim())
    told.set(`${kind} ${number}`, { what, byte: filesIn(byte), hub: filesIn(hub), reason: reasonIn(text) })
  }
  return told
}

function filesIn(cell) {
  return [...cell.matchAll(/`([^`]+\.test\.ts)`/g)].map(([, name]) =>
    name.includes('/') ? `test/${name}` : `test/faults/${name}`,
  )
}

function reasonIn(text) {
  return /not tested: ([^|]+)/.exec(text)?.[1]?.trim() ?? null
}
