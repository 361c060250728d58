/**
 * Web pages that the config lets call, and those that it does not.
 */
import { describe, expect, test } from 'vitest'
import { rawRequest, type RawResponse } from '../harness/raw-client.ts'
import type { TestRelay } from '../harness/relay.ts'
import { ASK, setStage } from './stage.ts'

const PAGE = 'https://chat.example'

const preflight = (relay: TestRelay, origin: string, headers: Record<string, string> = {}) =>
  rawRequest(relay.port, {
    method: 'OPTIONS',
    path: '/v1/messages',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,anthropic-version',
      ...headers,
    },
  })
const leaveOf = ({ status, headers }: RawResponse): unknown => [status, headers['access-control-allow-origin'] ?? null]

describe('with cors_origins', () => {
  test('a page of the list is let in, with the headers it asks for', async () => {
    const { relay } = await setStage({ cors_origins: [PAGE, 'http://localhost:5173'] })
    const answer = await preflight(relay, PAGE, { 'access-control-request-private-network': 'true' })
    expect(leaveOf(answer)).toEqual([204, PAGE])
    expect(answer.headers).toMatchObject({
      vary: 'origin',
      'access-control-allow-methods': 'GET, POST, DELETE',
      'access-control-allow-headers': 'authorization,content-type,anthropic-version',
      'access-control-allow-private-network': 'true',
    })
    expect(leaveOf(await preflight(relay, 'http://localhost:5173'))).toEqual([204, 'http://localhost:5173'])
  })

  test('it reads answers, streams and refusals, whatever lane they came by', async () => {
    const { relay } = await setStage({ cors_origins: [`${PAGE}/`] })
    const headers = { origin: PAGE }
    const { path, body } = ASK.anthropic
    for (const stream of [false, true]) {
      expect(leaveOf(await relay.post(path, { ...body, stream }, { headers }))).toEqual([200, PAGE])
    }
    const translated = { ...body, model: 'gpt-test', messages: [{ role: 'user', content: 'hello' }] }
    expect(leaveOf(await relay.post(path, translated, { headers }))).toEqual([200, PAGE])
    expect(leaveOf(await rawRequest(relay.port, { path: '/v1/models', headers }))).toEqual([401, PAGE])
    const { headers: told } = await relay.post(path, body, { headers })
    expect(told['access-control-expose-headers']).toContain('x-request-id')
  })

  test.each([
    'https://evil.example',
    'http://chat.example',
    'https://chat.example:8443',
    'https://chat.example.evil.example',
    'https://CHAT.example',
    'null',
  ])('%s is another page', async (origin) => {
    const { relay } = await setStage({ cors_origins: [PAGE] })
    expect(leaveOf(await preflight(relay, origin))).toEqual([403, null])
    const { path, body } = ASK.anthropic
    // Whoever has the token is no attacker, but its page may not read the answer.
    expect(leaveOf(await relay.post(path, body, { headers: { origin } }))).toEqual([200, null])
  })

  test('a page of the list still needs a token', async () => {
    const { relay } = await setStage({ cors_origins: [PAGE] })
    const answer = await rawRequest(relay.port, { path: '/v1/messages', headers: { origin: PAGE }, body: '{}' })
    expect(leaveOf(answer)).toEqual([401, PAGE])
  })
})

test('without cors_origins no page is let in, and answers say nothing of origins', async () => {
  const { relay } = await setStage()
  expect(leaveOf(await preflight(relay, PAGE))).toEqual([403, null])
  const { headers } = await relay.post('/v1/messages', ASK.anthropic.body, { headers: { origin: PAGE } })
  expect(Object.keys(headers).filter((name) => name === 'vary' || name.startsWith('access-control'))).toEqual([])
})
