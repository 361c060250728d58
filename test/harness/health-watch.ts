/**
 * Asks a relay for its health all through a story, for the runner of the matrix: whatever else is wrong, `/health` answers.
 */
import { Worker } from 'node:worker_threads'
import { onTestFinished, TestRunner } from 'vitest'
import type { StoryMeta } from './chosen-program.ts'

const EVERY_MS = 10

/** Only when the runner asks for it: a thread for every relay would slow the tests down. */
const isWanted = process.env['SUB2API_HEALTH'] === '1'

/** What it took goes to the story's meta, in ms, when the story has ended. */
export function watchHealth(port: number): void {
  const story = TestRunner.getCurrentTest()?.meta as StoryMeta | undefined
  if (!isWanted || story === undefined) return
  const asker = new Worker(new URL('health-asker.mjs', import.meta.url), { workerData: { port, everyMs: EVERY_MS } })
  const told = new Promise<number[]>((resolve) => asker.once('message', resolve))
  onTestFinished(async () => {
    asker.postMessage('stop')
    story.healthMs = [...(story.healthMs ?? []), ...(await told)]
  })
}
