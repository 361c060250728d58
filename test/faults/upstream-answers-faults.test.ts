/**
 * Upstreams that fail: who answers instead, what it costs the account, and how it comes back.
 */
import { describe, expect, test } from 'vitest'
import { beforeHead, fail, pause } from '../harness/reactions.ts'
import { errorIn, SECOND, servedBy, start, type Stage } from './failover-stage.ts'
import { PROTOCOLS } from './four-dialects.ts'

/** Asks, and gives the rest of `a` that followed, in seconds; waits it out. */
async function restAfterAsking({ relay, ask, restOf }: Stage): Promise<number> {
  await ask()
  const restMs = await restOf('a')
  await relay.clock.advance(restMs + 1)
  return restMs / SECOND
}

/** Whether every rest is as long as the rules say, give or take the fifth that is left to chance. */
function expectLadder(seconds: readonly number[], ladder: readonly number[]): void {
  expect(seconds).toEqual(ladder.map((rung) => expect.toSatisfy((rest: number) => Math.abs(rest - rung) <= rung / 5)))
}

describe('the upstream breaks down', () => {
  test.each([true, false])(
    'row 6: a single 500 goes to another account and costs nothing (stream %s)',
    async (stream) => {
      const { vendor, ask, stateOf } = await start(['a', 'b'])
      vendor.forKey('a').script(fail(500))
      expect(servedBy(await ask({ stream }))).toEqual([200, 'b', 2])
      expect((await stateOf('a')).state).toBe('ok')
      expect(servedBy(await ask({ stream }))).toEqual([200, 'a', 1])
    },
  )

  test('row 7: from the second 500 in a row the account rests, 5 s growing to 60 s', async () => {
    const stage = await start(['a', 'b'])
    stage.vendor.forKey('a').always(fail(500))
    const rests: number[] = []
    for (let failures = 0; failures < 7; failures++) rests.push(await restAfterAsking(stage))
    expect(rests.shift()).toBe(0)
    expectLadder(rests, [5, 10, 20, 40, 60, 60])
    expect(stage.vendor.forKey('b').requests).toHaveLength(7)
  })

  test('row 7: a success starts afresh: the next 500 is the first again', async () => {
    const stage = await start(['a', 'b'])
    stage.vendor.forKey('a').script(fail(500), fail(500))
    await restAfterAsking(stage)
    expect(await restAfterAsking(stage)).toBeGreaterThan(0)
    expect(servedBy(await stage.ask())).toEqual([200, 'a', 1])
    stage.vendor.forKey('a').script(fail(500), fail(500))
    expect(await restAfterAsking(stage)).toBe(0)
    expectLadder([await restAfterAsking(stage)], [5])
  })

  test('500s of requests that were under way together are one failure', async () => {
    const { vendor, relay, ask, stateOf } = await start(['a', 'b'])
    const late = fail(500, {}, beforeHead(pause()))
    vendor.forKey('a').script(late, late, late)
    const asked = [ask(), ask(), ask()]
    await vendor.received(3)
    await relay.clock.advance(100)
    for (const _each of asked) vendor.resume()
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200])
    expect((await stateOf('a')).state).toBe('ok')
  })

  test("row 8: the only account fails always: one try, 502 with the upstream's words, and it stays in use", async () => {
    const { vendor, ask } = await start(['a'])
    vendor.always(fail(500, { message: 'the model has caught fire' }))
    for (let asked = 1; asked <= 4; asked++) {
      const answer = await ask()
      expect(servedBy(answer)).toEqual([502, 'a', 1])
      expect(errorIn(answer)).toMatchObject({ type: 'api_error', message: 'the model has caught fire' })
      expect(vendor.requests).toHaveLength(asked)
    }
    vendor.always(fail(500, { body: '<h1>Bad gateway</h1>' }))
    expect(errorIn(await ask()).message).toBe('sub2api-simple: the upstream answered HTTP 500')
  })

  test.each([
    ['anthropic', 502, 'api_error'],
    ['openai-responses', 502, 'server_error'],
    ['openai-chat', 502, 'server_error'],
    ['gemini', 502, 'INTERNAL'],
  ] as const)('row 8: a %s client hears of it in its dialect', async (protocol, status, type) => {
    const { vendor, ask } = await start(['a'], { protocol })
    vendor.always(fail(500, { message: 'the model has caught fire' }))
    const answer = await ask({ stream: true })
    expect([answer.status, answer.headers['content-type']]).toEqual([status, 'application/json'])
    expect(errorIn(answer)).toMatchObject({ type, message: 'the model has caught fire' })
    expect(answer.headers).not.toHaveProperty('retry-after')
  })

  test.each([408, 409])(
    'row 19: %d goes to another account and counts as a fault from the second time on',
    async (status) => {
      const stage = await start(['a', 'b'])
      stage.vendor.forKey('a').always(fail(status))
      expect(servedBy(await stage.ask())).toEqual([200, 'b', 2])
      expect((await stage.stateOf('a')).state).toBe('ok')
      expectLadder([await restAfterAsking(stage)], [5])
      expect((await stage.stateOf('a')).cooldowns).toEqual([])
    },
  )
})

describe('the upstream sheds load', () => {
  test.each([529, 503])('row 9: %d goes to another account; rests grow from 5 s to 60 s at once', async (status) => {
    const stage = await start(['a', 'b'])
    stage.vendor.forKey('a').always(fail(status))
    const rests: number[] = []
    for (let failures = 0; failures < 6; failures++) rests.push(await restAfterAsking(stage))
    expectLadder(rests, [5, 10, 20, 40, 60, 60])
  })

  test.each([
    ['anthropic', 529, 'overloaded_error'],
    ['openai-responses', 503, 'server_error'],
    ['openai-chat', 503, 'server_error'],
    ['gemini', 503, 'UNAVAILABLE'],
  ] as const)(
    'row 9: when everybody does, a %s client hears it in its dialect and when to come back',
    async (protocol, status, type) => {
      const { vendor, ask } = await start(['a', 'b'], { protocol })
      vendor.always(
        fail(503, { message: 'come back later', code: 'server_is_overloaded', headers: { 'retry-after': '7200' } }),
      )
      const answer = await ask()
      expect([answer.status, answer.headers['x-relay-attempts']]).toEqual([status, '2'])
      expect(errorIn(answer)).toMatchObject({ type, message: 'come back later' })
      expect(answer.body.toString()).not.toContain('server_is_overloaded')
      // Nobody is left without an account by trouble that passes, so the next try need not wait two hours.
      expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(60)
      expect(answer.headers).not.toHaveProperty('x-should-retry')
    },
  )

  test('passing trouble never leaves a model without an account: the rested ones are asked nevertheless', async () => {
    const { vendor, ask, calls } = await start(['a', 'b'])
    vendor.script(fail(529), fail(529))
    expect((await ask()).status).toBe(529)
    expect(servedBy(await ask())).toEqual([200, 'a', 1])
    expect(calls()).toEqual(['a', 'b', 'a'])
  })

  test.each(PROTOCOLS)(
    'a %s account that is overloaded rests as long as it asks for, a minute at the most',
    async (protocol) => {
      const { vendor, ask, restOf } = await start(['a', 'b'], { protocol })
      vendor.forKey('a').script(fail(503, { headers: { 'retry-after': '20' } }))
      await ask()
      expect(await restOf('a')).toBe(20 * SECOND)
    },
  )
})
