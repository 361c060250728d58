/**
 * `npm run faults:tokens [kills]`: the kill test in full. 300 times SIGKILL on a plain file, a symbolic link and a bind
 * mount; prints the counts and fails when one acknowledged token was lost or one config was left unreadable.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundleForNode } from './bundle-for-node.mjs'

async function main() {
  const kills = Number(process.argv[2] ?? 300)
  const folder = mkdtempSync(join(tmpdir(), 'faults-tokens-'))
  try {
    const writer = await bundleForNode('test/faults/token-writer.ts', folder)
    const runner = await bundleForNode('test/faults/token-kills.ts', folder)
    const { runKills } = await import(pathToFileURL(runner).href)
    for (const ground of ['plain file', 'symbolic link', 'bind mount']) {
      const counts = await runKills(ground, kills, writer)
      if (counts === null) {
        console.log(`${ground.padEnd(14)} skipped: no right to mount here`)
        continue
      }
      const { lost, unreadable, inTheWindow, litter, troubles } = counts
      const facts = [
        `${counts.kills} kills`,
        `${lost} acknowledged tokens lost`,
        `${unreadable} configs unreadable`,
        `${litter} files left over`,
        `${inTheWindow} died between answer and write`,
        `${troubles.length} complaints`,
      ]
      console.log(`${ground.padEnd(14)} ${facts.join(', ')}`)
      if (lost + unreadable + litter + troubles.length > 0) process.exitCode = 1
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

await main()
