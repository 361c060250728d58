/**
 * What the relay takes for a request body, and what it refuses before anybody upstream hears of it.
 */
import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import { ASK, PROTOCOLS, readRefusal, setStage, wordsFor } from './stage.ts'

const INVALID = { anthropic: 'invalid_request_error', openai: 'invalid_request_error', gemini: 'INVALID_ARGUMENT' }
const GOOD = JSON.stringify(ASK.anthropic.body)

const deep = (levels: number): string => `{"model":"claude-test","x":${'['.repeat(levels)}${']'.repeat(levels)}}`
const many = (values: number): string => `{"model":"claude-test","x":[${'0,'.repeat(values - 1)}0]}`

describe('a body that no vendor could read is refused with the reason', () => {
  test.each([
    ['input 7: nothing', '', /empty/],
    ['input 8: an open brace', '{', /line 1, column 2/],
    ['input 8: a missing comma in the third line', '{\n"model": "claude-test"\n"x": 1}', /comma.* line 3, column 1/],
    ['input 9: null', 'null', /must be a JSON object/],
    ['input 9: a list', '[]', /must be a JSON object/],
    ['input 9: a text', '"x"', /must be a JSON object/],
    ['input 9: a number', '1', /must be a JSON object/],
    ['input 11: invalid UTF-8', Buffer.from(GOOD.replace('9', '"\xff"'), 'latin1'), /not valid UTF-8/],
    ['input 12: UTF-16', Buffer.from(GOOD, 'utf16le'), /UTF-16/],
    ['input 12: UTF-16 with a mark', Buffer.from(`\uFEFF${GOOD}`, 'utf16le'), /UTF-16/],
    ['input 13: two models', '{"model":"claude-a","x":{},"model":"claude-b"}', /second "model"/],
    ['input 13: two models, one of them escaped', '{"model":"claude-a","mod\\u0065l":"claude-b"}', /second "model"/],
    ['input 14: 513 levels', deep(512), /512 levels/],
    ['input 14: a million levels', deep(1_000_000), /512 levels/],
    ['input 15: 200,001 values', many(200_000), /too many values/],
    ['input 36: NaN', '{"model":"claude-test","temperature":NaN}', /line 1, column 38/],
    ['text behind the end', `${GOOD} {}`, /more text/],
  ])('%s', async (_what, body, reason) => {
    const { vendor, relay } = await setStage()
    const refusal = readRefusal('anthropic', await relay.post('/v1/messages', body))
    expect(refusal).toEqual({
      status: 400,
      word: INVALID.anthropic,
      message: expect.stringMatching(reason),
      param: null,
    })
    expect(vendor.requests).toEqual([])
  })

  test.each(PROTOCOLS)('in the words of %s', async (protocol) => {
    const { vendor, relay } = await setStage()
    const refusal = readRefusal(protocol, await relay.post(ASK[protocol].path, '{"model":'))
    expect(refusal).toMatchObject({ status: 400, word: wordsFor(protocol, INVALID) })
    expect(vendor.requests).toEqual([])
  })

  test.each([
    ['input 23: no model', {}, 'model'],
    ['input 24: an empty model', { model: '' }, 'model'],
    ['input 24: a blank model', { model: ' ' }, 'model'],
    ['input 24: a number for a model', { model: 7 }, 'model'],
    ['null for a model', { model: null }, 'model'],
    ['input 24: a model of 10 kB', { model: 'm'.repeat(10_000) }, 'model'],
    ['input 34: "true" for a stream', { model: 'gpt-test', stream: 'true' }, 'stream'],
    ['input 34: 1 for a stream', { model: 'gpt-test', stream: 1 }, 'stream'],
  ])('%s, with the member at fault', async (_what, body, param) => {
    const { vendor, relay } = await setStage()
    const refusal = readRefusal('openai-chat', await relay.post('/v1/chat/completions', body))
    expect(refusal).toMatchObject({ status: 400, word: INVALID.openai, param })
    expect(refusal.message).toContain(`"${param}"`)
    expect(vendor.requests).toEqual([])
  })

  test('a mistake of the client is nobody else’s fault: the account stays in order', async () => {
    const { relay } = await setStage()
    await relay.post('/v1/messages', '{')
    const { account_details: accounts } = JSON.parse(String((await relay.get('/health')).body))
    expect(accounts).toMatchObject([{ state: 'ok' }, { state: 'ok' }, { state: 'ok' }])
  })
})

describe('a body that is only unusual passes as it is', () => {
  test.each([
    ['input 14: 512 levels', deep(511)],
    ['input 15: 200,000 values', many(199_998)],
    ['input 34: null for a stream', '{"model":"claude-test","stream":null}'],
    ['input 38: unknown members', '{"model":"claude-test","invented":{"a":[1.0]}}'],
    ['input 39: members that name hosts', '{"model":"claude-test","api_base":"http://127.0.0.1:1","base_url":"x"}'],
    ['input 42: a lone surrogate and a NUL', '{"model":"claude-test","x":"\\ud800\\u0000"}'],
    ['input 43: a user id of 1 MB', `{"model":"claude-test","metadata":{"user_id":"${'u'.repeat(1_000_000)}"}}`],
    ['a name that reaches for prototypes', '{"model":"claude-test","__proto__":{"stream":true}}'],
    ['white space around it', '\r\n\t {"model":"claude-test"} \n'],
  ])('%s', async (_what, body) => {
    const { vendor, relay } = await setStage()
    expect((await relay.post('/v1/messages', body)).status).toBe(200)
    expect(vendor.requests[0]?.bytes.equals(Buffer.from(body))).toBe(true)
  })

  test('input 10: a byte order mark is taken off', async () => {
    const { vendor, relay } = await setStage()
    expect((await relay.post('/v1/messages', `\uFEFF${GOOD}`)).status).toBe(200)
    expect(vendor.requests[0]?.bytes.toString()).toBe(GOOD)
  })

  test.each(['text/plain;charset=UTF-8', 'application/x-www-form-urlencoded', 'application/json; charset=utf-8'])(
    'input 20: whatever its content type says, such as %s',
    async (type) => {
      const { relay } = await setStage()
      expect((await relay.post('/v1/messages', GOOD, { headers: { 'content-type': type } })).status).toBe(200)
    },
  )

  test('input 20: and the vendor is told that it is JSON', async () => {
    const { vendor, relay } = await setStage()
    await relay.post('/v1/messages', GOOD, { headers: { 'content-type': 'text/plain' } })
    expect(vendor.requests[0]?.header('content-type')).toBe('application/json')
  })

  test('input 21: without a content type', async () => {
    const { vendor, relay } = await setStage()
    expect((await relay.post('/v1/messages', GOOD, { headers: { 'content-type': [] } })).status).toBe(200)
    expect(vendor.requests[0]?.header('content-type')).toBe('application/json')
  })

  test.each(PROTOCOLS)(
    'in chunks, and %s goes on with a length: nothing of its framing is forwarded',
    async (protocol) => {
      const { vendor, relay } = await setStage()
      const body = JSON.stringify(ASK[protocol].body)
      expect((await relay.post(ASK[protocol].path, body, { chunked: true })).status).toBe(200)
      expect(vendor.requests[0]?.header('content-length')).toBe(String(body.length))
      expect(vendor.requests[0]?.header('transfer-encoding')).toBeUndefined()
    },
  )
})

test.each([
  ['anthropic', 'invalid_request_error'],
  ['openai-chat', 'invalid_request_error'],
  ['gemini', 'INVALID_ARGUMENT'],
] satisfies Array<[Protocol, string]>)('input 22: a multipart form is refused to %s', async (protocol, word) => {
  const { vendor, relay } = await setStage()
  const headers = { 'content-type': 'multipart/form-data; boundary=x' }
  const answer = await relay.post(ASK[protocol].path, '--x--', { headers })
  expect(readRefusal(protocol, answer)).toMatchObject({ status: 415, word })
  expect(vendor.requests).toEqual([])
})
