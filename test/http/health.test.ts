/**
 * What /health tells of accounts in every state, and that it tells it when the relay has its hands full.
 */
import { describe, expect, test } from 'vitest'
import { after, answerText, beforeHead, fail, headers, pause } from '../harness/reactions.ts'
import type { TestRelay } from '../harness/relay.ts'
import { onlyInThisProcess } from '../harness/relay-program.ts'
import { ASK, readRefusal, setStage } from './stage.ts'

interface Health {
  readonly waiting: number
  readonly account_details: ReadonlyArray<Record<string, unknown>>
}

const readHealth = async (relay: TestRelay): Promise<Health> =>
  JSON.parse(String((await relay.get('/health')).body)) as Health
const detailsOf = async (relay: TestRelay) => (await readHealth(relay)).account_details
const ONE = [{ name: 'one', platform: 'anthropic', api_key: 'a-secret-key', concurrency: 1, priority: 7 }]

describe('an account', () => {
  test('in order shows its settings and no key', async () => {
    const { relay } = await setStage({ accounts: ONE })
    const text = String((await relay.get('/health')).body)
    expect(JSON.parse(text)).toMatchObject({
      status: 'ok',
      version: expect.stringMatching(/^\d+\./),
      accounts: 1,
      account_details: [{ name: 'one', platform: 'anthropic', priority: 7, concurrency: 1, active: 0, state: 'ok' }],
    })
    expect(text).not.toContain('a-secret-key')
  })

  test('at work shows how busy it is, and how many wait', async () => {
    const { vendor, relay } = await setStage({ accounts: ONE })
    vendor.script(answerText('hello', after('content', pause())))
    const first = relay.post('/v1/messages', { ...ASK.anthropic.body, stream: true })
    await first.until('hello')
    const second = relay.post('/v1/messages', ASK.anthropic.body)
    await relay.clock.advance(1)
    expect(await readHealth(relay)).toMatchObject({ waiting: 1, account_details: [{ active: 1 }] })
    vendor.resume()
    expect([(await first).status, (await second).status]).toEqual([200, 200])
    expect(await readHealth(relay)).toMatchObject({ waiting: 0, account_details: [{ active: 0 }] })
  })

  test('row 1: at rest shows why, and until when', async () => {
    onlyInThisProcess('a clock that stands still')
    const { vendor, relay } = await setStage({ accounts: ONE, queue: { timeout: '1s', size: 1 } })
    vendor.script(fail(429, { message: 'slow down', headers: { 'retry-after': '7' } }))
    expect((await relay.post('/v1/messages', ASK.anthropic.body)).status).toBe(429)
    const until = new Date(relay.clock.now() + 7000).toISOString()
    expect(await detailsOf(relay)).toMatchObject([
      { state: 'cooling', rate_limited: true, cooldowns: [{ reason: 'burst', message: 'slow down', until }] },
    ])
    await relay.clock.advance(7000)
    expect(await detailsOf(relay)).toMatchObject([{ state: 'ok', rate_limited: false, cooldowns: [] }])
  })

  test('with known quota windows shows how full they are', async () => {
    const { vendor, relay } = await setStage({ accounts: ONE })
    const resetsAt = Math.floor(relay.clock.now() / 1000) + 3600
    vendor.script(
      answerText(
        'hello',
        headers({
          'anthropic-ratelimit-unified-5h-status': 'allowed',
          'anthropic-ratelimit-unified-5h-utilization': '0.42',
          'anthropic-ratelimit-unified-5h-reset': `${resetsAt}`,
        }),
      ),
    )
    await relay.post('/v1/messages', ASK.anthropic.body)
    const resets_at = new Date(resetsAt * 1000).toISOString()
    expect(await detailsOf(relay)).toMatchObject([{ windows: { '5h': { used_percent: 42, resets_at } } }])
  })

  test('whose secret is missing says so, and is never tried without', async () => {
    const accounts = [{ name: 'one', platform: 'anthropic', api_key: { env: 'A_VARIABLE_NOBODY_SETS' } }]
    const { vendor, relay } = await setStage({ accounts })
    expect(await detailsOf(relay)).toMatchObject([
      { state: 'needs_attention', problem: expect.stringContaining('A_VARIABLE_NOBODY_SETS') },
    ])
    const refusal = readRefusal('anthropic', await relay.post('/v1/messages', ASK.anthropic.body))
    expect(refusal).toMatchObject({
      status: 503,
      word: 'overloaded_error',
      message: expect.stringContaining('/health'),
    })
    expect(vendor.requests).toEqual([])
  })
})

test('with every slot taken and the queue full it answers all the same', async () => {
  const { vendor, relay } = await setStage({ accounts: ONE, queue: { size: 20, timeout: '30s' } })
  vendor.always(answerText('hello', beforeHead(pause())))
  const clients = Array.from({ length: 21 }, () => relay.post('/v1/messages', ASK.anthropic.body))
  await vendor.received(1)
  await relay.clock.advance(1)
  expect(await readHealth(relay)).toMatchObject({ waiting: 20, account_details: [{ active: 1 }] })
  while (vendor.requests.length < 21 || vendor.load.active > 0) {
    vendor.resume()
    await relay.clock.advance(1)
  }
  await Promise.all(clients)
})
