import { readFileSync, writeFileSync } from 'node:fs'
import OpenAI from 'openai'
import { afterEach, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { userAgent } from '../../src/core/version.ts'
import { CHATGPT_PATH, chatgpt, chatgptAccount } from '../harness/chatgpt.ts'
import { cut, end, errorEvent, fail, failInStream, pause, slice } from '../harness/reactions.ts'
import { startRelay, TOKEN, type TestRelay } from '../harness/relay.ts'
import { readJsonEvents, readText } from '../harness/sse.ts'
import { after, before } from '../harness/twists.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'

const running: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const stop of running.splice(0).toReversed()) await stop()
})

async function start(names = ['plus'], settings: JsonObject = {}): Promise<{ vendor: Vendor; relay: TestRelay }> {
  const vendor = await startVendor()
  const accounts = names.map((name, position) => chatgptAccount(vendor.url, name, { priority: position + 1 }))
  const relay = await startRelay({ accounts, ...settings })
  running.push(vendor.close, () => relay.stop())
  vendor.always(chatgpt('hello world'))
  return { vendor, relay }
}

const ask = (facts: JsonObject = {}): JsonObject => ({ model: 'gpt-5.5', input: 'hi', ...facts })
const read = (body: Buffer): JsonObject => JSON.parse(body.toString()) as JsonObject

describe('a client that asks for a stream', () => {
  test('reaches the backend with a request that it takes, and under no name but the relay’s', async () => {
    const { vendor, relay } = await start()
    const answer = await relay.post('/v1/responses', ask({ stream: true, temperature: 1 }))
    expect([answer.status, readText(answer.body)]).toEqual([200, 'hello world'])
    expect(answer.headers['x-relay-repaired']).toBe('temperature')
    const [request] = vendor.requests
    expect(request?.target).toBe(CHATGPT_PATH)
    expect(request?.header('chatgpt-account-id')).toBe('account-of-plus')
    expect(request?.header('user-agent')).toBe(userAgent)
    expect(request?.header('originator')).toBeUndefined()
    expect(request?.body).toMatchObject({ store: false, stream: true, instructions: 'You are a helpful assistant.' })
  })

  test('and is Codex gets the bytes of the backend, and the backend those of Codex', async () => {
    const { vendor, relay } = await start()
    vendor.always(chatgpt('hello', {}, before('content', LIMITS)))
    const body =
      '{"model":"gpt-5.5", "input":[{"role":"developer","content":"x"},{"role":"user","content":"\\u00e4"}],' +
      '"store":false,"stream":true,"include":["reasoning.encrypted_content"],"tools":[{"n":1.50}]}'
    const headers = { originator: 'codex_exec', 'user-agent': 'codex_exec/0.169.0' }
    const answer = await relay.post('/v1/responses', body, { headers })
    expect(vendor.requests[0]?.bytes.toString()).toBe(body)
    expect(vendor.requests[0]?.header('user-agent')).toBe('codex_exec/0.169.0')
    expect(answer.body).toEqual(vendor.bytesSent(1))
    expect(readJsonEvents(answer.body).map(({ type }) => type)).toContain('codex.rate_limits')
  })

  test.each([701, 65_537, Infinity])(
    "and is OpenAI's SDK gets an answer it can read, told in pieces of %d bytes",
    async (size) => {
      const { vendor, relay } = await start()
      const large = 'x'.repeat(200_000)
      vendor.always(chatgpt({ text: ['hello ', 'world'], thinking: large }, {}, before('content', LIMITS), slice(size)))
      const client = new OpenAI({ baseURL: `${relay.url}/v1`, apiKey: TOKEN, maxRetries: 0 })
      const response = await client.responses.stream({ model: 'gpt-5.5', input: 'hi' }).finalResponse()
      expect(response.output_text).toBe('hello world')
      expect(response.output[0]).toMatchObject({ type: 'reasoning', summary: [{ text: large }] })
    },
  )
})

const LIMITS = 'event: codex.rate_limits\ndata: {"type":"codex.rate_limits","rate_limits":{}}\n\n'

describe('a client that asks for a whole answer', () => {
  test('gets one, with all the text although the backend repeats none of it', async () => {
    const { vendor, relay } = await start()
    const told = { text: 'hello world', thinking: 'hm', signature: 'sealed', usage: { input: 5, output: 3 } }
    vendor.script(chatgpt(told, {}, before('content', LIMITS)))
    const answer = await relay.post('/v1/responses', ask())
    expect(answer.headers['content-type']).toBe('application/json')
    expect(read(answer.body)).toMatchObject({
      id: 'resp_att_1',
      object: 'response',
      status: 'completed',
      output: [
        { type: 'reasoning', encrypted_content: 'sealed' },
        { type: 'message', content: [{ type: 'output_text', text: 'hello world' }] },
      ],
      usage: { input_tokens: 5, output_tokens: 3 },
    })
    expect(relay.log.at(-1)).toMatchObject({ outcome: 'served', input: 5, output: 3, account: 'plus' })
  })

  test('hears that it was cut short', async () => {
    const { vendor, relay } = await start()
    vendor.script(chatgpt({ text: 'hel', stop: 'max_tokens' }))
    const answer = read((await relay.post('/v1/responses', ask())).body)
    expect(answer).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } })
  })

  test.each([
    ['breaks', after('content', cut())],
    ['ends without its end', before('terminal', end())],
  ])('is served by the next account when the stream %s', async (_how, twist) => {
    const { vendor, relay } = await start(['a', 'b'])
    vendor.forKey('a').script(chatgpt('half', {}, twist))
    const answer = await relay.post('/v1/responses', ask())
    expect(answer.headers).toMatchObject({ 'x-relay-account': 'b', 'x-relay-attempts': '2' })
    expect(JSON.stringify(read(answer.body)['output'])).toContain('hello world')
  })

  test('is served by the next account when the backend gives up in the middle', async () => {
    const { vendor, relay } = await start(['a', 'b'])
    vendor.forKey('a').script(failInStream(503, { type: 'server_error', code: 'server_is_overloaded' }))
    expect((await relay.post('/v1/responses', ask())).headers).toMatchObject({ 'x-relay-account': 'b' })
  })

  test('is served by the next account when the backend gives up after it had begun to speak', async () => {
    const { vendor, relay } = await start(['a', 'b'])
    vendor.forKey('a').script(chatgpt('half', {}, after('content', errorEvent(500, {}, 5))))
    expect((await relay.post('/v1/responses', ask())).headers).toMatchObject({ 'x-relay-account': 'b' })
  })

  test('takes its request back by leaving', async () => {
    const { vendor, relay } = await start(['a', 'b'])
    vendor.script(chatgpt('half', {}, after('content', pause())))
    const asked = relay.post('/v1/responses', ask())
    const request = await vendor.received(1)
    asked.abort('reset')
    await request.closed
    expect([request.isAborted, vendor.requests.length]).toEqual([true, 1])
  })

  test('hears of its own mistake as an error, not as a stream', async () => {
    const { vendor, relay } = await start(['a', 'b'])
    const mistake = { type: 'invalid_request_error', code: 'context_length_exceeded', message: 'too long' }
    vendor.script(failInStream(400, mistake))
    const answer = await relay.post('/v1/responses', ask())
    expect([answer.status, answer.headers['content-type']]).toEqual([400, 'application/json'])
    expect(read(answer.body)).toMatchObject({ error: { code: 'context_length_exceeded', message: 'too long' } })
    expect(vendor.requests).toHaveLength(1)
  })

  test('is refused when every stream ends early', async () => {
    const { vendor, relay } = await start()
    vendor.script(chatgpt('half', {}, before('terminal', end())))
    expect((await relay.post('/v1/responses', ask())).status).toBe(502)
  })

  test('is not kept waiting by a backend that falls silent', async () => {
    const { vendor, relay } = await start(['a', 'b'], { stream_read_timeout: '30s' })
    vendor.forKey('a').script(chatgpt('half', {}, after('content', { step: 'stall' })))
    const answer = relay.post('/v1/responses', ask())
    await vendor.received(1)
    await relay.clock.advance(31_000)
    expect((await answer).headers).toMatchObject({ 'x-relay-account': 'b' })
  })
})

describe('a member that the backend turns out to refuse', () => {
  test('is left out at once and from then on, and the owner hears of it once', async () => {
    const { vendor, relay } = await start()
    vendor.always(chatgpt('hello', { alsoRefused: ['prompt_cache_key', 'tool_choice'] }))
    const body = ask({ prompt_cache_key: 'k', tool_choice: 'auto' })
    const first = await relay.post('/v1/responses', body)
    expect([first.status, first.headers['x-relay-repaired']]).toEqual([200, 'prompt_cache_key, tool_choice'])
    expect(vendor.requests).toHaveLength(3)
    const second = await relay.post('/v1/responses', body)
    expect([second.status, second.headers['x-relay-attempts']]).toEqual([200, '1'])
    const told = relay.log.filter(({ event }) => event === 'member.refused').map(({ member }) => member)
    expect(told).toEqual(['prompt_cache_key', 'tool_choice'])
  })

  test('stays left out when the config is read anew', async () => {
    const { vendor, relay } = await start()
    vendor.always(chatgpt('hello', { alsoRefused: ['tool_choice'] }))
    await relay.post('/v1/responses', ask({ tool_choice: 'auto' }))
    const config = JSON.parse(readFileSync(relay.configPath, 'utf8')) as JsonObject
    writeFileSync(relay.configPath, JSON.stringify({ ...config, max_account_switches: 3 }))
    expect(read((await relay.post('/admin/reload', '')).body)).toMatchObject({ changed: true })
    const { status, headers } = await relay.post('/v1/responses', ask({ tool_choice: 'auto' }))
    expect([status, headers['x-relay-attempts']]).toEqual([200, '1'])
  })

  test('is learnt by all requests that meet it at once', async () => {
    const { vendor, relay } = await start()
    vendor.always(chatgpt('hello', { alsoRefused: ['tool_choice'] }))
    const asked = ['1', '2', '3'].map((input) => relay.post('/v1/responses', ask({ input, tool_choice: 'auto' })))
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200])
  })

  test('that the request cannot do without is the client’s to hear of', async () => {
    const { vendor, relay } = await start()
    vendor.script(fail(400, { body: { detail: 'Unsupported parameter: input' } }))
    const answer = await relay.post('/v1/responses', ask())
    expect([answer.status, read(answer.body)]).toEqual([400, { detail: 'Unsupported parameter: input' }])
    expect(vendor.requests).toHaveLength(1)
  })
})

describe('reasoning that another account has sealed', () => {
  const input = [
    { type: 'message', role: 'developer', content: 'x' },
    { type: 'reasoning', summary: [], encrypted_content: 'theirs' },
    { type: 'message', role: 'user', content: 'go on' },
  ]
  const refusal = fail(400, {
    code: 'invalid_encrypted_content',
    message: 'The encrypted content gAAA could not be verified. Reason: Encrypted content could not be decrypted.',
  })

  test('is left out when the account cannot read it, and the client is told', async () => {
    const { vendor, relay } = await start()
    vendor.script(refusal, chatgpt('hello'))
    const answer = await relay.post('/v1/responses', ask({ input, stream: true }))
    expect([answer.status, answer.headers['x-relay-repaired']]).toEqual([200, 'foreign-reasoning'])
    expect(vendor.requests.map(({ body }) => body['input'])).toEqual([input, [input[0], input[2]]])
  })

  test('is asked about once', async () => {
    const { vendor, relay } = await start()
    vendor.script(refusal, refusal)
    expect((await relay.post('/v1/responses', ask({ input }))).status).toBe(400)
    expect(vendor.requests).toHaveLength(2)
  })
})

describe('the plan behind an account', () => {
  test('that is used up lets the account rest until it starts over', async () => {
    const { vendor, relay } = await start(['a', 'b'])
    const limit = { type: 'usage_limit_reached', plan_type: 'plus', resets_in_seconds: 600, message: 'limit reached' }
    vendor.forKey('a').script(fail(429, { body: { error: limit } }))
    expect((await relay.post('/v1/responses', ask())).headers).toMatchObject({ 'x-relay-account': 'b' })
    await relay.clock.advance(590_000)
    expect((await relay.post('/v1/responses', ask())).headers).toMatchObject({
      'x-relay-account': 'b',
      'x-relay-attempts': '1',
    })
    await relay.clock.advance(20_000)
    expect((await relay.post('/v1/responses', ask({ input: 'new' }))).headers).toMatchObject({ 'x-relay-account': 'a' })
  })

  test('that says so in the stream of a whole answer counts the same', async () => {
    const { vendor, relay } = await start(['a', 'b'])
    vendor.forKey('a').script(failInStream(429, { type: 'usage_limit_reached', extra: { resets_in_seconds: 600 } }))
    await relay.post('/v1/responses', ask())
    await relay.clock.advance(590_000)
    expect((await relay.post('/v1/responses', ask())).headers).toMatchObject({
      'x-relay-account': 'b',
      'x-relay-attempts': '1',
    })
  })
})

describe('around the requests', () => {
  test('a model goes out by the name the backend knows and comes back by the one it was asked by', async () => {
    const { vendor, relay } = await start()
    const answer = await relay.post('/v1/responses', ask({ model: 'gpt-5-codex' }))
    expect(vendor.requests[0]?.model).toBe('gpt-5.1-codex')
    expect([read(answer.body)['model'], answer.headers['x-relay-model']]).toEqual(['gpt-5-codex', 'gpt-5.1-codex'])
  })

  test('counting tokens does not become answering', async () => {
    const { vendor, relay } = await start()
    await relay.post('/v1/responses/input_tokens', ask())
    expect(vendor.requests.map(({ target }) => target)).toEqual([`${CHATGPT_PATH}/input_tokens`])
  })

  test('a fixed token serves as well as a sign-in, under the account that its owner names', async () => {
    const vendor = await startVendor()
    const account = { platform: 'openai', oauth_token: 'tok', chatgpt_account_id: 'mine', base_url: vendor.url }
    const relay = await startRelay({ accounts: [account] })
    running.push(vendor.close, () => relay.stop())
    vendor.script(chatgpt('hello'))
    expect((await relay.post('/v1/responses', ask())).status).toBe(200)
    expect([vendor.requests[0]?.key, vendor.requests[0]?.header('chatgpt-account-id')]).toEqual(['tok', 'mine'])
  })

  test('compaction is whole at both ends', async () => {
    const { vendor, relay } = await start()
    const answer = await relay.post('/v1/responses/compact', ask({ stream: false, temperature: 1 }))
    expect(answer.status).toBe(200)
    expect(vendor.requests[0]?.target).toBe(`${CHATGPT_PATH}/compact`)
    expect(Object.keys(vendor.requests[0]?.body ?? {})).toEqual(['model', 'input', 'instructions'])
  })

  test("the model list has the backend's names", async () => {
    const { relay } = await start()
    const ids = (read((await relay.get('/v1/models')).body)['data'] as JsonObject[]).map(({ id }) => id)
    expect(ids).toEqual(expect.arrayContaining(['gpt-6.1-sol', 'gpt-5.1-codex']))
  })

  test('a body that says one thing twice is the client’s mistake', async () => {
    const { relay } = await start([], {
      accounts: [{ platform: 'openai', api_key: 'k', base_url: 'http://127.0.0.1:9', extra_params: { text: {} } }],
    })
    const answer = await relay.post('/v1/responses', '{"model":"gpt-5.5","input":"x","text":{},"text":{}}')
    expect(answer.status).toBe(400)
  })
})
