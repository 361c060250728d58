/**
 * The closed table of paths: what is on it, under which method, and that nothing else gets through.
 */
import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import { binary } from '../harness/chosen-program.ts'
import { rawRequest } from '../harness/raw-client.ts'
import { TOKEN } from '../harness/relay.ts'
import { ASK, PROTOCOLS, readRefusal, setStage } from './stage.ts'

const NOT_FOUND = { anthropic: 'not_found_error', 'openai-responses': 'invalid_request_error', gemini: 'NOT_FOUND' }

describe('a path of the table', () => {
  test.each([
    ['/v1/messages', 'anthropic', '/v1/messages'],
    ['/messages', 'anthropic', '/v1/messages'],
    ['/v1/v1/messages', 'anthropic', '/v1/messages'],
    ['/v1/messages?beta=true', 'anthropic', '/v1/messages?beta=true'],
    ['/v1/messages?beta=1&x=%2e%2e&stream=true', 'anthropic', '/v1/messages'],
    ['/v1/messages/count_tokens', 'anthropic', '/v1/messages/count_tokens'],
    ['/messages/count_tokens', 'anthropic', '/v1/messages/count_tokens'],
    ['/v1/responses', 'openai-responses', '/v1/responses'],
    ['/responses', 'openai-responses', '/v1/responses'],
    ['/v1/responses/compact', 'openai-responses', '/v1/responses/compact'],
    ['/v1/responses/input_tokens', 'openai-responses', '/v1/responses/input_tokens'],
    ['/v1/chat/completions', 'openai-chat', '/v1/chat/completions'],
    ['/chat/completions', 'openai-chat', '/v1/chat/completions'],
    ['/v1beta/models/gemini-test:generateContent', 'gemini', '/v1beta/models/gemini-test:generateContent'],
    ['/v1/models/gemini-test:generateContent', 'gemini', '/v1beta/models/gemini-test:generateContent'],
    ['/v1beta/models/gemini-test:countTokens', 'gemini', '/v1beta/models/gemini-test:countTokens'],
    [
      '/v1beta/models/gemini-test:streamGenerateContent?alt=sse&x=1',
      'gemini',
      '/v1beta/models/gemini-test:streamGenerateContent?alt=sse',
    ],
  ] satisfies Array<[string, Protocol, string]>)(
    '%s reaches the vendor under its own path',
    async (path, protocol, target) => {
      const { vendor, relay } = await setStage()
      expect((await relay.post(path, ASK[protocol].body)).status).toBe(200)
      expect(vendor.requests).toMatchObject([{ target, method: 'POST' }])
    },
  )

  test.each([
    ['/v1/messages', 'GET', 'anthropic', 'POST'],
    ['/v1/messages', 'PUT', 'anthropic', 'POST'],
    ['/v1/messages/count_tokens', 'DELETE', 'anthropic', 'POST'],
    ['/v1/responses', 'GET', 'openai-responses', 'POST'],
    ['/v1/chat/completions', 'PATCH', 'openai-chat', 'POST'],
    ['/v1beta/models/gemini-test:generateContent', 'GET', 'gemini', 'POST'],
    ['/v1beta/models/gemini-test', 'DELETE', 'gemini', 'GET, HEAD'],
    ['/v1beta/models', 'POST', 'gemini', 'GET, HEAD'],
    ['/v1/models', 'POST', 'openai-chat', 'GET, HEAD'],
    ['/v1/models/gpt-5.5', 'POST', 'openai-chat', 'GET, HEAD'],
    ['/health', 'POST', 'openai-chat', 'GET, HEAD'],
    ['/api/hello', 'PUT', 'openai-chat', 'GET, HEAD'],
  ] satisfies Array<[string, string, Protocol, string]>)(
    'input 45: %s is no path for %s',
    async (path, method, protocol, allow) => {
      const { vendor, relay } = await setStage()
      const answer = await relay.post(path, {}, { method })
      expect(readRefusal(protocol, answer).status).toBe(405)
      expect(answer.headers['allow']).toBe(allow)
      expect(vendor.requests).toEqual([])
    },
  )
})

describe('any other path', () => {
  test.each([
    ['input 46: unknown', '/v1/mesages', 'openai-responses'],
    ['input 46: with a doubled slash', '//v1/messages', 'anthropic'],
    ['input 46: with a slash behind it', '/v1/messages/', 'anthropic'],
    ['input 47: in capitals', '/V1/Messages', 'openai-responses'],
    ['input 48: with dots', '/v1/responses/../../x', 'openai-responses'],
    ['input 48: with dots that lead back', '/v1/x/../messages', 'anthropic'],
    ['input 48: with encoded dots', '/v1/responses/%2e%2e/messages', 'anthropic'],
    ['input 48: with an encoded letter', '/v1/%6dessages', 'openai-responses'],
    ['with a fragment', '/v1/responses#x', 'openai-responses'],
    ['with a backslash', '/v1\\messages', 'openai-responses'],
    ['below a path of the table', '/v1/responses/resp_1/cancel', 'openai-responses'],
    ['below a path of Messages', '/v1/messages/batches', 'anthropic'],
    ['input 27: a Gemini model that climbs', '/v1beta/models/../x:generateContent', 'gemini'],
    ['input 27: a Gemini model of encoded dots', '/v1beta/models/%2e%2e:generateContent', 'gemini'],
    ['input 27: a Gemini model of dots', '/v1beta/models/..:generateContent', 'gemini'],
    ['input 27: a Gemini model with a slash', '/v1beta/models/a/b:generateContent', 'gemini'],
    ['a Gemini verb that is none', '/v1beta/models/gemini-test:deleteModel', 'gemini'],
    ['a Gemini model of 129 letters', `/v1beta/models/${'g'.repeat(129)}:generateContent`, 'gemini'],
  ] satisfies Array<[string, string, keyof typeof NOT_FOUND]>)('%s is unknown', async (_what, path, protocol) => {
    const { vendor, relay } = await setStage()
    const refusal = readRefusal(protocol, await relay.post(path, ASK.anthropic.body))
    expect(refusal).toMatchObject({ status: 404, word: NOT_FOUND[protocol] })
    expect(vendor.requests).toEqual([])
  })

  test('is told without the query, in which a key may stand', async () => {
    const { relay } = await setStage()
    const answer = await relay.get(`/v1beta/nothing?key=${TOKEN}`)
    expect(readRefusal('gemini', answer).message).toMatch(/GET \/v1beta\/nothing$/)
  })
})

describe('what a start-up check asks', () => {
  test.each([
    ['HEAD', '/'],
    ['HEAD', '/api/hello'],
    ['GET', '/api/hello'],
    ['GET', '/'],
    ['HEAD', '/health'],
  ])('%s %s is answered without a token and without a log line', async (method, path) => {
    const { relay } = await setStage()
    const answer = await rawRequest(relay.port, { method, path })
    expect([answer.status, answer.ended]).toEqual([200, 'clean'])
    expect(answer.body.length > 0).toBe(method === 'GET')
    expect(relay.log).toEqual([])
  })

  test('HEAD /v1/models is the head of the list, for a client alone', async () => {
    const { relay } = await setStage()
    const list = await relay.get('/v1/models')
    const head = await rawRequest(relay.port, {
      method: 'HEAD',
      path: '/v1/models',
      headers: { authorization: `Bearer ${TOKEN}` },
    })
    expect([head.status, head.headers['content-length']]).toEqual([200, list.headers['content-length']])
    expect((await rawRequest(relay.port, { method: 'HEAD', path: '/v1/models' })).status).toBe(401)
  })

  test('HEAD on a path for POST is 405, with a head alone', async () => {
    const { relay } = await setStage()
    const answer = await rawRequest(relay.port, { method: 'HEAD', path: '/v1/messages' })
    expect([answer.status, answer.headers['allow'], answer.body.length]).toEqual([405, 'POST', 0])
  })

  test.each(['/api/event_logging/batch', '/api/event_logging/v2/batch'])(
    'the events of Claude Code (%s) are taken, thrown away, and the connection lives on',
    async (path) => {
      const { vendor, relay } = await setStage()
      const answer = await relay.post(path, { events: ['x'.repeat(300_000)] })
      expect([answer.status, answer.body.toString()]).toEqual([200, '{}\n'])
      expect(answer.headers['connection']).toBe('keep-alive')
      expect([vendor.requests, relay.log]).toEqual([[], []])
    },
  )
})

describe('a target in the absolute form', () => {
  test('input 54: is refused when it means another server', async () => {
    const { vendor, relay } = await setStage()
    const path = `${vendor.url}/v1/messages`
    // What is no HTTP address at all is turned away by the parser inside a compiled program.
    const odd = binary === undefined ? ['ftp://127.0.0.1/v1/messages'] : []
    for (const target of [path, 'http://example.com/v1/messages', ...odd]) {
      expect(readRefusal('anthropic', await relay.post(target, ASK.anthropic.body)).status).toBe(421)
    }
    expect(vendor.requests).toEqual([])
  })

  test('is served when it means this one', async () => {
    const { relay } = await setStage()
    expect((await relay.post(`${relay.url}/v1/messages`, ASK.anthropic.body)).status).toBe(200)
  })
})

test.each(PROTOCOLS)('input 55: two Host headers are refused to %s', async (protocol) => {
  const { relay } = await setStage()
  const headers = { host: [`127.0.0.1:${relay.port}`, 'evil.example'] }
  const answer = await relay.post(ASK[protocol].path, ASK[protocol].body, { headers })
  expect(readRefusal(protocol, answer)).toMatchObject({ status: 400, message: expect.stringContaining('Host') })
})

test('input 62: more beta flags than any client has are refused', async () => {
  const { vendor, relay } = await setStage()
  const withFlags = (count: number) =>
    relay.post('/v1/messages', ASK.anthropic.body, {
      headers: { 'anthropic-beta': Array.from({ length: count }, (_, i) => `flag-${i}`).join(',') },
    })
  expect(readRefusal('anthropic', await withFlags(300)).status).toBe(400)
  expect((await withFlags(64)).status).toBe(200)
  expect(vendor.requests[0]?.header('anthropic-beta')).toMatch(/^flag-0,.*,flag-63$/)
})
