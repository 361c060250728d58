/**
 * How accounts come back, and what happens meanwhile: waiting when it is short, an honest refusal when it is not, and
 * never a call to an account that rests.
 */
import { describe, expect, test } from 'vitest'
import { answerText, beforeHead, fail, headers, pause } from '../harness/reactions.ts'
import { HOUR, MINUTE, SECOND, servedBy, start } from './failover-stage.ts'
import { PROTOCOLS } from './four-dialects.ts'

const limited = (seconds: number) => fail(429, { headers: { 'retry-after': String(seconds) } })

describe('everybody rests', () => {
  test('the first return lies within queue.timeout: the request waits for it and is served', async () => {
    const { vendor, relay, ask, calls } = await start(['a', 'b'])
    vendor.script(limited(12), limited(25))
    await ask()
    const waiting = ask()
    await relay.clock.advance(12 * SECOND - 1)
    expect([calls(), relay.parts.pool.waiting]).toEqual([['a', 'b'], 1])
    await relay.clock.advance(1)
    expect(servedBy(await waiting)).toEqual([200, 'a', 1])
  })

  test('a stream that waits gets signs of life, and its answer when the account is back', async () => {
    const { vendor, relay, ask } = await start(['a'])
    vendor.script(limited(28))
    await ask()
    const waiting = ask({ stream: true })
    await relay.clock.advance(16 * SECOND)
    expect(waiting.bodySoFar().toString()).toBe(': keepalive\n\n')
    await relay.clock.advance(12 * SECOND)
    const answer = await waiting
    expect([answer.status, answer.body.toString().includes('message_stop')]).toEqual([200, true])
  })

  test('it lies beyond: the request is refused at once, with the time, and so is every one until then', async () => {
    const { vendor, relay, ask } = await start(['a', 'b'])
    vendor.script(limited(70), limited(51))
    const told: unknown[] = []
    for (let asked = 0; asked < 3; asked++) {
      const { status, headers } = await ask()
      told.push([status, headers['retry-after']])
      await relay.clock.advance(10 * SECOND)
    }
    expect(told).toEqual([
      [429, '51'],
      [429, '41'],
      [429, '31'],
    ])
    expect(vendor.requests).toHaveLength(2)
  })

  test('an account that pauses above a share of its window is no lasting trouble: the client hears when it resets', async () => {
    const { vendor, relay, ask } = await start([{ name: 'a', pause_at_percent: 50 }])
    const resetsAt = String((relay.clock.now() + HOUR) / SECOND)
    const used = {
      'anthropic-ratelimit-unified-5h-utilization': '0.6',
      'anthropic-ratelimit-unified-5h-reset': resetsAt,
    }
    vendor.script(answerText('hello', headers(used)))
    expect((await ask()).status).toBe(200)
    const answer = await ask()
    expect([answer.status, answer.headers['retry-after'], answer.headers['x-should-retry']]).toEqual([
      429,
      '3600',
      'false',
    ])
    await relay.clock.advance(HOUR)
    expect(servedBy(await ask())).toEqual([200, 'a', 1])
  })

  test('a rest that turns out long while others wait for the account refuses them at once, too', async () => {
    const { vendor, relay, ask } = await start([{ name: 'a', concurrency: 1 }])
    vendor.script(fail(429, { type: 'usage_limit_reached', extra: { resets_in_seconds: 7200 } }, beforeHead(pause())))
    const first = ask()
    await vendor.received(1)
    const waiting = [ask(), ask()]
    await relay.clock.advance(1)
    expect(relay.parts.pool.waiting).toBe(2)
    vendor.resume()
    for (const answer of await Promise.all([first, ...waiting])) {
      expect(answer.status).toBe(429)
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(7000)
    }
    expect(vendor.requests).toHaveLength(1)
  })

  test('every slot is taken: the wait ends with a 429 of the relay, which says so', async () => {
    const { vendor, relay, ask } = await start([{ name: 'a', concurrency: 1 }])
    vendor.script(answerText('hello', beforeHead(pause())))
    const first = ask()
    await vendor.received(1)
    const waiting = ask()
    await relay.clock.advance(30 * SECOND)
    const answer = await waiting
    expect(answer.headers).toMatchObject({ 'x-relay-limited-by': 'queue', 'retry-after': '5' })
    expect([answer.status, answer.body.toString()]).toEqual([429, expect.stringContaining('sub2api-simple: ')])
    vendor.resume()
    expect((await first).status).toBe(200)
  })

  test.each(PROTOCOLS)(
    'without a queue a %s client hears that the relay is busy, not that something is broken',
    async (protocol) => {
      const { vendor, ask } = await start([{ name: 'a', concurrency: 1 }], {
        protocol,
        queue: { timeout: '0', size: 100 },
      })
      vendor.script(answerText('hello', beforeHead(pause())))
      const first = ask()
      await vendor.received(1)
      const answer = await ask()
      expect([answer.status, answer.headers['x-relay-limited-by'], answer.headers['retry-after']]).toEqual([
        429,
        'queue',
        '5',
      ])
      vendor.resume()
      await first
    },
  )
})

describe('half-open', () => {
  test('after a burst one request tries the account out; the others wait for its outcome and then flow', async () => {
    const { vendor, relay, ask } = await start([{ name: 'a', concurrency: 10 }])
    vendor.script(limited(40), answerText('hello', beforeHead(pause())))
    await ask()
    await relay.clock.advance(40 * SECOND)
    const asked = [ask(), ask(), ask()]
    await vendor.received(2)
    await relay.clock.advance(SECOND)
    expect([vendor.requests.length, relay.parts.pool.waiting]).toEqual([2, 2])
    vendor.resume()
    expect((await Promise.all(asked)).map(servedBy)).toEqual(asked.map(() => [200, 'a', 1]))
    expect(vendor.requests).toHaveLength(4)
  })

  test('a trial that fails sends it back to rest, and no second one follows it', async () => {
    const { vendor, relay, ask, calls } = await start(['a', 'b'])
    vendor.forKey('a').script(limited(40), limited(40))
    await ask()
    await relay.clock.advance(40 * SECOND)
    expect((await Promise.all([ask(), ask(), ask()])).map(({ status }) => status)).toEqual([200, 200, 200])
    await relay.clock.advance(39 * SECOND)
    await ask()
    expect(calls().filter((key) => key === 'a')).toHaveLength(2)
    await relay.clock.advance(SECOND)
    expect(servedBy(await ask())).toEqual([200, 'a', 1])
  })

  test('a trial whose client leaves proves nothing: the next request is the next trial', async () => {
    const { vendor, relay, ask } = await start(['a'])
    vendor.script(limited(40), answerText('hello', beforeHead(pause())))
    await ask()
    await relay.clock.advance(40 * SECOND)
    const leaving = ask()
    await vendor.received(2)
    leaving.abort('reset')
    await leaving.closed
    expect(servedBy(await ask())).toEqual([200, 'a', 1])
  })

  test('rests are not made longer by requests that were never sent', async () => {
    const { vendor, relay, ask, restOf } = await start(['a', 'b'])
    vendor.forKey('a').script(fail(401))
    await ask()
    for (let minute = 1; minute < 10; minute++) {
      await relay.clock.advance(MINUTE)
      await ask()
      expect(await restOf('a')).toBe((10 - minute) * MINUTE)
    }
  })

  test('wall clocks may jump: rests are measured on the hand that does not', async () => {
    const { vendor, relay, ask } = await start(['a', 'b'])
    vendor.forKey('a').script(limited(60))
    await ask()
    relay.clock.jump(2 * HOUR)
    expect(servedBy(await ask())).toEqual([200, 'b', 1])
    relay.clock.jump(-4 * HOUR)
    await relay.clock.advance(MINUTE)
    expect(servedBy(await ask())).toEqual([200, 'a', 1])
  })

  test('a success of a request that began before the failure heals nothing', async () => {
    const { vendor, relay, ask, stateOf } = await start(['a', 'b'])
    vendor.forKey('a').script(answerText('hello', beforeHead(pause())), limited(60))
    const early = ask()
    await vendor.received(1)
    await relay.clock.advance(SECOND)
    await ask()
    vendor.resume()
    expect(servedBy(await early)).toEqual([200, 'a', 1])
    expect((await stateOf('a')).state).toBe('cooling')
  })
})
