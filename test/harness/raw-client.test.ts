/**
 * The raw client sends what a test wrote and reports what came back, read here against bare node:net and node:http servers.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { settle } from './clock.ts'
import { createDeferred } from './deferred.ts'
import { findClosedPort, listen } from './listener.ts'
import { rawConnect, rawRequest, type RawRequest } from './raw-client.ts'

/** A server that writes these bytes as soon as anything comes in, and does the last thing with the socket. */
async function startWriting(bytes: string, then: (socket: Socket) => void = () => {}): Promise<number> {
  const listener = await listen((socket) => socket.once('data', () => socket.write(bytes, () => then(socket))))
  onTestFinished(listener.close)
  return listener.port
}

/** A server that collects what it receives until the client ends its side. */
async function startReading(): Promise<{ port: number; received: Promise<string> }> {
  const received = createDeferred<string>()
  const listener = await listen((socket) => {
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.once('end', () => received.resolve(Buffer.concat(chunks).toString('latin1')))
  })
  onTestFinished(listener.close)
  return { port: listener.port, received: received.promise }
}

async function startHttp(onRequest: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  const server = createServer(onRequest)
  const listener = await listen((socket) => server.emit('connection', socket))
  onTestFinished(listener.close)
  return listener.port
}

const OK = 'HTTP/1.1 200 OK\r\n'

describe('what was received', () => {
  test.each([
    ['a content-length', `${OK}content-length: 5\r\n\r\nhello`, 'clean', 'hello'],
    ['chunks', `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\na: b\r\n\r\n`, 'clean', 'hello'],
    ['no body by its status', 'HTTP/1.1 204 No Content\r\n\r\n', 'clean', ''],
    ['a missing last chunk', `${OK}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`, 'truncated', 'hello'],
    ['a chunk cut short', `${OK}transfer-encoding: chunked\r\n\r\n9\r\nhello`, 'truncated', 'hello'],
    ['a body shorter than its length', `${OK}content-length: 9\r\n\r\nhello`, 'truncated', 'hello'],
    ['a body that ends with the connection', `${OK}\r\nhello`, 'clean', 'hello'],
    ['half a head', 'HTTP/1.1 200 OK\r\ncontent', 'truncated', ''],
    ['nothing', '', 'truncated', ''],
  ])('%s', async (_name, bytes, ended, body) => {
    const port = await startWriting(bytes, (socket) => socket.end())
    const answer = await rawRequest(port)
    expect([answer.ended, String(answer.body)]).toEqual([ended, body])
  })

  test('a reset behind the data, and a port that nobody listens on', async () => {
    const released = createDeferred()
    const port = await startWriting(`${OK}content-length: 9\r\n\r\nhello`, (socket) => {
      void released.promise.then(() => socket.resetAndDestroy())
    })
    const answer = rawRequest(port)
    await answer.until('hello')
    released.resolve()
    expect(await answer).toMatchObject({ status: 200, ended: 'reset' })
    expect(await rawRequest(await findClosedPort())).toMatchObject({ status: 0, ended: 'reset' })
  })

  test('headers as a raw list and as a map, interim answers apart', async () => {
    const port = await startWriting(
      'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 429 Slow\r\nSet-A: 1\r\nset-a:2\r\ncontent-length: 0\r\n\r\n',
    )
    expect(await rawRequest(port)).toMatchObject({
      interim: [103],
      status: 429,
      rawHeaders: ['Set-A', '1', 'set-a', '2', 'content-length', '0'],
      headers: { 'set-a': '1, 2' },
    })
  })

  test('chunks keep their order and borders, however the network cut them', async () => {
    const listener = await listen((socket) => {
      socket.once('data', async () => {
        for (const byte of `${OK}transfer-encoding: chunked\r\n\r\n6\r\n€uro\r\n2\r\n!!\r\n0\r\n\r\n`.split(
          /(?=.)/su,
        )) {
          socket.write(byte)
          await settle(1)
        }
      })
    })
    onTestFinished(listener.close)
    expect((await rawRequest(listener.port)).chunks.map(String)).toEqual(['€uro', '!!'])
  })

  test.each([
    ['another protocol', 'SSH-2.0-OpenSSH\r\n\r\n', 'not the start of HTTP/1.1'],
    ['a line without a colon', `${OK}nonsense\r\n\r\n`, 'not a header line'],
    ['a folded header', `${OK}a: 1\r\n b: 2\r\n\r\n`, 'not a header line'],
    ['a bare line feed', `${OK}a: 1\nb: 2\r\n\r\n`, 'not a header line'],
    ['two lengths', `${OK}content-length: 5\r\ncontent-length: 5\r\n\r\nhello`, 'framed twice'],
    ['length and chunks', `${OK}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n`, 'framed twice'],
    ['a length that is none', `${OK}content-length: +5\r\n\r\nhello`, 'not a length'],
    ['an unknown coding', `${OK}transfer-encoding: gzip\r\n\r\n`, 'unknown coding'],
    ['a chunk size that is none', `${OK}transfer-encoding: chunked\r\n\r\nx\r\n`, 'not a chunk size'],
    ['a chunk that is too long', `${OK}transfer-encoding: chunked\r\n\r\n2\r\nhello\r\n`, 'longer than its size'],
  ])('%s is an error of its own', async (_name, bytes, reason) => {
    await expect(rawRequest(await startWriting(bytes))).rejects.toThrow(reason)
  })

  test('the head is known before the end, and waiting in vain is told', async () => {
    const released = createDeferred()
    const port = await startHttp((_request, response) => {
      response.writeHead(201).flushHeaders()
      void released.promise.then(() => response.end('over'))
    })
    const answer = rawRequest(port)
    expect((await answer.head).status).toBe(201)
    expect(answer.bodySoFar()).toHaveLength(0)
    released.resolve()
    await answer.until('over')
    await expect(answer.until('more')).rejects.toThrow('ended without "more"')
  })
})

describe('what was sent', () => {
  test('a plain request, its headers replaced and repeated', async () => {
    const { port, received } = await startReading()
    const answer = rawRequest(port, {
      path: '/v1/x?y',
      headers: { Host: 'evil.example', 'X-A': ['1', '2'] },
      body: { model: 'm' },
      halfClose: true,
    })
    expect(await received).toBe(
      'POST /v1/x?y HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 13\r\nHost: evil.example\r\n' +
        'X-A: 1\r\nX-A: 2\r\n\r\n{"model":"m"}',
    )
    expect((await answer).ended).toBe('truncated')
  })

  test('exact bytes, wrong ones too', async () => {
    const { port, received } = await startReading()
    void rawRequest(port, { bytes: 'GET / HTTP/1.1\nbare: line feeds\n\n', halfClose: true })
    expect(await received).toBe('GET / HTTP/1.1\nbare: line feeds\n\n')
  })

  test('a body at the pace of the test, in chunks', async () => {
    const arrived = createDeferred()
    const port = await startHttp((request, response) => {
      request.once('data', arrived.resolve)
      request.pipe(response)
    })
    const answer = rawRequest(port, {
      body: (async function* () {
        yield 'slow'
        await arrived.promise
        yield ' and steady'
      })(),
    })
    expect(String((await answer).body)).toBe('slow and steady')
  })

  test('two pipelined requests get their answers in order', async () => {
    const port = await startHttp((request, response) => response.end(request.url))
    const connection = rawConnect(port)
    const answers = await Promise.all(['/one', '/two'].map((path) => connection.send({ path })))
    expect(answers.map((answer) => String(answer.body))).toEqual(['/one', '/two'])
    connection.abort()
    await connection.closed
  })

  test('a HEAD request expects no body', async () => {
    const port = await startHttp((_request, response) => response.setHeader('content-length', 5).end())
    expect(await rawRequest(port, { method: 'HEAD' })).toMatchObject({
      headers: { 'content-length': '5' },
      ended: 'clean',
    })
  })
})

describe('leaving early', () => {
  const EVENTS = `${OK}content-type: text/event-stream\r\n\r\ndata: 1\n\ndata: 2\n\ndata: 3\n\n`

  /** A server that streams three events and notes how the client leaves. */
  async function startStreaming(): Promise<{ port: number; seen: Promise<string> }> {
    const seen = createDeferred<string>()
    const listener = await listen((socket) => {
      socket.once('data', () => socket.write(EVENTS))
      socket.once('end', () => seen.resolve('FIN'))
      socket.once('error', () => seen.resolve('RST'))
    })
    onTestFinished(listener.close)
    return { port: listener.port, seen: seen.promise }
  }

  test.each<[string, RawRequest['abort'] & {}, string]>([
    ['after a byte count', { afterBytes: 4 }, 'FIN'],
    ['after an event', { afterEvents: 2 }, 'FIN'],
    ['with a reset', { afterBytes: 1, how: 'reset' }, 'RST'],
  ])('%s', async (_name, abort, goodbye) => {
    const { port, seen } = await startStreaming()
    expect((await rawRequest(port, { abort })).ended).toBe('aborted')
    expect(await seen).toBe(goodbye)
  })

  test('on a promise', async () => {
    const { port, seen } = await startStreaming()
    const leave = createDeferred()
    const answer = rawRequest(port, { abort: { on: leave.promise } })
    await answer.until('data: 3')
    leave.resolve()
    expect((await answer).ended).toBe('aborted')
    expect(await seen).toBe('FIN')
  })
})
