/**
 * Who may use the relay: every form in which clients present a token, and one answer to everybody else.
 */
import type { IncomingMessage } from 'node:http'
import { describe, expect, test } from 'vitest'
import { createGuard } from '../../src/http/guard.ts'
import { makeClient } from '../harness/accounts.ts'
import { createVirtualClock } from '../harness/clock.ts'
import { rawRequest } from '../harness/raw-client.ts'
import { TOKEN } from '../harness/relay.ts'
import { ASK, PROTOCOLS, readRefusal, setStage, wordsFor } from './stage.ts'

const UNAUTHENTICATED = {
  anthropic: 'authentication_error',
  openai: 'invalid_request_error invalid_api_key',
  gemini: 'UNAUTHENTICATED',
}

describe('a request without a valid token', () => {
  test.each(PROTOCOLS)('input 1: is refused in the words of %s, and nobody upstream hears of it', async (protocol) => {
    const { vendor, relay } = await setStage()
    const answer = await rawRequest(relay.port, ASK[protocol])
    expect(readRefusal(protocol, answer)).toMatchObject({ status: 401, word: wordsFor(protocol, UNAUTHENTICATED) })
    expect(answer.headers).toHaveProperty('www-authenticate', expect.stringMatching(/^Bearer/))
    expect(answer.headers['x-should-retry']).toBe('false')
    expect(vendor.requests).toEqual([])
  })

  test('input 2: a wrong token is answered like none, so that nothing is learnt from it', async () => {
    const { relay } = await setStage()
    const [none, wrong, almost] = await Promise.all(
      [{}, { authorization: 'Bearer wrong' }, { authorization: `Bearer ${TOKEN.slice(0, -1)}` }].map((headers) =>
        rawRequest(relay.port, { ...ASK.anthropic, headers }),
      ),
    )
    const [first, ...others] = [none, wrong, almost].map((answer) => readRefusal('anthropic', answer as never))
    expect(others).toEqual([first, first])
  })

  test.each([
    ['input 6: Basic', { authorization: `Basic ${Buffer.from(`user:${TOKEN}`).toString('base64')}` }],
    ['an empty bearer', { authorization: 'Bearer ' }],
    ['the bare token', { authorization: TOKEN }],
    ['input 5: an emoji', { authorization: 'Bearer 🗝' }],
    ['input 5: 10 kB', { authorization: `Bearer ${'x'.repeat(10_000)}` }],
    ['a token of the vendor', { 'x-api-key': 'secret-key-of-claude' }],
    ['two tokens in one header', { 'x-api-key': `${TOKEN}, ${TOKEN}` }],
  ])('%s is no valid token', async (_what, headers) => {
    const { vendor, relay } = await setStage()
    const answer = await rawRequest(relay.port, { ...ASK.anthropic, headers })
    expect(readRefusal('anthropic', answer).status).toBe(401)
    expect(vendor.requests).toEqual([])
  })

  test.each([
    ['100 kB', 'x'.repeat(100_000), 431],
    ['a NUL', 'a\0b', 400],
  ])('input 5: a token with %s is turned away by the parser', async (_what, token, status) => {
    const { relay } = await setStage()
    const answer = await rawRequest(relay.port, { ...ASK.anthropic, headers: { authorization: `Bearer ${token}` } })
    expect([answer.status, answer.body.length]).toEqual([status, 0])
  })
})

describe('a valid token is taken', () => {
  test.each([
    ['as a bearer', { authorization: `Bearer ${TOKEN}` }],
    ['input 3: with the scheme in lower case', { authorization: `bearer ${TOKEN}` }],
    ['input 3: with space around it', { authorization: `Bearer   ${TOKEN}  ` }],
    ['from x-api-key', { 'x-api-key': TOKEN }],
    ['from x-goog-api-key', { 'x-goog-api-key': TOKEN }],
    ['input 4: beside a wrong one', { authorization: 'Bearer wrong', 'x-api-key': TOKEN }],
    ['input 4: before a wrong one', { authorization: `Bearer ${TOKEN}`, 'x-api-key': 'wrong' }],
  ])('%s', async (_how, headers) => {
    const { relay } = await setStage()
    expect((await rawRequest(relay.port, { ...ASK.anthropic, headers })).status).toBe(200)
  })

  test('input 4: two wrong ones make no right one', async () => {
    const { relay } = await setStage()
    const headers = { authorization: 'Bearer wrong', 'x-api-key': 'wrong too' }
    expect((await rawRequest(relay.port, { ...ASK.anthropic, headers })).status).toBe(401)
  })

  test('any of several, and the log names the client, not its token', async () => {
    const { relay } = await setStage({
      auth_tokens: ['the-first-token', { token: 'the-second-token', name: 'laptop' }],
    })
    const headers = { authorization: 'Bearer the-second-token' }
    expect((await relay.post(ASK.anthropic.path, ASK.anthropic.body, { headers })).status).toBe(200)
    expect(relay.log.at(-1)).toMatchObject({ event: 'request.end', client: 'laptop' })
  })
})

describe('a key in the query', () => {
  const gemini = (query: string) => ({ ...ASK.gemini, path: `${ASK.gemini.path}?${query}` })

  test.each([
    ['alone', `key=${TOKEN}`, 200],
    ['percent-encoded', `key=${TOKEN.replace('-', '%2D')}`, 200],
    ['input 61: when it is wrong', 'key=wrong', 401],
    ['input 61: twice', `key=${TOKEN}&key=${TOKEN}`, 401],
    ['input 61: right and wrong', `key=wrong&key=${TOKEN}`, 401],
    ['empty', 'key=', 401],
  ])('under /v1beta, %s', async (_what, query, status) => {
    const { vendor, relay } = await setStage()
    expect((await rawRequest(relay.port, gemini(query))).status).toBe(status)
    expect(vendor.requests.map(({ target }) => target)).toEqual(status === 200 ? [ASK.gemini.path] : [])
  })

  test.each(['anthropic', 'openai-responses', 'openai-chat'] as const)(
    'says nothing on the paths of %s',
    async (protocol) => {
      const { relay } = await setStage()
      const path = `${ASK[protocol].path}?key=${TOKEN}`
      expect((await rawRequest(relay.port, { ...ASK[protocol], path })).status).toBe(401)
    },
  )
})

describe('input 58: a client that asks before it sends its body', () => {
  const asking = (authorization: string) => ({ ...ASK.anthropic, headers: { authorization, expect: '100-continue' } })

  test('is told to go on', async () => {
    const { relay } = await setStage()
    const answer = await rawRequest(relay.port, asking(`Bearer ${TOKEN}`))
    expect([answer.interim, answer.status]).toEqual([[100], 200])
  })

  test.each([
    ['its token is wrong', 'authorization: Bearer wrong', 401],
    ['its body is too large', 'content-length: 100000000', 413],
    ['its body is no JSON', 'content-type: multipart/form-data', 415],
    ['its body is packed in an unknown way', 'content-encoding: compress', 415],
  ])('is refused without a 100 when %s, before it has sent a byte', async (_why, line, status) => {
    const { relay } = await setStage()
    const lines = ['POST /v1/messages HTTP/1.1', 'host: a', 'expect: 100-continue', line]
    if (!line.startsWith('authorization')) lines.push(`authorization: Bearer ${TOKEN}`)
    if (!line.startsWith('content-length')) lines.push('content-length: 1000000')
    const answer = await rawRequest(relay.port, { method: 'POST', bytes: `${lines.join('\r\n')}\r\n\r\n` })
    expect([answer.interim, answer.status, answer.headers['connection']]).toEqual([[], status, 'close'])
  })
})

describe('input 67: the published example token', () => {
  const example = makeClient('example', { loopbackOnly: true })
  const from = (remoteAddress: string) =>
    ({
      url: '/',
      headers: { 'x-api-key': 'token-of-example' },
      socket: { remoteAddress },
    }) as unknown as IncomingMessage

  test.each([
    ['127.0.0.1', true],
    ['127.8.9.1', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['192.168.1.20', false],
    ['::ffff:192.168.1.20', false],
    ['2001:db8::127', false],
  ])('from %s is worth something: %s', (address, isValid) => {
    expect(createGuard([example], createVirtualClock()).identify(from(address))).toBe(isValid ? example : null)
  })

  test('lets the quick start run on this machine', async () => {
    const { relay } = await setStage({ auth_tokens: ['sk-example-change-me'], listen_addr: ':0' })
    const headers = { authorization: 'Bearer sk-example-change-me' }
    expect((await rawRequest(relay.port, { ...ASK.anthropic, headers })).status).toBe(200)
  })

  test('comes from an address, not from a header that anyone can write', () => {
    const forged = from('203.0.113.9')
    for (const name of ['x-forwarded-for', 'x-real-ip', 'forwarded']) forged.headers[name] = '127.0.0.1'
    expect(createGuard([example], createVirtualClock()).identify(forged)).toBeNull()
  })
})
