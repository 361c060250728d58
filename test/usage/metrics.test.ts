/**
 * `/metrics` as Prometheus reads it: through a parser that is not ours.
 */
// @ts-expect-error a package without types
import parsePrometheusTextFormat from 'parse-prometheus-text-format'
import { describe, expect, test } from 'vitest'
import { after, answerText, answerWith, fail, pause } from '../harness/reactions.ts'
import { rawRequest } from '../harness/raw-client.ts'
import type { TestRelay } from '../harness/relay.ts'
import { ASK, setStage } from '../http/stage.ts'

interface Family {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly metrics: ReadonlyArray<Record<string, unknown>>
}

async function scrape(relay: TestRelay): Promise<Map<string, Family>> {
  const answer = await relay.get('/metrics')
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
  const families = parsePrometheusTextFormat(String(answer.body)) as Family[]
  return new Map(families.map((family) => [family.name, family]))
}

const PRICED = { ...ASK.anthropic.body, model: 'claude-sonnet-4-5' }
const ONE = [{ name: 'one', api_key: 'a-secret-key' }]

describe('what has been done', () => {
  test('is counted by client, account, model and kind', async () => {
    const { vendor, relay } = await setStage({
      auth_tokens: [{ token: 'a-client-token-for-tests', name: 'my "mate"\\' }],
    })
    vendor.script(answerWith({ text: 'hello', usage: { input: 1000, cached: 500, cacheWrite: 200, output: 100 } }))
    await relay.post(ASK.anthropic.path, PRICED)
    await relay.post(ASK.anthropic.path, ASK.anthropic.body)
    const found = await scrape(relay)
    const labels = { client: 'my "mate"\\', account: 'claude', model: 'claude-sonnet-4-5' }
    const tokens = (kind: string, value: string) => ({ value, labels: { ...labels, kind } })
    expect(found.get('sub2api_tokens_total')).toMatchObject({
      type: 'COUNTER',
      help: expect.stringContaining('Tokens'),
    })
    expect(found.get('sub2api_tokens_total')?.metrics).toEqual(
      expect.arrayContaining([
        tokens('input', '1000'),
        tokens('cached', '500'),
        tokens('cache_write', '200'),
        tokens('output', '100'),
      ]),
    )
    const test = { ...labels, model: 'claude-test' }
    expect(found.get('sub2api_cost_usd_total')?.metrics).toEqual([
      { value: '0.0054', labels },
      { value: '0', labels: test },
    ])
    expect(found.get('sub2api_unpriced_requests_total')?.metrics).toEqual([
      { value: '0', labels },
      { value: '1', labels: test },
    ])
  })

  test('tells requests by their outcome, and attempts by account', async () => {
    const { vendor, relay } = await setStage({
      accounts: [
        { name: 'broke', api_key: 'a-secret-key', priority: 1 },
        { name: 'well', api_key: 'another-secret-key', priority: 2 },
      ],
    })
    vendor.script(fail(529, { message: 'no room' }), answerText('hello'))
    await relay.post(ASK.anthropic.path, ASK.anthropic.body)
    await relay.post(ASK.anthropic.path, '{')
    const found = await scrape(relay)
    const client = 'token-1'
    expect(found.get('sub2api_requests_total')?.metrics).toEqual([
      { value: '1', labels: { client, protocol: 'anthropic', outcome: 'served' } },
      { value: '1', labels: { client, protocol: 'anthropic', outcome: 'refused' } },
    ])
    expect(found.get('sub2api_attempts_total')?.metrics).toEqual([
      { value: '1', labels: { account: 'broke', outcome: 'overloaded' } },
      { value: '1', labels: { account: 'well', outcome: 'served' } },
    ])
  })

  test('holds times in buckets, in seconds', async () => {
    const { vendor, relay } = await setStage()
    vendor.script(answerText('hello', pause(), after('content', pause())))
    const answer = relay.post(ASK.anthropic.path, { ...ASK.anthropic.body, stream: true })
    await relay.clock.advance(2000)
    vendor.resume()
    await answer.until('hello')
    await relay.clock.advance(10_000)
    vendor.resume()
    await answer
    const found = await scrape(relay)
    expect(found.get('sub2api_first_content_seconds')).toMatchObject({
      type: 'HISTOGRAM',
      metrics: [{ buckets: { '1': '0', '2.5': '1', '+Inf': '1' } }],
    })
    expect(found.get('sub2api_request_duration_seconds')).toMatchObject({
      metrics: [{ buckets: { '10': '0', '30': '1', '+Inf': '1' } }],
    })
    // The parser leaves out the sums of histograms that have labels.
    const text = String((await relay.get('/metrics')).body)
    expect(text).toContain('\nsub2api_first_content_seconds_sum{protocol="anthropic"} 2\n')
    expect(text).toContain('\nsub2api_request_duration_seconds_sum{protocol="anthropic"} 12\n')
    expect(text).toContain('\nsub2api_request_duration_seconds_count{protocol="anthropic"} 1\n')
  })

  test('has as many series as accounts and priced names make, not as clients can make up', async () => {
    const { relay } = await setStage({ accounts: [{ name: 'one', api_key: 'a-secret-key', models: ['*'] }] })
    for (let name = 0; name < 502; name++) {
      await relay.post(ASK.anthropic.path, { ...ASK.anthropic.body, model: `made-up-${name}` })
    }
    const found = await scrape(relay)
    const models = (found.get('sub2api_cost_usd_total')?.metrics ?? []).map(
      ({ labels }) => (labels as { model: string }).model,
    )
    expect(models).toHaveLength(501)
    expect(models).toContain('(others)')
  })
})

describe('what is the case', () => {
  test('shows requests under way, the queue, and the rest of an account', async () => {
    const { vendor, relay } = await setStage({ accounts: ONE.map((one) => ({ ...one, concurrency: 1 })) })
    vendor.script(answerText('hello', after('content', pause())))
    const first = relay.post(ASK.anthropic.path, { ...ASK.anthropic.body, stream: true })
    await first.until('hello')
    const second = relay.post(ASK.anthropic.path, ASK.anthropic.body)
    await relay.clock.advance(1)
    const busy = await scrape(relay)
    const valueOf = (name: string) => busy.get(name)?.metrics.map(({ value }) => value)
    expect(valueOf('sub2api_requests_in_flight')).toEqual(['2'])
    expect(valueOf('sub2api_queue_length')).toEqual(['1'])
    expect(valueOf('sub2api_account_in_flight')).toEqual(['1'])
    expect(valueOf('sub2api_account_cooling')).toEqual(['0'])
    vendor.script(fail(429, { message: 'slow down', headers: { 'retry-after': '60' } }))
    vendor.resume()
    await Promise.all([first, second])
    const resting = await scrape(relay)
    expect(resting.get('sub2api_requests_in_flight')?.metrics).toEqual([{ value: '0' }])
    expect(resting.get('sub2api_cooldowns')?.metrics).toEqual([
      { value: '1', labels: { account: 'one', reason: 'burst' } },
    ])
  })

  test('tells of the process, and from the second scrape on of the event loop', async () => {
    const { relay } = await setStage()
    expect((await scrape(relay)).has('sub2api_event_loop_delay_seconds')).toBe(false)
    const quantiles = async () => (await scrape(relay)).get('sub2api_event_loop_delay_seconds')?.metrics.length
    await expect.poll(quantiles, { interval: 40, timeout: 10_000 }).toBe(3)
    const found = await scrape(relay)
    expect(Number(found.get('process_resident_memory_bytes')?.metrics[0]?.['value'])).toBeGreaterThan(1e7)
    expect(found.get('sub2api_build_info')).toMatchObject({ type: 'GAUGE', metrics: [{ value: '1' }] })
  })
})

test('/metrics is for users of this machine and holders of a token', async () => {
  const { relay } = await setStage()
  const statusOf = async (headers: Record<string, string>, method = 'GET') =>
    (await rawRequest(relay.port, { method, path: '/metrics', headers })).status
  const elsewhere = { host: 'relay.example.com' }
  expect(await statusOf({})).toBe(200)
  expect(await statusOf(elsewhere)).toBe(401)
  expect(await statusOf({ ...elsewhere, authorization: 'Bearer a-client-token-for-tests' })).toBe(200)
  expect(await statusOf({ 'sec-fetch-site': 'cross-site' })).toBe(401)
  expect(await statusOf({}, 'POST')).toBe(405)
})
