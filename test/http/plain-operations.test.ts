/**
 * Embeddings and pictures: OpenAI's own words on both ways, to accounts that speak them, with failover and books.
 */
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { fail, raw } from '../harness/reactions.ts'
import { setStage } from './stage.ts'

const gpt = (name: string, facts: JsonObject = {}): JsonObject => ({
  name,
  platform: 'openai',
  api_key: `secret-key-of-${name}`,
  wire_api: 'both',
  ...facts,
})

const answer = (body: object) =>
  raw({ headers: { 'content-type': 'application/json' }, pieces: [Buffer.from(JSON.stringify(body))] })
const VECTOR = {
  object: 'list',
  data: [{ object: 'embedding', index: 0, embedding: [0.5] }],
  model: 'text-embedding-3-small',
  usage: { prompt_tokens: 7, total_tokens: 7 },
}
const ASK = { model: 'text-embedding-3-small', input: 'hello' }

describe('embeddings', () => {
  test.each(['/v1/embeddings', '/embeddings', '/v1/v1/embeddings'])(
    '%s passes both ways as it is, and is in the books',
    async (path) => {
      const { vendor, relay } = await setStage({ accounts: [gpt('one')] })
      vendor.script(answer(VECTOR))
      const got = await relay.post(path, ASK)
      expect([got.status, JSON.parse(String(got.body))]).toEqual([200, VECTOR])
      expect(vendor.requests.map(({ target, body }) => [target, body])).toEqual([['/v1/embeddings', ASK]])
      expect(relay.parts.recorder.recent()).toMatchObject([
        {
          operation: 'embeddings',
          account: 'one',
          outcome: 'served',
          tokens: { input: 7, output: 0 },
          estimated: false,
        },
      ])
    },
  )

  test('go on to the next account, by the name that it has for the model', async () => {
    const { vendor, relay } = await setStage({
      accounts: [gpt('one', { priority: 1 }), gpt('two', { model_map: { 'text-embedding-*': 'their-name' } })],
    })
    vendor.script(fail(429, { headers: { 'retry-after': '9' } }), answer(VECTOR))
    const got = await relay.post('/v1/embeddings', ASK)
    expect([got.status, got.headers['x-relay-account']]).toEqual([200, 'two'])
    expect(vendor.requests.map(({ body }) => body['model'])).toEqual(['text-embedding-3-small', 'their-name'])
  })

  test('are never asked of an account that speaks another protocol', async () => {
    const { vendor, relay } = await setStage({
      accounts: [
        { name: 'claude', platform: 'anthropic', api_key: 'a-secret-key-of-claude', models: ['*'] },
        gpt('responses', { wire_api: 'responses', models: ['*'] }),
      ],
    })
    expect((await relay.post('/v1/embeddings', ASK)).status).toBe(400)
    expect(vendor.requests).toEqual([])
  })

  test('reach Mistral as they are', async () => {
    const { vendor, relay } = await setStage({
      accounts: [{ name: 'mistral', platform: 'mistral', api_key: 'a-secret-key-of-mistral' }],
    })
    vendor.script(answer({ ...VECTOR, model: 'mistral-embed' }))
    const body = '{"model":"mistral-embed",  "input":["a","b"]}'
    expect((await relay.post('/v1/embeddings', body)).status).toBe(200)
    expect(String(vendor.requests[0]?.bytes)).toBe(body)
  })
})

describe('pictures', () => {
  const PICTURE = { created: 1, data: [{ b64_json: 'AAAA' }] }
  const form = (model: string, boundary = 'a-boundary'): { body: Buffer; headers: Record<string, string> } => ({
    body: Buffer.concat([
      Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="image"; filename="model.png"\r\n`),
      Buffer.from('content-type: image/png\r\n\r\n'),
      Buffer.from([0x89, 0x50, 0x00, 0xff, 0x0d, 0x0a, 0x2d, 0x2d, 0xef, 0xbb, 0xbf]),
      Buffer.from(`\r\n--${boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\n${model}`),
      Buffer.from(
        `\r\n--${boundary}\r\ncontent-disposition: form-data; name=prompt\r\n\r\na cat\r\n--${boundary}--\r\n`,
      ),
    ]),
    headers: { 'content-type': `multipart/form-data; boundary="${boundary}"` },
  })

  test('are made of words, and have no price that anybody knows', async () => {
    const { vendor, relay } = await setStage({ accounts: [gpt('one')] })
    vendor.script(answer(PICTURE))
    const got = await relay.post('/v1/images/generations', { model: 'gpt-image-1', prompt: 'a cat' })
    expect([got.status, JSON.parse(String(got.body))]).toEqual([200, PICTURE])
    expect(vendor.requests[0]?.target).toBe('/v1/images/generations')
    expect(relay.parts.recorder.recent()).toMatchObject([
      { operation: 'images/generations', cost: null, tokens: { output: 0 } },
    ])
  })

  test.each(['edits', 'variations'])('%s come as a form whose bytes pass as they are', async (kind) => {
    const { vendor, relay } = await setStage({ accounts: [gpt('one')] })
    vendor.script(answer(PICTURE))
    const { body, headers } = form('gpt-image-1')
    expect((await relay.post(`/v1/images/${kind}`, body, { headers })).status).toBe(200)
    const [request] = vendor.requests
    expect(request?.bytes.equals(body)).toBe(true)
    expect([request?.target, request?.header('content-type')]).toEqual([`/v1/images/${kind}`, headers['content-type']])
    expect(relay.parts.recorder.recent()).toMatchObject([{ model: 'gpt-image-1', account: 'one' }])
  })

  test('a form names the model as its account does', async () => {
    const { vendor, relay } = await setStage({ accounts: [gpt('one', { model_map: { 'gpt-image-1': 'their-name' } })] })
    vendor.script(answer(PICTURE))
    const { body, headers } = form('gpt-image-1')
    expect((await relay.post('/v1/images/edits', body, { headers })).status).toBe(200)
    expect(vendor.requests[0]?.bytes.equals(form('their-name').body)).toBe(true)
  })

  test.each<[string, string, Buffer | JsonObject, Record<string, string>, number]>([
    [
      'a form without a model',
      'edits',
      Buffer.from('--x\r\n\r\n--x--'),
      { 'content-type': 'multipart/form-data; boundary=x' },
      400,
    ],
    ['a form without a boundary', 'edits', form('m').body, { 'content-type': 'multipart/form-data' }, 400],
    ['a form of nothing', 'edits', Buffer.alloc(0), { 'content-type': 'multipart/form-data; boundary=x' }, 400],
    ['a form where words are wanted', 'generations', form('m').body, form('m').headers, 415],
    ['a stream', 'generations', { model: 'gpt-image-1', prompt: 'a cat', stream: true }, {}, 400],
  ])('%s is refused', async (_what, kind, body, headers, status) => {
    const { vendor, relay } = await setStage({ accounts: [gpt('one')] })
    expect((await relay.post(`/v1/images/${kind}`, body, { headers })).status).toBe(status)
    expect(vendor.requests).toEqual([])
  })
})
