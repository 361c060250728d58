/**
 * The keeper of tokens with its disk and its neighbours: what happens when the disk does not take a token, and when
 * somebody else uses the same file.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { createCredentialStore } from '../../src/config/store.ts'
import { createSystemClock, type Clock } from '../../src/core/clock.ts'
import type { CredentialStore, SaveResult } from '../../src/core/credential-store.ts'
import { createLog } from '../../src/io/log.ts'
import { createUpstreamClient } from '../../src/io/upstream.ts'
import { createSignInClient } from '../../src/oauth/openai.ts'
import { createTokenKeeper, NoCredential } from '../../src/oauth/tokens.ts'
import { writeConfig } from '../config/load-text.ts'
import { createVirtualClock, settle } from '../harness/clock.ts'
import { createDeferred } from '../harness/deferred.ts'
import { type FakeIdentityProvider, startIdentityProvider } from '../harness/identity-provider.ts'

const running: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const stop of running.splice(0).toReversed()) await stop()
})

async function startIdentity(): Promise<FakeIdentityProvider> {
  const identity = await startIdentityProvider()
  running.push(identity.close)
  return identity
}

function configFor(identity: FakeIdentityProvider): string {
  return writeConfig({
    auth_tokens: ['a-client-token-for-tests'],
    accounts: [{ name: 'plus', platform: 'openai', type: 'oauth', refresh_token: identity.signIn('acc') }],
  })
}

/** A keeper as one process of the relay has it. `change` puts faults into its store. */
async function startKeeper(
  path: string,
  identity: FakeIdentityProvider,
  clock: Clock,
  change: (store: CredentialStore) => CredentialStore = (store) => store,
) {
  const { config } = await loadConfig(path, {})
  const client = createUpstreamClient({ connectTimeoutMs: 5_000 }, clock)
  const lines: string[] = []
  const problems: Array<string | null> = []
  const log = createLog({
    format: 'json',
    level: 'debug',
    clock,
    secrets: [],
    hasColours: false,
    write: (line) => lines.push(line),
  })
  const keeper = createTokenKeeper({
    accounts: config.accounts,
    store: change(createCredentialStore({ path, tokenStore: 'config', configured: () => null, clock })),
    signInClient: createSignInClient({ provider: identity, client, clock }),
    clock,
    log,
    hide: log.hide,
    setProblem: (_account, problem) => problems.push(problem),
  })
  const [account] = config.accounts
  if (account === undefined) throw new Error('the config has no account')
  await keeper.start()
  running.push(() => client.close(), keeper.stop)
  const current = async (): Promise<string> => (await keeper.current(account)).secret.reveal()
  return { keeper, account, current, lines, problems }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!condition() && performance.now() < deadline) await settle(10)
  expect(condition()).toBe(true)
}

const eventsOf = (lines: readonly string[]): unknown[] =>
  lines.map((line) => (JSON.parse(line) as { event: string }).event)

describe('two relays on one file', () => {
  test('refresh once: the other one adopts what it finds (row 74)', async () => {
    const identity = await startIdentity()
    const path = configFor(identity)
    const clock = createSystemClock()
    const [one, two] = [await startKeeper(path, identity, clock), await startKeeper(path, identity, clock)]
    const tokens = await Promise.all([one.current(), two.current()])
    expect(new Set(tokens)).toEqual(new Set([identity.familyOf('acc').accessTokens.at(-1)]))
    expect(identity.requests).toHaveLength(1)
  })

  test('a token that another one has spent a moment ago is not the end', async () => {
    const identity = await startIdentity()
    const path = configFor(identity)
    const held = createDeferred()
    identity.script({ kind: 'hold', until: held.promise })
    // Another tool on this machine, which knows nothing of our lock: it rotates first and writes late.
    const clock = createVirtualClock()
    const { current } = await startKeeper(path, identity, clock, (store) => ({
      ...store,
      lock: () => Promise.resolve(() => {}),
    }))
    const spent = identity.familyOf('acc').refreshTokens[0] ?? ''
    await until(() => identity.requests.length === 1)
    const fresh = identity.familyOf('acc').refreshTokens.at(-1) ?? ''
    identity.forgive('acc', spent)
    held.resolve()
    expect(await current()).toMatch(/^secret-at-/)
    expect(fresh).not.toBe(spent)
  })
})

describe('a disk that does not take a token (rows 63 and 64)', () => {
  const full: SaveResult = { kind: 'failed', reason: 'the config cannot be written (ENOSPC)' }

  test('costs no request: it is used from memory, shown, tried each minute, and written when there is room', async () => {
    const identity = await startIdentity()
    const path = configFor(identity)
    const clock = createVirtualClock()
    let isFull = true
    let tries = 0
    const { keeper, account, current, lines } = await startKeeper(path, identity, clock, (store) => ({
      ...store,
      save: (...save) => (tries++, isFull ? Promise.resolve(full) : store.save(...save)),
    }))
    expect(await current()).toBe(identity.familyOf('acc').accessTokens.at(-1))
    expect(keeper.describe(account)?.unsaved).toContain('ENOSPC')
    await clock.advance(10 * 60_000)
    await settle(200)
    expect(tries).toBeGreaterThanOrEqual(9)
    expect(tries).toBeLessThanOrEqual(12)
    // The token on disk is the spent one: neither is it believed, nor the new one rotated away early.
    expect(identity.requests).toHaveLength(1)
    isFull = false
    await clock.advance(65_000)
    await until(() => readFileSync(path, 'utf8').includes(identity.familyOf('acc').current ?? 'none'))
    await until(() => keeper.describe(account)?.unsaved === null)
    expect(eventsOf(lines)).toContain('token.saved')
  })
})

test('where nothing can be written, a token is not rotated before it has to be', async () => {
  const identity = await startIdentity()
  const path = configFor(identity)
  const clock = createVirtualClock()
  const end = new Date(clock.now() + 4 * 60_000).toISOString()
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, text.replace('"refresh_token"', `"access_token": "old", "expires_at": "${end}", "refresh_token"`))
  const { current } = await startKeeper(path, identity, clock, (store) => ({
    ...store,
    whyReadOnly: () => Promise.resolve('neither the config nor its folder can be written'),
  }))
  await clock.advance(3 * 60_000)
  expect([await current(), identity.requests.length]).toEqual(['old', 0])
  await clock.advance(61_000)
  expect([await current(), identity.requests.length]).toEqual([identity.familyOf('acc').accessTokens.at(-1), 1])
})

describe('a file that changes meanwhile', () => {
  test('an account that was removed is not brought back (row 70)', async () => {
    const identity = await startIdentity()
    const path = configFor(identity)
    const held = createDeferred()
    identity.script({ kind: 'hold', until: held.promise })
    const { current } = await startKeeper(path, identity, createVirtualClock())
    await until(() => identity.requests.length === 1)
    writeFileSync(
      path,
      JSON.stringify({ auth_tokens: ['a-client-token-for-tests'], accounts: [{ name: 'other', api_key: 'k' }] }),
    )
    held.resolve()
    expect(await current()).toBe(identity.familyOf('acc').accessTokens.at(-1))
    expect(readFileSync(path, 'utf8')).not.toMatch(/plus|secret-/)
  })

  test('what an editor saved during the refresh stays, with the new token in it (row 69)', async () => {
    const identity = await startIdentity()
    const path = configFor(identity)
    const held = createDeferred()
    identity.script({ kind: 'hold', until: held.promise })
    const { current } = await startKeeper(path, identity, createVirtualClock())
    await until(() => identity.requests.length === 1)
    writeFileSync(path, readFileSync(path, 'utf8').replace('"accounts"', '"strategy": "round_robin",\n  "accounts"'))
    held.resolve()
    await current()
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      strategy: 'round_robin',
      accounts: [{ refresh_token: identity.familyOf('acc').current }],
    })
  })
})

test('an endpoint that never answers makes a request wait a bounded time, and no other account at all', async () => {
  const identity = await startIdentity()
  const path = configFor(identity)
  const held = createDeferred()
  identity.script({ kind: 'hold', until: held.promise })
  const clock = createVirtualClock()
  const { current } = await startKeeper(path, identity, clock)
  await until(() => identity.requests.length === 1)
  const waiting = current()
  const outcome = waiting.catch((error: unknown) => error)
  await clock.advance(21_000)
  expect(await outcome).toBeInstanceOf(NoCredential)
  await clock.advance(60_000)
  held.resolve()
})
