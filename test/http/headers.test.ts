/**
 * Which headers cross the relay: a real client's own words to the vendor, the vendor's limits and ids to the client, and
 * nothing that belongs to one side alone.
 */
import { describe, expect, test } from 'vitest'
import { answerText, fail, headers, type Reaction } from '../harness/reactions.ts'
import type { VendorRequest } from '../harness/vendor.ts'
import { ASK, setStage } from './stage.ts'

const namesIn = (rawHeaders: readonly string[]): string[] =>
  rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
const values = (request: VendorRequest | undefined, ...names: string[]) => names.map((name) => request?.header(name))

describe('to the vendor', () => {
  test('go a client’s own headers as they are', async () => {
    const { vendor, relay } = await setStage()
    const own = {
      'user-agent': 'claude-cli/9.9.9 (external, cli)',
      'anthropic-version': '2023-06-01',
      'anthropic-beta': 'one-2025-01-01,two-2025-02-02',
      'x-stainless-lang': 'js',
      'x-claude-code-session-id': 'a-session',
      'idempotency-key': 'stainless-node-retry-1',
      accept: 'application/json',
    }
    await relay.post('/v1/messages', ASK.anthropic.body, { headers: own })
    for (const [name, value] of Object.entries(own)) expect(vendor.requests[0]?.header(name)).toBe(value)
  })

  test('goes the relay’s own name when the client has none, and never another’s', async () => {
    const { vendor, relay } = await setStage()
    await relay.post('/v1/messages', ASK.anthropic.body)
    expect(vendor.requests[0]?.header('user-agent')).toMatch(/^sub2api-simple\/\d/)
  })

  test('goes nothing of the connection, the browser, or the way the request came', async () => {
    const { vendor, relay } = await setStage()
    await relay.post('/v1/messages', ASK.anthropic.body, {
      headers: {
        connection: 'keep-alive, X-Session-Id',
        'x-session-id': 'named as hop-by-hop',
        'keep-alive': 'timeout=5',
        te: 'trailers',
        'proxy-authorization': 'Basic dTpw',
        cookie: 'session=1',
        origin: 'vscode-webview://x',
        referer: 'http://127.0.0.1/',
        'x-forwarded-for': '10.1.2.3',
        'x-forwarded-host': 'evil.example',
        forwarded: 'for=10.1.2.3',
        via: '1.1 somebody',
        'accept-encoding': 'gzip, br',
        'chatgpt-account-id': 'somebody-else',
        'openai-organization': 'somebody-else',
        'x-goog-user-project': 'somebody-else',
      },
    })
    expect(namesIn(vendor.requests[0]?.rawHeaders ?? []).toSorted()).toEqual(
      expect.arrayContaining(['accept-encoding', 'content-length', 'content-type', 'host', 'x-api-key']),
    )
    expect(namesIn(vendor.requests[0]?.rawHeaders ?? [])).not.toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^(cookie|origin|referer|te|via|forwarded|x-forwarded-.*|x-session-id)$/),
      ]),
    )
    const [request] = vendor.requests
    expect(values(request, 'host', 'accept-encoding')).toEqual([`127.0.0.1:${vendor.port}`, 'identity'])
    expect(values(request, 'proxy-authorization', 'keep-alive', 'chatgpt-account-id')).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(values(request, 'openai-organization', 'x-goog-user-project')).toEqual([undefined, undefined])
  })
})

const GARRULOUS = {
  'retry-after': '7',
  'anthropic-ratelimit-requests-remaining': '3',
  'x-ratelimit-limit-tokens': '100',
  'request-id': 'req_of_the_vendor',
  'set-cookie': ['a=1', 'b=2'],
  server: 'cloudflare',
  'alt-svc': 'h3=":443"',
  'strict-transport-security': 'max-age=1',
  'access-control-allow-origin': '*',
  'anthropic-organization-id': 'org-of-the-account',
  'openai-organization': 'org-of-the-account',
  'x-hop': '1',
  'x-ratelimit-hop': '1',
  connection: 'keep-alive, x-ratelimit-hop',
}

describe('to the client', () => {
  test.each([
    ['a whole answer', false, answerText('hello', headers(GARRULOUS))],
    ['a stream', true, answerText('hello', headers(GARRULOUS))],
    ['a refusal', false, fail(400, { message: 'no' }, headers(GARRULOUS))],
  ] satisfies Array<[string, boolean, Reaction]>)(
    'come the vendor’s limits and ids with %s, and nothing else of it',
    async (_what, stream, reaction) => {
      const { vendor, relay } = await setStage()
      vendor.script(reaction)
      const answer = await relay.post('/v1/messages', { ...ASK.anthropic.body, stream })
      expect(answer.headers).toMatchObject({
        'anthropic-ratelimit-requests-remaining': '3',
        'x-ratelimit-limit-tokens': '100',
        'request-id': 'req_of_the_vendor',
      })
      expect(namesIn(answer.rawHeaders)).not.toEqual(
        expect.arrayContaining([
          expect.stringMatching(
            /^(set-cookie|server|alt-svc|strict-.*|access-control-.*|x-hop|x-ratelimit-hop|.*-organization.*)$/,
          ),
        ]),
      )
    },
  )

  test('comes who served it, after how many attempts, and our request id with everything', async () => {
    const { relay } = await setStage()
    const served = await relay.post('/v1/messages', ASK.anthropic.body)
    expect(served.headers).toMatchObject({ 'x-relay-account': 'claude', 'x-relay-attempts': '1' })
    for (const answer of [
      served,
      await relay.get('/health'),
      await relay.get('/v1/models'),
      await relay.get('/nothing'),
    ]) {
      expect(Object.values(answer.headers).join(' ')).toMatch(/req_[0-9a-f]{32}/)
    }
  })
})
