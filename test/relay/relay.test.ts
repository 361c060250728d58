import { afterEach, describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { answerText, cut, fail } from '../harness/reactions.ts'
import { after } from '../harness/twists.ts'
import { startRelay, type TestRelay } from '../harness/relay.ts'
import { readJsonEvents, readText } from '../harness/sse.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'

const running: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const stop of running.splice(0).toReversed()) await stop()
})

async function start(accounts: (vendor: Vendor) => JsonObject[]): Promise<{ vendor: Vendor; relay: TestRelay }> {
  const vendor = await startVendor()
  const relay = await startRelay({ accounts: accounts(vendor) })
  running.push(vendor.close, relay.stop)
  return { vendor, relay }
}

const claude = (vendor: Vendor, key: string, facts: JsonObject = {}): JsonObject => ({
  name: key,
  platform: 'anthropic',
  api_key: key,
  base_url: vendor.url,
  ...facts,
})

const question = (stream: boolean): JsonObject => ({
  model: 'claude-test',
  max_tokens: 64,
  stream,
  messages: [{ role: 'user', content: 'hello' }],
})

const PATHS: Array<[Protocol, string, JsonObject]> = [
  ['anthropic', '/v1/messages', question(true)],
  ['openai-responses', '/v1/responses', { model: 'gpt-test', stream: true, input: 'hello' }],
  ['openai-chat', '/v1/chat/completions', { model: 'gpt-test', stream: true, messages: [] }],
  ['gemini', '/v1beta/models/gemini-test:streamGenerateContent?alt=sse', { contents: [] }],
]

describe('the byte lane', () => {
  test.each(PATHS)('a %s stream reaches the client byte for byte', async (_protocol, path, body) => {
    const { vendor, relay } = await start(({ url }) => [
      { platform: 'anthropic', api_key: 'a', base_url: url },
      { platform: 'openai', api_key: 'o', base_url: url, wire_api: 'both' },
      { platform: 'gemini', api_key: 'g', base_url: url },
    ])
    vendor.script(answerText('Ein schöner Tag 🌞'))
    const answer = await relay.post(path, body)
    expect(answer.status).toBe(200)
    expect(answer.body).toEqual(vendor.bytesSent(1))
    expect(answer.ended).toBe('clean')
    expect(vendor.requests[0]?.bytes.toString()).toBe(JSON.stringify(body))
    expect(relay.log.at(-1)).toMatchObject({ event: 'request.end', outcome: 'served', attempts: 1 })
  })

  test('a whole answer reaches the client byte for byte', async () => {
    const { vendor, relay } = await start((v) => [claude(v, 'a')])
    const answer = await relay.post('/v1/messages', question(false))
    expect(answer.body).toEqual(vendor.bytesSent(1))
    expect(answer.headers).toMatchObject({ 'x-relay-account': 'a', 'x-relay-attempts': '1' })
  })
})

describe('failover', () => {
  test('a limited account is passed over and the client sees only success', async () => {
    const { vendor, relay } = await start((v) => [claude(v, 'a', { priority: 1 }), claude(v, 'b')])
    vendor.forKey('a').script(fail(429, { headers: { 'retry-after': '7' } }))
    const answer = await relay.post('/v1/messages', question(true))
    expect([answer.status, readText(answer.body)]).toEqual([200, 'hello'])
    expect(answer.headers).toMatchObject({ 'x-relay-account': 'b', 'x-relay-attempts': '2' })
    expect(relay.inFlight()).toEqual({ a: 0, b: 0 })
  })

  test('a stream that breaks after its content ends in an error event, and nobody else answers', async () => {
    const { vendor, relay } = await start((v) => [claude(v, 'a'), claude(v, 'b')])
    vendor.script(answerText('hello', after('content', cut())))
    const answer = await relay.post('/v1/messages', question(true))
    expect(readJsonEvents(answer.body).at(-1)).toMatchObject({ type: 'error', error: { type: 'api_error' } })
    expect(vendor.requests).toHaveLength(1)
  })
})
