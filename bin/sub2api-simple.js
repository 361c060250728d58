#!/usr/bin/env node
/**
 * The command people install: answers an old Node with a sentence and hands everything else to the bundle.
 * No newer syntax than Node 12 parses, or that Node shows a SyntaxError instead of the sentence.
 */
import { existsSync } from 'fs'
import { fileURLToPath } from 'url'

// The same floor as `engines` in package.json; a test holds the two together.
const OLDEST_NODE = [20, 18, 1]

const bundle = new URL('../dist/cli.js', import.meta.url)

if (isTooOld(process.versions.node)) {
  refuse('sub2api-simple needs Node ' + OLDEST_NODE.join('.') + ' or newer; this is ' + process.versions.node + '.')
} else if (!existsSync(fileURLToPath(bundle))) {
  refuse('sub2api-simple is not built yet. Run: npm run build')
} else {
  void start()
}

function isTooOld(version) {
  const parts = version.split('.').map(Number)
  const at = OLDEST_NODE.findIndex((wanted, i) => parts[i] !== wanted)
  return at >= 0 && parts[at] < OLDEST_NODE[at]
}

function refuse(sentence) {
  console.error(sentence)
  process.exitCode = 1
}

async function start() {
  const { enableCompileCache } = await import('node:module')
  // Node 22.1 and newer keep the compiled code between starts.
  if (enableCompileCache) enableCompileCache()
  await import(bundle.href)
}
