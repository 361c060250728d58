/**
 * A config that changes while the relay serves: what goes on as it was, what begins anew, and what a mistake cannot break.
 */
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { ReloadView } from '../../src/http/views.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { after, answerText, beforeHead, fail, pause } from '../harness/reactions.ts'
import { readText } from '../harness/sse.ts'
import { TOKEN, type TestRelay } from '../harness/relay.ts'
import { ASK, setStage, type Stage } from '../http/stage.ts'

const claude = (name: string, facts: JsonObject = {}): JsonObject => ({
  name,
  platform: 'anthropic',
  api_key: `secret-key-of-${name}`,
  ...facts,
})

const read = (relay: TestRelay): JsonObject => JSON.parse(readFileSync(relay.configPath, 'utf8')) as JsonObject

/** Puts `accounts` and further settings into the file, as an editor would, and has the relay read it. */
async function change(
  { vendor, relay }: Stage,
  { accounts, ...settings }: { accounts?: readonly JsonObject[] } & JsonObject,
): Promise<ReloadView> {
  const before = read(relay)
  const changed = accounts?.map((account) => ({ ...account, base_url: vendor.url })) ?? before['accounts']
  writeFileSync(relay.configPath, JSON.stringify({ ...before, ...settings, accounts: changed ?? null }))
  return reload(relay)
}

async function reload(relay: TestRelay): Promise<ReloadView> {
  return JSON.parse(String((await relay.post('/admin/reload', '')).body)) as ReloadView
}

const HELLO = { ...ASK.anthropic.body, messages: [{ role: 'user', content: 'hello' }] }

const ask = (relay: TestRelay, session = 'one', token = TOKEN) =>
  relay.post('/v1/messages', HELLO, {
    headers: { 'x-claude-code-session-id': session, authorization: `Bearer ${token}` },
  })
const servedBy = async (asked: ReturnType<typeof ask>): Promise<string | number | undefined> => {
  const { status, headers } = await asked
  return status === 200 ? headers['x-relay-account'] : status
}

describe('accounts', () => {
  test('a new one serves, and one that is gone finishes the stream it serves', async () => {
    const stage = await setStage({ accounts: [claude('old')] })
    const { vendor, relay } = stage
    vendor.script(answerText('hello', after('content', pause())))
    const stream = relay.post('/v1/messages', { ...HELLO, stream: true })
    await stream.until('hello')
    expect(await change(stage, { accounts: [claude('new')] })).toMatchObject({
      changed: true,
      config: { generation: 2, rejected: null },
      accounts: { added: ['new'], removed: ['old'], changed: [] },
    })
    expect(await servedBy(ask(relay))).toBe('new')
    vendor.resume()
    const { ended, body } = await stream
    expect([ended, readText(body)]).toEqual(['clean', 'hello'])
    expect(relay.log).toContainEqual(
      expect.objectContaining({ event: 'config.reloaded', added: ['new'], removed: ['old'], generation: 2 }),
    )
  })

  test('a rest goes on when something else changes, also under a limit and a new place', async () => {
    const stage = await setStage({ accounts: [claude('a'), claude('b')] })
    const { vendor, relay } = stage
    vendor.forKey('secret-key-of-a').script(fail(429, { headers: { 'retry-after': '60' } }))
    expect(await servedBy(ask(relay))).toBe('b')
    await change(stage, { accounts: [claude('b', { priority: 90 }), claude('a', { concurrency: 9, tags: ['x'] })] })
    expect(await servedBy(ask(relay, 'another'))).toBe('b')
    await relay.clock.advance(60_000)
    expect(await servedBy(ask(relay, 'a third'))).toBe('a')
  })

  test('slots stay taken, and one more slot is given to who waits for it', async () => {
    const stage = await setStage({ accounts: [claude('a', { concurrency: 1 })] })
    const { vendor, relay } = stage
    vendor.script(answerText('first', beforeHead(pause())))
    const first = ask(relay, 'one')
    await vendor.received(1)
    const second = ask(relay, 'two')
    await relay.clock.advance(1)
    await change(stage, { accounts: [claude('a', { concurrency: 1, priority: 7 })] })
    expect([relay.inFlight(), relay.parts.pool.waiting]).toEqual([{ a: 1 }, 1])
    await change(stage, { accounts: [claude('a', { concurrency: 2, priority: 7 })] })
    expect(await servedBy(second)).toBe('a')
    vendor.resume()
    expect(await servedBy(first)).toBe('a')
  })

  test('who waits for an account that is gone is served by the next, or told', async () => {
    const stage = await setStage({ accounts: [claude('a', { concurrency: 1 })] })
    const { vendor, relay } = stage
    vendor.script(answerText('first', beforeHead(pause())))
    const first = ask(relay, 'one')
    await vendor.received(1)
    const second = ask(relay, 'two')
    await relay.clock.advance(1)
    await change(stage, { accounts: [claude('b', { models: ['other-*'] })] })
    expect(await servedBy(second)).toBe(404)
    vendor.resume()
    expect(await servedBy(first)).toBe('a')
  })

  test('a new key heals at once, and the old one, refused late, takes nothing from it', async () => {
    const stage = await setStage({ accounts: [claude('a')], queue: { timeout: '1s', size: 1 } })
    const { vendor, relay } = stage
    vendor.script(fail(401, {}, beforeHead(pause())), fail(401))
    const late = ask(relay, 'late')
    await vendor.received(1)
    expect(await servedBy(ask(relay))).toBe(503)
    expect(await servedBy(ask(relay))).toBe(503)
    await change(stage, { accounts: [claude('a', { api_key: 'secret-and-new-key' })] })
    vendor.resume()
    await late
    expect(await servedBy(ask(relay))).toBe('a')
    expect(vendor.requests.at(-1)?.key).toBe('secret-and-new-key')
    expect(relay.parts.pool.states[0]?.health.size).toBe(0)
  })

  test('those without names are known by their keys when a neighbour is removed', async () => {
    const unnamed = (key: string): JsonObject => ({ platform: 'anthropic', api_key: `secret-key-of-${key}` })
    const stage = await setStage({ accounts: [unnamed('first'), unnamed('second'), unnamed('third')] })
    const { vendor, relay } = stage
    vendor.forKey('secret-key-of-second').script(fail(429, { headers: { 'retry-after': '60' } }))
    for (const session of ['one', 'two', 'three']) await ask(relay, session)
    await change(stage, { accounts: [unnamed('second'), unnamed('third')] })
    const asked = vendor.requests.length
    for (const session of ['four', 'five']) expect(await servedBy(ask(relay, session))).toBe('account-2')
    expect(vendor.requests.slice(asked).map(({ key }) => key)).toEqual(['secret-key-of-third', 'secret-key-of-third'])
    expect(relay.parts.pool.states[0]?.health.size).toBe(1)
  })

  test('conversations stay at home, and leave a home that is gone', async () => {
    const stage = await setStage({ accounts: [claude('a'), claude('b')] })
    const { relay } = stage
    expect([await servedBy(ask(relay, 'one')), await servedBy(ask(relay, 'two'))]).toEqual(['a', 'b'])
    await change(stage, { accounts: [claude('b'), claude('c'), claude('a')] })
    for (let turn = 0; turn < 3; turn++) {
      expect([await servedBy(ask(relay, 'one')), await servedBy(ask(relay, 'two'))]).toEqual(['a', 'b'])
    }
    await change(stage, { accounts: [claude('b'), claude('c', { priority: 1 })] })
    expect([await servedBy(ask(relay, 'one')), await servedBy(ask(relay, 'two'))]).toEqual(['c', 'b'])
    await change(stage, { accounts: [claude('b'), claude('c'), claude('a', { priority: 1 })] })
    expect(await servedBy(ask(relay, 'one'))).toBe('c')
  })

  test('a conversation that was helped out elsewhere does not bring a home back that is gone', async () => {
    const stage = await setStage({ accounts: [claude('a'), claude('b', { priority: 60 })] })
    const { vendor, relay } = stage
    expect(await servedBy(ask(relay))).toBe('a')
    vendor.forKey('secret-key-of-a').script(fail(429, { headers: { 'retry-after': '60' } }))
    vendor.forKey('secret-key-of-b').script(answerText('hello', beforeHead(pause())))
    const helped = ask(relay)
    await vendor.received(3)
    await change(stage, { accounts: [claude('b')] })
    vendor.resume()
    expect(await servedBy(helped)).toBe('b')
    expect(relay.parts.pool.listSessions().filter(({ binding }) => !binding.home.isRemoved)).toEqual([])
    expect(await servedBy(ask(relay))).toBe('b')
  })

  test('paused ones stay paused', async () => {
    const stage = await setStage({ accounts: [claude('a'), claude('b')] })
    const { relay } = stage
    await relay.post('/admin/accounts/a/pause', '')
    await change(stage, { accounts: [claude('a', { priority: 1 }), claude('b')] })
    expect(await servedBy(ask(relay))).toBe('b')
  })
})

describe('a file with a mistake', () => {
  test.each<[string, string, RegExp]>([
    ['that is no JSON', '{ "accounts": [', /config\.json:1:\d+: /],
    [
      'that lacks what it needs',
      '{ "auth_tokens": [], "accounts": [] }',
      /accounts must hold at least one account.*Write|accounts/,
    ],
    ['that is empty', '', /config\.json/],
  ])('%s changes nothing, and says where and why', async (_what, text, reason) => {
    const stage = await setStage({ accounts: [claude('a')] })
    const { relay } = stage
    const good = readFileSync(relay.configPath, 'utf8')
    writeFileSync(relay.configPath, text)
    expect(await reload(relay)).toMatchObject({
      changed: false,
      config: { generation: 1, rejected: expect.stringMatching(reason) },
    })
    expect(await servedBy(ask(relay))).toBe('a')
    expect(relay.log).toContainEqual(
      expect.objectContaining({
        level: 'error',
        event: 'config.rejected',
        place: expect.stringMatching(/config\.json:\d+:\d+/),
      }),
    )
    writeFileSync(relay.configPath, good)
    expect(await reload(relay)).toMatchObject({ changed: false, config: { generation: 1, rejected: null } })
  })

  test('a file that is gone changes nothing', async () => {
    const { relay } = await setStage({ accounts: [claude('a')] })
    unlinkSync(relay.configPath)
    expect(await reload(relay)).toMatchObject({ config: { rejected: expect.stringContaining('no such file') } })
    expect(await servedBy(ask(relay))).toBe('a')
  })
})

describe('tokens and settings', () => {
  test('a new token opens, a removed one does not, and what it had begun is finished', async () => {
    const stage = await setStage({ accounts: [claude('a')] })
    const { vendor, relay } = stage
    vendor.script(answerText('hello', after('content', pause())))
    const stream = relay.post('/v1/messages', { ...HELLO, stream: true })
    await stream.until('hello')
    const view = await change(stage, { auth_tokens: [{ token: 'another-client-token', name: 'bob' }] })
    expect(view).toMatchObject({ changed: true, settings: ['auth_tokens'] })
    expect(await servedBy(ask(relay, 'one', 'another-client-token'))).toBe('a')
    expect(await servedBy(ask(relay))).toBe(401)
    vendor.resume()
    expect((await stream).ended).toBe('clean')
  })

  test('a token that takes over the name of another finds nothing of what was remembered for it', async () => {
    const stage = await setStage({
      accounts: [{ name: 'gpt', platform: 'openai', api_key: 'secret-key-of-gpt', wire_api: 'chat' }],
    })
    const { relay } = stage
    const first = await relay.post('/v1/responses', { model: 'gpt-test', input: 'hello' })
    const { id } = JSON.parse(String(first.body)) as { id: string }
    const find = (token: string) => relay.get(`/v1/responses/${id}`, { authorization: `Bearer ${token}` })
    const known = (await find(TOKEN)).status
    await change(stage, { auth_tokens: ['another-client-token'] })
    expect([known, (await find('another-client-token')).status]).toEqual([known, 404])
  })

  test('names of models, strategy and log level are in force at once', async () => {
    const stage = await setStage({ accounts: [claude('a', { model_map: { 'big-model': 'vendor-name' } })] })
    const { relay, vendor } = stage
    const view = await change(stage, {
      model_map: { 'claude-test': 'big-model' },
      log: { format: 'json', level: 'error' },
    })
    expect(view.settings).toEqual(['model_map', 'log'])
    await ask(relay)
    expect(vendor.requests.at(-1)?.model).toBe('vendor-name')
    expect(relay.log.some(({ event }) => event === 'request.end')).toBe(false)
  })

  test('what only a start can change is said', async () => {
    const stage = await setStage({ accounts: [claude('a')] })
    const view = await change(stage, { listen_addr: '127.0.0.1:1', enable_model_debug_log: true })
    expect(view).toMatchObject({
      changed: true,
      settings: [],
      needs_restart: ['listen_addr', 'enable_model_debug_log'],
    })
    expect(stage.relay.log).toContainEqual(
      expect.objectContaining({ level: 'warn', event: 'config.needs_restart', keys: view.needs_restart }),
    )
  })

  test('a new secret is masked in the log from then on', async () => {
    const stage = await setStage({ accounts: [claude('a')] })
    const { relay, vendor } = stage
    await change(stage, { accounts: [claude('a', { api_key: 'secret-and-new-key' })] })
    vendor.script(fail(400, { message: 'bad key secret-and-new-key, not secret-key-of-a' }))
    await ask(relay)
    const text = JSON.stringify(relay.log)
    expect([text.includes('secret-and-new-key'), text.includes('secret-key-of-a')]).toEqual([false, false])
    expect(text).toContain('bad key ***')
  })

  test('the same file once more changes nothing and says so', async () => {
    const { relay } = await setStage({ accounts: [claude('a')] })
    expect(await reload(relay)).toMatchObject({ changed: false, config: { generation: 1 } })
    expect(relay.log).toContainEqual(expect.objectContaining({ event: 'config.unchanged', generation: 1 }))
  })
})
