/**
 * A config that is saved in the ways editors and orchestrators save files: each is noticed, and once.
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { watchConfig } from '../../src/config/watch.ts'
import { type Clock, createSystemClock } from '../../src/core/clock.ts'
import { createVirtualClock } from '../harness/clock.ts'

interface Watched {
  readonly folder: string
  readonly path: string
  /** How often a change was reported. */
  readonly count: () => number
}

async function start(prepare: (folder: string) => string, clock: Clock = createSystemClock()): Promise<Watched> {
  const folder = mkdtempSync(join(tmpdir(), 'watch-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = prepare(folder)
  let changes = 0
  const watch = watchConfig({ path, clock, onChange: () => changes++ })
  onTestFinished(watch.close)
  await watch.ready
  return { folder, path, count: () => changes }
}

function plain(folder: string): string {
  writeFileSync(join(folder, 'config.json'), 'old')
  return join(folder, 'config.json')
}

/** As Kubernetes mounts a ConfigMap. */
function mounted(folder: string): string {
  mkdirSync(join(folder, '..one'))
  writeFileSync(join(folder, '..one/config.json'), 'old')
  symlinkSync('..one', join(folder, '..data'))
  symlinkSync('..data/config.json', join(folder, 'config.json'))
  return join(folder, 'config.json')
}

const put = (folder: string, name: string): void => {
  writeFileSync(join(folder, `${name}.tmp`), 'new')
  renameSync(join(folder, `${name}.tmp`), join(folder, name))
}

test.each<[string, (folder: string) => string, (watched: Watched) => void]>([
  ['written over', plain, ({ path }) => writeFileSync(path, 'new')],
  ['replaced by another file', plain, ({ folder }) => put(folder, 'config.json')],
  [
    'moved away and written anew, as vim does',
    plain,
    ({ path }) => {
      renameSync(path, `${path}~`)
      writeFileSync(path, 'new')
    },
  ],
  [
    'mounted anew',
    mounted,
    ({ folder }) => {
      mkdirSync(join(folder, '..two'))
      writeFileSync(join(folder, '..two/config.json'), 'new')
      symlinkSync('..two', join(folder, '..data.tmp'))
      renameSync(join(folder, '..data.tmp'), join(folder, '..data'))
    },
  ],
  [
    'written through a link, in the folder it leads to',
    linked,
    ({ folder }) => put(join(folder, 'elsewhere'), 'real.json'),
  ],
])('a file that is %s is reported once, and so is the next time', async (_how, prepare, save) => {
  const watched = await start(prepare)
  save(watched)
  await expect.poll(watched.count, { timeout: 5_000 }).toBe(1)
  writeFileSync(watched.path, 'newer')
  await expect.poll(watched.count, { timeout: 5_000 }).toBe(2)
})

function linked(folder: string): string {
  mkdirSync(join(folder, 'elsewhere'))
  writeFileSync(join(folder, 'elsewhere/real.json'), 'old')
  symlinkSync('elsewhere/real.json', join(folder, 'config.json'))
  return join(folder, 'config.json')
}

test('other files of the folder are nobody’s business', async () => {
  const { folder, path, count } = await start(plain)
  writeFileSync(join(folder, 'usage.jsonl'), 'a line')
  writeFileSync(join(folder, 'token_state.json'), '{}')
  writeFileSync(path, 'new')
  await expect.poll(count, { timeout: 5_000 }).toBe(1)
})

test('what no watch reports is found by looking', async () => {
  const clock = createVirtualClock()
  const { folder, path, count } = await start((parent) => {
    mkdirSync(join(parent, 'inner'))
    return plain(join(parent, 'inner'))
  }, clock)
  renameSync(join(folder, 'inner'), join(folder, 'gone'))
  mkdirSync(join(folder, 'inner'))
  writeFileSync(path, 'another one')
  const look = async (): Promise<number> => {
    await clock.advance(3_000)
    return count()
  }
  await expect.poll(look, { timeout: 5_000 }).toBe(1)
})
