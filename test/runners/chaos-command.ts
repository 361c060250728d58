/**
 * `npm run chaos -- --minutes 5 --seed 1`: a third of the time on each ground that a config may lie on.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ground } from '../faults/kill-grounds.ts'
import { type ChaosCounts, runChaos } from './chaos.ts'
import { readOptions, type RunnerOutput } from './command.ts'

const GROUNDS: readonly Ground[] = ['plain file', 'symbolic link', 'bind mount']

export async function main(args: readonly string[], { progress, say, bundleForNode }: RunnerOutput): Promise<boolean> {
  const { minutes, seed } = readOptions(args, { minutes: 5, seed: 1 })
  say(`chaos: ${minutes} min, seed ${seed}`)
  const folder = mkdtempSync(join(tmpdir(), 'chaos-'))
  try {
    const child = await bundleForNode('test/runners/chaos-child.ts', folder)
    let isFine = true
    for (const ground of GROUNDS) {
      const counts = await runChaos({ child, ground, seconds: (minutes * 60) / GROUNDS.length, seed, progress })
      say(`${ground.padEnd(14)} ${counts === null ? 'skipped: no right to mount here' : describe(counts)}`)
      for (const trouble of counts?.troubles.slice(0, 5) ?? []) say(`  ${trouble}`)
      isFine &&= counts === null || isUnharmed(counts)
    }
    return isFine
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export function isUnharmed({ lost, unreadable, idleLives, litter, troubles }: ChaosCounts): boolean {
  return lost + unreadable + idleLives + litter + troubles.length === 0
}

function describe(counts: ChaosCounts): string {
  return [
    `${counts.kills} kills`,
    `${counts.rotations} refreshes`,
    `${counts.served} served`,
    `${counts.refused} not`,
    `${counts.lost} accounts lost`,
    `${counts.inTheWindow} killed between answer and write`,
    `${counts.unreadable} configs unreadable`,
    `${counts.litter} files left over`,
    `${counts.idleLives} lives that served nobody`,
  ].join(', ')
}
