/**
 * `npm run faults`: the fault matrix and the bad-input matrix, row by row. `-- --binary dist/sub2api-simple` plays the
 * stories against a compiled binary (or any program) instead: those that need the virtual clock or the relay's own numbers
 * are counted apart. `--minutes 5` bounds the run (10 unless told), `--row 17` or `--input 17` picks one row.
 * While a story is played its relay is asked for `/health` all the time; the summary tells what that took. With `--alone`
 * one story is played at a time, so that it tells of the relay and not of the neighbours.
 * Ends with 0 when every row is covered and nothing failed, with 1 otherwise, with 2 for wrong arguments.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startVitest } from 'vitest/node'
import { FAULTS, findRows, INPUTS, readReadme, rowsIn } from './faults/rows.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const USAGE = 'usage: npm run faults -- [--binary <program>] [--minutes <n>] [--row <n> | --input <n>] [--alone]'
const PROGRESS_MS = 10_000
const HEALTHY_MS = 50

const options = readOptions()
if (options === null) {
  console.error(USAGE)
  process.exit(2)
}
if (options.binary !== null) process.env.SUB2API_PROGRAM = options.binary
process.env.SUB2API_HEALTH = '1'

const carriers = findRows(root)
const startedAt = performance.now()
const results = new Map()
const tally = { passed: 0, failed: 0, skipped: 0, elsewhere: 0 }
const failures = []
/** What the answers to `/health` took in all stories, in ms. */
const healthMs = []
const say = createProgress()
const outOfTime = setTimeout(() => {
  say(`\nnot finished within ${options.minutes} minutes`)
  report()
  process.exit(1)
}, options.minutes * 60_000)
outOfTime.unref()

await startVitest('test', filesOf(options.row), {
  root,
  run: true,
  silent: true,
  reporters: [{ onTestCaseResult: count }],
  ...(options.alone ? { maxWorkers: 1 } : {}),
  // A process for every story, on a machine that does other things as well.
  ...(options.binary === null ? {} : { testTimeout: 30_000 }),
  testNamePattern:
    options.row === null
      ? String.raw`\b(row|input)s? \d`
      : String.raw`\b${options.row.replace(' ', 's? ([0-9, and]* )?')}\b`,
})
clearTimeout(outOfTime)
process.exitCode = report() ? 0 : 1

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        binary: { type: 'string' },
        minutes: { type: 'string', default: '10' },
        row: { type: 'string' },
        input: { type: 'string' },
        alone: { type: 'boolean', default: false },
      },
    })
    const binary = values.binary === undefined ? null : resolve(root, values.binary)
    if (binary !== null && !existsSync(binary)) {
      console.error(`${binary} does not exist. Make it with: npm run binary`)
      return null
    }
    const minutes = Number(values.minutes)
    const row =
      values.row !== undefined ? `row ${values.row}` : values.input !== undefined ? `input ${values.input}` : null
    return minutes > 0 && (row === null || /^\w+ \d+$/.test(row)) ? { binary, minutes, row, alone: values.alone } : null
  } catch (error) {
    console.error(error.message)
    return null
  }
}

function filesOf(row) {
  const files = row === null ? [...carriers.values()].flatMap((each) => [...each]) : [...(carriers.get(row) ?? [])]
  return [...new Set(files)]
}

/** One story has ended. In a run against a program only those count that the program has served. */
function count(test) {
  const { state, errors, note } = test.result()
  const rows = rowsIn(test.fullName)
  if (rows.length === 0) return
  const isPlayed = options.binary === null || test.meta().program === true
  const fate = !isPlayed ? 'elsewhere' : state
  if (fate !== 'elsewhere' && !(fate in tally)) return
  tally[fate]++
  // A relay in this process shares its event loop with the vendor and the clients of the story.
  const timesMs = isPlayed ? (test.meta().healthMs ?? []) : []
  healthMs.push(...timesMs)
  for (const row of rows) {
    const found = results.get(row) ?? {
      passed: 0,
      failed: 0,
      skipped: 0,
      elsewhere: 0,
      notes: new Set(),
      slowestHealthMs: 0,
    }
    found[fate]++
    if (note !== undefined) found.notes.add(note)
    found.slowestHealthMs = Math.max(found.slowestHealthMs, ...timesMs)
    results.set(row, found)
  }
  if (fate === 'failed')
    failures.push(
      `${test.module.relativeModuleId}: ${test.fullName}\n      ${errors?.[0]?.message?.split('\n')[0] ?? ''}`,
    )
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  say(`${seconds} s: ${tally.passed} passed, ${tally.failed} failed, ${results.size} of ${FAULTS + INPUTS} rows seen`)
}

/** Prints the summary. True when every row is as it should be. */
function report() {
  process.stderr.write('\n')
  for (const failure of failures) console.log(`FAIL  ${failure}`)
  if (options.binary !== null) console.log(`against ${options.binary}`)
  const isFine = [reportMatrix('fault rows', 'row', FAULTS), reportMatrix('bad inputs', 'input', INPUTS)].every(Boolean)
  reportHealth()
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
  const apart = options.binary === null ? '' : `, ${tally.skipped + tally.elsewhere} only in process`
  console.log(`stories: ${tally.passed} passed, ${tally.failed} failed${apart}, in ${seconds} s`)
  return isFine && tally.failed === 0 && tally.passed > 0
}

/** Without `--alone` the slowest answer of a row may be the doing of another story beside it; it is told all the same. */
function reportHealth() {
  if (healthMs.length === 0) return
  const ordered = healthMs.toSorted((a, b) => a - b)
  const ms = (share) => ordered[Math.min(ordered.length - 1, Math.floor(ordered.length * share))].toFixed(0)
  const slow = [...results].filter(([, { slowestHealthMs }]) => slowestHealthMs > HEALTHY_MS).map(([row]) => row)
  console.log(`/health: asked ${ordered.length} times: p50 ${ms(0.5)} ms, p99 ${ms(0.99)} ms, slowest ${ms(1)} ms`)
  console.log(`  rows with an answer over ${HEALTHY_MS} ms: ${slow.length === 0 ? 'none' : slow.join(', ')}`)
}

function reportMatrix(name, kind, last) {
  const told = readReadme(root)
  const rows = Array.from({ length: last }, (_, i) => `${kind} ${i + 1}`).filter(
    (row) => options.row === null || row === options.row,
  )
  const of = (predicate) => rows.filter((row) => predicate(results.get(row), row))
  const failed = of((found) => (found?.failed ?? 0) > 0)
  const passed = of((found) => (found?.failed ?? 0) === 0 && (found?.passed ?? 0) > 0)
  const rest = rows.filter((row) => !failed.includes(row) && !passed.includes(row))
  const explained = rest.filter((row) => (told.get(row)?.reason ?? null) !== null)
  const missing = rest.filter((row) => !explained.includes(row))
  if (rows.length === 0) return true
  console.log(`${name}: ${rows.length} in all, ${passed.length} passed, ${failed.length} failed`)
  if (failed.length > 0) console.log(`  failed: ${list(failed)}`)
  if (explained.length > 0) console.log(`  explained in test/faults/README.md: ${list(explained)}`)
  if (options.binary !== null) {
    console.log(`  played against the program: ${list(passed)}`)
    const seen = missing.filter((row) => results.has(row))
    console.log(`  only in process (virtual clock, or nothing a program shows): ${list(seen)}`)
    const unreached = missing.filter((row) => !results.has(row))
    if (unreached.length > 0) console.log(`  not reached: ${list(unreached)}`)
    return true
  }
  if (missing.length > 0) console.log(`  without a test: ${list(missing)}`)
  return missing.length === 0
}

function list(rows) {
  return rows.map((row) => row.split(' ')[1]).join(' ') || 'none'
}

/** One line that is written over on a terminal; elsewhere a line now and then. */
function createProgress() {
  let lastAt = -Infinity
  if (process.stderr.isTTY) return (line) => void process.stderr.write(`\r\u001b[K${line}`)
  return (line) => {
    if (performance.now() - lastAt < PROGRESS_MS) return
    lastAt = performance.now()
    process.stderr.write(`${line}\n`)
  }
}
