/**
 * Real disks that refuse: a full one, a read-only one, and a config that a torn write has left. Where this machine gives
 * no right to mount, the tests that need a mount are skipped.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { createCredentialStore, recoverConfig } from '../../src/config/store.ts'
import { createSystemClock } from '../../src/core/clock.ts'
import type { CredentialStore } from '../../src/core/credential-store.ts'
import { Secret } from '../../src/core/secret.ts'

const clock = createSystemClock()
const cleanUps: Array<() => void> = []
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) cleanUp()
})

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'disk-'))
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function run(...command: [string, ...string[]]): boolean {
  const [name, ...parameters] = command
  return spawnSync(name, parameters, { stdio: 'ignore' }).status === 0
}

function mount(folder: string, options: string): boolean {
  if (!run('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', folder)) return false
  cleanUps.push(() => void run('umount', folder))
  return true
}

const canMount = (() => {
  const isMounted = mount(makeFolder(), 'size=64k')
  for (const cleanUp of cleanUps.splice(0).toReversed()) cleanUp()
  return isMounted
})()

function writeConfig(folder: string, refresh: string): string {
  const path = join(folder, 'config.json')
  const accounts = [{ name: 'plus', platform: 'openai', type: 'oauth', refresh_token: refresh }]
  writeFileSync(path, JSON.stringify({ auth_tokens: ['a-token-of-a-test'], accounts }), { mode: 0o600 })
  return path
}

const open = (path: string): CredentialStore =>
  createCredentialStore({ path, tokenStore: 'config', configured: () => null, clock })

const save = (store: CredentialStore, token: string, replaces: string) =>
  store.save(
    'plus',
    {
      type: 'oauth',
      refreshToken: new Secret(token),
      accessToken: new Secret(`access of ${token}`),
      expiresAt: Date.UTC(2027, 0, 1),
      accountId: 'acc',
    },
    { token: replaces },
  )

const tokenOf = async (store: CredentialStore): Promise<string | undefined> =>
  (await store.read('plus'))?.refreshToken?.reveal()

describe.skipIf(!canMount)('a disk that is full (row 63)', () => {
  function fill(): { path: string; makeRoom: () => void } {
    const folder = makeFolder()
    mount(folder, 'size=64k')
    const path = writeConfig(folder, 'rt-0')
    const ballast = join(folder, 'ballast')
    for (let size = 64; size > 0; size = Math.floor(size / 2)) {
      try {
        writeFileSync(ballast, Buffer.alloc(size * 1024), { flag: 'a' })
      } catch {
        // A smaller piece may still fit.
      }
    }
    return { path, makeRoom: () => rmSync(ballast) }
  }

  test('leaves the config as it was, holds nobody up, and counts the new token as there', async () => {
    const { path } = fill()
    const before = readFileSync(path)
    const startedAt = clock.monotonic()
    expect(await save(open(path), 'rt-1', 'rt-0')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('ENOSPC'),
    })
    expect(readFileSync(path).equals(before)).toBe(true)
    expect(clock.monotonic() - startedAt).toBeLessThan(1_500)
    expect(readdirSync(join(path, '..')).sort()).toEqual(['ballast', 'config.json'])
    // As another process, or this one after a restart, finds it.
    expect(await tokenOf(open(path))).toBe('rt-1')
  })

  test('loses none of the tokens that follow each other, also when the process ends before there is room', async () => {
    for (let round = 0; round < 6; round++) {
      const { path, makeRoom } = fill()
      for (let turn = 1; turn <= 4; turn++) {
        // Half of them by a relay that remembers what the config holds, half by one that was started since.
        const replaces = turn % 2 === 0 ? 'rt-0' : `rt-${turn - 1}`
        expect((await save(open(path), `rt-${turn}`, replaces)).kind).toBe('failed')
      }
      makeRoom()
      expect(await tokenOf(open(path))).toBe('rt-4')
      expect(readFileSync(path, 'utf8')).toContain('"rt-4"')
      expect(readdirSync(join(path, '..'))).toEqual(['config.json'])
    }
  })

  test('a token that its owner pastes meanwhile wins over all of them', async () => {
    const { path, makeRoom } = fill()
    await save(open(path), 'rt-1', 'rt-0')
    makeRoom()
    writeConfig(join(path, '..'), 'pasted')
    expect(await tokenOf(open(path))).toBe('pasted')
    expect(readFileSync(path, 'utf8')).not.toContain('rt-1')
  })
})

describe.skipIf(!canMount)('a disk that is read-only (row 64)', () => {
  test('is told before it matters, and a token outlives a restart all the same', async () => {
    const folder = makeFolder()
    mount(folder, 'size=64k')
    const path = writeConfig(folder, 'rt-0')
    expect(await open(path).whyReadOnly()).toBeNull()
    run('mount', '-o', 'remount,ro', folder)
    expect(await open(path).whyReadOnly()).toMatch(/neither the config nor its folder/)
    expect(await save(open(path), 'rt-1', 'rt-0')).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('EROFS'),
    })
    await recoverConfig(path, clock)
    expect(await tokenOf(open(path))).toBe('rt-1')
    run('mount', '-o', 'remount,rw', folder)
    expect(await tokenOf(open(path))).toBe('rt-1')
    expect(readFileSync(path, 'utf8')).toContain('"rt-1"')
  })
})

describe('a config that is torn, without a journal to mend it (row 68)', () => {
  test.each<[string, number]>([
    ['empty', 0],
    ['cut in a token', 95],
    ['cut before its end', -2],
  ])('%s: the start fails with the place, and not a byte of it changes', async (_what, length) => {
    const path = writeConfig(makeFolder(), 'rt-0')
    const torn = readFileSync(path).subarray(0, length)
    writeFileSync(path, torn)
    await recoverConfig(path, clock).catch(() => {})
    await expect(loadConfig(path, {})).rejects.toThrow(/config\.json(:1:\d+)?/)
    expect(readFileSync(path).equals(torn)).toBe(true)
  })

  test('a token that arrives in that moment waits, and is in the config that is put back', async () => {
    const path = writeConfig(makeFolder(), 'rt-0')
    const whole = readFileSync(path)
    writeFileSync(path, whole.subarray(0, 60))
    expect(await save(open(path), 'rt-1', 'rt-0')).toMatchObject({ kind: 'failed' })
    await recoverConfig(path, clock).catch(() => {})
    writeFileSync(path, whole)
    expect(await tokenOf(open(path))).toBe('rt-1')
    expect(readFileSync(path, 'utf8')).toContain('"rt-1"')
  })
})
