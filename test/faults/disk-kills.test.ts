/**
 * The kill test in its short form; `npm run faults:tokens` is the long one.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundleForNode } from '../harness/bundle.ts'
import type { Ground } from './kill-grounds.ts'
import { runKills } from './token-kills.ts'

let folder = ''
let writer = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kill-test-'))
  writer = await bundleForNode('test/faults/token-writer.ts', folder)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.each<Ground>(['plain file', 'symbolic link', 'bind mount'])(
  'no kill loses a token or the config: %s (rows 65, 66 and 67)',
  async (ground) => {
    const counts = await runKills(ground, 8, writer)
    // Without the right to mount there is no such ground; `npm run faults:tokens` says so.
    if (counts === null) return expect(ground).toBe('bind mount')
    expect(counts).toMatchObject({ kills: 8, lost: 0, unreadable: 0, litter: 0, troubles: [] })
  },
  60_000,
)
