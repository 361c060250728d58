/**
 * The list of models in the dialect of whoever asks, and the refusal of a model that nobody serves.
 */
import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import { rawRequest, type RawResponse } from '../harness/raw-client.ts'
import { ASK, PROTOCOLS, readRefusal, setStage, wordsFor } from './stage.ts'

const NOT_FOUND = {
  anthropic: 'not_found_error',
  openai: 'invalid_request_error model_not_found',
  gemini: 'NOT_FOUND',
}

/** Three accounts that say what they serve. */
const LISTED = [
  { name: 'claude', platform: 'anthropic', api_key: 'c', models: ['claude-alpha', 'claude-beta'] },
  { name: 'gpt', platform: 'openai', api_key: 'o', wire_api: 'both', models: ['gpt-alpha'] },
  { name: 'gemini', platform: 'gemini', api_key: 'g', models: ['gemini-alpha'] },
]
const ALL = ['claude-alpha', 'claude-beta', 'gpt-alpha', 'gemini-alpha']

interface List {
  data?: Array<{ id: string }>
  models?: Array<{ name: string }>
}
const readList = (answer: RawResponse): List => JSON.parse(answer.body.toString()) as List
const idsOf = (answer: RawResponse): string[] => (readList(answer).data ?? []).map(({ id }) => id)

describe('the list', () => {
  test('for OpenAI’s clients', async () => {
    const { relay } = await setStage({ accounts: LISTED })
    const answer = await relay.get('/v1/models')
    expect(readList(answer)).toMatchObject({ object: 'list' })
    expect(readList(answer).data?.[2]).toMatchObject({ id: 'gpt-alpha', object: 'model', owned_by: 'openai' })
    expect(idsOf(answer)).toEqual(ALL)
  })

  test('for Anthropic’s clients, who say their version', async () => {
    const { relay } = await setStage({ accounts: LISTED })
    const answer = await relay.get('/v1/models', { 'anthropic-version': '2023-06-01' })
    expect(readList(answer)).toMatchObject({ has_more: false, first_id: 'claude-alpha', last_id: 'gemini-alpha' })
    expect(readList(answer).data?.[0]).toMatchObject({
      id: 'claude-alpha',
      type: 'model',
      display_name: 'claude-alpha',
    })
    expect(readList(answer).data?.[0]).toHaveProperty('created_at', expect.stringMatching(/^\d{4}-\d\d-\d\dT/))
  })

  test.each([
    ['under /v1beta', '/v1beta/models', {}],
    ['by their header', '/v1/models', { 'x-goog-api-key': 'a-client-token-for-tests' }],
  ])('for Google’s clients, known %s', async (_how, path, headers) => {
    const { relay } = await setStage({ accounts: LISTED })
    const { models } = readList(await relay.get(path, headers))
    expect(models?.map(({ name }) => name)).toEqual(ALL.map((id) => `models/${id}`))
    expect(models?.[0]).toHaveProperty('supportedGenerationMethods', expect.arrayContaining(['generateContent']))
  })

  test('for Codex, which has a list of its own', async () => {
    const { relay } = await setStage({ accounts: LISTED })
    const answer = await relay.get('/v1/models?client_version=0.99.0')
    expect(JSON.parse(answer.body.toString())).toEqual({ models: [] })
  })

  test.each(['/v1/models', '/v1beta/models', '/models', '/v1/models/gpt-alpha'])(
    '%s is for clients alone',
    async (path) => {
      const { vendor, relay } = await setStage({ accounts: LISTED })
      expect((await rawRequest(relay.port, { path })).status).toBe(401)
      expect(vendor.requests).toEqual([])
    },
  )

  test('comes from memory: no vendor is asked, and no other address named', async () => {
    const { vendor, relay } = await setStage({ accounts: LISTED })
    const answer = await relay.get('/v1/models')
    expect([answer.status, answer.headers['location'], vendor.requests]).toEqual([200, undefined, []])
  })

  test('holds what the asking token may use, and what the maps promise', async () => {
    const { relay } = await setStage({
      accounts: [...LISTED, { name: 'off', platform: 'openai', api_key: 'x', models: ['gpt-off'], enabled: false }],
      model_map: { smart: 'claude-alpha', nowhere: 'nobody-has-this' },
      auth_tokens: [
        { token: 'the-token-of-everyone', name: 'everyone' },
        { token: 'the-token-of-one-account', name: 'one', accounts: ['gpt'] },
        { token: 'the-token-of-few-models', name: 'few', models: ['claude-*', 'smart'] },
      ],
    })
    const idsFor = async (token: string) => idsOf(await relay.get('/v1/models', { authorization: `Bearer ${token}` }))
    expect(await idsFor('the-token-of-everyone')).toEqual([...ALL, 'smart'])
    expect(await idsFor('the-token-of-one-account')).toEqual(['gpt-alpha'])
    expect(await idsFor('the-token-of-few-models')).toEqual(['claude-alpha', 'claude-beta', 'smart'])
  })

  test('a pattern stands for the names of the vendor that fit it, and is no name itself', async () => {
    const accounts = [{ name: 'claude', platform: 'anthropic', api_key: 'c', models: ['claude-opus-*'] }]
    const { relay } = await setStage({ accounts })
    const ids = idsOf(await relay.get('/v1/models'))
    expect(ids.length).toBeGreaterThan(0)
    for (const id of ids) expect(id).toMatch(/^claude-opus-[^*]+$/)
  })
})

describe('one model', () => {
  test.each([
    ['/v1/models/gpt-alpha', { id: 'gpt-alpha', object: 'model' }],
    ['/v1beta/models/gemini-alpha', { name: 'models/gemini-alpha' }],
  ])('%s is shown', async (path, expected) => {
    const { relay } = await setStage({ accounts: LISTED })
    expect(JSON.parse(String((await relay.get(path)).body))).toMatchObject(expected)
  })

  test.each([
    ['/v1/models/gpt-unknown', 'openai-chat'],
    ['/v1beta/models/__proto__', 'gemini'],
    ['/v1/models/constructor', 'openai-chat'],
  ] satisfies Array<[string, Protocol]>)('%s is unknown', async (path, protocol) => {
    const { relay } = await setStage({ accounts: LISTED })
    const refusal = readRefusal(protocol, await relay.get(path))
    expect(refusal).toMatchObject({ status: 404, word: wordsFor(protocol, NOT_FOUND) })
  })
})

describe('a model that nobody serves', () => {
  const asking = (protocol: Protocol, model: string) =>
    protocol === 'gemini'
      ? { path: `/v1beta/models/${model}:generateContent`, body: {} }
      : { path: ASK[protocol].path, body: { ...ASK[protocol].body, model } }

  test.each(PROTOCOLS)('input 25: is refused in the words of %s, with the closest names', async (protocol) => {
    const { vendor, relay } = await setStage({ accounts: LISTED })
    const { path, body } = asking(protocol, 'claude-alpine')
    const refusal = readRefusal(protocol, await relay.post(path, body))
    expect(refusal).toMatchObject({ status: 404, word: wordsFor(protocol, NOT_FOUND) })
    expect(refusal.message).toMatch(/"claude-alpine".*claude-alpha, claude-beta/)
    expect(vendor.requests).toEqual([])
  })

  test.each(['__proto__', 'constructor', 'toString'])('input 26: %s is a name like any other', async (model) => {
    const { vendor, relay } = await setStage({ accounts: LISTED, model_map: { smart: 'claude-alpha' } })
    for (const protocol of PROTOCOLS) {
      const { path, body } = asking(protocol, model)
      expect(readRefusal(protocol, await relay.post(path, body)).status).toBe(404)
    }
    expect(vendor.requests).toEqual([])
  })

  test.each([
    ['anthropic', '/v1/messages/count_tokens'],
    ['openai-responses', '/v1/responses/input_tokens'],
    ['gemini', '/v1beta/models/claude-alpine:countTokens'],
  ] satisfies Array<[Protocol, string]>)('input 64: has no tokens to count in %s either', async (protocol, path) => {
    const { relay } = await setStage({ accounts: LISTED })
    const refusal = readRefusal(protocol, await relay.post(path, asking(protocol, 'claude-alpine').body))
    expect(refusal).toMatchObject({ status: 404, word: wordsFor(protocol, NOT_FOUND) })
  })

  test('a token that may not use it learns that, and not who else may', async () => {
    const { vendor, relay } = await setStage({
      accounts: LISTED,
      auth_tokens: [{ token: 'a-client-token-for-tests', name: 'few', models: ['gpt-*'] }],
    })
    const refusal = readRefusal('anthropic', await relay.post('/v1/messages', { model: 'claude-alpha' }))
    expect(refusal).toMatchObject({ status: 403, word: 'permission_error' })
    expect(refusal.message).not.toContain('account')
    expect(vendor.requests).toEqual([])
  })
})
