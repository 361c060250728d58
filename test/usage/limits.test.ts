/**
 * What a client token may use, and what its client is told when that is used up.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { settle } from '../harness/clock.ts'
import { after, answerText, answerWith, beforeHead, pause } from '../harness/reactions.ts'
import { TOKEN } from '../harness/relay.ts'
import { ASK, PROTOCOLS, readRefusal, setStage, type Stage, wordsFor } from '../http/stage.ts'

const SECOND = 1000
const DAY = 24 * 3600 * SECOND
/** An answer costs 0.05 USD: 1,000 tokens in, 8,000 out. */
const PRICES = { '*-test': { input: 10, output: 5 } }
const USAGE = { input: 1000, output: 8000 }
const COST = 0.05

const start = (limits: JsonObject, settings: JsonObject = {}): Promise<Stage> =>
  setStage({ auth_tokens: [{ token: TOKEN, name: 'mate', ...limits }], prices: PRICES, ...settings })

const WORDS = [{ role: 'user', content: 'four'.repeat(1000) }]
const ask = ({ relay }: Stage) =>
  relay.post(ASK.anthropic.path, { model: 'claude-test', max_tokens: 8000, messages: WORDS })

/** Until so many requests have been let in or refused. */
async function untilSeen({ parts: { recorder } }: Stage['relay'], requests: number): Promise<void> {
  const seen = () => (recorder.totals('day', 0)[0]?.totals.requests ?? 0) + recorder.liveCount
  await expect.poll(seen, { timeout: 20_000, interval: 10 }).toBe(requests)
}

describe('a refusal by a limit', () => {
  test.each(PROTOCOLS)('is told in the words of %s, with the wait and whose limit it is', async (protocol) => {
    const { relay, vendor } = await start({ rpm: 1 })
    const { path, body } = ASK[protocol]
    expect((await relay.post(path, body)).status).toBe(200)
    const refused = await relay.post(path, body)
    expect(refused.headers).toMatchObject({ 'retry-after': '60', 'x-relay-limited-by': 'token' })
    expect(readRefusal(protocol, refused)).toMatchObject({
      status: 429,
      word: wordsFor(protocol, {
        anthropic: 'rate_limit_error',
        openai: expect.any(String) as string,
        gemini: 'RESOURCE_EXHAUSTED',
      }),
      message: 'sub2api-simple: this token may make 1 request per minute; it may go on in 1m',
    })
    expect(vendor.requests).toHaveLength(1)
    await relay.clock.advance(60 * SECOND)
    expect((await relay.post(path, body)).status).toBe(200)
  })

  test('is in the books as refused', async () => {
    const stage = await start({ rpm: 1 })
    await ask(stage)
    await ask(stage)
    expect(stage.relay.parts.recorder.recent()).toMatchObject([
      { client: 'mate', outcome: 'refused', status: 429, account: null, cost: 0 },
      { client: 'mate', outcome: 'served', status: 200 },
    ])
  })
})

describe('max_concurrency', () => {
  test('counts requests under way, whatever becomes of them', async () => {
    const stage = await start({ max_concurrency: 1 })
    const { relay, vendor } = stage
    vendor.script(answerText('hello', after('content', pause())))
    const first = relay.post(ASK.anthropic.path, { ...ASK.anthropic.body, stream: true })
    await first.until('hello')
    const second = await ask(stage)
    expect([second.status, second.headers['retry-after']]).toEqual([429, '2'])
    expect(String(second.body)).toContain('this token may have 1 request under way at the same time')
    first.abort('reset')
    await expect.poll(() => relay.parts.limiter.use('mate').inFlight, { interval: 5 }).toBe(0)
    vendor.resume()
    expect((await ask(stage)).status).toBe(200)
  })

  test('and the other limits are none for counting tokens', async () => {
    const { relay } = await start({ max_concurrency: 1, rpm: 1, tpm: 1, budget: { day: 0 } })
    for (let i = 0; i < 3; i++) {
      expect((await relay.post('/v1/messages/count_tokens', ASK.anthropic.body)).status).toBe(200)
    }
  })
})

describe('rpm', () => {
  test('lets a request in for each that is a minute old', async () => {
    const stage = await start({ rpm: 2 })
    const outcomes: number[] = []
    for (let i = 0; i < 5; i++) {
      outcomes.push((await ask(stage)).status)
      await stage.relay.clock.advance(25 * SECOND)
    }
    expect(outcomes).toEqual([200, 200, 429, 200, 200])
  })
})

describe('tpm', () => {
  test('is held by what answers used, without what came from a cache', async () => {
    const stage = await start({ tpm: 20_000 })
    stage.vendor.always(answerWith({ text: 'hello', usage: { input: 5000, cached: 90_000, output: 4000 } }))
    expect([(await ask(stage)).status, (await ask(stage)).status, (await ask(stage)).status]).toEqual([200, 200, 200])
    const refused = await ask(stage)
    expect(refused.status).toBe(429)
    expect(String(refused.body)).toContain('this token may use 20000 tokens per minute and has used 27000')
    await stage.relay.clock.advance(60 * SECOND)
    expect((await ask(stage)).status).toBe(200)
  })
})

describe('a budget', () => {
  test('that is spent says how much, and when it begins anew', async () => {
    const stage = await start({ budget: { day: 0.1 } })
    const { relay, vendor } = stage
    vendor.always(answerWith({ text: 'hello', usage: USAGE }))
    await ask(stage)
    await ask(stage)
    const refused = await ask(stage)
    const { endsAt } = relay.parts.limiter.use('mate').day
    expect(refused.headers).toMatchObject({
      'retry-after': String((endsAt - relay.clock.now()) / 1000),
      'x-should-retry': 'false',
      'x-relay-limited-by': 'token',
    })
    expect(readRefusal('anthropic', refused).message).toMatch(
      /^sub2api-simple: this token may spend \$0\.10 a day and has spent \$0\.10; the budget begins anew in \d+h.* \(2026-11-2\dT/,
    )
    relay.clock.jump(endsAt - relay.clock.now())
    expect((await ask(stage)).status).toBe(200)
  })

  test('of a month outlasts the day', async () => {
    const stage = await start({ budget: { month: COST } })
    stage.vendor.always(answerWith({ text: 'hello', usage: USAGE }))
    await ask(stage)
    stage.relay.clock.jump(2 * DAY)
    expect((await ask(stage)).status).toBe(429)
    stage.relay.clock.jump(10 * DAY)
    expect((await ask(stage)).status).toBe(200)
  })

  test('holds when 200 requests come at once, and can be used up', async () => {
    const stage = await start(
      { budget: { day: 1 } },
      { accounts: [{ name: 'claude', api_key: 'a-key', concurrency: 0 }] },
    )
    const { relay, vendor } = stage
    vendor.always(answerWith({ text: 'hello', usage: USAGE }, beforeHead(pause())))
    const statuses: number[] = []
    for (let round = 0; round < 3; round++) {
      const answers = Array.from({ length: 200 }, () => ask(stage))
      // Every one of them is either under way or refused before the first answer comes.
      await untilSeen(relay, 200 * (round + 1))
      for (let i = 0; i < 200; i++) vendor.resume()
      statuses.push(...(await Promise.all(answers)).map(({ status }) => status))
      expect(relay.parts.limiter.use('mate').day.cost).toBeLessThanOrEqual(1 + COST)
    }
    expect(vendor.load.peak).toBeGreaterThan(10)
    expect(relay.parts.limiter.use('mate')).toMatchObject({ inFlight: 0, day: { cost: expect.closeTo(1, 6) } })
    expect(statuses.filter((status) => status === 200)).toHaveLength(20)
  })

  test('has room for requests like those before, however much their bodies would allow them', async () => {
    const stage = await start(
      { budget: { day: 3 } },
      { accounts: [{ name: 'claude', api_key: 'a-key', concurrency: 0 }] },
    )
    const { relay, vendor } = stage
    const generous = { ...ASK.anthropic.body, max_tokens: 200_000 }
    vendor.always(answerWith({ text: 'hello', usage: USAGE }))
    for (let i = 0; i < 5; i++) await relay.post(ASK.anthropic.path, generous)
    vendor.always(answerWith({ text: 'hello', usage: USAGE }, beforeHead(pause())))
    const answers = Array.from({ length: 20 }, () => relay.post(ASK.anthropic.path, generous))
    await untilSeen(relay, 25)
    expect(relay.parts.recorder.liveCount).toBe(20)
    for (let i = 0; i < 20; i++) vendor.resume()
    await Promise.all(answers)
    expect(relay.parts.limiter.use('mate').day.cost).toBeCloseTo(25 * COST)
  })

  test('learns from requests that cost more than their body tells', async () => {
    const stage = await start(
      { budget: { day: 1 } },
      { accounts: [{ name: 'claude', api_key: 'a-key', concurrency: 0 }] },
    )
    const { relay, vendor } = stage
    vendor.script(answerWith({ text: 'hello', usage: { input: 30_000, output: 0 } }))
    await relay.post(ASK.anthropic.path, { ...ASK.anthropic.body, max_tokens: 1 })
    vendor.always(answerWith({ text: 'hello', usage: { input: 30_000, output: 0 } }, beforeHead(pause())))
    const small = { ...ASK.anthropic.body, max_tokens: 1 }
    const answers = Array.from({ length: 50 }, () => relay.post(ASK.anthropic.path, small))
    await untilSeen(relay, 51)
    expect(relay.parts.recorder.liveCount).toBe(2)
    for (let i = 0; i < 50; i++) vendor.resume()
    await Promise.all(answers)
    expect(relay.parts.limiter.use('mate').day.cost).toBeCloseTo(0.9)
  })

  test('lets nobody wait for ever: a request that is alone may begin while anything is left', async () => {
    const stage = await start({ budget: { day: COST / 10 } })
    stage.vendor.always(answerWith({ text: 'hello', usage: USAGE }))
    expect([(await ask(stage)).status, (await ask(stage)).status]).toEqual([200, 429])
  })

  test('keeps out a model that nobody has priced, and says how to price it', async () => {
    const stage = await start({ budget: { day: 5 } }, { prices: {} })
    const refused = await ask(stage)
    expect([refused.status, refused.headers['x-should-retry']]).toEqual([403, 'false'])
    expect(readRefusal('anthropic', refused).message).toContain(
      'nobody knows what this model costs; its price can be set',
    )
    expect(stage.vendor.requests).toHaveLength(0)
  })

  test('counts the price of the name that a model is called by upstream', async () => {
    const stage = await start(
      { budget: { day: COST } },
      { prices: { 'the-real-one': PRICES['*-test'] }, model_map: { '*': 'the-real-one' } },
    )
    stage.vendor.always(answerWith({ text: 'hello', usage: USAGE }))
    expect([(await ask(stage)).status, (await ask(stage)).status]).toEqual([200, 429])
  })

  test('counts what a client that leaves has used', async () => {
    const stage = await start({ budget: { day: 1 } })
    const { relay, vendor } = stage
    vendor.script(answerText('hello', after('content', pause())))
    const answer = relay.post(ASK.anthropic.path, { ...ASK.anthropic.body, stream: true })
    await answer.until('hello')
    answer.abort('reset')
    await settle()
    await expect.poll(() => relay.parts.limiter.use('mate').day.cost, { interval: 5 }).toBeGreaterThan(0)
    vendor.resume()
  })
})

describe('expires_at', () => {
  test('ends a token in every dialect, on every route', async () => {
    const { relay } = await start({ expires_at: '2026-11-20T12:00:10Z' })
    expect((await relay.get('/v1/models')).status).toBe(200)
    await relay.clock.advance(10 * SECOND)
    for (const protocol of PROTOCOLS) {
      const refused = await relay.post(ASK[protocol].path, ASK[protocol].body)
      expect(readRefusal(protocol, refused)).toMatchObject({
        status: 401,
        message:
          'sub2api-simple: this token expired at 2026-11-20T12:00:10.000Z; ask the owner of the relay for another one',
      })
      expect(refused.headers).toMatchObject({ 'x-relay-limited-by': 'token', 'x-should-retry': 'false' })
    }
    expect((await relay.get('/v1/models')).status).toBe(401)
  })
})

test('a token without limits is counted all the same', async () => {
  const stage = await start({})
  stage.vendor.always(answerWith({ text: 'hello', usage: USAGE }))
  await ask(stage)
  expect(stage.relay.parts.limiter.use('mate')).toMatchObject({
    inFlight: 0,
    requestsLastMinute: 1,
    tokensLastMinute: 9000,
    day: { cost: COST },
    month: { cost: COST },
  })
})

test('GET /v1/usage tells a client its own limits, what it has used, and when that begins anew', async () => {
  const limits = { models: ['claude-*'], rpm: 60, budget: { day: 5 }, expires_at: '2027-01-31T00:00:00Z' }
  const stage = await start(limits)
  const { relay, vendor } = stage
  vendor.always(answerWith({ text: 'hello', usage: USAGE }))
  await ask(stage)
  const answer = await relay.get('/v1/usage')
  const { day, month } = relay.parts.limiter.use('mate')
  expect(JSON.parse(String(answer.body))).toEqual({
    name: 'mate',
    limits: {
      models: ['claude-*'],
      accounts: [],
      max_concurrency: null,
      rpm: 60,
      tpm: null,
      budget_day: 5,
      budget_month: null,
      expires_at: '2027-01-31T00:00:00.000Z',
    },
    in_flight: 0,
    requests_last_minute: 1,
    tokens_last_minute: 9000,
    cost_day: COST,
    cost_month: COST,
    day_resets_at: new Date(day.endsAt).toISOString(),
    month_resets_at: new Date(month.endsAt).toISOString(),
  })
  expect((await relay.get('/v1/usage', { authorization: 'Bearer wrong' })).status).toBe(401)
  expect((await relay.post('/v1/usage', {})).status).toBe(405)
})

test('a reload changes limits at once, and forgets nothing that was used', async () => {
  const stage = await start({ rpm: 1 })
  const { relay } = stage
  const reloadWith = async (limits: JsonObject) => {
    const config = JSON.parse(readFileSync(relay.configPath, 'utf8')) as JsonObject
    writeFileSync(
      relay.configPath,
      JSON.stringify({ ...config, auth_tokens: [{ token: TOKEN, name: 'mate', ...limits }] }),
    )
    expect((await relay.post('/admin/reload', '')).status).toBe(200)
  }
  expect([(await ask(stage)).status, (await ask(stage)).status]).toEqual([200, 429])
  await reloadWith({ rpm: 2 })
  expect([(await ask(stage)).status, (await ask(stage)).status]).toEqual([200, 429])
  await reloadWith({})
  expect((await ask(stage)).status).toBe(200)
})
