/**
 * How far failover goes: so many accounts and no more, one answer of one account, and no doubled load for an upstream
 * that is failing anyway.
 */
import { describe, expect, test } from 'vitest'
import { answerText, beforeHead, drop, fail, pause } from '../harness/reactions.ts'
import { attemptsIn, errorIn, SECOND, servedBy, start } from './failover-stage.ts'
import { PROTOCOLS } from './four-dialects.ts'

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `account-${i + 1}`)

describe('how many accounts', () => {
  test.each([
    { switches: 1, accounts: 4, asked: 2 },
    { switches: 2, accounts: 4, asked: 3 },
    { switches: 5, accounts: 3, asked: 3 },
    { switches: 0, accounts: 8, asked: 6 },
    { switches: -1, accounts: 8, asked: 6 },
  ])(
    'max_account_switches $switches with $accounts accounts: $asked are asked, each once',
    async ({ switches, accounts, asked }) => {
      const { vendor, ask, calls } = await start(names(accounts), { max_account_switches: switches })
      vendor.always(fail(500))
      const answer = await ask()
      expect([answer.status, answer.headers['x-relay-attempts']]).toEqual([502, String(asked)])
      expect(calls()).toEqual(names(asked))
    },
  )

  test('a higher priority number is not used while a lower one can serve', async () => {
    const { vendor, ask, calls } = await start([
      { name: 'reserve', priority: 90 },
      { name: 'first', priority: 10 },
      { name: 'second', priority: 10 },
    ])
    vendor.forKey('first').always(fail(529))
    vendor.forKey('second').always(fail(529))
    expect(servedBy(await ask())).toEqual([200, 'reserve', 3])
    expect(calls().slice(0, 2).toSorted()).toEqual(['first', 'second'])
  })
})

describe('one answer of one account', () => {
  const asked = PROTOCOLS.flatMap((protocol) => [true, false].map((stream) => ({ protocol, stream })))
  test.each(asked)(
    'whatever failed before, all of a $protocol answer is of one attempt (stream $stream)',
    async (given) => {
      const { vendor, ask, calls } = await start(['a', 'b', 'c', 'd'], { protocol: given.protocol })
      vendor.script(fail(500), drop(), drop(), fail(429), answerText('Guten Tag 🌞'))
      const answer = await ask({ stream: given.stream })
      expect([...servedBy(answer), attemptsIn(answer)]).toEqual([200, 'd', 5, ['att_5']])
      expect(answer.body).toEqual(vendor.bytesSent(5))
      expect(calls()).toEqual(['a', 'b', 'b', 'c', 'd'])
    },
  )

  test('a kept-alive connection that the vendor had closed costs one free retry and blames nobody', async () => {
    const { vendor, ask, stateOf, calls } = await start(['a', 'b'])
    vendor.forKey('a').script(answerText('hello'), drop(), answerText('hello again'))
    await ask()
    expect(servedBy(await ask())).toEqual([200, 'a', 2])
    expect(calls()).toEqual(['a', 'a', 'a'])
    expect((await stateOf('a')).cooldowns).toEqual([])
  })

  test('an account that drops every connection is asked twice, and then another one', async () => {
    const { vendor, ask, calls } = await start(['a', 'b'])
    vendor.forKey('a').always(drop())
    expect(servedBy(await ask())).toEqual([200, 'b', 3])
    expect(calls()).toEqual(['a', 'a', 'b'])
  })
})

describe('the retry budget', () => {
  /**
   * So many requests at `a` have just failed together; all that come to `b` wait there for a `resume()`.
   */
  async function failTogether(count: number) {
    const stage = await start([
      { name: 'a', concurrency: 0 },
      { name: 'b', concurrency: 0 },
    ])
    const { vendor, relay, ask } = stage
    vendor.forKey('a').always(fail(500, { message: 'a is on fire' }, beforeHead(pause())))
    vendor.forKey('b').always(answerText('hello', beforeHead(pause())))
    const asked = Array.from({ length: count }, () => ask())
    await vendor.received(count)
    await relay.clock.advance(1)
    for (let i = 0; i < count; i++) vendor.resume()
    await relay.clock.advance(1)
    return { ...stage, asked, atB: vendor.forKey('b') }
  }

  test.each([
    { count: 2, elsewhere: 2 },
    { count: 10, elsewhere: 3 },
    { count: 40, elsewhere: 8 },
  ])(
    'of $count requests that fail together $elsewhere go elsewhere at once, the others take turns',
    async ({ count, elsewhere }) => {
      const { vendor, asked, atB } = await failTogether(count)
      expect(atB.load.active).toBe(elsewhere)
      for (let i = 0; i < count; i++) vendor.resume()
      expect((await Promise.all(asked)).map(servedBy)).toEqual(Array.from(asked, () => [200, 'b', 2]))
      expect(atB.load.peak).toBe(elsewhere)
    },
  )

  test('who waits ten seconds for its turn in vain hears what its first account said', async () => {
    const { vendor, relay, asked } = await failTogether(4)
    await relay.clock.advance(10 * SECOND)
    const answer = await (asked[3] as (typeof asked)[number])
    expect([...servedBy(answer), errorIn(answer).message]).toEqual([502, 'a', 1, 'a is on fire'])
    for (let i = 0; i < 3; i++) vendor.resume()
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200, 502])
  })

  test('a client that leaves while it waits for its turn costs no further call', async () => {
    const { vendor, relay, asked, atB } = await failTogether(4)
    asked[3]?.abort('reset')
    await relay.clock.advance(100)
    for (let i = 0; i < 3; i++) vendor.resume()
    await Promise.all(asked)
    expect(atB.requests).toHaveLength(3)
  })
})
