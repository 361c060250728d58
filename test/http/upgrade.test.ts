/**
 * Connections that want to become something else: a WebSocket is refused in words that clients understand, an offer of
 * HTTP/2 is ignored, a tunnel is cut.
 */
import { expect, test } from 'vitest'
import { rawConnect, rawRequest } from '../harness/raw-client.ts'
import { TOKEN } from '../harness/relay.ts'
import { ASK, readRefusal, setStage } from './stage.ts'

const WEBSOCKET = {
  upgrade: 'websocket',
  connection: 'Upgrade',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

test.each(['websocket', 'WebSocket'])(
  'input 59: %s is answered 426 at once, so that Codex falls back to HTTP',
  async (upgrade) => {
    const { vendor, relay } = await setStage()
    const headers = { ...WEBSOCKET, upgrade, authorization: `Bearer ${TOKEN}` }
    const answer = await rawRequest(relay.port, { path: '/v1/responses', headers })
    expect(readRefusal('openai-responses', answer)).toMatchObject({
      status: 426,
      message: expect.stringContaining('HTTP'),
    })
    expect(vendor.requests).toEqual([])
  },
)

test('input 59: the connection that asked for a WebSocket serves the request that follows', async () => {
  const { relay } = await setStage()
  const connection = rawConnect(relay.port)
  const headers = { authorization: `Bearer ${TOKEN}` }
  const refused = await connection.send({ path: '/v1/responses', headers: { ...headers, ...WEBSOCKET } })
  const served = await connection.send({ ...ASK['openai-responses'], headers })
  expect([refused.status, served.status]).toEqual([426, 200])
  connection.abort()
})

test.each([
  ['at once', { chunked: false }],
  ['in chunks', { chunked: true }],
])('an offer of HTTP/2 is ignored and the request served, as RFC 9110 has it: body %s', async (_how, { chunked }) => {
  const { vendor, relay } = await setStage()
  const headers = { upgrade: 'h2c', connection: 'Upgrade, HTTP2-Settings', 'http2-settings': 'AAMAAABkAAQAAP__' }
  const answer = await relay.post('/v1/messages', ASK.anthropic.body, { headers, chunked })
  expect([answer.status, answer.ended]).toEqual([200, 'clean'])
  expect(vendor.requests[0]?.bytes.toString()).toBe(JSON.stringify(ASK.anthropic.body))
  expect(vendor.requests[0]?.header('upgrade')).toBeUndefined()
  expect(vendor.requests[0]?.header('http2-settings')).toBeUndefined()
})

test('input 60: a tunnel is cut', async () => {
  const { vendor, relay } = await setStage()
  const answer = await rawRequest(relay.port, {
    method: 'CONNECT',
    path: `127.0.0.1:${vendor.port}`,
    headers: { authorization: `Bearer ${TOKEN}` },
  })
  expect([answer.status, answer.ended === 'clean', vendor.connections.total]).toEqual([0, false, 0])
})
