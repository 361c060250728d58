/**
 * `npm test`: types, lint, format and imports side by side, then the tests. Arguments go on to vitest, so that
 * `npm test -- test/pool` checks everything and tests one folder. Ends with a line `N passed, N failed`.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseCLI, startVitest } from 'vitest/node'

const root = fileURLToPath(new URL('..', import.meta.url))

// Scripts for this Node rather than commands: they start without a shell, on every system.
const STEPS = [
  { name: 'types', script: ['node_modules/typescript/bin/tsc', '--noEmit', '-p', '.'] },
  { name: 'page', script: ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'src/http/page/browser'] },
  { name: 'lint', script: ['node_modules/oxlint/bin/oxlint'] },
  { name: 'format', script: ['node_modules/oxfmt/bin/oxfmt', '--check'] },
  { name: 'imports', script: ['scripts/check-imports.mjs'] },
]

const steps = await Promise.all(STEPS.map(runStep))
const tests = await runTests(process.argv.slice(2))
// Steps count among the failures: whoever reads only the last line must not take the whole for good.
const failed = tests.failed + steps.filter((succeeded) => !succeeded).length
if (tests.skipped > 0) console.log(`${tests.skipped} skipped`)
console.log(`${tests.passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

/** Prints one line, and all that the step said if it failed. Resolves to whether it succeeded. */
async function runStep({ name, script }) {
  const startedAt = performance.now()
  const { code, output } = await runNode(script)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(
    `${code === 0 ? 'ok  ' : 'FAIL'}  ${name.padEnd(8)} ${seconds} s${code === 0 ? '' : `\n${output.trimEnd()}`}`,
  )
  return code === 0
}

function runNode(script) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, script, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    const pieces = []
    child.stdout.on('data', (piece) => pieces.push(piece))
    child.stderr.on('data', (piece) => pieces.push(piece))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output: Buffer.concat(pieces).toString() }))
  })
}

/** Vitest's numbers, plus what they leave out: files that did not load, errors outside of tests, no tests at all. */
async function runTests(parameters) {
  const { filter, options } = parseCLI(['vitest', 'run', ...parameters])
  const vitest = await startVitest('test', filter, { root, ...options })
  const modules = vitest.state.getTestModules()
  const results = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state))
  const count = (state) => results.filter((result) => result === state).length
  const broken = modules.filter((module) => module.errors().length > 0).length
  const failed = count('failed') + broken + vitest.state.getUnhandledErrors().length
  // Vitest sets the exit code for every reason to fail that it knows, also those that no count shows.
  return { passed: count('passed'), failed: process.exitCode ? Math.max(1, failed) : failed, skipped: count('skipped') }
}
