/**
 * When every attempt has failed: of all the reasons the client hears the one that helps it most, in its dialect, with the
 * time of the first return, and without a word about whose account it was.
 */
import { beforeEach, describe, expect, test } from 'vitest'
import { drop, fail, headers, type Reaction } from '../harness/reactions.ts'
import { onlyInThisProcess } from '../harness/relay-program.ts'
import { errorIn, HOUR, readJson, SECOND, servedBy, start } from './failover-stage.ts'
import { PROTOCOLS } from './four-dialects.ts'

const limited = (seconds: number): Reaction => fail(429, { headers: { 'retry-after': String(seconds) } })

describe('the most useful reason wins', () => {
  const ranked: Array<[string, Reaction[], number]> = [
    ['a limit before a fault', [limited(40), fail(500)], 429],
    ['a limit before a fault, whatever the order', [fail(500), limited(40)], 429],
    ['a limit before a connection that breaks', [limited(40), drop()], 429],
    ['a limit before a refused key', [fail(401), limited(40), fail(403)], 429],
    ['a limit before a missing model', [limited(40), fail(404, { message: 'model: claude-test' })], 429],
    ['an overload before a refused key', [fail(529), fail(401)], 529],
    ['a fault before a refused key', [fail(500), fail(401)], 502],
    ['a fault before an empty purse', [fail(402), fail(500)], 502],
    ['of two faults that of the account which can be asked again first', [fail(529), fail(500)], 502],
    ["the client's mistake before everything", [limited(40), fail(500), fail(400, { message: 'no' })], 400],
  ]
  test.each(ranked)('%s', async (_what, reactions, status) => {
    const { vendor, ask } = await start(reactions.map((_, i) => `account-${i + 1}`))
    for (const [i, reaction] of reactions.entries()) vendor.forKey(`account-${i + 1}`).always(reaction)
    expect((await ask()).status).toBe(status)
  })

  test('row 4: of several limits the client gets the words of the one that ends first', async () => {
    const { vendor, ask } = await start(['a', 'b', 'c'])
    for (const [key, seconds] of [
      ['a', 50],
      ['b', 30],
      ['c', 70],
    ] as const) {
      vendor
        .forKey(key)
        .script(fail(429, { message: `${key} is at its limit`, headers: { 'retry-after': String(seconds) } }))
    }
    const answer = await ask()
    expect([answer.status, answer.headers['retry-after'], answer.headers['x-relay-attempts']]).toEqual([429, '30', '3'])
    expect(errorIn(answer).message).toBe('b is at its limit')
    expect(answer.body).toEqual(vendor.bytesSent(2))
  })

  test.each(PROTOCOLS)(
    'an account that returns before the one that was asked sets the time for a %s client',
    async (protocol) => {
      const { vendor, relay, ask } = await start(['a', 'b'], { protocol })
      vendor.forKey('a').script(limited(40))
      await ask()
      await relay.clock.advance(5 * SECOND)
      vendor
        .forKey('b')
        .script(fail(429, { type: 'usage_limit_reached', extra: { resets_in_seconds: (5 * HOUR) / SECOND } }))
      const answer = await ask()
      expect([answer.status, answer.headers['retry-after'], answer.headers['x-should-retry']]).toEqual([
        429,
        '35',
        undefined,
      ])
      expect(errorIn(answer).message).toMatch(/^sub2api-simple: .*the first returns in 35s/)
      // What its own body says of five hours would send a client away for five hours.
      expect(answer.body.toString()).not.toContain('18000')
    },
  )

  test('an account that failed only once may be asked again at once, so nobody is told to wait for the others', async () => {
    const { vendor, ask } = await start(['a', 'b'])
    vendor.forKey('a').script(limited(3000))
    vendor.forKey('b').script(fail(500))
    const answer = await ask()
    expect([answer.status, answer.headers['retry-after'], answer.headers['x-should-retry']]).toEqual([
      429,
      '1',
      undefined,
    ])
    expect(servedBy(await ask())).toEqual([200, 'b', 1])
  })

  test('a model that one account may not use and another serves again soon is no missing model', async () => {
    const { vendor, ask } = await start(['a', 'b'])
    vendor.forKey('a').script(limited(40))
    await ask()
    vendor.forKey('b').script(fail(404, { message: 'model: claude-test' }))
    const answer = await ask()
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '40'])
  })
})

describe('long waits', () => {
  beforeEach(() => onlyInThisProcess('a clock that stands still'))
  const inAnHour = fail(429, { message: 'slow down', headers: { 'retry-after': '3600' } })

  test('Responses: Codex sits out any number in silence, so a long one is a usage limit with its end', async () => {
    const { vendor, relay, ask } = await start(['a'], { protocol: 'openai-responses' })
    vendor.always(inAnHour)
    for (const answer of [await ask({ stream: true }), await ask({ stream: true })]) {
      expect([answer.status, answer.headers['retry-after'], answer.headers['x-should-retry']]).toEqual([
        429,
        '3600',
        'false',
      ])
      expect(readJson(answer)['error']).toMatchObject({
        type: 'usage_limit_reached',
        resets_at: (relay.clock.now() + HOUR) / SECOND,
        resets_in_seconds: 3600,
      })
    }
  })

  test("Responses: the vendor's own usage limit passes as it is", async () => {
    const { vendor, ask } = await start(['a'], { protocol: 'openai-responses' })
    vendor.always(fail(429, { type: 'usage_limit_reached', extra: { plan_type: 'plus', resets_in_seconds: 7200 } }))
    const answer = await ask({ stream: true })
    expect(answer.body).toEqual(vendor.bytesSent(1))
    expect(answer.headers['x-should-retry']).toBe('false')
  })

  test("Gemini: the relay's own 429 tells the time where its clients look for it", async () => {
    const { vendor, ask } = await start(['a'], { protocol: 'gemini' })
    vendor.always(inAnHour)
    await ask()
    expect(readJson(await ask())).toMatchObject({
      error: {
        code: 429,
        status: 'RESOURCE_EXHAUSTED',
        details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '3600s' }],
      },
    })
  })

  test('Messages: the text says when the first account returns, for a client that shows it and ends', async () => {
    const { vendor, ask } = await start(['a'])
    vendor.always(inAnHour)
    await ask()
    const answer = await ask()
    expect(errorIn(answer)).toMatchObject({
      type: 'rate_limit_error',
      message: expect.stringMatching(/returns in 1h, at 2026-11-20T13:00:00Z/),
    })
    expect(answer.headers).toMatchObject({ 'x-should-retry': 'false', 'x-relay-limited-by': 'pool' })
  })
})

describe('what a client may know of how its answer came about', () => {
  test('x-relay-account and x-relay-attempts on success and on failure; nothing when nobody was asked', async () => {
    const { vendor, ask } = await start([{ name: 'ä b', api_key: 'a' }, 'c'])
    expect((await ask()).headers).toMatchObject({ 'x-relay-account': '%C3%A4%20b', 'x-relay-attempts': '1' })
    vendor.always(limited(100))
    expect((await ask()).headers).toMatchObject({ 'x-relay-attempts': '2' })
    const refused = await ask()
    expect(refused.status).toBe(429)
    expect(refused.headers).not.toHaveProperty('x-relay-account')
  })

  test('an error says nothing of accounts, keys or addresses', async () => {
    for (const reaction of [fail(500), fail(401), fail(403), drop(), limited(50)]) {
      const { vendor, ask } = await start(['alice-private', 'bob-private'])
      vendor.always(reaction)
      for (const answer of [await ask(), await ask({ stream: true })]) {
        expect(answer.body.toString()).not.toMatch(/alice|bob|127\.0\.0\.1/)
      }
    }
  })

  test.each([
    fail(429, {}, headers({ 'x-should-retry': 'false' })),
    fail(500, {}, headers({ 'x-should-retry': 'false' })),
  ])(
    'x-should-retry: false of one account does not stop a failover, nor does it reach the client (%#)',
    async (reaction) => {
      const { vendor, ask } = await start(['a', 'b'])
      vendor.forKey('a').script(reaction)
      const answer = await ask()
      expect([...servedBy(answer), answer.headers['x-should-retry']]).toEqual([200, 'b', 2, undefined])
      vendor.always(reaction)
      expect((await ask()).headers).not.toHaveProperty('x-should-retry')
    },
  )
})
