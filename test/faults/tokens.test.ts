/**
 * Sign-ins under fault: what the token endpoint gave is on disk before anybody uses it, and one account's trouble is
 * nobody else's.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { createVirtualClock, settle } from '../harness/clock.ts'
import { createDeferred } from '../harness/deferred.ts'
import { idToken, type Reaction, startIdentityProvider } from '../harness/identity-provider.ts'
import { answerText, fail } from '../harness/reactions.ts'
import { startRelay } from '../harness/relay.ts'
import { readText } from '../harness/sse.ts'
import { startVendor } from '../harness/vendor.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

const running: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const stop of running.splice(0).toReversed()) await stop()
})

interface StageOptions {
  /** ISO time at which the access token of the config ends. Default: it has ended. */
  expiresAt?: string
  hasKeyAccount?: boolean
  chatgpt?: Record<string, string>
}

/** A relay with one ChatGPT account, and if wanted one with an API key behind it. */
async function setStage({
  expiresAt = '2026-11-20T11:00:00Z',
  hasKeyAccount = false,
  chatgpt = {},
}: StageOptions = {}) {
  const identity = await startIdentityProvider()
  const vendor = await startVendor()
  const clock = createVirtualClock()
  const refresh = identity.signIn('acc')
  const [access = ''] = identity.familyOf('acc').accessTokens
  const account = {
    name: 'plus',
    platform: 'openai',
    base_url: vendor.url,
    priority: 10,
    concurrency: 0,
    refresh_token: refresh,
    access_token: access,
    expires_at: expiresAt,
    chatgpt_account_id: 'acc',
    ...chatgpt,
  }
  const key = {
    name: 'key',
    platform: 'openai',
    api_key: 'sk-key-of-the-other',
    base_url: vendor.url,
    wire_api: 'responses',
  }
  const relay = await startRelay({ accounts: hasKeyAccount ? [account, key] : [account] }, clock, {
    identityProvider: identity,
  })
  running.push(identity.close, vendor.close, () => relay.stop())
  const onDisk = (): Record<string, string> =>
    (JSON.parse(readFileSync(relay.configPath, 'utf8')) as { accounts: Array<Record<string, string>> }).accounts[0] ??
    {}
  const ask = () => relay.post('/v1/responses', { model: 'gpt-5.5', stream: true, input: 'hello' })
  const askInMessages = () => {
    const messages = [{ role: 'user', content: 'hello' }]
    return relay.post('/v1/messages', { model: 'gpt-5.5', max_tokens: 9, stream: true, messages })
  }
  const usedTokens = (): unknown[] => vendor.requests.map(({ key }) => key)
  const health = async () => {
    const { body } = await relay.get('/health')
    return (JSON.parse(body.toString()) as { account_details: Array<Record<string, unknown>> }).account_details
  }
  /** Lets time pass in steps in which the disk, which knows no virtual clock, can keep up. */
  const pass = async (ms: number): Promise<void> => {
    const { keeper, pool } = relay.parts
    for (let left = ms; left > 0; left -= 5_000) {
      await clock.advance(Math.min(left, 5_000))
      const isBusy = (): boolean => pool.states.some((state) => keeper.describe(state.account)?.isRefreshing === true)
      await until(() => !isBusy())
    }
  }
  return { identity, vendor, clock, pass, relay, onDisk, ask, askInMessages, usedTokens, health, refresh, access }
}

/** Disk work takes turns of the event loop that no virtual clock counts. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!condition() && performance.now() < deadline) await settle(10)
  expect(condition()).toBe(true)
}

describe('a refresh', () => {
  test('happens once for fifty requests that meet an expired token (row 73), and is on disk before use', async () => {
    const { identity, vendor, ask, usedTokens, onDisk } = await setStage()
    vendor.script(...Array.from({ length: 50 }, () => answerText('yes')))
    const answers = await Promise.all(Array.from({ length: 50 }, ask))
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200))
    expect(identity.requests).toHaveLength(1)
    const { current, accessTokens } = identity.familyOf('acc')
    expect(onDisk()).toMatchObject({ refresh_token: current, access_token: accessTokens.at(-1) })
    expect(new Set(usedTokens())).toEqual(new Set([accessTokens.at(-1)]))
  })

  test('names the relay and carries the usual client', async () => {
    const { identity, vendor, ask } = await setStage()
    vendor.script(answerText('yes'))
    await ask()
    expect(identity.requests[0]?.headers['user-agent']).toMatch(/^sub2api-simple\//)
    expect(Object.fromEntries(identity.requests[0]?.form ?? [])).toMatchObject({
      grant_type: 'refresh_token',
      client_id: 'app_EMoamEEZ73f0CkXaXp7hrann',
      scope: 'openid profile email',
    })
  })

  const odd = (fields: Record<string, unknown>): Reaction => ({ kind: 'change', fields })
  test.each<[string, Reaction]>([
    ['no token_type', odd({ token_type: undefined })],
    ['expires_in is null', odd({ expires_in: null })],
    ['expires_in is text', odd({ expires_in: '3600' })],
    ['scope is null', odd({ scope: null })],
    ['the id token has another form of the issuer', odd({ id_token: idToken('https://auth.openai.com/', 'acc') })],
    ['the id token is for another audience', odd({ id_token: idToken('x', 'acc', { aud: 'somebody else' }) })],
    ['the id token has ended (our clock is ahead)', odd({ id_token: idToken('x', 'acc', { exp: 1 }) })],
    [
      'the id token is signed in an odd way',
      odd({ id_token: idToken('x', 'acc').replace(/^[^.]*/, 'eyJhbGciOiJub25lIn0') }),
    ],
    ['the id token has a fractional end', odd({ id_token: idToken('x', 'acc', { exp: 1.5, email_verified: 'yes' }) })],
    ['the id token is no token', odd({ id_token: 'nonsense' })],
    ['the id token is missing', odd({ id_token: undefined })],
  ])('keeps the token of an answer that is odd but valid: %s (row 78)', async (_what, reaction) => {
    const { identity, vendor, ask, onDisk } = await setStage()
    identity.script(reaction)
    vendor.script(answerText('yes'))
    expect((await ask()).status).toBe(200)
    expect(onDisk()['refresh_token']).toBe(identity.familyOf('acc').current)
  })

  test('without an access token is kept, and the old access token serves until its end', async () => {
    const { identity, vendor, pass, ask, onDisk, usedTokens, access } = await setStage({
      expiresAt: '2026-11-20T12:04:00Z',
    })
    identity.script({ kind: 'change', fields: { access_token: undefined } }, { kind: 'refuse', status: 503, body: {} })
    await pass(10_000)
    expect(identity.requests.length).toBeGreaterThan(0)
    expect(onDisk()).toMatchObject({ refresh_token: identity.familyOf('acc').refreshTokens[1], access_token: access })
    expect(onDisk()['expires_at']).toMatch(/^2026-11-20T12:04/)
    vendor.script(answerText('yes'))
    expect((await ask()).status).toBe(200)
    expect(usedTokens()).toEqual([access])
  })

  test.each([undefined, null, ''])('without a new refresh token (%j) keeps the old one (row 79)', async (missing) => {
    const { identity, vendor, ask, onDisk, refresh } = await setStage()
    identity.script({ kind: 'change', fields: { refresh_token: missing } })
    vendor.script(answerText('yes'))
    expect((await ask()).status).toBe(200)
    expect(onDisk()['refresh_token']).toBe(refresh)
  })

  test('that breaks off behind its last brace is whole enough to be kept', async () => {
    const { identity, ask, onDisk } = await setStage()
    identity.script({ kind: 'cut' })
    expect((await ask()).status).toBe(200)
    expect(onDisk()['refresh_token']).toBe(identity.familyOf('acc').current)
    expect(identity.requests).toHaveLength(1)
  })

  test('for another ChatGPT account is refused, and the old sign-in kept (row 80)', async () => {
    const { identity, ask, onDisk, refresh, relay } = await setStage()
    identity.script({ kind: 'change', fields: { id_token: idToken('x', 'stranger') } })
    expect((await ask()).status).toBe(502)
    expect(onDisk()).toMatchObject({ refresh_token: refresh, chatgpt_account_id: 'acc' })
    expect(relay.log).toContainEqual(expect.objectContaining({ level: 'error', event: 'token.foreign' }))
  })

  test('goes on when the client that needed it leaves, and its token is on disk (row 55)', async () => {
    const { identity, vendor, ask, onDisk } = await setStage()
    const held = createDeferred()
    identity.script({ kind: 'hold', until: held.promise })
    const leaving = ask()
    await until(() => identity.requests.length === 1)
    leaving.abort()
    held.resolve()
    await until(() => onDisk()['refresh_token'] === identity.familyOf('acc').current)
    expect(vendor.requests).toHaveLength(0)
  })

  test('is waited for when the relay stops', async () => {
    const { identity, relay, ask, onDisk } = await setStage()
    const held = createDeferred()
    identity.script({ kind: 'hold', until: held.promise })
    void ask()
    await until(() => identity.requests.length === 1)
    const stopping = relay.parts.keeper.stop()
    held.resolve()
    await stopping
    expect(onDisk()['refresh_token']).toBe(identity.familyOf('acc').current)
  })
})

describe('before the token ends', () => {
  test('it is renewed early, while requests go on with the old one', async () => {
    const { identity, pass, onDisk } = await setStage({ expiresAt: '2026-11-20T13:00:00Z' })
    await pass(54 * MINUTE)
    expect(identity.requests).toHaveLength(0)
    await pass(6 * MINUTE)
    await until(() => onDisk()['refresh_token'] === identity.familyOf('acc').current)
    expect(identity.requests).toHaveLength(1)
  })

  test('an endpoint that fails costs no request; it is asked again with growing pauses (row 76)', async () => {
    const { identity, vendor, pass, ask } = await setStage({ expiresAt: '2026-11-20T12:04:00Z' })
    identity.script(...Array.from({ length: 20 }, (): Reaction => ({ kind: 'refuse', status: 503, body: 'no' })))
    vendor.script(answerText('one'), answerText('two'))
    await pass(5_000)
    expect((await ask()).status).toBe(200)
    await pass(3 * MINUTE)
    expect((await ask()).status).toBe(200)
    expect(identity.requests.length).toBeGreaterThanOrEqual(3)
    expect(identity.requests.length).toBeLessThanOrEqual(8)
  })

  test('a cooling account is renewed all the same (row 84)', async () => {
    const { identity, vendor, pass, ask } = await setStage({ expiresAt: '2026-11-20T12:30:00Z' })
    vendor.script(fail(429, { type: 'usage_limit_reached', extra: { resets_in_seconds: 20_000 } }))
    expect((await ask()).status).toBe(429)
    await pass(31 * MINUTE)
    await until(() => identity.requests.length === 1)
  })
})

describe('the clock', () => {
  test('eight hours of sleep end in one refresh (row 86)', async () => {
    const { identity, vendor, clock, ask } = await setStage({ expiresAt: '2026-11-20T13:00:00Z' })
    await clock.sleepThrough(8 * HOUR)
    vendor.script(answerText('morning'))
    expect((await ask()).status).toBe(200)
    expect(identity.requests).toHaveLength(1)
  })

  test.each([
    ['back', -2 * HOUR],
    ['ahead', 2 * HOUR],
  ])('a wall clock that jumps %s makes no token last longer than it does (row 85)', async (_where, jumpMs) => {
    const { identity, vendor, clock, pass, ask } = await setStage()
    vendor.script(...Array.from({ length: 4 }, () => answerText('yes')))
    await ask()
    clock.jump(jumpMs)
    await pass(61 * MINUTE)
    expect((await ask()).status).toBe(200)
    expect(identity.requests.length).toBeGreaterThanOrEqual(2)
    expect(identity.requests.length).toBeLessThanOrEqual(3)
  })
})

describe('a refused token', () => {
  const unauthorized = fail(401, { message: 'token expired' })

  test('is renewed once and the request repeated on the same account (row 12)', async () => {
    const { identity, vendor, ask, usedTokens, access } = await setStage({ expiresAt: '2026-11-20T20:00:00Z' })
    vendor.script(unauthorized, answerText('yes'))
    const answer = await ask()
    expect(answer.status).toBe(200)
    expect(usedTokens()).toEqual([access, identity.familyOf('acc').accessTokens.at(-1)])
  })

  test('is renewed once for a client of another dialect, too (row 12)', async () => {
    const { identity, vendor, askInMessages, usedTokens, access } = await setStage({
      expiresAt: '2026-11-20T20:00:00Z',
    })
    vendor.script(unauthorized, answerText('yes'))
    const answer = await askInMessages()
    expect([answer.status, readText(answer.body)]).toEqual([200, 'yes'])
    expect(usedTokens()).toEqual([access, identity.familyOf('acc').accessTokens.at(-1)])
  })

  test('that is refused again leads elsewhere', async () => {
    const { identity, vendor, ask, usedTokens } = await setStage({
      expiresAt: '2026-11-20T20:00:00Z',
      hasKeyAccount: true,
    })
    vendor.script(unauthorized, unauthorized, answerText('yes'))
    expect((await ask()).status).toBe(200)
    expect(usedTokens().at(-1)).toBe('sk-key-of-the-other')
    expect(identity.requests).toHaveLength(1)
  })

  test.each(['refresh_token_reused', 'invalid_grant'])(
    '%s: the account asks for its owner, others serve, and the endpoint is left alone (row 77)',
    async (code) => {
      const { identity, vendor, pass, ask, health, onDisk, refresh } = await setStage({ hasKeyAccount: true })
      identity.script(
        ...Array.from({ length: 9 }, (): Reaction => ({ kind: 'refuse', status: 400, body: { error: { code } } })),
      )
      vendor.script(answerText('yes'), answerText('yes'))
      expect((await ask()).status).toBe(200)
      await pass(10 * MINUTE)
      expect((await ask()).status).toBe(200)
      expect(identity.requests).toHaveLength(1)
      expect((await health())[0]).toMatchObject({
        state: 'needs_attention',
        problem: expect.stringContaining('sub2api-simple login plus'),
      })
      expect(onDisk()['refresh_token']).toBe(refresh)
      await pass(21 * MINUTE)
      await until(() => identity.requests.length === 2)
    },
  )

  test('is mended by a token that somebody puts into the file, at once (row 71)', async () => {
    const { identity, vendor, pass, ask, relay, onDisk } = await setStage()
    identity.script({ kind: 'refuse', status: 400, body: { error: 'invalid_grant' } })
    expect((await ask()).status).toBe(503)
    const text = readFileSync(relay.configPath, 'utf8')
    writeFileSync(relay.configPath, text.replace(String(onDisk()['refresh_token']), identity.signIn('acc')))
    await pass(5_000)
    await until(() => identity.requests.length === 2)
    vendor.script(answerText('yes'))
    expect((await ask()).status).toBe(200)
  })
})

test('a token that was spent by a process which died before it wrote is tried once, and then its owner is asked for (row 75)', async () => {
  const { identity, pass, ask, health, refresh } = await setStage({ hasKeyAccount: false })
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refresh, client_id: 'app' })
  expect((await fetch(identity.tokenUrl, { method: 'POST', body: form })).status).toBe(200)
  expect((await ask()).status).toBe(503)
  await pass(10 * MINUTE)
  expect((await ask()).status).toBe(503)
  expect(identity.requests).toHaveLength(2)
  expect((await health())[0]).toMatchObject({
    state: 'needs_attention',
    problem: expect.stringContaining('sub2api-simple login plus'),
  })
})

test('an account without a sign-in blocks nobody, and says which command mends it', async () => {
  const { vendor, ask, health } = await setStage({
    hasKeyAccount: true,
    chatgpt: { type: 'oauth', refresh_token: '', access_token: '' },
  })
  vendor.script(answerText('yes'))
  expect((await ask()).status).toBe(200)
  expect((await health())[0]).toMatchObject({ problem: 'sign in with: sub2api-simple login plus' })
})

test('an account whose proxy is unusable is not refreshed directly', async () => {
  const { identity, pass, ask, health } = await setStage({ chatgpt: { proxy: '${NO_SUCH_PROXY}' } })
  expect((await ask()).status).toBe(503)
  await pass(10 * MINUTE)
  expect(identity.requests).toHaveLength(0)
  expect((await health())[0]?.['problem']).toMatch(/^proxy:/)
})

test('no token stands in any log line or in /health', async () => {
  const { identity, vendor, pass, ask, relay } = await setStage()
  vendor.script(answerText('yes'), fail(401, { message: 'the token secret-at-acc-1 is no good' }), answerText('yes'))
  await ask()
  await pass(2 * HOUR)
  await ask()
  const health = (await relay.get('/health')).body.toString()
  const { refreshTokens, accessTokens } = identity.familyOf('acc')
  const shown = `${relay.log.map((line) => JSON.stringify(line)).join('\n')}${health}`
  for (const token of [...refreshTokens, ...accessTokens]) {
    for (const form of [token, encodeURIComponent(token), Buffer.from(token).toString('base64url')]) {
      expect(shown).not.toContain(form)
    }
  }
})
