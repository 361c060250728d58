/**
 * The scenes of load and attack in their short form; `npm run load` is the long one.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundleForNode } from '../harness/bundle.ts'
import { allDead, deadAccount, halfFailing, halfOpenSockets, openStreams, type SceneOptions } from './load.ts'

const folder = mkdtempSync(join(tmpdir(), 'load-test-'))
const stage: { options: SceneOptions } = { options: { cli: '', folder, progress: () => {} } }
beforeAll(async () => {
  stage.options = { ...stage.options, cli: await bundleForNode('src/cli.ts', folder) }
})
afterAll(() => rmSync(folder, { recursive: true }))

test.concurrent.each([
  ['200 open streams: none refused, none broken', () => openStreams(stage.options, 200, 50)],
  ['1 of 3 accounts dead: every client is served', () => deadAccount(stage.options, 60)],
  ['half of all calls fail: at most 1.7 upstream calls per request', () => halfFailing(stage.options, 200)],
  ['all dead, then back: served again within 5 s', () => allDead(stage.options, 1)],
  ['600 half-open sockets: others are served', () => halfOpenSockets(stage.options, 600)],
])(
  '%s',
  async (_promise, play) => expect(await play()).toMatchObject({ isFine: true, figures: expect.any(String) }),
  60_000,
)
