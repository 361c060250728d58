/**
 * Sign-ins and a config that changes: the relay's own writing is no change, somebody else's is taken over at once.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { createVirtualClock } from '../harness/clock.ts'
import { createDeferred } from '../harness/deferred.ts'
import { startIdentityProvider } from '../harness/identity-provider.ts'
import { after, answerText, fail, pause } from '../harness/reactions.ts'
import { startRelay } from '../harness/relay.ts'
import { startVendor } from '../harness/vendor.ts'

const ENDED = '2026-11-20T11:00:00Z'
const FAR = '2099-01-01T00:00:00Z'

/** A relay with these ChatGPT accounts; `plus` is signed in, and its access token has ended. */
async function setStage({ refreshes = true } = {}) {
  const [identity, vendor] = [await startIdentityProvider(), await startVendor()]
  onTestFinished(identity.close)
  onTestFinished(vendor.close)
  const signIn = (accountId: string, expiresAt = ENDED): JsonObject => ({
    refresh_token: identity.signIn(accountId),
    access_token: identity.familyOf(accountId).accessTokens.at(-1) ?? '',
    expires_at: expiresAt,
    chatgpt_account_id: accountId,
  })
  const account = (name: string, facts: JsonObject): JsonObject => ({
    name,
    platform: 'openai',
    base_url: vendor.url,
    ...facts,
  })
  const accounts = [account('plus', signIn('acc', refreshes ? ENDED : FAR))]
  const relay = await startRelay({ accounts }, createVirtualClock(), { identityProvider: identity })
  onTestFinished(() => relay.stop())
  const file = (): { accounts: JsonObject[] } & JsonObject =>
    JSON.parse(readFileSync(relay.configPath, 'utf8')) as { accounts: JsonObject[] } & JsonObject
  const write = (changed: readonly JsonObject[]): void =>
    writeFileSync(relay.configPath, JSON.stringify({ ...file(), accounts: changed }))
  const ask = () => relay.post('/v1/responses', { model: 'gpt-5.5', stream: true, input: 'hello' })
  const configLines = (): unknown[] => relay.log.filter(({ event }) => String(event).startsWith('config.'))
  return { identity, vendor, relay, signIn, account, file, write, ask, configLines }
}

test('the renewed tokens that the relay writes into the file are no change', async () => {
  const { identity, relay, file, ask, configLines } = await setStage()
  const before = file().accounts[0]
  expect((await ask()).status).toBe(200)
  expect(file().accounts[0]?.['refresh_token']).not.toBe(before?.['refresh_token'])
  for (let look = 0; look < 3; look++) await relay.parts.reloader.look()
  expect([configLines(), relay.parts.reloader.describe().generation]).toEqual([[], 1])
  expect(identity.requests).toHaveLength(1)
})

test('tokens that somebody else puts into the file are used at once, and heal what the old ones were refused for', async () => {
  const { vendor, relay, identity, signIn, account, write, ask, configLines } = await setStage({ refreshes: false })
  identity.script({ kind: 'refuse', status: 400, body: { error: 'invalid_grant' } })
  vendor.script(fail(401, { message: 'signed out' }))
  await ask()
  expect(relay.parts.pool.states[0]).toMatchObject({ problem: expect.stringContaining('sign in with') })
  write([account('plus', signIn('acc', FAR))])
  await relay.parts.reloader.look()
  expect(relay.parts.pool.states[0]).toMatchObject({ problem: null })
  expect(relay.parts.pool.states[0]?.health.size).toBe(0)
  expect((await ask()).status).toBe(200)
  expect(vendor.requests.at(-1)?.key).toBe(identity.familyOf('acc').accessTokens.at(-1))
  expect(configLines()).toEqual([])
})

test('tokens that the file only refers to are read again when it is asked for', async () => {
  const { vendor, relay, identity, signIn, account, write } = await setStage({ refreshes: false })
  const secret = `${relay.configPath}.token`
  const put = (accountId: string): void => writeFileSync(secret, signIn(accountId)['refresh_token'] as string)
  const answer = () => relay.post('/v1/responses', { model: 'gpt-5.5', stream: true, input: 'hello' })
  put('first')
  write([account('referred', { refresh_token: { file: secret } })])
  await relay.parts.reloader.look()
  await answer()
  expect(vendor.requests.at(-1)?.key).toBe(identity.familyOf('first').accessTokens.at(-1))
  put('second')
  await relay.post('/admin/reload', '')
  await answer()
  expect(vendor.requests.at(-1)?.key).toBe(identity.familyOf('second').accessTokens.at(-1))
})

test('another ChatGPT account that is to pay is named in the next call', async () => {
  const { vendor, relay, file, write, ask } = await setStage({ refreshes: false })
  write(file().accounts.map((each) => ({ ...each, chatgpt_account_id: 'the-team' })))
  await relay.parts.reloader.look()
  await ask()
  expect(vendor.requests.at(-1)?.header('chatgpt-account-id')).toBe('the-team')
})

test('an account that is new is renewed and serves', async () => {
  const { identity, vendor, relay, signIn, account, file, write, ask } = await setStage({ refreshes: false })
  write([account('late', { ...signIn('other'), priority: 1 }), ...file().accounts])
  await relay.parts.reloader.look()
  expect((await ask()).headers['x-relay-account']).toBe('late')
  expect(vendor.requests.at(-1)?.key).toBe(identity.familyOf('other').accessTokens.at(-1))
  expect(identity.requests.length).toBe(1)
})

test('the first sign-in of a config without one is kept fresh', async () => {
  const { identity, relay, signIn, account, write, ask } = await setStage({ refreshes: false })
  write([{ name: 'key', platform: 'openai', api_key: 'sk-a-key-of-nobody', base_url: relay.url }])
  await relay.parts.reloader.look()
  write([account('late', signIn('other'))])
  await relay.parts.reloader.look()
  expect((await ask()).status).toBe(200)
  expect(identity.requests.length).toBe(1)
})

test('an account that is gone finishes its stream, and is renewed no more', async () => {
  const { identity, vendor, relay, account, write, ask } = await setStage({ refreshes: false })
  vendor.script(answerText('hello', after('content', pause())))
  const stream = ask()
  await stream.until('hello')
  write([account('key', { api_key: 'sk-a-key-of-somebody' })])
  await relay.parts.reloader.look()
  vendor.resume()
  expect((await stream).ended).toBe('clean')
  await relay.clock.advance(100_000)
  expect([identity.requests, relay.inFlight()]).toEqual([[], { key: 0 }])
})

test('a refresh that an account leaves in the middle of is ended', async () => {
  const { identity, relay, account, write, ask } = await setStage()
  const held = createDeferred()
  identity.script({ kind: 'hold', until: held.promise })
  const asked = ask()
  await expect.poll(() => identity.requests.length).toBe(1)
  write([account('key', { api_key: 'sk-a-key-of-somebody' })])
  await relay.parts.reloader.look()
  const stopping = relay.parts.keeper.stop()
  held.resolve()
  await stopping
  expect((await asked).status).toBe(200)
  expect(relay.log).toContainEqual(expect.objectContaining({ event: 'account.removed', account: 'plus' }))
})

test('renewal on demand says whether it worked', async () => {
  const { identity, relay } = await setStage({ refreshes: false })
  const refresh = async (): Promise<unknown> =>
    JSON.parse(String((await relay.post('/admin/accounts/plus/refresh', '')).body))
  expect(await refresh()).toMatchObject({ ok: true, message: 'its sign-in was renewed' })
  identity.script({ kind: 'refuse', status: 503, body: {} })
  expect(await refresh()).toMatchObject({ ok: false, message: expect.any(String) })
  expect(identity.requests).toHaveLength(2)
})
