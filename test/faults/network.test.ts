/**
 * The network between relay and vendor: doors that are shut, silent or wrong, connections that have gone stale, and lines
 * that are slow without being dead.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { listen as listenAsRelay } from '../../src/io/serve.ts'
import { createVirtualClock, settle } from '../harness/clock.ts'
import { findClosedPort, listen } from '../harness/listener.ts'
import { bandwidth, latency, startPipe, type Toxic } from '../harness/pipe.ts'
import { rawRequest } from '../harness/raw-client.ts'
import { answerText, answerWith, drop, fail } from '../harness/reactions.ts'
import { startRelay } from '../harness/relay.ts'
import { readText } from '../harness/sse.ts'
import { startVendor } from '../harness/vendor.ts'
import { accountFor, ask, expectNothingLeft, grudges, lastRecord, setStage, type Stage } from './four-dialects.ts'

/** A good vendor behind account b, and account a wherever the test says. */
function startWithDoor(doorUrl: string, settings: JsonObject = {}): Promise<Stage> {
  return setStage('anthropic', settings, { a: { base_url: doorUrl }, b: {} })
}

describe('a vendor that cannot be reached', () => {
  /** A label this long is in no name system, so that the question does not leave this machine. */
  const NO_NAME = `https://${'x'.repeat(64)}.invalid`

  test.each([
    ['refuses the connection', async () => `http://127.0.0.1:${await findClosedPort()}`, 'ECONNREFUSED'],
    ['has no address', async () => NO_NAME, 'ENOTFOUND'],
  ])('row 43: because it %s, is passed over and held against the account once', async (_why, findUrl, code) => {
    const { relay, send } = await startWithDoor(await findUrl())
    const answer = await send()
    expect(readText(answer.body)).toBe('hello')
    expect(answer.headers).toMatchObject({ 'x-relay-account': 'b', 'x-relay-attempts': '2' })
    expect(lastRecord(relay)).toMatchObject({ failures: [expect.stringMatching(`a: transient .*${code}`)] })
    expect([grudges(relay, 'a'), grudges(relay, 'b')]).toEqual([['transient'], []])
  })

  test('row 44: because it takes the connection and says nothing, is passed over after connect_timeout', async () => {
    const silent = await listen((socket) => void socket.resume())
    onTestFinished(silent.close)
    // The one limit that runs on the system's clock, in the HTTP client: it is short here, and it is real.
    const { relay, send } = await startWithDoor(`https://127.0.0.1:${silent.port}`, { connect_timeout: '100ms' })
    const answer = await send()
    expect(answer.headers).toMatchObject({ 'x-relay-account': 'b' })
    expect(lastRecord(relay)).toMatchObject({ failures: [expect.stringMatching('a: transient .*CONNECT_TIMEOUT')] })
    await settle()
    expect(silent.connections).toEqual({ open: 0, total: 1 })
  })

  test('row 43: alone, becomes an error that says what is known and nothing of addresses', async () => {
    const port = await findClosedPort()
    const { relay, send } = await setStage('anthropic', {}, { a: { base_url: `http://127.0.0.1:${port}` } })
    const answer = await send()
    expect([answer.status, JSON.parse(String(answer.body)).error.type]).toEqual([502, 'api_error'])
    expect(String(answer.body)).not.toContain(String(port))
    expect(lastRecord(relay)).toMatchObject({ outcome: 'failed', attempts: 1 })
  })
})

describe('a certificate that cannot be trusted', () => {
  /** For `vendor.test`, signed by itself, good for a hundred years and for nothing else. */
  const KEY =
    'MHcCAQEEIHgJ+n48xAl8ap4n+e3MFzruCZSBya1VHIilkC+icn/ToAoGCCqGSM49AwEHoUQDQgAEjLOgdU7ZFxL6NJdvg1NbW8MMouEu5d2hKaVyRfeV' +
    'JtU++A7ZQ9qZRvw6ZMs/jtqBL5XU1h9mCMOnVBJ4aJba2g=='
  const CERTIFICATE =
    'MIIBhDCCASmgAwIBAgIUSVXgIUDPZf6csHVV35H1MIkZS7YwCgYIKoZIzj0EAwIwFjEUMBIGA1UEAwwLdmVuZG9yLnRlc3QwIBcNMjYxMTIxMDE1NTMz' +
    'WhgPMjEyNjEwMjgwMTU1MzNaMBYxFDASBgNVBAMMC3ZlbmRvci50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEjLOgdU7ZFxL6NJdvg1NbW8MM' +
    'ouEu5d2hKaVyRfeVJtU++A7ZQ9qZRvw6ZMs/jtqBL5XU1h9mCMOnVBJ4aJba2qNTMFEwHQYDVR0OBBYEFNlCnJMmVxb91gAt0E9RLXS+VlMEMB8GA1Ud' +
    'IwQYMBaAFNlCnJMmVxb91gAt0E9RLXS+VlMEMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhANIMVqI3XeROQzlnEm5Qmj+q4V+ljEMT' +
    '21OPjaUC30o9AiEAwPx7/UU4y2y9110L/QHnKc7kHOZdz3ryvUpzVPtdsS4='

  async function portOf(server: Pick<Server, 'listen' | 'address' | 'close' | 'once'>): Promise<number> {
    server.listen(0, '127.0.0.1')
    await once(server as Server, 'listening')
    onTestFinished(() => void server.close())
    return (server.address() as AddressInfo).port
  }

  test('row 48: is refused with its reason in the log, once per request, and another account answers', async () => {
    let secrets = 0
    const key = createPrivateKey({ key: Buffer.from(KEY, 'base64'), format: 'der', type: 'sec1' })
    const server = createTlsServer({
      key: key.export({ format: 'pem', type: 'sec1' }),
      cert: new X509Certificate(Buffer.from(CERTIFICATE, 'base64')).toString(),
    })
    server.on('secureConnection', (socket) => socket.on('data', () => secrets++))
    let connections = 0
    server.on('connection', () => connections++)
    const { relay, send } = await startWithDoor(`https://127.0.0.1:${await portOf(server as unknown as Server)}`)
    const answer = await send()
    expect(answer.headers).toMatchObject({ 'x-relay-account': 'b', 'x-relay-attempts': '2' })
    expect(lastRecord(relay)).toMatchObject({
      failures: [expect.stringMatching('a: transient .*self.signed certificate')],
    })
    expect({ connections, secrets }).toEqual({ connections: 1, secrets: 0 })
  })

  test('row 48: a server that speaks no TLS at all is refused alike', async () => {
    const port = await portOf(createServer((_request, response) => response.end('plain')))
    const { send } = await startWithDoor(`https://127.0.0.1:${port}`)
    const answer = await send()
    expect(answer.headers).toMatchObject({ 'x-relay-account': 'b', 'x-relay-attempts': '2' })
  })
})

describe('a kept-alive connection that the vendor has just closed', () => {
  test('row 45: costs one try on the same account, no grudge, and no failover', async () => {
    const { vendor, relay, send } = await setStage('anthropic', {}, { a: { priority: 1 }, b: {} })
    vendor.forKey('a').script(answerText('first'), drop(), answerText('second'))
    await send()
    const answer = await send()
    expect(readText(answer.body)).toBe('second')
    expect(answer.headers).toMatchObject({ 'x-relay-account': 'a' })
    expect(vendor.requests.map(({ key, connection }) => [key, connection])).toEqual([
      ['a', 1],
      ['a', 1],
      ['a', 2],
    ])
    expect(grudges(relay, 'a')).toEqual([])
  })

  test('row 45: the try is free once; a vendor that always hangs up is passed over', async () => {
    const { vendor, relay, send } = await setStage('anthropic')
    vendor.forKey('a').always(drop())
    const answer = await send()
    expect(answer.headers).toMatchObject({ 'x-relay-account': 'b' })
    expect(vendor.requests.map(({ key }) => key)).toEqual(['a', 'a', 'b'])
    expect(grudges(relay, 'a')).toEqual(['transient'])
  })

  test('row 45: it is no second try for an answer that was told', async () => {
    const { vendor, send } = await setStage('anthropic', {}, { a: {} })
    vendor.script(fail(500))
    expect((await send()).status).toBe(502)
    expect(vendor.requests).toHaveLength(1)
  })
})

describe('a slow line is no dead one', () => {
  /** A relay whose only vendor is at the other end of a pipe with these faults. */
  async function startOverPipe(down: Toxic[], up: Toxic[] = []): Promise<Stage> {
    const { path, body } = ask('anthropic')
    const clock = createVirtualClock()
    const vendor = await startVendor()
    onTestFinished(vendor.close)
    const pipe = await startPipe(vendor.port, clock)
    onTestFinished(pipe.close)
    pipe.down(...down)
    pipe.up(...up)
    const accounts = [accountFor('anthropic', 'a', pipe.url)]
    const limits = { first_byte_timeout: '30s', stream_read_timeout: '15s', response_timeout: '20s' }
    const relay = await startRelay({ accounts, ...limits }, clock)
    onTestFinished(() => relay.stop())
    onTestFinished(() => expectNothingLeft(relay, vendor))
    return { vendor, relay, send: () => relay.post(path, body) }
  }

  test('row 49: a stream at 2 KB/s that takes a minute arrives whole, whatever the limit of whole answers', async () => {
    const { vendor, relay, send } = await startOverPipe([bandwidth(2_000)])
    vendor.script(answerWith({ text: Array.from({ length: 12 }, () => 'x'.repeat(10_000)) }))
    const answer = send()
    await relay.clock.advance(55_000)
    expect(answer.bodySoFar().length).toBeGreaterThan(100_000)
    expect(lastRecord(relay)).toEqual({})
    await relay.clock.advance(10_000)
    expect((await answer).body).toEqual(vendor.bytesSent(1))
  })

  test('row 50: five seconds more or less in both directions change nothing', async () => {
    const { vendor, relay, send } = await startOverPipe([latency(5_000, 4_000)], [latency(5_000, 4_000)])
    vendor.script(answerText('one two three'))
    const answer = send()
    await relay.clock.advance(60_000)
    const { body, status } = await answer
    expect([status, readText(body)]).toEqual([200, 'one two three'])
    expect(lastRecord(relay)).toMatchObject({ outcome: 'served', attempts: 1 })
  })
})

test('row 51: without an IPv6 loopback the relay listens on IPv4 alone, and says why', async () => {
  const squatter = createServer()
  const port = await findClosedPort()
  squatter.listen(port, '::1')
  // On a machine that has no ::1 this fails, and then so does the relay's second door.
  await once(squatter, 'listening').catch(() => {})
  onTestFinished(() => void squatter.close())
  const clock = createVirtualClock()
  const server = await listenAsRelay({
    host: '127.0.0.1',
    port,
    clock,
    listener: (_incoming, outgoing) => void outgoing.end('here'),
  })
  onTestFinished(() => server.close())
  expect(server.addresses).toEqual([`127.0.0.1:${port}`])
  expect(server.missing).toMatch(/^E[A-Z]+$/)
  expect(String((await rawRequest(port)).body)).toBe('here')
})
