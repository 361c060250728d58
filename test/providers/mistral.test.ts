import { afterEach, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { Secret } from '../../src/core/secret.ts'
import { userAgent } from '../../src/core/version.ts'
import { providerOf } from '../../src/providers/index.ts'
import { makeAccount } from '../harness/accounts.ts'
import { answerText, fail } from '../harness/reactions.ts'
import { startRelay, type TestRelay } from '../harness/relay.ts'
import { readText } from '../harness/sse.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'

const running: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const stop of running.splice(0).toReversed()) await stop()
})

async function start(
  ...others: ReadonlyArray<(url: string) => JsonObject>
): Promise<{ vendor: Vendor; relay: TestRelay }> {
  const vendor = await startVendor()
  const own = { name: 'mistral', platform: 'mistral', api_key: 'm', base_url: `${vendor.url}/v1` }
  const relay = await startRelay({ accounts: [...others.map((make) => make(vendor.url)), own] })
  running.push(vendor.close, relay.stop)
  return { vendor, relay }
}

const said = { messages: [{ role: 'user', content: 'hello' }] }
const question = { model: 'mistral-large-latest', stream: true, ...said }

/** What the vendor says to a member that it does not know. */
const refusesStreamOptions = fail(422, {
  body: { object: 'error', message: { detail: [{ type: 'extra_forbidden', loc: ['body', 'stream_options'] }] } },
})

describe('a Mistral account', () => {
  test('is called at the vendor with its key', () => {
    const account = makeAccount('m', { platform: 'mistral' })
    const key = { type: 'api_key', secret: new Secret('key'), accountId: null } as const
    const call = providerOf(account).call(account, key, {
      protocol: 'openai-chat',
      operation: 'generate',
      model: 'mistral-large-latest',
      stream: false,
      headers: [],
      query: new URLSearchParams(),
      body: Buffer.from('{}'),
    })
    expect([call.origin, call.path]).toEqual(['https://api.mistral.ai', '/v1/chat/completions'])
    expect(Object.fromEntries(call.headers)).toMatchObject({ authorization: 'Bearer key', 'user-agent': userAgent })
  })

  test('serves its own models to a Chat client byte for byte', async () => {
    const { vendor, relay } = await start()
    const answer = await relay.post('/v1/chat/completions', question)
    expect([answer.status, answer.body]).toEqual([200, vendor.bytesSent(1)])
    expect(vendor.requests[0]?.bytes.toString()).toBe(JSON.stringify(question))
    expect(vendor.requests[0]?.target).toBe('/v1/chat/completions')
  })

  test.each([
    ['a Messages client', '/v1/messages', { ...question, max_tokens: 64 }],
    [
      'a Chat client that asks for usage',
      '/v1/chat/completions',
      { ...question, stream_options: { include_usage: true } },
    ],
  ])('is never told stream_options, which it refuses, by %s', async (_who, path, body) => {
    const { vendor, relay } = await start()
    vendor.always((request) =>
      request.body['stream_options'] === undefined ? answerText('bonjour')(request) : refusesStreamOptions(request),
    )
    const answer = await relay.post(path, body)
    expect([answer.status, readText(answer.body), vendor.requests.length]).toEqual([200, 'bonjour', 1])
    expect(vendor.requests[0]?.body).not.toHaveProperty('max_completion_tokens')
  })

  test('has its models to itself beside an account at OpenAI, and shares them with a server that may run them', async () => {
    const { vendor, relay } = await start(
      (url) => ({ name: 'vllm', platform: 'openai', base_url: url, wire_api: 'chat', priority: 1 }),
      () => ({ name: 'openai', platform: 'openai', api_key: 'o', proxy: 'http://127.0.0.1:9', priority: 0 }),
    )
    vendor.script(fail(503), answerText('bonjour'))
    const answer = await relay.post('/v1/chat/completions', question)
    expect(answer.headers).toMatchObject({ 'x-relay-account': 'mistral', 'x-relay-attempts': '2' })
    expect(vendor.requests.map(({ key }) => key)).toEqual([null, 'm'])
  })
})
