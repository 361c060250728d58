/**
 * `npm run e2e`: the tests that run the program as a process of its own. `-- --binary dist/sub2api-simple` runs them
 * against a single binary instead of a bundle for this Node, without those that are about npm itself, and prints how
 * fast it starts and how much memory it rests in. What stands behind is for vitest.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startVitest } from 'vitest/node'
import { measureStart } from './bench/start.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values, positionals } = parseArgs({ options: { binary: { type: 'string' } }, allowPositionals: true })
const binary = values.binary === undefined ? null : resolve(root, values.binary)
if (binary !== null && !existsSync(binary)) {
  console.error(`${binary} does not exist. Make it with: npm run binary`)
  process.exit(2)
}

if (binary !== null) process.env.SUB2API_PROGRAM = binary
await startVitest('test', positionals.length === 0 ? ['test/e2e'] : positionals, {
  root,
  run: true,
  exclude: binary === null ? [] : ['**/npm-start.test.ts', '**/packaging.test.ts'],
})
const command = binary === null ? [process.execPath, resolve(root, 'bin/sub2api-simple.js')] : [binary]
const { firstAnswerMs, residentMegabytes } = await measureStart(command)
console.log(
  `${binary ?? `Node ${process.versions.node}`}: first answer after ${firstAnswerMs.toFixed(0)} ms, ` +
    `at rest in ${residentMegabytes === null ? 'an unknown amount of memory' : `${residentMegabytes.toFixed(1)} MB`}`,
)
