/**
 * `npm run fuzz -- --minutes 2 --seed 1`: a fault is written to test/fuzz/found, where a test replays it from then on.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileNameOf, fuzz } from '../fuzz/fuzz.ts'
import { readOptions, type RunnerOutput } from './command.ts'

const FOLDER = 'test/fuzz/found'
const MOST_SEEDS = 2 ** 31

export async function main(args: readonly string[], { progress, say }: RunnerOutput): Promise<boolean> {
  const { minutes, seed } = readOptions(args, { minutes: 2, seed: Math.floor(Math.random() * MOST_SEEDS) })
  say(`fuzz: ${minutes} min, seed ${seed}`)
  const { rounds, findings } = await fuzz({ seconds: minutes * 60, seed, progress })
  say(`${rounds} inputs, ${findings.length} faults`)
  for (const finding of findings) {
    mkdirSync(FOLDER, { recursive: true })
    const path = join(FOLDER, fileNameOf(finding))
    writeFileSync(path, `${JSON.stringify(finding, null, 2)}\n`)
    say(`FAILED ${finding.target}: ${finding.error.split('\n').slice(0, 4).join('\n  ')}\n  kept in ${path}`)
  }
  return findings.length === 0
}
