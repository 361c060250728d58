/**
 * `npm run soak`, `chaos`, `fuzz` and `load`: bundles one of the runners in test/runners and runs it. A runner shows one
 * line of progress, ends by itself, prints its figures, and exits with 1 when one of them is not as it should be.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundleForNode } from './bundle-for-node.mjs'

const RUNNERS = ['soak', 'chaos', 'fuzz', 'load']
const PROGRESS_MS = 10_000

const [name, ...args] = process.argv.slice(2)
if (RUNNERS.includes(name)) await run()
else {
  console.error(`usage: node scripts/runner.mjs ${RUNNERS.join('|')} [options]`)
  process.exitCode = 2
}

async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'runner-'))
  try {
    const file = await bundleForNode(`test/runners/${name}-command.ts`, folder)
    const { main } = await import(pathToFileURL(file).href)
    const isFine = await main(args, { progress: createProgress(), say: (line) => console.log(line), bundleForNode })
    if (!isFine) process.exitCode = 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
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
