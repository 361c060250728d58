import { afterEach, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { answerText, answerWith, fail, raw } from '../harness/reactions.ts'
import { startRelay, type TestRelay } from '../harness/relay.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'

const running: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const stop of running.splice(0).toReversed()) await stop()
})

async function start(account: JsonObject): Promise<{ vendor: Vendor; relay: TestRelay }> {
  const vendor = await startVendor()
  const relay = await startRelay({
    accounts: [{ name: 'only', api_key: 'k', base_url: vendor.url, models: ['*'], ...account }],
  })
  running.push(vendor.close, relay.stop)
  return { vendor, relay }
}

const CHAT = { platform: 'openai', wire_api: 'chat' }
const words = (count: number): JsonObject => ({
  model: 'm',
  messages: [{ role: 'user', content: 'word '.repeat(count) }],
})

describe('6.38: count_tokens', () => {
  test('an account that can count is asked', async () => {
    const { vendor, relay } = await start({ platform: 'anthropic' })
    const answer = await relay.post('/v1/messages/count_tokens', words(10))
    expect(answer.body).toEqual(vendor.bytesSent(1))
    expect(answer.headers).not.toHaveProperty('x-relay-estimated')
  })

  test.each<[string, string, JsonObject, string]>([
    ['Messages', '/v1/messages/count_tokens', words(360), 'input_tokens'],
    ['Responses', '/v1/responses/input_tokens', { model: 'm', input: 'word '.repeat(360) }, 'input_tokens'],
    [
      'Gemini',
      '/v1beta/models/m:countTokens',
      { contents: [{ parts: [{ text: 'word '.repeat(360) }] }] },
      'totalTokens',
    ],
    [
      'Gemini, wrapped',
      '/v1beta/models/m:countTokens',
      { generateContentRequest: { model: 'm', contents: [{ parts: [{ text: 'word '.repeat(360) }] }] } },
      'totalTokens',
    ],
  ])('%s: an account that cannot count gets an estimate, marked as one', async (_dialect, path, body, member) => {
    const { vendor, relay } = await start(CHAT)
    const answer = await relay.post(path, body)
    expect([answer.status, answer.headers['x-relay-estimated']]).toEqual([200, 'true'])
    const count = (JSON.parse(answer.body.toString()) as Record<string, number>)[member]
    expect(count).toBeGreaterThan(450)
    expect(count).toBeLessThan(600)
    expect(vendor.requests).toHaveLength(0)
  })

  const ON_OTHERS: Array<[string, string, JsonObject, JsonObject, string, string]> = [
    [
      'Messages',
      '/v1/messages/count_tokens',
      words(9),
      { platform: 'openai', wire_api: 'responses' },
      '/v1/responses/input_tokens',
      'input_tokens',
    ],
    [
      'Messages',
      '/v1/messages/count_tokens',
      words(9),
      { platform: 'gemini' },
      '/v1beta/models/m:countTokens',
      'input_tokens',
    ],
    [
      'Gemini',
      '/v1beta/models/m:countTokens',
      { contents: [{ parts: [{ text: 'hi' }] }] },
      { platform: 'anthropic' },
      '/v1/messages/count_tokens',
      'totalTokens',
    ],
  ]
  test.each(ON_OTHERS)(
    '%s: an account of another protocol is asked in its own words',
    async (_client, path, body, account, target, member) => {
      const { vendor, relay } = await start(account)
      vendor.script(answerWith({ usage: { input: 4321 } }))
      const answer = await relay.post(path, body)
      expect(vendor.requests.map((request) => request.target)).toEqual([target])
      expect([answer.status, JSON.parse(answer.body.toString())]).toEqual([
        200,
        expect.objectContaining({ [member]: 4321 }),
      ])
      expect(answer.headers).not.toHaveProperty('x-relay-estimated')
    },
  )

  test('one that refuses the question in the words of another protocol costs nothing but the exactness', async () => {
    const { vendor, relay } = await start({ platform: 'openai', wire_api: 'responses' })
    vendor.script(fail(400, { message: 'Unknown parameter' }))
    const answer = await relay.post('/v1/messages/count_tokens', words(9))
    expect([answer.status, answer.headers['x-relay-estimated']]).toEqual([200, 'true'])
  })

  test('the estimate grows with system text, tools and pictures', async () => {
    const { relay } = await start(CHAT)
    const count = async (more: JsonObject): Promise<number> => {
      const answer = await relay.post('/v1/messages/count_tokens', { ...words(10), ...more })
      return (JSON.parse(answer.body.toString()) as { input_tokens: number }).input_tokens
    }
    const plain = await count({})
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } }
    const tool = {
      name: 'read',
      description: 'Reads a file.',
      input_schema: { type: 'object', properties: { path: {} } },
    }
    expect(await count({ system: 'Be brief, and say what you know.' })).toBeGreaterThan(plain + 5)
    expect(await count({ tools: [tool] })).toBeGreaterThan(plain + 20)
    expect(await count({ messages: [{ role: 'user', content: [image] }] })).toBeGreaterThan(plain + 1_000)
  })

  test.each([
    ['has no such route', fail(404, { message: 'unknown path' })],
    ['fails', fail(500)],
    ['is limited', fail(429)],
    ['answers nonsense', raw({ status: 200, pieces: ['<html>'] })],
  ])('a server that %s costs nothing but the exactness', async (_how, reaction) => {
    const { vendor, relay } = await start({ platform: 'anthropic' })
    vendor.script(reaction)
    const answer = await relay.post('/v1/messages/count_tokens', words(10))
    expect([answer.status, answer.headers['x-relay-estimated']]).toEqual([200, 'true'])
    vendor.script(answerText('still here'))
    expect((await relay.post('/v1/messages', { ...words(1), max_tokens: 9 })).status).toBe(200)
  })

  test("the client's own mistake is still told", async () => {
    const { vendor, relay } = await start({ platform: 'anthropic' })
    vendor.script(fail(400, { message: 'messages: required' }))
    expect((await relay.post('/v1/messages/count_tokens', { model: 'm' })).status).toBe(400)
  })
})

test('a request that only warms the cache is answered without a call', async () => {
  const { vendor, relay } = await start(CHAT)
  for (const stream of [true, false]) {
    const answer = await relay.post('/v1/messages', { ...words(5), max_tokens: 0, stream })
    expect([answer.status, answer.body.toString()]).toEqual([
      200,
      expect.stringContaining('"stop_reason":"max_tokens"'),
    ])
  }
  expect(vendor.requests).toHaveLength(0)
})

test('a Messages client learns the size of its prompt although the upstream tells no counts', async () => {
  const { vendor, relay } = await start(CHAT)
  const chunk = (delta: JsonObject, finish: string | null): string =>
    `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
  const pieces = [chunk({ role: 'assistant', content: 'hi' }, null), chunk({}, 'stop'), 'data: [DONE]\n\n']
  vendor.script(raw({ headers: { 'content-type': 'text/event-stream' }, pieces }))
  const answer = await relay.post('/v1/messages', { ...words(360), max_tokens: 9 })
  const { usage } = JSON.parse(answer.body.toString()) as { usage: { input_tokens: number } }
  expect(usage.input_tokens).toBeGreaterThan(450)
})
