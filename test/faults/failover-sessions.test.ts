/**
 * A conversation that is at home with an account: its cache is worth a moment's patience, and a helping hand is no new
 * home.
 */
import { expect, test } from 'vitest'
import { answerText, beforeHead, fail, pause } from '../harness/reactions.ts'
import { MINUTE, SECOND, servedBy, start, type Stage } from './failover-stage.ts'

const session = { headers: { 'x-claude-code-session-id': 'conversation-1' } }
const limited = (seconds: number) => fail(429, { headers: { 'retry-after': String(seconds) } })

/** Two equal accounts; the conversation is at home with the first of them. */
async function startAtHome(): Promise<Stage> {
  const stage = await start(['home', 'other'], { sticky_session_ttl: '1h' })
  expect(servedBy(await stage.ask(session))).toEqual([200, 'home', 1])
  return stage
}

test('a home that asks for two seconds of patience gets them, once', async () => {
  const { vendor, relay, ask, calls } = await startAtHome()
  vendor.forKey('home').script(limited(2))
  const asked = ask(session)
  await vendor.received(2)
  await relay.clock.advance(2 * SECOND - 1)
  expect(calls()).toHaveLength(2)
  await relay.clock.advance(1)
  expect(servedBy(await asked)).toEqual([200, 'home', 2])

  vendor.forKey('home').script(limited(2), limited(2))
  const again = ask(session)
  await vendor.received(4)
  await relay.clock.advance(2 * SECOND)
  expect(servedBy(await again)).toEqual([200, 'other', 3])
})

test('a home that asks for more is helped out, and stays the home', async () => {
  const { vendor, relay, ask } = await startAtHome()
  vendor.forKey('home').script(limited(40))
  expect(servedBy(await ask(session))).toEqual([200, 'other', 2])
  expect(servedBy(await ask(session))).toEqual([200, 'other', 1])
  await relay.clock.advance(40 * SECOND)
  expect(servedBy(await ask(session))).toEqual([200, 'home', 1])
})

test('a home that returns within ten seconds is waited for; nobody else waits with it', async () => {
  const { vendor, relay, ask } = await startAtHome()
  vendor.forKey('home').script(limited(8))
  expect(servedBy(await ask())).toEqual([200, 'other', 2])
  const waiting = ask(session)
  expect(servedBy(await ask())).toEqual([200, 'other', 1])
  await relay.clock.advance(8 * SECOND)
  expect(servedBy(await waiting)).toEqual([200, 'home', 1])
})

test('a home that is out for longer than its cache stays warm is left for good', async () => {
  const { vendor, relay, ask } = await startAtHome()
  vendor.forKey('home').script(fail(401))
  expect(servedBy(await ask(session))).toEqual([200, 'other', 2])
  await relay.clock.advance(11 * MINUTE)
  expect(servedBy(await ask(session))).toEqual([200, 'other', 1])
})

test('a home whose slots are all taken is helped out, and stays the home', async () => {
  const stage = await start([{ name: 'home', concurrency: 1 }, 'other'], { sticky_session_ttl: '1h' })
  const { vendor, ask } = stage
  await ask(session)
  vendor.forKey('home').script(answerText('hello', beforeHead(pause())))
  const slow = ask()
  await vendor.received(2)
  expect(servedBy(await ask(session))).toEqual([200, 'other', 1])
  vendor.resume()
  expect(servedBy(await slow)).toEqual([200, 'home', 1])
  expect(servedBy(await ask(session))).toEqual([200, 'home', 1])
})
