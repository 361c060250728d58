/**
 * Clients that take their time: with their headers, with their body, with reading. Each has a bound, and none holds up
 * the others.
 */
import type { IncomingMessage, Server } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createSystemClock } from '../../src/core/clock.ts'
import { listen } from '../../src/io/serve.ts'
import { settle } from '../harness/clock.ts'
import { createDeferred } from '../harness/deferred.ts'
import { rawConnect, rawRequest, type RawExchange } from '../harness/raw-client.ts'
import { bandwidth, startPipe } from '../harness/pipe.ts'
import { answerText, raw } from '../harness/reactions.ts'
import { TOKEN, type TestRelay } from '../harness/relay.ts'
import { ASK, leftBehind, readRefusal, setStage } from '../http/stage.ts'

const NOTHING = { leases: 0, waiting: 0, watched: 0, active: 0 }
const MIB = 1024 * 1024

/** More than the buffers of both kernels' connections hold. */
const EVENT = `event: content_block_delta\ndata: {"type":"content_block_delta","x":"${'x'.repeat(MIB)}"}\n\n`
const flood = raw({ headers: { 'content-type': 'text/event-stream' }, pieces: Array.from({ length: 32 }, () => EVENT) })
const largeAnswer = raw({
  headers: { 'content-type': 'application/json' },
  framing: 'length',
  pieces: ['{"content":"', ...Array.from({ length: 32 }, () => 'x'.repeat(MIB)), '"}'],
})

describe('row 57: a client that reads nothing', () => {
  test('of a stream holds its slot for 60 s, and not longer', async () => {
    const { vendor, relay } = await setStage()
    vendor.script(flood)
    const client = relay.post('/v1/messages', { ...ASK.anthropic.body, stream: true }, { neverReads: true })
    const upstream = await vendor.received(1)
    await settle(2000)
    await relay.clock.advance(59_000)
    expect([upstream.isAborted, leftBehind({ vendor, relay }).leases]).toEqual([false, 1])
    await relay.clock.advance(2_000)
    expect([upstream.isAborted, leftBehind({ vendor, relay })]).toEqual([true, NOTHING])
    expect(relay.log).toMatchObject([{ event: 'request.end', status: 499, outcome: 'gone' }])
    client.resumeReading()
    expect((await client).ended).not.toBe('clean')
  })

  test('of a whole answer holds no slot, and its connection for 60 s', async () => {
    const { vendor, relay } = await setStage()
    vendor.script(largeAnswer)
    const client = relay.post('/v1/messages', ASK.anthropic.body, { neverReads: true })
    await vendor.received(1)
    await settle(2000)
    expect(leftBehind({ vendor, relay })).toMatchObject({ leases: 0, watched: 1, active: 0 })
    await relay.clock.advance(59_000)
    expect(leftBehind({ vendor, relay }).watched).toBe(1)
    await relay.clock.advance(2_000)
    expect(leftBehind({ vendor, relay })).toEqual(NOTHING)
    client.resumeReading()
    const { ended, body } = await client
    expect(ended).not.toBe('clean')
    expect(body.length).toBeLessThan(32 * MIB)
  })

  test('of the last bytes of a stream is no better off for the stream being over', async () => {
    const { vendor, relay } = await setStage()
    vendor.script(answerText('x'.repeat(24 * MIB)))
    const client = relay.post('/v1/messages', { ...ASK.anthropic.body, stream: true }, { neverReads: true })
    await vendor.received(1)
    await settle(2000)
    await relay.clock.advance(62_000)
    expect(leftBehind({ vendor, relay })).toEqual(NOTHING)
    client.resumeReading()
    expect((await client).ended).not.toBe('clean')
  })

  test('reads again in time: it gets everything', async () => {
    const { vendor, relay } = await setStage()
    vendor.script(largeAnswer, flood)
    for (const stream of [false, true]) {
      const client = relay.post('/v1/messages', { ...ASK.anthropic.body, stream }, { neverReads: true })
      await vendor.received(stream ? 2 : 1)
      await settle(2000)
      await relay.clock.advance(55_000)
      client.resumeReading()
      const { ended, body } = await client
      expect([ended, body.length > 32 * MIB]).toEqual(['clean', true])
    }
  })

  test('a slow reader is not a stalled one: at 200 kB a second it takes its minutes, and gets everything', async () => {
    const { vendor, relay } = await setStage()
    const pipe = await startPipe(relay.port, relay.clock)
    onTestFinished(pipe.close)
    pipe.down(bandwidth(200_000))
    vendor.script(largeAnswer)
    const client = rawRequest(pipe.port, { ...ASK.anthropic, headers: { authorization: `Bearer ${TOKEN}` } })
    await vendor.received(1)
    await settle(2000)
    await relay.clock.advance(150_000)
    expect(client.bodySoFar().length).toBeLessThan(31 * MIB)
    await relay.clock.advance(40_000)
    expect([(await client).ended, (await client).body.length]).toEqual(['clean', vendor.bytesSent(1).length])
  })
})

describe('row 58: a client that sends its headers slowly', () => {
  test('is cut off by limits that the server has from the start', async () => {
    const server = await openServer()
    expect(server).toMatchObject({ headersTimeout: 10_000, requestTimeout: 0, keepAliveTimeout: 65_000, timeout: 0 })
    // Node looks for overdue headers only this often, and takes the interval only when the server is made.
    expect(server).toMatchObject({ connectionsCheckingInterval: 1_000, maxHeaderSize: 16 * 1024, maxHeadersCount: 100 })
  })

  test('is answered 408, and others are served meanwhile', async () => {
    const server = await openServer()
    // The one second of real time in these tests: the check is Node's own, and so is its clock.
    server.headersTimeout = 50
    const { port } = server.address() as { port: number }
    const slow = Array.from({ length: 50 }, () =>
      rawRequest(port, { bytes: 'POST /v1/messages HTTP/1.1\r\nhost: a\r\n' }),
    )
    expect((await rawRequest(port, { path: '/' })).status).toBe(200)
    const answers = await Promise.all(slow)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([408]))
  })
})

describe('row 59: a client that sends its body slowly', () => {
  const upload = (relay: TestRelay, pieces: AsyncIterable<string>): RawExchange =>
    rawRequest(relay.port, { path: '/v1/messages', headers: { authorization: `Bearer ${TOKEN}` }, body: pieces })

  test('is refused when nothing has come for 30 s', async () => {
    const { vendor, relay } = await setStage()
    const never = createDeferred()
    async function* stuck() {
      yield '{"model":'
      await never.promise
    }
    const answer = upload(relay, stuck())
    await relay.clock.advance(29_900)
    // Nothing but the heartbeat, which looks after its pace.
    expect(leftBehind({ vendor, relay })).toEqual({ ...NOTHING, watched: 1 })
    await relay.clock.advance(400)
    await relay.clock.advance(1_000)
    const refusal = await answer
    expect(readRefusal('anthropic', refusal)).toMatchObject({ status: 408, word: 'timeout_error' })
    expect([refusal.headers['connection'], vendor.requests]).toEqual(['close', []])
    expect(relay.log).toMatchObject([{ event: 'request.end', status: 408, outcome: 'refused' }])
  })

  test('is served when something comes every 20 s', async () => {
    const { vendor, relay } = await setStage()
    const text = JSON.stringify(ASK.anthropic.body)
    async function* slow() {
      for (const letter of text.slice(0, 10)) {
        yield letter
        await settle()
        await relay.clock.advance(20_000)
      }
      yield text.slice(10)
    }
    expect((await upload(relay, slow())).status).toBe(200)
    expect(vendor.requests[0]?.bytes.toString()).toBe(text)
  })

  test('is refused after 300 s, however steadily it sends', async () => {
    const { vendor, relay } = await setStage()
    const over = createDeferred()
    async function* endless() {
      for (let seconds = 0; seconds <= 300; seconds += 20) {
        yield ' '
        await settle()
        await relay.clock.advance(20_000)
      }
      await over.promise
    }
    expect((await upload(relay, endless())).status).toBe(408)
    expect(vendor.requests).toEqual([])
  })
})

test('an idle connection is not one that sends slowly: it is open for the next request', async () => {
  const { relay } = await setStage()
  const connection = rawConnect(relay.port)
  const headers = { authorization: `Bearer ${TOKEN}` }
  expect((await connection.send({ ...ASK.anthropic, headers })).status).toBe(200)
  await relay.clock.advance(40_000)
  expect((await connection.send({ ...ASK.anthropic, headers })).status).toBe(200)
  connection.abort()
})

/** The relay's server as Node knows it, with a listener that answers at once. */
async function openServer(): Promise<Server & Record<string, unknown>> {
  const seen = createDeferred<IncomingMessage>()
  const server = await listen({
    host: '127.0.0.1',
    port: 0,
    clock: createSystemClock(),
    listener(incoming, outgoing) {
      seen.resolve(incoming)
      outgoing.end()
    },
  })
  onTestFinished(() => server.close())
  await rawRequest(server.port)
  return ((await seen.promise).socket as unknown as { server: Server & Record<string, unknown> }).server
}
