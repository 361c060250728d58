/**
 * What clients may count on whatever the upstreams do: success while one account of several is sound, service again soon
 * after the last one is back, no storm of retries, and a health check that answers at once.
 */
import { describe, expect, test } from 'vitest'
import { createSeededRandom } from '../core/seeded-random.ts'
import { settle } from '../harness/clock.ts'
import {
  after,
  answerText,
  beforeHead,
  cut,
  drop,
  fail,
  failInStream,
  html,
  pause,
  stall,
  type Reaction,
} from '../harness/reactions.ts'
import { findClosedPort } from '../harness/listener.ts'
import { readText } from '../harness/sse.ts'
import { SECOND, start, type Stage } from './failover-stage.ts'
import { HUB_LANES } from './four-dialects.ts'

const DEATHS: Array<[string, Reaction]> = [
  ['answers 500', fail(500)],
  ['is overloaded', fail(529)],
  ['is limited', fail(429)],
  ['is refused', fail(401)],
  ['drops every connection', drop()],
  ['gives a page', html()],
  ['fails in its streams', failInStream(529)],
  ['breaks its streams at once', answerText('lost', cut())],
]
const LANES = [{ client: 'anthropic' as const, upstream: 'anthropic' as const }, ...HUB_LANES.slice(0, 2)]

describe.each(LANES)('one of three accounts is dead, for a $client client of $upstream accounts', (lane) => {
  const settings = { client: lane.client, protocol: lane.upstream, strategy: 'round_robin' }

  async function expectSuccess({ relay, ask }: Stage, stream: boolean): Promise<void> {
    for (let burst = 0; burst < 6; burst++) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => ask({ stream })))
      expect(answers.map(({ status, ended }) => `${status} ${ended}`)).toEqual(answers.map(() => '200 clean'))
      if (stream) expect(new Set(answers.map(({ body }) => readText(body)))).toEqual(new Set(['hello']))
      await relay.clock.advance(7 * SECOND)
    }
  }

  test.each(DEATHS)('it %s: every request succeeds', async (_how, reaction) => {
    const stage = await start(
      ['dead', 'b', 'c'].map((name) => ({ name, priority: 1, concurrency: 0 })),
      settings,
    )
    stage.vendor.forKey('dead').always(reaction)
    await expectSuccess(stage, true)
  })

  test('nobody listens there: every request succeeds', async () => {
    const url = `http://127.0.0.1:${await findClosedPort()}`
    const dead = { name: 'dead', priority: 1, concurrency: 0, base_url: url }
    const sound = ['b', 'c'].map((name) => ({ name, priority: 1, concurrency: 0 }))
    await expectSuccess(await start([dead, ...sound], settings), false)
  })
})

test.each(DEATHS.filter(([how]) => how !== 'is refused'))(
  'every account %s for a minute, and is back: somebody is served within five seconds',
  async (_how, reaction) => {
    const { vendor, relay, ask } = await start(['a', 'b', 'c'])
    vendor.always(reaction)
    for (let seconds = 0; seconds < 60; seconds++) {
      const asked = ask({ stream: true })
      await relay.clock.advance(SECOND)
      void asked
    }
    vendor.always(answerText('hello'))
    const asked = ask({ stream: true })
    let waitedMs = 0
    const served = asked.then(({ status, body }) => status === 200 && readText(body) === 'hello')
    for (; waitedMs < 5 * SECOND; waitedMs += 500) {
      if (await Promise.race([served, settle().then(() => false)])) break
      await relay.clock.advance(500)
    }
    expect(await served).toBe(true)
    expect(waitedMs).toBeLessThanOrEqual(5 * SECOND)
  },
)

test.each([1, 2, 3])('with half of all calls failing a client’s call costs at most 1.7 (seed %d)', async (seed) => {
  const random = createSeededRandom(seed)
  const { vendor, relay, ask } = await start(
    ['a', 'b', 'c'].map((name) => ({ name, priority: 1, concurrency: 0 })),
    { strategy: 'round_robin' },
  )
  const failing = [fail(500), fail(529), drop(), answerText('lost', cut())]
  vendor.always((request) => (random.whole(2) === 0 ? random.pick(failing) : answerText('hello'))(request))
  let clients = 0
  let successes = 0
  for (let burst = 0; burst < 50; burst++) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask({ stream: true })))
    clients += answers.length
    successes += answers.filter(({ status }) => status === 200).length
    await relay.clock.advance(SECOND)
  }
  expect(vendor.requests.length / clients).toBeLessThanOrEqual(1.7)
  expect(successes / clients).toBeGreaterThan(0.6)
})

describe('/health answers within 50 ms', () => {
  const TROUBLES: Array<[string, Reaction]> = [
    ...DEATHS,
    ['says nothing', answerText('never', beforeHead(stall()))],
    ['falls silent in its streams', answerText('never', after('content', stall()))],
    ['takes its time', answerText('hello', beforeHead(pause()))],
  ]
  test.each(TROUBLES)('while every account %s and 300 requests are under way', async (_how, reaction) => {
    const { vendor, relay, ask } = await start(['a', 'b'], { queue: { size: 200, timeout: '30s' } })
    vendor.always(reaction)
    const clients = Array.from({ length: 300 }, () => ask({ stream: true }))
    await vendor.received(2)
    const timesMs: number[] = []
    for (let i = 0; i < 9; i++) {
      const askedAt = performance.now()
      expect((await relay.get('/health')).status).toBe(200)
      timesMs.push(performance.now() - askedAt)
    }
    // The machine may be busy with something else for a moment; the relay has to be quick most of the time.
    expect(timesMs.toSorted((a, b) => a - b)[4]).toBeLessThan(50)
    for (const client of clients) client.abort()
    await Promise.all(clients)
  })
})
