/**
 * What the owner of a running relay can see and do over `/admin`, and who else cannot.
 */
import { describe, expect, test } from 'vitest'
import type { AccountView, ExplainView, StatusView } from '../../src/http/views.ts'
import { answerText, fail } from '../harness/reactions.ts'
import { rawRequest, type RawResponse } from '../harness/raw-client.ts'
import { TOKEN, type TestRelay } from '../harness/relay.ts'
import { ASK, setStage } from './stage.ts'

const ADMIN_TOKEN = 'an-admin-token-for-tests'
const ONE = [{ name: 'one', platform: 'anthropic', api_key: 'a-secret-key-of-one' }]
const TWO = [
  { name: 'home', platform: 'anthropic', api_key: 'a-secret-key-of-home', priority: 1 },
  { name: 'spare', platform: 'anthropic', api_key: 'a-secret-key-of-spare', priority: 2 },
]

const HELLO = { ...ASK.anthropic.body, messages: [{ role: 'user', content: 'hello' }] }

const read = (answer: RawResponse): unknown => JSON.parse(String(answer.body))
const show = async <Value = unknown>(relay: TestRelay, path: string): Promise<Value> =>
  read(await relay.get(`/admin/${path}`)) as Value
const act = async (relay: TestRelay, account: string, action: string): Promise<RawResponse> =>
  relay.post(`/admin/accounts/${encodeURIComponent(account)}/${action}`, '')
const ask = async (relay: TestRelay): Promise<string | undefined> =>
  (await relay.post('/v1/messages', HELLO)).headers['x-relay-account']
const stateOf = async (relay: TestRelay, name: string): Promise<AccountView | undefined> =>
  (await show<StatusView>(relay, 'status')).accounts.find((account) => account.name === name)

describe('who may look and act', () => {
  const local = { authorization: `Bearer ${TOKEN}` }
  const admin = { authorization: `Bearer ${ADMIN_TOKEN}` }
  test.each<[string, Record<string, string>, number]>([
    ['nobody without a token', {}, 401],
    ['nobody with a wrong token', { authorization: 'Bearer something-else' }, 401],
    ['a client on this machine', local, 200],
    ['the status page, from the address it was opened at', { ...local, 'sec-fetch-site': 'same-origin' }, 200],
    ['no client behind a name that was made to point here', { ...local, host: 'evil.example' }, 401],
    ['no client behind a proxy on this machine', { ...local, 'x-forwarded-for': '192.0.2.7' }, 401],
    ['no web page of another origin', { ...local, origin: 'https://evil.example' }, 403],
    ['no web page of another site', { ...local, 'sec-fetch-site': 'cross-site' }, 403],
    ['no sandboxed page', { ...local, origin: 'null' }, 403],
    ['whoever has the admin token, from anywhere', { ...admin, host: 'relay.example' }, 200],
    ['whoever has it, behind a proxy', { ...admin, host: 'relay.example', 'x-forwarded-for': '192.0.2.7' }, 200],
    ['no web page of another origin, even with it', { ...admin, origin: 'https://evil.example' }, 403],
    ['a page of the relay behind a name', { ...admin, host: 'relay.example', origin: 'https://relay.example' }, 200],
  ])('%s', async (_who, headers, status) => {
    const { relay } = await setStage({ accounts: ONE, admin_token: ADMIN_TOKEN })
    const answer = await rawRequest(relay.port, { path: '/admin/status', headers })
    expect(answer.status).toBe(status)
    if (status === 200) return
    expect(read(answer)).toEqual({ error: { message: expect.any(String), type: expect.any(String) } })
    expect(relay.log).toContainEqual(expect.objectContaining({ event: 'admin.refused', path: '/admin/status', status }))
  })

  test('the admin token is no token of a client', async () => {
    const { relay } = await setStage({ accounts: ONE, admin_token: ADMIN_TOKEN })
    const answer = await relay.post('/v1/messages', ASK.anthropic.body, { headers: admin })
    expect(answer.status).toBe(401)
  })

  test('a page may not even ask for leave, whatever cors_origins says', async () => {
    const { relay } = await setStage({ accounts: ONE, cors_origins: ['https://chat.example'] })
    const headers = { origin: 'https://chat.example', 'access-control-request-method': 'POST' }
    const answer = await rawRequest(relay.port, { method: 'OPTIONS', path: '/admin/reload', headers })
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([403, undefined])
  })
})

describe('what is shown', () => {
  test('the whole picture, without a secret in it', async () => {
    const { vendor, relay } = await setStage({ accounts: TWO, admin_token: ADMIN_TOKEN })
    vendor.script(answerText('hello'))
    await ask(relay)
    const answer = await relay.get('/admin/status')
    expect(read(answer)).toMatchObject({
      version: expect.any(String),
      uptime_seconds: 0,
      config: { path: relay.configPath, generation: 1, rejected: null },
      accounts: [
        { name: 'home', state: 'ok', reason: null, priority: 1, in_flight: 0, requests: 1, failures: 0, sessions: 1 },
        { name: 'spare', state: 'ok', requests: 0 },
      ],
      tokens: [{ name: 'token-1', in_flight: 0, limits: { models: [], rpm: null } }],
      sessions: 1,
      waiting: 0,
      live: [],
      errors: [],
      days: [{ requests: 1, failures: 0 }],
    })
    for (const secret of ['a-secret-key', TOKEN, ADMIN_TOKEN]) expect(String(answer.body)).not.toContain(secret)
  })

  test('sessions by the beginning of their digest, with their home and how warm it is', async () => {
    const { vendor, relay } = await setStage({ accounts: TWO })
    vendor.script(answerText('hello'))
    await ask(relay)
    await relay.clock.advance(60_000)
    expect(await show(relay, 'sessions')).toEqual({
      total: 1,
      sessions: [{ session: expect.stringMatching(/^[\w-]{12}$/), account: 'home', idle_ms: 60_000, warm_ms: 240_000 }],
    })
  })

  test('errors and usage as the books have them', async () => {
    const { vendor, relay } = await setStage({ accounts: ONE })
    vendor.script(answerText('hello'), fail(400, { message: 'no such thing' }))
    await ask(relay)
    await ask(relay)
    expect(await show(relay, 'errors')).toMatchObject({ errors: [{ status: 400, account: 'one', client: 'token-1' }] })
    expect(await show(relay, 'usage?by=account&since=1d')).toMatchObject({
      by: 'account',
      totals: [{ key: 'one', requests: 2, failures: 1 }],
    })
  })

  test.each([
    'usage?by=weather',
    'usage?since=soon',
    'explain',
    'explain?model=x&protocol=morse',
    'explain?model=x&token=y',
  ])('%s is told to be no question', async (path) => {
    const { relay } = await setStage({ accounts: ONE })
    const answer = await relay.get(`/admin/${path}`)
    expect([answer.status, read(answer)]).toMatchObject([400, { error: { type: 'invalid_request' } }])
  })
})

describe('explain', () => {
  test('gives the order, the lane, the names, and why the others would not serve', async () => {
    const { relay } = await setStage({
      accounts: [
        { name: 'off', platform: 'anthropic', api_key: 'k-of-off-account', enabled: false },
        { name: 'second', platform: 'anthropic', api_key: 'k-of-second-account', priority: 60 },
        { name: 'first', platform: 'anthropic', api_key: 'k-of-first-account', model_map: { 'claude-*': 'big-one' } },
        { name: 'other', platform: 'openai', api_key: 'k-of-other-account', models: ['claude-test'], priority: 70 },
        { name: 'gem', platform: 'gemini', api_key: 'k-of-gemini-account' },
      ],
      model_map: { nick: ['claude-test', 'gemini-test'] },
    })
    expect(await show<ExplainView>(relay, 'explain?model=nick&protocol=messages')).toEqual({
      model: 'nick',
      protocol: 'anthropic',
      chain: ['claude-test', 'gemini-test'],
      ready: [
        { account: 'first', upstream_model: 'big-one', lane: 'byte', priority: 50, in_flight: 0 },
        { account: 'second', upstream_model: 'claude-test', lane: 'byte', priority: 60, in_flight: 0 },
        { account: 'other', upstream_model: 'claude-test', lane: 'hub', priority: 70, in_flight: 0 },
        { account: 'gem', upstream_model: 'gemini-test', lane: 'hub', priority: 50, in_flight: 0 },
      ],
      excluded: [{ account: 'off', reason: 'disabled', message: 'the config has it switched off', until: null }],
    })
  })

  test('says until when an account rests, and what the vendor said', async () => {
    const { vendor, relay } = await setStage({ accounts: TWO })
    vendor.script(fail(429, { message: 'slow down', headers: { 'retry-after': '30' } }), answerText('hello'))
    expect(await ask(relay)).toBe('spare')
    const until = new Date(relay.clock.now() + 30_000).toISOString()
    expect(await show<ExplainView>(relay, 'explain?model=claude-test')).toMatchObject({
      ready: [{ account: 'spare' }],
      excluded: [{ account: 'home', reason: 'cooling', message: 'burst: slow down', until }],
    })
  })

  test('knows what a token may use, and its own names', async () => {
    const { relay } = await setStage({
      accounts: TWO,
      auth_tokens: [
        TOKEN,
        { token: 'another-client-token', name: 'bob', accounts: ['spare'], model_map: { best: 'claude-test' } },
      ],
    })
    expect(await show<ExplainView>(relay, 'explain?model=best&token=bob')).toMatchObject({
      chain: ['claude-test'],
      ready: [{ account: 'spare' }],
      excluded: [{ account: 'home', reason: 'not_allowed' }],
    })
  })
})

describe('what can be done to an account', () => {
  test('a paused one gets nothing new until it is resumed', async () => {
    const { relay } = await setStage({ accounts: TWO })
    expect(read(await act(relay, 'home', 'pause'))).toEqual({
      account: 'home',
      action: 'pause',
      ok: true,
      message: 'paused',
    })
    expect(await ask(relay)).toBe('spare')
    expect(await stateOf(relay, 'home')).toMatchObject({ state: 'paused', mend: 'sub2api-simple accounts resume home' })
    expect(read(await act(relay, 'home', 'resume'))).toMatchObject({ ok: true })
    await relay.clock.advance(1)
    const other = { ...HELLO, system: 'another conversation' }
    expect((await relay.post('/v1/messages', other)).headers['x-relay-account']).toBe('home')
    // The first one has settled where it found a place.
    expect(await ask(relay)).toBe('spare')
    expect(relay.log).toContainEqual(
      expect.objectContaining({ event: 'account.pause', account: 'home', by: 'token-1' }),
    )
  })

  test('when all are paused, requests are told so until one is resumed', async () => {
    const { relay } = await setStage({ accounts: ONE })
    await act(relay, 'one', 'pause')
    expect((await relay.post('/v1/messages', ASK.anthropic.body)).status).toBe(503)
    await act(relay, 'one', 'resume')
    expect(await ask(relay)).toBe('one')
  })

  test('clear ends its rest at once', async () => {
    const { vendor, relay } = await setStage({ accounts: ONE, queue: { timeout: '1s', size: 1 } })
    vendor.script(fail(429, { message: 'slow down', headers: { 'retry-after': '300' } }))
    await ask(relay)
    expect(await stateOf(relay, 'one')).toMatchObject({
      state: 'cooling',
      reason: expect.stringContaining('slow down'),
    })
    expect(read(await act(relay, 'one', 'clear'))).toMatchObject({ ok: true, message: 'cleared; it may serve at once' })
    expect(await stateOf(relay, 'one')).toMatchObject({ state: 'ok', reason: null, cooldowns: [] })
    expect(await ask(relay)).toBe('one')
  })

  test('test asks its vendor one small thing, and ends a rest that is over', async () => {
    const { vendor, relay } = await setStage({ accounts: ONE, queue: { timeout: '1s', size: 1 } })
    vendor.script(fail(401, { message: 'bad key' }), fail(401, { message: 'still bad' }), answerText('hello'))
    await ask(relay)
    expect(read(await act(relay, 'one', 'test'))).toEqual({
      account: 'one',
      action: 'test',
      ok: false,
      message: 'unauthorized: still bad (HTTP 401)',
    })
    expect(read(await act(relay, 'one', 'test'))).toMatchObject({
      ok: true,
      message: expect.stringMatching(/answered in \d+ ms; it rests no longer/),
    })
    expect(await stateOf(relay, 'one')).toMatchObject({ state: 'ok' })
    expect(vendor.requests.at(-1)?.body).toMatchObject({ max_tokens: 1 })
  })

  test('a name may hold anything', async () => {
    const { relay } = await setStage({ accounts: [{ ...ONE[0], name: 'my own/größte 100% #1' }] })
    expect((await act(relay, 'my own/größte 100% #1', 'pause')).status).toBe(200)
    expect(relay.parts.pool.states[0]?.isPaused).toBe(true)
  })

  test.each([
    ['an unknown account', 'POST', '/admin/accounts/nobody/pause', 404],
    ['an unknown action', 'POST', '/admin/accounts/one/sing', 404],
    ['a name that is not encoded as it should be', 'POST', '/admin/accounts/%zz/pause', 400],
    ['a sign-in of an account with a key', 'POST', '/admin/accounts/one/refresh', 409],
    ['an action by a link', 'GET', '/admin/accounts/one/pause', 405],
    ['a look by a form', 'POST', '/admin/status', 405],
    ['a path that is none', 'GET', '/admin/secrets', 404],
  ])('%s is refused', async (_what, method, path, status) => {
    const { relay } = await setStage({ accounts: ONE })
    const headers = { authorization: `Bearer ${TOKEN}` }
    const answer = await rawRequest(relay.port, { method, path, headers, ...(method === 'POST' ? { body: '' } : {}) })
    expect([answer.status, read(answer)]).toMatchObject([status, { error: { message: expect.any(String) } }])
    expect(relay.parts.pool.states[0]?.isPaused).toBe(false)
  })
})
