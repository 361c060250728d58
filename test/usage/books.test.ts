/**
 * The books of a running relay: requests under way, what became of the last ones, and sums by day, account, token, model.
 */
import { describe, expect, test } from 'vitest'
import { viewError, viewLive, viewTotals } from '../../src/http/usage-views.ts'
import { after, answerText, answerWith, fail, pause } from '../harness/reactions.ts'
import type { TestRelay } from '../harness/relay.ts'
import { ASK, PROTOCOLS, setStage } from '../http/stage.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

const totalsOf = ({ parts }: TestRelay, kind: 'day' | 'account' | 'token' | 'model', since = 0) =>
  parts.recorder.totals(kind, since).map(viewTotals)

describe('a request under way', () => {
  test('is shown with what is known of it, and no longer when it is over', async () => {
    const { vendor, relay } = await setStage()
    vendor.script(answerText('hello', after('content', pause())))
    const answer = relay.post(ASK.anthropic.path, { ...ASK.anthropic.body, stream: true })
    await answer.until('hello')
    await relay.clock.advance(1500)
    expect(relay.parts.recorder.live().map((live) => viewLive(live, relay.clock.monotonic()))).toEqual([
      {
        request: expect.stringMatching(/^req_/),
        client: 'token-1',
        account: 'claude',
        model: 'claude-test',
        protocol: 'anthropic',
        age_ms: 1500,
      },
    ])
    vendor.resume()
    await answer
    expect(relay.parts.recorder.liveCount).toBe(0)
  })

  test.each([
    ['its body is no JSON', '{', 400],
    ['its model is none of its token', { ...ASK.anthropic.body, model: 'gpt-test' }, 403],
  ])('is forgotten when %s', async (_, body, status) => {
    const { relay } = await setStage({ auth_tokens: [{ token: 'a-client-token-for-tests', models: ['claude-*'] }] })
    expect((await relay.post(ASK.anthropic.path, body)).status).toBe(status)
    expect(relay.parts.recorder.liveCount).toBe(0)
    expect(relay.parts.recorder.errors().map(viewError)).toMatchObject([{ status, account: null }])
  })
})

describe('the record of a request', () => {
  const TOLD = { input: 100, cached: 900, output: 30, reasoning: 10 }

  test.each(PROTOCOLS)('%s: tells who, what, how much and how long', async (protocol) => {
    const { vendor, relay } = await setStage()
    vendor.script(answerWith({ text: 'hello', thinking: 'hm', usage: TOLD }))
    const { path, body } = ASK[protocol]
    const answer = await relay.post(path, body)
    expect(relay.parts.recorder.recent()).toEqual([
      {
        at: relay.clock.now(),
        request: answer.headers['x-relay-request-id'],
        client: 'token-1',
        account: { anthropic: 'claude', gemini: 'gemini' }[protocol as string] ?? 'gpt',
        model: expect.stringMatching(/-test$/),
        upstreamModel: expect.stringMatching(/-test$/),
        protocol,
        operation: 'generate',
        // Whatever the dialect calls input, what came from the cache is not in it.
        tokens: { ...TOLD, cacheWrite: 0 },
        estimated: false,
        cost: null,
        firstContentMs: 0,
        totalMs: 0,
        attempts: 1,
        outcome: 'served',
        status: 200,
        error: null,
      },
    ])
  })

  test('counts its times from the arrival, whoever was asked before', async () => {
    const { vendor, relay } = await setStage()
    vendor.script(answerText('hello', pause(), after('content', pause())))
    const answer = relay.post(ASK.anthropic.path, { ...ASK.anthropic.body, stream: true })
    await relay.clock.advance(2000)
    vendor.resume()
    await answer.until('hello')
    await relay.clock.advance(3000)
    vendor.resume()
    await answer
    expect(relay.parts.recorder.recent()).toMatchObject([{ firstContentMs: 2000, totalMs: 5000 }])
  })
})

describe('an account', () => {
  test('that failed on the way is told apart from the one that served', async () => {
    const { vendor, relay } = await setStage({
      accounts: [
        { name: 'broke', platform: 'anthropic', api_key: 'secret-key-of-broke', priority: 1 },
        { name: 'well', platform: 'anthropic', api_key: 'secret-key-of-well', priority: 2 },
      ],
    })
    vendor.script(
      fail(529, { message: 'no room for secret-key-of-broke' }),
      answerWith({ text: 'hello', usage: { input: 25, cached: 75, output: 1 } }),
    )
    await relay.post(ASK.anthropic.path, ASK.anthropic.body)
    const { recorder } = relay.parts
    expect(recorder.accountUse('broke')).toMatchObject({
      requests: 1,
      failures: 1,
      lastError: { at: relay.clock.now(), message: expect.stringMatching(/^no room for (?!secret)/) },
    })
    expect(recorder.accountUse('well')).toEqual({
      requests: 1,
      failures: 0,
      cached: 75,
      inputInAll: 100,
      lastError: null,
    })
    expect(recorder.accountUse('nobody')).toBeNull()
  })

  test('is not to blame for what a client did wrong', async () => {
    const { vendor, relay } = await setStage()
    vendor.script(fail(400, { message: 'max_tokens is too large' }))
    expect((await relay.post(ASK.anthropic.path, ASK.anthropic.body)).status).toBe(400)
    expect(relay.parts.recorder.accountUse('claude')).toMatchObject({ requests: 1, failures: 0, lastError: null })
    expect(relay.parts.recorder.errors().map(viewError)).toMatchObject([
      { account: 'claude', status: 400, message: expect.stringContaining('max_tokens is too large') },
    ])
  })
})

describe('the sums', () => {
  test('are kept by day, account, token and model', async () => {
    const { vendor, relay } = await setStage()
    vendor.always(answerWith({ text: 'hello', usage: { input: 10, cached: 5, cacheWrite: 3, output: 2 } }))
    await relay.post(ASK.anthropic.path, ASK.anthropic.body)
    await relay.post(ASK.anthropic.path, ASK.anthropic.body)
    vendor.script(fail(400, { message: 'no' }))
    await relay.post(ASK.anthropic.path, { ...ASK.anthropic.body, model: 'claude-other' })
    const twice = { requests: 2, failures: 0, input: 20, cached: 10, cache_write: 6, output: 4, reasoning: 0 }
    expect(totalsOf(relay, 'model')).toMatchObject([
      { key: 'claude-other', requests: 1, failures: 1 },
      { key: 'claude-test', ...twice },
    ])
    const all = { ...twice, requests: 3, failures: 1 }
    expect(totalsOf(relay, 'account')).toMatchObject([{ key: 'claude', ...all }])
    expect(totalsOf(relay, 'token')).toMatchObject([{ key: 'token-1', ...all }])
    expect(totalsOf(relay, 'day')).toMatchObject([{ key: expect.stringMatching(/^\d{4}-\d\d-\d\d$/), ...all }])
  })

  test('of the last days leave out the days before', async () => {
    const { relay } = await setStage()
    for (let day = 0; day < 3; day++) {
      await relay.post(ASK.anthropic.path, ASK.anthropic.body)
      relay.clock.jump(DAY)
    }
    expect(totalsOf(relay, 'day')).toMatchObject([{ requests: 1 }, { requests: 1 }, { requests: 1 }])
    expect(totalsOf(relay, 'account', relay.clock.now() - 2 * DAY)).toMatchObject([{ key: 'claude', requests: 2 }])
  })

  test('stay few, whatever names clients make up', async () => {
    const { relay } = await setStage({ accounts: [{ name: 'claude', api_key: 'a-secret-key', models: ['*'] }] })
    for (let name = 0; name < 203; name++) {
      await relay.post(ASK.anthropic.path, { ...ASK.anthropic.body, model: `made-up-${name}` })
    }
    const totals = totalsOf(relay, 'model')
    expect(totals).toHaveLength(201)
    expect(totals[0]).toMatchObject({ key: '(others)', requests: 3 })
    expect(relay.parts.recorder.recent()).toHaveLength(200)
  })
})
