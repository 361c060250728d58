/**
 * Accounts at their limits: who answers instead, how long they rest, and what the client hears when all of them rest.
 */
import { describe, expect, test } from 'vitest'
import { binary } from '../harness/chosen-program.ts'
import { answerText, beforeHead, fail, headers, pause } from '../harness/reactions.ts'
import { errorIn, HOUR, MINUTE, SECOND, servedBy, start } from './failover-stage.ts'
import { PROTOCOLS } from './four-dialects.ts'

const limited = (retryAfter?: string) =>
  fail(429, { headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter } })

describe('one account is at its limit', () => {
  test.each([true, false])(
    'row 1: a 429 is answered by another account and rests as told (stream %s)',
    async (stream) => {
      const { vendor, relay, ask, calls, stateOf, restOf } = await start(['a', 'b'])
      vendor.forKey('a').script(limited('7'))

      expect(servedBy(await ask({ stream }))).toEqual([200, 'b', 2])
      expect(await restOf('a')).toBe(7 * SECOND)
      expect(await stateOf('a')).toMatchObject({
        state: 'cooling',
        cooldowns: [{ reason: 'burst', model: 'claude-test' }],
      })
      expect((await stateOf('b')).state).toBe('ok')

      await relay.clock.advance(7 * SECOND - 1)
      expect(servedBy(await ask({ stream }))).toEqual([200, 'b', 1])
      await relay.clock.advance(1)
      expect(servedBy(await ask({ stream }))).toEqual([200, 'a', 1])
      expect(calls()).toEqual(['a', 'b', 'b', 'a'])
      expect((await stateOf('a')).state).toBe('ok')
    },
  )

  const dateIn = (ms: number) => (now: number) => new Date(now + ms).toUTCString()
  test.each([
    ['row 2: a date', dateIn(90 * SECOND), 90 * SECOND],
    ['row 2: a date of tomorrow', dateIn(24 * HOUR), HOUR],
    ['row 2: a date that has passed', dateIn(-MINUTE), 2 * SECOND],
    ['row 3: garbage', 'soon', 2 * SECOND],
    ['row 3: a negative number', '-5', 2 * SECOND],
    ['row 3: thirty years', '1000000000', HOUR],
    ['row 3: less than a second', '0.2', SECOND],
    ['row 3: nothing', undefined, 2 * SECOND],
  ])('%s as retry-after (%s) is a rest of %d ms', async (_what, told, restMs) => {
    const { vendor, relay, ask, restOf } = await start(['a', 'b'])
    vendor.forKey('a').script(limited(typeof told === 'function' ? told(relay.clock.now()) : told))
    expect(servedBy(await ask())).toEqual([200, 'b', 2])
    // A date has whole seconds, and a program's clock stands between two of them.
    expect(Math.abs((await restOf('a')) - restMs)).toBeLessThanOrEqual(binary === undefined ? 0 : SECOND)
  })

  test('a burst concerns its model alone: the account goes on serving others', async () => {
    const { vendor, ask } = await start(['a', 'b'])
    vendor.forKey('a').script(limited('7'))
    await ask({ model: 'claude-busy' })
    expect(servedBy(await ask({ model: 'claude-idle' }))).toEqual([200, 'a', 1])
    expect(servedBy(await ask({ model: 'claude-busy' }))).toEqual([200, 'b', 1])
  })

  test('when nothing is told the rests double from 2 s to 60 s, and a success starts afresh', async () => {
    const { vendor, relay, ask, restOf } = await start(['a', 'b'])
    const rests: number[] = []
    for (let failures = 0; failures < 7; failures++) {
      vendor.forKey('a').script(limited())
      await ask()
      rests.push(await restOf('a'))
      await relay.clock.advance(rests.at(-1) as number)
    }
    expect(rests).toEqual([2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * SECOND))

    expect(servedBy(await ask())).toEqual([200, 'a', 1])
    vendor.forKey('a').script(limited())
    await ask()
    expect(await restOf('a')).toBe(2 * SECOND)
  })
})

describe('all accounts are at their limits', () => {
  test.each(PROTOCOLS)(
    'row 4: a %s client hears when the first returns, and nobody is asked before',
    async (protocol) => {
      const { vendor, relay, ask, calls } = await start(['a', 'b'], { protocol })
      vendor.forKey('a').script(limited('40'))
      vendor.forKey('b').script(limited('90'))

      const first = await ask({ stream: true })
      expect(servedBy(first)[0]).toBe(429)
      expect(first.headers).toMatchObject({ 'retry-after': '40', 'x-relay-attempts': '2' })

      await relay.clock.advance(9 * SECOND)
      const second = await ask({ stream: true })
      expect([second.status, second.headers['retry-after']]).toEqual([429, '31'])
      expect(errorIn(second).message).toMatch(/^sub2api-simple: .*returns in 31s, at 2026-11-20T12:00:40Z/)
      expect(calls()).toEqual(['a', 'b'])

      await relay.clock.advance(31 * SECOND)
      expect((await ask({ stream: true })).status).toBe(200)
      expect(calls()).toEqual(['a', 'b', 'a'])
    },
  )

  const limits = [
    ['nothing', limited(), '2'],
    ['a fraction', limited('1.5'), '2'],
    ['milliseconds', fail(429, { headers: { 'retry-after': '1', 'retry-after-ms': '90500' } }), '91'],
    ['a date', { at: (now: number) => limited(new Date(now + 30 * SECOND).toUTCString()) }, '30'],
    ['garbage', limited('later'), '2'],
    ['that nothing can change for hours', limited('7200'), '3600'],
  ] as const
  test.each(PROTOCOLS)(
    'every 429 that a %s client gets has a whole number of seconds in retry-after',
    async (protocol) => {
      for (const [what, reaction, seconds] of limits) {
        const { vendor, relay, ask } = await start(['a'], { protocol, queue: { timeout: '1s', size: 1 } })
        vendor.always(typeof reaction === 'object' ? reaction.at(relay.clock.now()) : reaction)
        for (const asked of ['at once', 'again, while it rests']) {
          const { status, headers } = await ask()
          const told = headers['retry-after']
          // A program's clock goes on while it is asked.
          const mayBe = binary === undefined ? [seconds] : [seconds, String(Number(seconds) - 1)]
          expect([what, asked, status, mayBe.includes(told ?? '')]).toEqual([what, asked, 429, true])
        }
        expect(vendor.requests).toHaveLength(1)
      }
    },
  )

  test('a wait of more than a minute is none for a client to sit out: it is told not to try', async () => {
    const { vendor, ask } = await start(['a'])
    vendor.always(limited('90'))
    expect((await ask()).headers).toMatchObject({ 'retry-after': '90', 'x-should-retry': 'false' })
    expect((await ask()).headers).toMatchObject({ 'retry-after': '90', 'x-should-retry': 'false' })
  })
})

describe('a window is used up', () => {
  const usedUp = fail(429, { type: 'usage_limit_reached', extra: { resets_in_seconds: (3 * 24 * HOUR) / SECOND } })
  const weekIsOver = fail(429, {
    headers: {
      'anthropic-ratelimit-unified-7d-status': 'rejected',
      'anthropic-ratelimit-unified-7d-utilization': '1',
      'anthropic-ratelimit-unified-7d-reset': String(Date.UTC(2026, 10, 23, 12) / SECOND),
    },
  })

  test.each([
    ['a body', 'openai-responses', usedUp],
    ['headers', 'anthropic', weekIsOver],
  ] as const)(
    'row 5: a reset in days, told by %s, is tried out every five minutes by one request',
    async (_by, protocol, refusal) => {
      const { vendor, relay, ask, calls, restOf, stateOf } = await start(['a', 'b'], { protocol })
      vendor.forKey('a').script(refusal, refusal)
      expect(servedBy(await ask())).toEqual([200, 'b', 2])
      expect(await restOf('a')).toBe(6 * HOUR)

      await relay.clock.advance(5 * MINUTE - 1)
      expect(servedBy(await ask())).toEqual([200, 'b', 1])
      await relay.clock.advance(1)
      const answers = await Promise.all([ask(), ask()])
      expect(answers.map(servedBy)).toEqual([
        [200, 'b', 2],
        [200, 'b', 1],
      ])
      expect(calls().filter((key) => key === 'a')).toHaveLength(2)

      await relay.clock.advance(5 * MINUTE)
      expect(servedBy(await ask())).toEqual([200, 'a', 1])
      expect((await stateOf('a')).state).toBe('ok')
      expect(servedBy(await ask())).toEqual([200, 'a', 1])
    },
  )

  test('a reset that is near is waited for with a margin of one to five seconds', async () => {
    const { vendor, ask, restOf } = await start(['a', 'b'])
    vendor.forKey('a').script(fail(429, { type: 'usage_limit_reached', extra: { resets_in_seconds: 600 } }))
    await ask()
    expect(await restOf('a')).toBeGreaterThanOrEqual(601 * SECOND)
    expect(await restOf('a')).toBeLessThan(605 * SECOND)
  })

  test('an answer that shows room again lifts the rest at once', async () => {
    const { vendor, ask, stateOf } = await start(['a', 'b'])
    const room = {
      'anthropic-ratelimit-unified-7d-status': 'allowed',
      'anthropic-ratelimit-unified-7d-utilization': '0.01',
    }
    vendor.forKey('a').script(answerText('hello', beforeHead(pause()), headers(room)), weekIsOver)
    const slow = ask()
    await vendor.received(1)
    expect(servedBy(await ask())).toEqual([200, 'b', 2])
    expect((await stateOf('a')).state).toBe('cooling')

    vendor.resume()
    expect(servedBy(await slow)).toEqual([200, 'a', 1])
    expect((await stateOf('a')).state).toBe('ok')
  })
})
