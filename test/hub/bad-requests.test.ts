/**
 * Requests that a vendor of their own dialect would refuse, for clients whose account speaks another one: the relay judges
 * what a translation would hide, and passes on what only looks odd.
 */
import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import type { JsonObject, JsonValue } from '../../src/core/json.ts'
import { readRefusal } from '../http/stage.ts'
import { start } from './forty-stage.ts'

type Case = [what: string, client: Protocol, upstream: Protocol, members: JsonObject, says: RegExp]

const HELLO: JsonObject = { role: 'user', content: 'hello' }
const WIZARD: JsonObject = { role: 'wizard', content: 'hello' }
const said = (content: JsonValue): JsonObject => ({ messages: [{ role: 'user', content }] })
const called = (text: string, ...ids: string[]): JsonObject => ({
  messages: [
    HELLO,
    {
      role: 'assistant',
      tool_calls: ids.map((id) => ({ id, type: 'function', function: { name: 'look', arguments: text } })),
    },
    ...ids.map((id) => ({ role: 'tool', tool_call_id: id, content: 'seen' })),
  ],
})

const REFUSED: Case[] = [
  ['input 28: no messages', 'openai-chat', 'anthropic', { messages: null }, /messages: a list is required/],
  ['input 28: an empty list', 'openai-chat', 'anthropic', { messages: [] }, /at least one message/],
  ['input 28: an empty list', 'anthropic', 'openai-responses', { messages: [] }, /at least one message/],
  ['input 28: an object', 'anthropic', 'openai-chat', { messages: {} }, /a list is required/],
  ['input 28: an empty input', 'openai-responses', 'gemini', { input: [] }, /at least one item/],
  ['input 28: no input', 'openai-responses', 'anthropic', { input: null }, /text or a list/],
  ['input 28: no contents', 'gemini', 'openai-chat', { contents: [] }, /at least one content/],
  ['input 29: a role', 'openai-chat', 'gemini', { messages: [HELLO, WIZARD] }, /messages\.1\.role/],
  ['input 29: a role', 'anthropic', 'openai-chat', { messages: [HELLO, WIZARD] }, /messages\.1\.role/],
  ['input 29: a role', 'openai-responses', 'anthropic', { input: [HELLO, WIZARD] }, /input\.1\.role: "wizard"/],
  [
    'input 29: a role',
    'gemini',
    'openai-responses',
    { contents: [{ parts: [{ text: 'a' }] }, { role: 'wizard', parts: [{ text: 'b' }] }] },
    /contents\.1\.role: "wizard"/,
  ],
  ['input 35: a negative limit', 'anthropic', 'openai-chat', { max_tokens: -1 }, /max_tokens: a whole number/],
  ['input 35: a limit of none', 'openai-chat', 'anthropic', { max_tokens: 0 }, /max_tokens: a whole number from 1/],
  ['input 35: a limit as text', 'openai-chat', 'gemini', { max_completion_tokens: '10' }, /max_completion_tokens/],
  ['input 35: half a token', 'openai-responses', 'anthropic', { max_output_tokens: 1.5 }, /max_output_tokens/],
  [
    'input 35: a negative limit',
    'gemini',
    'anthropic',
    { generationConfig: { maxOutputTokens: -1 } },
    /generationConfig\.maxOutputTokens/,
  ],
  ['input 37: two choices', 'openai-chat', 'anthropic', { n: 2 }, /n: one choice/],
  ['input 37: two candidates', 'gemini', 'openai-chat', { generationConfig: { candidateCount: 2 } }, /candidate/],
  [
    'input 40: a picture in words',
    'openai-chat',
    'anthropic',
    said([{ type: 'image_url', image_url: { url: 'data:image/png;base64,<not a picture>' } }]),
    /image in turn 1 .* not base64/,
  ],
  [
    'input 40: a picture in words',
    'anthropic',
    'gemini',
    said([{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: '!!!' } }]),
    /not base64/,
  ],
  [
    'input 40: a picture in words',
    'gemini',
    'openai-responses',
    { contents: [{ parts: [{ inlineData: { mimeType: 'image/png', data: '!!!' } }] }] },
    /not base64/,
  ],
]

describe('is refused, and no vendor hears of it', () => {
  test.each(REFUSED)('%s, of a %s client with a %s account', async (_what, client, upstream, members, says) => {
    const { vendor, ask } = await start(upstream)
    const refusal = readRefusal(client, await ask(client, { stream: false, ...members }))
    expect([refusal.status, refusal.message]).toEqual([400, expect.stringMatching(says)])
    expect(vendor.requests).toEqual([])
  })

  test('input 35: a number that is too large for JSON is named', async () => {
    const { vendor, relay } = await start('anthropic')
    const body = '{"model":"claude-sonnet-5-5","max_tokens":1e400,"messages":[{"role":"user","content":"hello"}]}'
    const refusal = readRefusal('openai-chat', await relay.post('/v1/chat/completions', body))
    expect(refusal).toMatchObject({ status: 400, param: 'max_tokens' })
    expect(vendor.requests).toEqual([])
  })
})

describe('is served', () => {
  test.each([
    ['anthropic', '[result of call_1] seen'],
    ['openai-responses', '[result of call_1] seen'],
    ['gemini', '[result of call_1] seen'],
  ] as const)('input 30: a result without its call, as text for %s', async (upstream, text) => {
    const { ask, sent } = await start(upstream)
    const messages = [HELLO, { role: 'tool', tool_call_id: 'call_1', content: 'seen' }]
    expect((await ask('openai-chat', { messages })).status).toBe(200)
    expect(JSON.stringify(sent())).toContain(text)
  })

  test.each(['anthropic', 'openai-responses'] as const)(
    'input 31: one id for two calls, as two ids for %s',
    async (upstream) => {
      const { ask, sent } = await start(upstream)
      expect((await ask('openai-chat', called('{}', 'call_1', 'call_1'))).status).toBe(200)
      expect(JSON.stringify(sent())).toMatch(/"call_1"[^]*"call_1_2"/)
    },
  )

  test.each([
    ['anthropic', '"_raw":"{not json"'],
    ['openai-responses', '"arguments":"{not json"'],
    ['gemini', '{not json'],
  ] as const)('input 32: arguments that are no JSON reach %s as text', async (upstream, text) => {
    const { ask, sent } = await start(upstream)
    expect((await ask('openai-chat', called('{not json', 'call_1'))).status).toBe(200)
    expect(JSON.stringify(sent())).toContain(text)
  })

  test.each(['anthropic', 'openai-responses', 'gemini'] as const)(
    'input 33: a schema that refers to itself, as it is for %s',
    async (upstream) => {
      const { ask, sent } = await start(upstream)
      const item = { type: 'object', properties: { next: { $ref: '#/$defs/item' } } }
      const parameters = { $ref: '#/$defs/item', $defs: { item } }
      const tools = [{ type: 'function', function: { name: 'walk', parameters } }]
      expect((await ask('openai-chat', { tools })).status).toBe(200)
      expect(JSON.stringify(sent())).toContain('"$ref":"#/$defs/item"')
    },
  )

  test.each([
    ['anthropic', { type: 'url', url: 'https://pictures.example/a.png' }],
    ['gemini', { mimeType: 'image/png', fileUri: 'https://pictures.example/a.png' }],
  ] as const)('input 41: the address of a picture, which %s fetches and the relay does not', async (upstream, as) => {
    const { ask, sent } = await start(upstream)
    const url = 'https://pictures.example/a.png'
    expect((await ask('openai-chat', said([{ type: 'image_url', image_url: { url } }]))).status).toBe(200)
    expect(JSON.stringify(sent())).toContain(JSON.stringify(as))
  })

  test('inputs 38 and 39: members that nobody knows, or that name hosts, change nothing', async () => {
    const { ask, sent } = await start('anthropic')
    const members = { invented: { a: 1 }, api_base: 'http://127.0.0.1:1', extra_headers: { host: 'evil.example' } }
    expect((await ask('openai-chat', members)).status).toBe(200)
    expect(JSON.stringify(sent())).not.toMatch(/invented|127\.0\.0\.1|evil/)
  })

  test('input 42: half of a character and a NUL in the text', async () => {
    const { ask, sent } = await start('anthropic')
    expect((await ask('openai-chat', said('\ud800\u0000'))).status).toBe(200)
    expect(JSON.stringify(sent())).toContain(String.raw`\ud800\u0000`)
  })
})
