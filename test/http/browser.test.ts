/**
 * What a web page in the user's browser can do to a relay on the user's machine: nothing. What programs can that look
 * like one: everything, with a token.
 */
import { describe, expect, test } from 'vitest'
import { rawRequest, type RawResponse } from '../harness/raw-client.ts'
import { ASK, PROTOCOLS, readRefusal, setStage } from './stage.ts'

const corsHeaders = ({ headers }: RawResponse): string[] =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-'))

describe('a preflight gets no leave', () => {
  test.each([...PROTOCOLS.map((protocol) => ASK[protocol].path), '/v1/models', '/health', '/', '/nothing'])(
    'input 49: on %s',
    async (path) => {
      const { relay } = await setStage()
      const headers = {
        origin: 'https://evil.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      }
      const answer = await rawRequest(relay.port, { method: 'OPTIONS', path, headers })
      expect([answer.status, corsHeaders(answer), answer.headers['allow']]).toEqual([403, [], undefined])
    },
  )

  test('input 49: not even with the token of somebody else’s page', async () => {
    const { relay } = await setStage()
    const answer = await relay.post('/v1/messages', '', { method: 'OPTIONS', headers: { origin: relay.url } })
    expect(readRefusal('anthropic', answer)).toMatchObject({ status: 403, word: 'permission_error' })
  })
})

describe('a request with a right token is served', () => {
  test.each([
    ['input 50: from another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['input 51: from no origin', { origin: 'null' }],
    ['input 51: from an editor', { origin: 'vscode-webview://1a2b3c' }],
    ['input 53: for any host', { host: 'relay.lan' }],
  ])('%s, without leave for a page to read the answer', async (_what, headers) => {
    const { relay } = await setStage()
    const answer = await relay.post('/v1/messages', ASK.anthropic.body, { headers })
    expect([answer.status, corsHeaders(answer)]).toEqual([200, []])
  })

  test('input 50: and without one it is refused', async () => {
    const { vendor, relay } = await setStage()
    // What a page can send without a preflight: a body that says it is text.
    const headers = { origin: 'https://evil.example', 'content-type': 'text/plain' }
    const answer = await rawRequest(relay.port, { ...ASK.anthropic, headers })
    expect([answer.status, corsHeaders(answer), vendor.requests]).toEqual([401, [], []])
  })
})

describe('/auth/login', () => {
  test.each([
    ['input 52: under a rebound name', { host: 'evil.example' }],
    ['from a page of another site', { 'sec-fetch-site': 'cross-site' }],
    ['from a page of another port', { 'sec-fetch-site': 'same-site' }],
  ])('starts no sign-in %s', async (_how, headers) => {
    const { relay } = await setStage()
    const answer = await rawRequest(relay.port, { path: '/auth/login?account=gpt', headers })
    expect([answer.status, answer.headers['location'], corsHeaders(answer)]).toEqual([421, undefined, []])
  })
})

describe('/health', () => {
  const askHealth = async (headers: Record<string, string>) => {
    const { relay } = await setStage()
    const answer = await rawRequest(relay.port, { path: '/health', headers })
    expect([answer.status, corsHeaders(answer), answer.headers['cache-control']]).toEqual([200, [], 'no-store'])
    return JSON.parse(answer.body.toString()) as Record<string, unknown>
  }

  test.each([
    ['at its address', {}],
    ['at its name', { host: 'localhost:8080' }],
    ['at its IPv6 address', { host: '[::1]:8080' }],
    ['by typing the address', { 'sec-fetch-site': 'none' }],
    ['from the relay’s own page', { 'sec-fetch-site': 'same-origin' }],
    ['input 53: under any name, with a token', { host: 'relay.lan', authorization: 'Bearer a-client-token-for-tests' }],
    [
      'from another site, with a token',
      { 'sec-fetch-site': 'cross-site', authorization: 'Bearer a-client-token-for-tests' },
    ],
  ])('input 53: tells the user everything: %s', async (_how, headers) => {
    const health = await askHealth(headers)
    expect(health).toMatchObject({
      status: 'ok',
      accounts: 3,
      account_details: [{ name: 'claude', state: 'ok' }, {}, {}],
    })
  })

  test.each([
    ['input 52: a rebound name', { host: 'evil.example' }],
    ['a name that begins like an address', { host: '127.0.0.1.evil.example' }],
    ['a name that ends like this machine’s', { host: 'evil.localhost.example' }],
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }],
    ['a page of another port', { 'sec-fetch-site': 'same-site' }],
    ['a wrong token under another name', { host: 'evil.example', authorization: 'Bearer wrong' }],
  ])('input 52: tells strangers two words and a number: %s', async (_who, headers) => {
    expect(await askHealth(headers)).toEqual({ status: 'ok', accounts: 3 })
  })
})
