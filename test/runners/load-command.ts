/**
 * `npm run load -- --streams 5000 --sockets 10000 --requests 1000 --dead 60`: the scenes in full.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readOptions, type RunnerOutput } from './command.ts'
import { allDead, deadAccount, halfFailing, halfOpenSockets, openStreams, type SceneFindings } from './load.ts'

const MOST_LOOP_DELAY_MS = 20
const BEAT_MS = 1_000

export async function main(args: readonly string[], { progress, say }: RunnerOutput): Promise<boolean> {
  const { streams, sockets, requests, dead, cli } = readOptions(args, {
    streams: 5_000,
    sockets: 10_000,
    requests: 1_000,
    dead: 60,
  })
  const folder = mkdtempSync(join(tmpdir(), 'load-'))
  const scenes: ReadonlyArray<() => Promise<SceneFindings>> = [
    () => deadAccount(options, requests),
    () => halfFailing(options, requests),
    async () => {
      const half = await openStreams(options, Math.floor(streams / 2), BEAT_MS)
      // A figure of the machine as much as of the relay: told, and not held against it on a busy one.
      const isQuick = half.loopP99Ms < MOST_LOOP_DELAY_MS
      return { ...half, figures: `half load, ${half.figures}${isQuick ? '' : ` (over ${MOST_LOOP_DELAY_MS} ms)`}` }
    },
    () => openStreams(options, streams, BEAT_MS),
    () => halfOpenSockets(options, sockets),
    () => allDead(options, dead),
  ]
  const options = { cli, folder, progress }
  let isFine = true
  try {
    for (const play of scenes) {
      const findings = await play()
      say(`${findings.isFine ? 'ok    ' : 'FAILED'} ${findings.figures}`)
      isFine &&= findings.isFine
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return isFine
}
