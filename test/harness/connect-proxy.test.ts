/**
 * The forward proxy carries what it is given, counts it, refuses and dies on demand; the trap catches whoever steps in.
 */
import { ProxyAgent, request } from 'undici'
import { expect, onTestFinished, test } from 'vitest'
import { settle } from './clock.ts'
import { startConnectProxy, startTrap, type ConnectProxy } from './connect-proxy.ts'
import { findClosedPort } from './listener.ts'
import { rawRequest } from './raw-client.ts'
import { answerText } from './reactions.ts'
import { readText } from './sse.ts'
import { startVendor, type Vendor } from './vendor.ts'

async function startBoth(): Promise<{ vendor: Vendor; proxy: ConnectProxy }> {
  const vendor = await startVendor()
  const proxy = await startConnectProxy()
  onTestFinished(proxy.close)
  onTestFinished(vendor.close)
  return { vendor, proxy }
}

test.each([
  ['a tunnel', true],
  ['an absolute-form request', false],
])('undici reaches the vendor through %s', async (_name, proxyTunnel) => {
  const { vendor, proxy } = await startBoth()
  const dispatcher = new ProxyAgent({ uri: proxy.url, proxyTunnel, token: 'Basic dTpw' })
  onTestFinished(() => dispatcher.close())
  const answer = await request(`${vendor.url}/v1/messages`, { method: 'POST', body: '{"stream":true}', dispatcher })
  expect(readText(await answer.body.text())).toBe('hello')
  expect(proxy.requests).toMatchObject([
    proxyTunnel
      ? { method: 'CONNECT', target: `127.0.0.1:${vendor.port}` }
      : { method: 'POST', target: `${vendor.url}/v1/messages` },
  ])
  expect(proxy.requests[0]?.rawHeaders.join(' ')).toContain('Basic dTpw')
})

test.each([407, 502] as const)('it refuses with %i, and serves again', async (status) => {
  const { vendor, proxy } = await startBoth()
  const target = `127.0.0.1:${vendor.port}`
  proxy.refuse(status)
  expect((await rawRequest(proxy.port, { method: 'CONNECT', path: target })).status).toBe(status)
  expect((await rawRequest(proxy.port, { path: `${vendor.url}/v1/models` })).status).toBe(status)
  expect(vendor.connections.total).toBe(0)
  proxy.refuse(null)
  expect((await rawRequest(proxy.port, { path: `${vendor.url}/v1/models` })).status).toBe(200)
})

test('a target that nobody listens on is a bad gateway', async () => {
  const { proxy } = await startBoth()
  const target = `127.0.0.1:${await findClosedPort()}`
  expect((await rawRequest(proxy.port, { method: 'CONNECT', path: target })).status).toBe(502)
})

test('a dead proxy takes its tunnels with it', async () => {
  const { vendor, proxy } = await startBoth()
  vendor.always(answerText('hello'))
  const tunnel = rawRequest(proxy.port, { method: 'CONNECT', path: `127.0.0.1:${vendor.port}` })
  expect((await tunnel.head).status).toBe(200)
  await proxy.close()
  await tunnel.closed
  expect((await rawRequest(proxy.port)).ended).toBe('reset')
})

test('a trap is silent until someone steps in, and then tells who', async () => {
  const quiet = await startTrap()
  await quiet.close()

  const trap = await startTrap()
  const intruder = rawRequest(trap.port, { path: '/leak' })
  await settle()
  expect(trap.assertSilent).toThrow('GET /leak HTTP/1.1')
  await expect(trap.close()).rejects.toThrow('1 connected to a port that must stay silent')
  expect((await intruder).ended).toBe('truncated')
})
