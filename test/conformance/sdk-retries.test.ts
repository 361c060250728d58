/**
 * The official SDKs repeat failed requests by themselves, and so does the relay: together they must not hammer a vendor,
 * nor give up on one that says when it is back.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { settle } from '../harness/clock.ts'
import { answerText, fail } from '../harness/reactions.ts'
import type { TestRelay } from '../harness/relay.ts'
import { connectAnthropic, connectOpenai, setStage, twoAccounts, type Options } from './stage.ts'

// The SDKs wait by setTimeout alone; nothing else that a request needs does.
beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => vi.useRealTimers())

/** The SDKs that repeat by themselves, with two repetitions, which is their default. */
const SDKS = {
  anthropic: {
    accounts: twoAccounts('anthropic'),
    ask: (relay: TestRelay, options: Options): Promise<{ model: string }> =>
      connectAnthropic(relay, { maxRetries: 2, ...options }).messages.create({
        model: 'claude-sonnet-5-5',
        max_tokens: 9,
        messages: [],
      }),
  },
  openai: {
    accounts: twoAccounts('openai'),
    ask: (relay: TestRelay, options: Options): Promise<{ model: string }> =>
      connectOpenai(relay, { maxRetries: 2, ...options }).responses.create({ model: 'gpt-5.5', input: 'hello' }),
  },
}

describe.each(Object.entries(SDKS))('the SDK of %s', (_name, { accounts, ask }) => {
  test('ends at once when the relay does not know its token', async () => {
    const { vendor, relay } = await setStage({ accounts })
    const sent = countRequests()
    const call = ask(relay, { apiKey: 'wrong', fetch: sent.fetch })
    await expect(passTime(relay, call)).rejects.toMatchObject({
      status: 401,
      message: expect.stringContaining('sub2api-simple: the relay does not know this token'),
    })
    expect([sent.count, vendor.requests.length]).toEqual([1, 0])
  })

  test('sends a request that is at fault once, and so does the relay', async () => {
    const { vendor, relay } = await setStage({ accounts })
    vendor.always(fail(400))
    const sent = countRequests()
    await expect(passTime(relay, ask(relay, sent))).rejects.toMatchObject({ status: 400 })
    expect([sent.count, vendor.requests.length]).toEqual([1, 1])
  })

  test('ends at once when every account rests for longer than a client should wait', async () => {
    const { vendor, relay } = await setStage({ accounts })
    vendor.always(fail(429, { headers: { 'retry-after': '600' } }))
    const sent = countRequests()
    await expect(passTime(relay, ask(relay, sent))).rejects.toMatchObject({ status: 429 })
    expect([sent.count, vendor.requests.length]).toEqual([1, 2])
  })

  test('waits out a short limit and is then served', async () => {
    const { vendor, relay } = await setStage({ accounts })
    const limit = fail(429, { headers: { 'retry-after': '5' } })
    vendor.script(limit, limit, answerText('hello'))
    const sent = countRequests()
    await expect(passTime(relay, ask(relay, sent))).resolves.toMatchObject({ model: expect.any(String) })
    expect([sent.count, vendor.requests.length]).toEqual([2, 3])
  })

  test('makes the relay ask each account of a failing vendor no more than once per try', async () => {
    const { vendor, relay } = await setStage({ accounts })
    vendor.always(fail(500))
    const sent = countRequests()
    await expect(passTime(relay, ask(relay, sent))).rejects.toMatchObject({ status: 502 })
    expect(sent.count).toBe(3)
    const perTry = relay.log.filter(({ event }) => event === 'request.end').map(({ attempts }) => Number(attempts))
    expect([perTry.length, Math.max(...perTry)]).toEqual([3, accounts.length])
    expect(vendor.requests.length).toBeLessThanOrEqual(3 * accounts.length)
  })

  test('is served by its second try when the vendor has recovered', async () => {
    const { vendor, relay } = await setStage({ accounts })
    vendor.script(fail(503), fail(503), answerText('hello'))
    const sent = countRequests()
    await expect(passTime(relay, ask(relay, sent))).resolves.toMatchObject({ model: expect.any(String) })
    expect([sent.count, vendor.requests.length]).toEqual([2, 3])
  })
})

/** Lets time pass for SDK and relay alike until the call is over. */
async function passTime<T>(relay: TestRelay, call: Promise<T>): Promise<T> {
  const over = call.then(
    () => true,
    () => true,
  )
  while (!(await Promise.race([over, settle().then(() => false)]))) {
    await vi.advanceTimersByTimeAsync(250)
    await relay.clock.advance(250)
  }
  return call
}

/** Counts what leaves the SDK. */
function countRequests(): { count: number; fetch: typeof globalThis.fetch } {
  const sent = {
    count: 0,
    fetch: (...request: Parameters<typeof globalThis.fetch>) => {
      sent.count++
      return globalThis.fetch(...request)
    },
  }
  return sent
}
