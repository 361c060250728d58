/**
 * A list in model_map is a chain of fallbacks: the next name is tried when nobody can serve the one before it now.
 */
import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { answerText, beforeHead, fail, pause } from '../harness/reactions.ts'
import { errorIn, readJson, SECOND, servedBy, start, type Stage } from './failover-stage.ts'

const limited = (seconds: number) => fail(429, { headers: { 'retry-after': String(seconds) } })

/** `a` has the big model, `b` the small one; the client asks for "best", which is the one or else the other. */
const startChain = (settings: JsonObject = {}): Promise<Stage> =>
  start(
    [
      { name: 'a', models: ['claude-big'], concurrency: 1 },
      { name: 'b', models: ['claude-small'], concurrency: 1 },
    ],
    { model_map: { best: ['claude-big', 'claude-small'] }, ...settings },
  )
const best = { model: 'best' }

test('the first name serves as long as it can; x-relay-model tells which, the answer the name that was asked for', async () => {
  const { vendor, ask } = await startChain()
  const answer = await ask(best)
  expect([...servedBy(answer), answer.headers['x-relay-model']]).toEqual([200, 'a', 1, 'claude-big'])
  expect([vendor.requests[0]?.model, readJson(answer)['model']]).toEqual(['claude-big', 'best'])
})

test.each([
  ['is at its limit', limited(40)],
  ['breaks down', fail(500)],
  ['is refused', fail(401)],
  ['may not use the model', fail(404, { message: 'model: claude-big' })],
])('when the account of the first name %s, the same request goes on with the next name', async (_what, reaction) => {
  const { vendor, ask } = await startChain()
  vendor.forKey('a').script(reaction)
  const answer = await ask(best)
  expect([...servedBy(answer), answer.headers['x-relay-model']]).toEqual([200, 'b', 2, 'claude-small'])
  expect(vendor.requests.map(({ model }) => model)).toEqual(['claude-big', 'claude-small'])
})

test('while the first name rests or is busy the next one serves without a try, and it leads again afterwards', async () => {
  const { vendor, relay, ask } = await startChain()
  vendor.forKey('a').script(limited(40), answerText('hello', beforeHead(pause())))
  await ask(best)
  expect(servedBy(await ask(best))).toEqual([200, 'b', 1])
  await relay.clock.advance(40 * SECOND)
  const atA = ask(best)
  await vendor.received(4)
  expect(servedBy(await ask(best))).toEqual([200, 'b', 1])
  vendor.resume()
  expect(servedBy(await atA)).toEqual([200, 'a', 1])
})

test("the client's mistake ends the chain: the next model would not like it better", async () => {
  const { vendor, ask, calls } = await startChain()
  vendor.forKey('a').script(fail(400, { message: 'no' }))
  expect(servedBy(await ask(best))).toEqual([400, 'a', 1])
  expect(calls()).toEqual(['a'])
})

test.each([
  ['a limit before a fault', limited(40), fail(500), 429],
  ['a limit before a fault, whatever the order', fail(500), limited(40), 429],
  ['a fault before a missing key', fail(401), fail(500), 502],
])('of the reasons of the whole chain the most useful one is told: %s', async (_what, ofA, ofB, status) => {
  const { vendor, ask } = await startChain()
  vendor.forKey('a').script(ofA)
  vendor.forKey('b').script(ofB)
  const answer = await ask(best)
  expect([answer.status, answer.headers['x-relay-attempts']]).toEqual([status, '2'])
})

test('when all names rest the soonest return of any is told', async () => {
  const { vendor, ask, calls } = await startChain()
  vendor.forKey('a').script(limited(90))
  vendor.forKey('b').script(limited(50))
  const first = await ask(best)
  const second = await ask(best)
  expect([first, second].map(({ status, headers }) => [status, headers['retry-after']])).toEqual([
    [429, '50'],
    [429, '50'],
  ])
  expect(calls()).toEqual(['a', 'b'])
})

test('a name that nobody has does not hide that another one only rests', async () => {
  const { vendor, ask } = await start([{ name: 'b', models: ['claude-small'] }], {
    model_map: { best: ['claude-gone', 'claude-small'] },
  })
  vendor.script(limited(50))
  expect((await ask(best)).status).toBe(429)
  const answer = await ask(best)
  expect([answer.status, answer.headers['retry-after']]).toEqual([429, '50'])
  expect((await ask({ model: 'claude-gone' })).status).toBe(404)
})

test('the first name is busy and the next one rests for long: the request waits for the slot', async () => {
  const { vendor, relay, ask } = await startChain()
  vendor.forKey('b').script(limited(3000))
  vendor.forKey('a').script(answerText('hello', beforeHead(pause())))
  await ask({ model: 'claude-small' })
  const first = ask(best)
  await vendor.received(2)
  const second = ask(best)
  await relay.clock.advance(SECOND)
  expect(relay.parts.pool.waiting).toBe(1)
  vendor.resume()
  expect([await first, await second].map(servedBy)).toEqual([
    [200, 'a', 1],
    [200, 'a', 1],
  ])
})

test('both are busy: whoever waits in vain hears of the queue once, after one queue.timeout', async () => {
  const { vendor, relay, ask } = await startChain({ queue: { timeout: '10s', size: 100 } })
  vendor.always(answerText('hello', beforeHead(pause())))
  const busy = [ask(best), ask(best)]
  await vendor.received(2)
  const waiting = ask(best)
  await relay.clock.advance(10 * SECOND)
  const answer = await waiting
  expect([answer.status, answer.headers['x-relay-limited-by']]).toEqual([429, 'queue'])
  vendor.resume()
  vendor.resume()
  await Promise.all(busy)
})

test('a request that gets no turn for the next name hears what the first one said, not silence', async () => {
  const { vendor, relay, ask } = await start(
    [
      { name: 'a', models: ['claude-big'], concurrency: 0 },
      { name: 'b', models: ['claude-small'], concurrency: 0 },
    ],
    { model_map: { best: ['claude-big', 'claude-small'] } },
  )
  vendor.forKey('a').always(fail(500, { message: 'a is on fire' }, beforeHead(pause())))
  vendor.forKey('b').always(answerText('hello', beforeHead(pause())))
  const asked = Array.from({ length: 4 }, () => ask(best))
  await vendor.received(4)
  await relay.clock.advance(1)
  for (const _each of asked) vendor.resume()
  await relay.clock.advance(10 * SECOND)
  const answer = await (asked[3] as (typeof asked)[number])
  expect([answer.status, errorIn(answer).message]).toEqual([502, 'a is on fire'])
  for (let i = 0; i < 3; i++) vendor.resume()
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200, 502])
})

test("the token's map is asked first, the global one about what it gave; an exact name beats a pattern", async () => {
  const { vendor, ask } = await start(['a'], {
    auth_tokens: [
      { token: 'a-client-token-for-tests', name: 'me', model_map: { 'my-*': 'claude-any', 'my-own': 'claude-own' } },
    ],
    model_map: { 'claude-own': 'claude-test', '*': 'claude-other' },
  })
  for (const model of ['my-own', 'my-thing', 'something']) expect((await ask({ model })).status).toBe(200)
  expect(vendor.requests.map(({ model }) => model)).toEqual(['claude-test', 'claude-other', 'claude-other'])
})
