/**
 * Quota windows through the edge: what answers tell of them decides who is asked next.
 */
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { answerText, fail, headers } from '../harness/reactions.ts'
import type { TestRelay } from '../harness/relay.ts'
import { ASK, setStage } from './stage.ts'

const HOUR = 3_600_000
const HELLO = { ...ASK.anthropic.body, messages: [{ role: 'user', content: 'hello' }] }

const claude = (name: string, facts: JsonObject = {}): JsonObject => ({
  name,
  platform: 'anthropic',
  api_key: `secret-key-of-${name}`,
  ...facts,
})
const ask = async (relay: TestRelay, session: string): Promise<string | number | undefined> => {
  const answer = await relay.post('/v1/messages', HELLO, { headers: { 'x-claude-code-session-id': session } })
  return answer.status === 200 ? answer.headers['x-relay-account'] : answer.status
}
/** An answer that tells how far its account's five hours are used up. */
const used = (relay: TestRelay, percent: number, resetsInMs: number) =>
  answerText(
    'hello',
    headers({
      'anthropic-ratelimit-unified-5h-utilization': String(percent / 100),
      'anthropic-ratelimit-unified-5h-reset': String(Math.round((relay.clock.now() + resetsInMs) / 1000)),
    }),
  )

describe('reserve_percent', () => {
  test('keeps the rest of a window for the sessions that are at home there', async () => {
    const { vendor, relay } = await setStage({
      accounts: [claude('a', { reserve_percent: 20, priority: 1 }), claude('b')],
    })
    vendor.forKey('secret-key-of-a').script(used(relay, 85, HOUR))
    expect(await ask(relay, 'one')).toBe('a')
    expect(await ask(relay, 'two')).toBe('b')
    expect(await ask(relay, 'one')).toBe('a')
    await relay.clock.advance(HOUR)
    expect(await ask(relay, 'three')).toBe('a')
  })
})

describe('pause_at_percent', () => {
  const accounts = [claude('a', { pause_at_percent: 90, priority: 1 }), claude('b')]

  test('turns everybody away until the window begins anew, and explain says so', async () => {
    const { vendor, relay } = await setStage({ accounts })
    vendor.forKey('secret-key-of-a').script(used(relay, 95, HOUR))
    expect(await ask(relay, 'one')).toBe('a')
    expect(await ask(relay, 'one')).toBe('b')
    const until = new Date(relay.clock.now() + HOUR).toISOString()
    const text = String((await relay.get('/admin/explain?model=claude-test')).body)
    const message = 'its 5h window is used to 95 %, above what the config lets it take'
    expect(JSON.parse(text)).toMatchObject({
      ready: [{ account: 'b' }],
      excluded: [{ account: 'a', reason: 'quota_gate', message, until }],
    })
    await relay.clock.advance(HOUR)
    expect(await ask(relay, 'two')).toBe('a')
  })

  test('lets one look again when what it knows is two hours old', async () => {
    const { vendor, relay } = await setStage({ accounts })
    vendor.forKey('secret-key-of-a').script(used(relay, 95, 4 * HOUR))
    expect(await ask(relay, 'one')).toBe('a')
    await relay.clock.advance(2 * HOUR - 1)
    expect(await ask(relay, 'two')).toBe('b')
    await relay.clock.advance(1)
    vendor.forKey('secret-key-of-a').script(used(relay, 96, 2 * HOUR))
    expect(await ask(relay, 'three')).toBe('a')
    expect(await ask(relay, 'four')).toBe('b')
  })

  test('heeds a limit per minute for as long as that lasts', async () => {
    const { vendor, relay } = await setStage({ accounts })
    const rate = {
      'anthropic-ratelimit-requests-limit': '100',
      'anthropic-ratelimit-requests-remaining': '2',
      'anthropic-ratelimit-requests-reset': new Date(relay.clock.now() + 20_000).toISOString(),
    }
    vendor.forKey('secret-key-of-a').script(answerText('hello', headers(rate)))
    expect([await ask(relay, 'one'), await ask(relay, 'two')]).toEqual(['a', 'b'])
    await relay.clock.advance(20_000)
    expect(await ask(relay, 'three')).toBe('a')
  })
})

describe('soonest_reset', () => {
  /** Has another account tell of its windows, too. */
  async function askOther(relay: TestRelay, name: string): Promise<string | number | undefined> {
    await relay.post(`/admin/accounts/${name}/pause`, '')
    const served = await ask(relay, 'two')
    await relay.post(`/admin/accounts/${name}/resume`, '')
    return served
  }

  test('uses up first what expires first, whatever the limits per minute say', async () => {
    const { vendor, relay } = await setStage({
      strategy: 'soonest_reset',
      accounts: [claude('late'), claude('soon')],
    })
    const perMinute = {
      'anthropic-ratelimit-requests-limit': '100',
      'anthropic-ratelimit-requests-remaining': '99',
      'anthropic-ratelimit-requests-reset': new Date(relay.clock.now() + 1_000).toISOString(),
    }
    const inHours = (hours: number): Record<string, string> => ({
      'anthropic-ratelimit-unified-5h-utilization': '0.5',
      'anthropic-ratelimit-unified-5h-reset': String(Math.round((relay.clock.now() + hours * HOUR) / 1000)),
    })
    vendor.forKey('secret-key-of-late').script(answerText('hello', headers({ ...inHours(4), ...perMinute })))
    vendor.forKey('secret-key-of-soon').script(answerText('hello', headers(inHours(1))))
    expect([await ask(relay, 'one'), await askOther(relay, 'late')]).toEqual(['late', 'soon'])
    expect([await ask(relay, 'three'), await ask(relay, 'four')]).toEqual(['soon', 'soon'])
  })

  test('leaves an account whose window is used up, although it begins anew first', async () => {
    const { vendor, relay } = await setStage({ strategy: 'soonest_reset', accounts: [claude('a'), claude('b')] })
    vendor.forKey('secret-key-of-a').script(used(relay, 60, HOUR))
    vendor.forKey('secret-key-of-b').script(used(relay, 60, 2 * HOUR), used(relay, 61, 2 * HOUR))
    expect([await ask(relay, 'one'), await askOther(relay, 'a')]).toEqual(['a', 'b'])
    const rejected = {
      'anthropic-ratelimit-unified-5h-status': 'rejected',
      'anthropic-ratelimit-unified-5h-reset': String(Math.round((relay.clock.now() + HOUR) / 1000)),
    }
    vendor.forKey('secret-key-of-a').script(fail(429, { headers: rejected }))
    expect(await ask(relay, 'three')).toBe('b')
    expect(await ask(relay, 'four')).toBe('b')
  })
})

test('a limit per minute that is used up says when a 429 without a word may be repeated', async () => {
  const { vendor, relay } = await setStage({
    accounts: [{ name: 'gpt', platform: 'openai', api_key: 'secret-key-of-gpt', wire_api: 'chat' }],
    queue: { timeout: '1s', size: 1 },
  })
  const spent = {
    'x-ratelimit-limit-requests': '10',
    'x-ratelimit-remaining-requests': '0',
    'x-ratelimit-reset-requests': '42s',
  }
  vendor.script(fail(429, { headers: spent }))
  const answer = await relay.post('/v1/chat/completions', { model: 'gpt-test', messages: [] })
  expect([answer.status, answer.headers['retry-after']]).toEqual([429, '42'])
})

test.each([
  ['GenerateRequestsPerDayPerProjectPerModel-FreeTier', 200],
  ['GenerateRequestsPerDayPerProject', 429],
])(
  'a Gemini quota %s that says no end rests until the vendor’s midnight; another model gets %d',
  async (quotaId, status) => {
    const { vendor, relay } = await setStage({ queue: { timeout: '1s', size: 1 } })
    const details = [{ '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [{ quotaId }] }]
    const error = { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'quota exceeded', details }
    vendor.script(fail(429, { body: { error } }))
    const post = (model: string) => relay.post(`/v1beta/models/${model}:generateContent`, ASK.gemini.body)
    expect((await post('gemini-one')).status).toBe(429)
    expect((await post('gemini-one')).status).toBe(429)
    expect((await post('gemini-two')).status).toBe(status)
    expect(vendor.requests).toHaveLength(status === 200 ? 2 : 1)
  },
)
