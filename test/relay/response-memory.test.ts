import OpenAI from 'openai'
import { afterEach, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { createResponseMemory, type RememberedResponse } from '../../src/relay/response-memory.ts'
import { makeAccount } from '../harness/accounts.ts'
import { chatgpt, chatgptAccount } from '../harness/chatgpt.ts'
import { createVirtualClock } from '../harness/clock.ts'
import { answerText, fail } from '../harness/reactions.ts'
import { startRelay, TOKEN, type TestRelay } from '../harness/relay.ts'
import { readJsonEvents } from '../harness/sse.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'

const running: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const stop of running.splice(0).toReversed()) await stop()
})

const OTHER = 'another-client-token-for-tests'

async function start(accounts: (vendor: Vendor) => JsonObject[]): Promise<{ vendor: Vendor; relay: TestRelay }> {
  const vendor = await startVendor()
  const relay = await startRelay({ accounts: accounts(vendor), auth_tokens: [TOKEN, OTHER] })
  running.push(vendor.close, () => relay.stop())
  return { vendor, relay }
}

const plus = ({ url }: Vendor): JsonObject[] => [chatgptAccount(url)]
const plusAndTeam = ({ url }: Vendor): JsonObject[] => [
  chatgptAccount(url, 'plus', { priority: 1 }),
  chatgptAccount(url, 'team', { priority: 2 }),
]
const key = ({ url }: Vendor, name = 'key', facts: JsonObject = {}): JsonObject => ({
  name,
  platform: 'openai',
  api_key: name,
  base_url: url,
  ...facts,
})

const ask = (input: unknown, facts: JsonObject = {}): JsonObject => ({
  model: 'gpt-5.5',
  input: input as string,
  instructions: 'Be brief.',
  ...facts,
})
const after = (id: string, input: unknown = 'and now?'): JsonObject => ask(input, { previous_response_id: id })
const read = (body: Buffer): JsonObject => JSON.parse(body.toString()) as JsonObject
const inputOf = (vendor: Vendor, nth: number): JsonObject[] =>
  (vendor.requests[nth]?.body['input'] ?? []) as JsonObject[]
const user = (text: string): JsonObject => ({ type: 'message', role: 'user', content: text })
const said = (text: string): JsonObject => ({
  type: 'message',
  status: 'completed',
  role: 'assistant',
  content: [{ type: 'output_text', text, annotations: [], logprobs: [] }],
})

describe('a follow-up on an account that keeps nothing', () => {
  test('gets everything that was said before it, and no instructions but its own', async () => {
    const { vendor, relay } = await start(plus)
    vendor.script(chatgpt({ text: 'one', thinking: 'hm', signature: 'sealed' }), chatgpt('two'), chatgpt('three'))
    await relay.post('/v1/responses', ask('first'))
    await relay.post('/v1/responses', after('resp_att_1', [user('second')]))
    await relay.post('/v1/responses', { ...after('resp_att_2', 'third'), instructions: 'Be kind.' })
    const sent = vendor.requests.at(-1)?.body
    expect(sent?.['input']).toEqual([
      user('first'),
      { type: 'reasoning', summary: [{ type: 'summary_text', text: 'hm' }], encrypted_content: 'sealed' },
      said('one'),
      user('second'),
      said('two'),
      user('third'),
    ])
    expect(sent?.['instructions']).toBe('Be kind.')
    expect(sent).not.toHaveProperty('previous_response_id')
  })

  test('works after a streamed answer, from the moment the client has its end', async () => {
    const { vendor, relay } = await start(plus)
    vendor.script(
      chatgpt({ text: 'one', toolCalls: [{ name: 'look', arguments: { at: 1.5 }, id: 'call_1' }] }),
      chatgpt('two'),
    )
    const first = await relay.post('/v1/responses', ask('first', { stream: true }))
    expect(readJsonEvents(first.body).at(-1)).toMatchObject({ response: { id: 'resp_att_1' } })
    const output = { type: 'function_call_output', call_id: 'call_1', output: 'seen' }
    const second = await relay.post('/v1/responses', after('resp_att_1', [output]))
    expect(second.status).toBe(200)
    expect(inputOf(vendor, 1).map(({ type }) => type)).toEqual([
      'message',
      'message',
      'function_call',
      'function_call_output',
    ])
  })

  test('goes to the account that thought before, and to another one without the thoughts it cannot read', async () => {
    const { vendor, relay } = await start(plusAndTeam)
    vendor.always(chatgpt({ text: 'x', thinking: 'hm', signature: 'sealed' }))
    vendor.forKey('plus').script(fail(500))
    await relay.post('/v1/responses', ask('first'))
    expect(vendor.requests[1]?.key).toBe('team')
    await relay.clock.advance(60_000)
    await relay.post('/v1/responses', after('resp_att_2'))
    vendor.forKey('team').script(fail(500))
    await relay.post('/v1/responses', after('resp_att_2'))
    const typesOf = (nth: number): unknown => inputOf(vendor, nth).map(({ type }) => type)
    expect(vendor.requests.slice(2).map((request) => request.key)).toEqual(['team', 'team', 'plus'])
    expect([typesOf(2), typesOf(4)]).toEqual([
      ['message', 'reasoning', 'message', 'message'],
      ['message', 'message', 'message'],
    ])
  })

  test.each<[string, (relay: TestRelay) => Promise<string>, string?]>([
    ['that nobody has made', async () => 'resp_unknown'],
    ['of another client', async (relay) => made(relay), OTHER],
    ['that the client wanted not to be stored', async (relay) => made(relay, { store: false })],
    [
      'from more than an hour ago',
      async (relay) => {
        const id = await made(relay)
        await relay.clock.advance(3_601_000)
        return id
      },
    ],
    [
      'that was deleted',
      async (relay) => {
        const id = await made(relay)
        await relay.post(`/v1/responses/${id}`, '', { method: 'DELETE' })
        return id
      },
    ],
  ])('input 63: to a response %s is told that there is none', async (_which, prepare, token) => {
    const { vendor, relay } = await start(plus)
    vendor.always(chatgpt('hello'))
    const id = await prepare(relay)
    const asked = vendor.requests.length
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const answer = await relay.post('/v1/responses', after(id), { headers })
    expect([answer.status, read(answer.body)['error']]).toMatchObject([
      400,
      { code: 'previous_response_not_found', param: 'previous_response_id', type: 'invalid_request_error' },
    ])
    expect(vendor.requests).toHaveLength(asked)
  })

  test.each(['conversation', 'background', 'prompt'])('a %s is refused, because no account has it', async (member) => {
    const { vendor, relay } = await start(plus)
    const answer = await relay.post(
      '/v1/responses',
      ask('x', { [member]: member === 'background' ? true : { id: 'x' } }),
    )
    expect([answer.status, read(answer.body)['error']]).toMatchObject([400, { param: member }])
    expect(vendor.requests).toHaveLength(0)
  })
})

async function made(relay: TestRelay, facts: JsonObject = {}): Promise<string> {
  return read((await relay.post('/v1/responses', ask('first', facts))).body)['id'] as string
}

describe('a follow-up on an account that keeps its responses', () => {
  test('passes as it is, to the account that has the response', async () => {
    const { vendor, relay } = await start((v) => [key(v, 'a', { priority: 1 }), key(v, 'b', { priority: 2 })])
    vendor.forKey('a').script(fail(500))
    await relay.post('/v1/responses', ask('first'))
    await relay.clock.advance(60_000)
    const body = JSON.stringify(after('resp_att_2'))
    await relay.post('/v1/responses', body)
    expect([vendor.requests[2]?.key, vendor.requests[2]?.bytes.toString()]).toEqual(['b', body])
  })

  test('passes as it is when the relay knows nothing of it, by the accounts that keep nothing', async () => {
    const { vendor, relay } = await start((v) => [chatgptAccount(v.url, 'plus', { priority: 1 }), key(v)])
    vendor.always(answerText('hello'))
    const answer = await relay.post('/v1/responses', after('resp_from_before'))
    expect(answer.headers).toMatchObject({ 'x-relay-account': 'key', 'x-relay-attempts': '1' })
    expect(vendor.requests[0]?.body['previous_response_id']).toBe('resp_from_before')
  })
})

describe('a follow-up that some account might know', () => {
  test('is refused all the same when that account does not serve the model', async () => {
    const { relay } = await start((v) => [chatgptAccount(v.url), key(v, 'local', { models: ['local-*'] })])
    const answer = await relay.post('/v1/responses', after('resp_unknown'))
    expect([answer.status, read(answer.body)['error']]).toMatchObject([400, { code: 'previous_response_not_found' }])
  })

  test('may change its home for one that keeps responses, which then gets the whole conversation', async () => {
    const { vendor, relay } = await start((v) => [chatgptAccount(v.url, 'plus', { priority: 1 }), key(v)])
    vendor.always(answerText('hello'))
    vendor.forKey('plus').script(chatgpt('one'), fail(500))
    await relay.post('/v1/responses', ask('first'))
    await relay.post('/v1/responses', after('resp_att_1', 'second'))
    expect([vendor.requests[2]?.key, inputOf(vendor, 2)]).toEqual(['key', [user('first'), said('one'), user('second')]])
  })
})

describe('the response itself', () => {
  test('can be read again, word for word, by the client it was made for', async () => {
    const { vendor, relay } = await start(plus)
    vendor.always(chatgpt('hello'))
    const { body } = await relay.post('/v1/responses', ask('first'))
    const again = await relay.get('/v1/responses/resp_att_1')
    expect([again.status, again.body]).toEqual([200, body])
    expect((await relay.get('/v1/responses/resp_att_1', { authorization: `Bearer ${OTHER}` })).status).toBe(404)
    expect((await relay.get('/v1/responses/resp_unknown')).status).toBe(404)
  })

  test('is told with the model it was asked for, streamed or not', async () => {
    const { vendor, relay } = await start(plus)
    vendor.always(chatgpt('hello'))
    for (const stream of [true, false]) await relay.post('/v1/responses', ask('x', { model: 'gpt-5-codex', stream }))
    for (const id of ['resp_att_1', 'resp_att_2']) {
      expect(read((await relay.get(`/v1/responses/${id}`)).body)).toMatchObject({ id, model: 'gpt-5-codex' })
    }
  })

  test("is there for OpenAI's SDK, from the answer to its follow-up and its end", async () => {
    const { vendor, relay } = await start(plus)
    vendor.script(chatgpt('one'), chatgpt('two'))
    const { responses } = new OpenAI({ baseURL: `${relay.url}/v1`, apiKey: TOKEN, maxRetries: 0 })
    const first = await responses.create({ model: 'gpt-5.5', input: 'first' })
    expect((await responses.retrieve(first.id)).output_text).toBe('one')
    const second = await responses.create({ model: 'gpt-5.5', input: 'second', previous_response_id: first.id })
    expect(second.output_text).toBe('two')
    await responses.delete(first.id)
    await expect(responses.retrieve(first.id)).rejects.toMatchObject({ status: 404 })
  })

  test('can be deleted once', async () => {
    const { vendor, relay } = await start(plus)
    vendor.always(chatgpt('hello'))
    await relay.post('/v1/responses', ask('first'))
    const remove = () => relay.post('/v1/responses/resp_att_1', '', { method: 'DELETE' })
    const first = await remove()
    expect([first.status, read(first.body)]).toEqual([200, { id: 'resp_att_1', object: 'response', deleted: true }])
    expect((await remove()).status).toBe(404)
  })
})

describe('the memory', () => {
  const response = (bytes: number): RememberedResponse => ({
    account: makeAccount('a'),
    transcript: { history: Buffer.alloc(bytes), response: Buffer.alloc(0) },
  })

  test('drops what was used longest ago when there are too many', () => {
    const memory = createResponseMemory(createVirtualClock(), { most: 2, mostBytes: 1e6, ttlMs: 1e6 })
    for (const id of ['1', '2']) memory.remember('c', id, response(1))
    memory.find('c', '1')
    memory.remember('c', '3', response(1))
    expect(['1', '2', '3'].map((id) => memory.find('c', id) !== null)).toEqual([true, false, true])
  })

  test('drops what was used longest ago when they are too large, and never holds one that is larger than itself', () => {
    const memory = createResponseMemory(createVirtualClock(), { most: 100, mostBytes: 2_000, ttlMs: 1e6 })
    memory.remember('c', '1', response(1_000))
    memory.remember('c', '2', response(1_000))
    memory.remember('c', '3', response(5_000))
    expect(['1', '2', '3'].map((id) => memory.find('c', id) !== null)).toEqual([false, true, false])
    memory.forget('c', '2')
    expect([memory.size, memory.bytes]).toEqual([0, 0])
  })

  test('keeps alive what it counts and no more, though it is given pieces of something larger', () => {
    const memory = createResponseMemory(createVirtualClock())
    const body = Buffer.from(`{"input":[1],"rest":"${'x'.repeat(100_000)}"}`)
    const transcript = { history: body.subarray(9, 12), response: Buffer.from('{"id":"r"}') }
    memory.remember('c', 'r', { account: makeAccount('a'), transcript })
    const kept = memory.find('c', 'r')?.transcript
    expect([String(kept?.history), String(kept?.response)]).toEqual(['[1]', '{"id":"r"}'])
    expect(new Set([kept?.history.buffer, kept?.response.buffer]).size).toBe(1)
    expect(kept?.history.buffer.byteLength).toBe(13)
  })
})
