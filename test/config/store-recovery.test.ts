/**
 * What the store makes of the traces of a process that died, and of folders that cannot be written.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isTornWrite } from '../../src/config/durable-file.ts'
import { takeLock } from '../../src/config/lock.ts'
import { createCredentialStore, recoverConfig } from '../../src/config/store.ts'
import { writeJournal } from '../../src/config/journal.ts'
import type { SignIn } from '../../src/core/account.ts'
import { createSystemClock } from '../../src/core/clock.ts'
import { Secret } from '../../src/core/secret.ts'
import { createVirtualClock } from '../harness/clock.ts'
import { writeConfig } from './load-text.ts'

const clock = createSystemClock()
const NOWHERE_ELSE = { privateFolder: null }
const config = (token: string, more = ''): string => `{${more}"accounts": [{"name": "a", "refresh_token": "${token}"}]}`
const signIn = (token: string): SignIn => ({
  type: 'oauth',
  refreshToken: new Secret(token),
  accessToken: null,
  expiresAt: 0,
  accountId: null,
})
const open = (path: string, checkpoint?: () => void) =>
  createCredentialStore({
    path,
    tokenStore: 'config',
    configured: () => null,
    clock,
    ...(checkpoint === undefined ? {} : { checkpoint }),
  })

describe('a journal that was left behind', () => {
  const before = Buffer.from(config('rt-one'))
  const after = Buffer.from(config('rt-two-longer'))

  test.each<[string, string, string]>([
    ['the file was not touched', config('rt-one'), config('rt-two-longer')],
    [
      'the write broke off in the middle',
      config('rt-two-longer').slice(0, 45) + config('rt-one').slice(45),
      config('rt-two-longer'),
    ],
    ['the write was complete', config('rt-two-longer'), config('rt-two-longer')],
    [
      'somebody edited the file since',
      config('rt-one', '"strategy": "fill_first", '),
      config('rt-two-longer', '"strategy": "fill_first", '),
    ],
    ['somebody put another token there since', config('pasted'), config('pasted')],
  ])('%s', async (_what, found, expected) => {
    const path = writeConfig(found)
    await writeJournal(path, before, after, NOWHERE_ELSE)
    await recoverConfig(path, clock)
    expect(readFileSync(path, 'utf8')).toBe(expected)
    expect(readdirSync(dirname(path))).toEqual(['config.json'])
  })

  test('an incomplete one is thrown away: the file was not touched yet', async () => {
    const path = writeConfig(config('rt-one'))
    await writeJournal(path, before, after, NOWHERE_ELSE)
    const journal = join(dirname(path), '.config.json.journal')
    writeFileSync(journal, readFileSync(journal).subarray(0, 90))
    await recoverConfig(path, clock)
    expect([readFileSync(path, 'utf8'), existsSync(journal)]).toEqual([config('rt-one'), false])
  })

  test('every place at which a write can break off is recognised', () => {
    for (const [old, fresh] of [
      [before, after],
      [after, before],
    ] as const) {
      for (let at = 0; at < fresh.length; at++) {
        expect(isTornWrite(Buffer.concat([fresh.subarray(0, at), old.subarray(at)]), old, fresh)).toBe(true)
      }
    }
    expect(isTornWrite(Buffer.from(config('pasted')), before, after)).toBe(false)
  })
})

test('an answer that did not reach the config any more is put there by whoever comes next', async () => {
  const path = writeConfig(config('rt-1'))
  const dying = open(path, () => {
    throw new Error('power cut')
  })
  await dying.save('a', signIn('rt-2'), { token: 'rt-1' }).catch(() => {})
  expect(readFileSync(path, 'utf8')).toBe(config('rt-1'))
  expect((await open(path).read('a'))?.refreshToken?.reveal()).toBe('rt-2')
  expect(readdirSync(dirname(path))).toEqual(['config.json'])
})

describe('an answer whose config only refers to its tokens', () => {
  const referring = '{"accounts": [{"name": "a", "refresh_token": "${TOKEN}"}]}'
  const openWith = (path: string, token: string | null, checkpoint?: () => void) =>
    createCredentialStore({
      path,
      tokenStore: 'config',
      configured: () => (token === null ? { ...signIn(''), refreshToken: null } : signIn(token)),
      clock,
      ...(checkpoint === undefined ? {} : { checkpoint }),
    })
  const leaveAnswer = async (): Promise<string> => {
    const path = writeConfig(referring)
    const dying = openWith(path, 'rt-1', () => {
      throw new Error('power cut')
    })
    await dying.save('a', signIn('rt-2'), { token: 'rt-1' }).catch(() => {})
    return path
  }

  test('waits for the relay that knows what they are', async () => {
    const path = await leaveAnswer()
    await recoverConfig(path, clock)
    expect((await openWith(path, null).read('a'))?.refreshToken).toBeNull()
    expect((await openWith(path, 'rt-1').read('a'))?.refreshToken?.reveal()).toBe('rt-2')
    expect(readFileSync(path, 'utf8')).toBe(referring)
    expect(readdirSync(dirname(path)).sort()).toEqual(['config.json', 'token_state.json'])
  })
})

test('recovery before the config is read leaves alone whose tokens go to token_state.json', async () => {
  const path = writeConfig(config('rt-1'))
  const options = { path, tokenStore: 'state', configured: () => null, clock } as const
  const dying = createCredentialStore({
    ...options,
    checkpoint: () => {
      throw new Error('power cut')
    },
  })
  await dying.save('a', signIn('rt-2'), { token: 'rt-1' }).catch(() => {})
  await recoverConfig(path, clock)
  expect(readFileSync(path, 'utf8')).toBe(config('rt-1'))
  expect((await createCredentialStore(options).read('a'))?.refreshToken?.reveal()).toBe('rt-2')
  expect(readFileSync(path, 'utf8')).toBe(config('rt-1'))
})

describe('a lock', () => {
  const take = (path: string, patienceMs = 0) => takeLock([path], { clock, staleAfterMs: 90_000, patienceMs })
  const holder = (facts: object): string =>
    JSON.stringify({ pid: process.pid, host: hostname(), at: clock.now(), ...facts })

  test.each<[string, () => string, boolean]>([
    ['a living process', () => holder({}), false],
    ['a process that is gone', () => holder({ pid: 2 ** 22 - 3 }), true],
    ['somebody on another machine', () => holder({ host: 'elsewhere', pid: 2 ** 22 - 3 }), false],
    ['somebody from the future: the clock was set back', () => holder({ at: clock.now() + 91_000 }), true],
    ['somebody who has been silent for long', () => holder({ host: 'elsewhere', at: clock.now() - 91_000 }), true],
    [
      'an earlier life with our pid, as in a container',
      () => holder({ at: clock.now() - process.uptime() * 1000 - 30_000 }),
      true,
    ],
  ])('of %s', async (_who, content, isFree) => {
    const path = join(dirname(writeConfig('{}')), 'lock')
    writeFileSync(path, content())
    expect('unlock' in (await take(path))).toBe(isFree)
  })

  test('that was taken away from a holder thought dead is not ended by it', async () => {
    const path = join(dirname(writeConfig('{}')), 'lock')
    const first = await take(path)
    writeFileSync(path, holder({ chance: 0.5 }))
    if ('unlock' in first) first.unlock()
    expect(existsSync(path)).toBe(true)
  })

  test('is held by one at a time, and free again after', async () => {
    const path = join(dirname(writeConfig('{}')), 'lock')
    const first = await take(path)
    expect(await take(path)).toEqual({ refused: 'held' })
    if ('unlock' in first) first.unlock()
    expect('unlock' in (await take(path))).toBe(true)
  })

  test('that has no place anywhere is told from one that is held', async () => {
    const virtual = createVirtualClock()
    const options = { clock: virtual, staleAfterMs: 1, patienceMs: 1 }
    expect(await takeLock(['/nonexistent/folder/lock'], options)).toEqual({ refused: 'no_place' })
  })
})
