/**
 * Chaos in its short form; `npm run chaos` is the long one.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { bundleForNode } from '../harness/bundle.ts'
import { runChaos } from './chaos.ts'

test('a relay that is killed again and again loses no account and no config', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'chaos-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const child = await bundleForNode('test/runners/chaos-child.ts', folder)
  const counts = await runChaos({ child, ground: 'plain file', seconds: 3, seed: 3, progress: () => {} })
  expect(counts).toMatchObject({ lost: 0, unreadable: 0, idleLives: 0, litter: 0, troubles: [] })
  // It would prove nothing without a kill, a refresh and an answer.
  expect([(counts?.kills ?? 0) > 0, (counts?.rotations ?? 0) > 0, (counts?.served ?? 0) > 0]).toEqual([
    true,
    true,
    true,
  ])
}, 60_000)
