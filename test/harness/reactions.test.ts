/**
 * Every reaction does on the wire what its name says, read by the raw client and by the readers of other people.
 */
import { get } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { request } from 'undici'
import { describe, expect, onTestFinished, test } from 'vitest'
import { settle } from './clock.ts'
import { rawConnect, rawRequest } from './raw-client.ts'
import {
  after,
  answerText,
  answerWith,
  before,
  beforeHead,
  cut,
  drop,
  empty,
  end,
  errorEvent,
  fail,
  failInStream,
  finish,
  framing,
  gzipBomb,
  headers,
  hold,
  html,
  informational,
  pause,
  ping,
  raw,
  redirect,
  repeat,
  thenClose,
  wire,
  without,
} from './reactions.ts'
import { readEvents, readSse, readText } from './sse.ts'
import { startVendor, type Vendor } from './vendor.ts'

const STREAM = { path: '/v1/messages', body: { model: 'claude', stream: true } }
const WHOLE = { path: '/v1/messages', body: { model: 'claude' } }

async function startOwnVendor(): Promise<Vendor> {
  const vendor = await startVendor()
  onTestFinished(vendor.close)
  return vendor
}

describe('failures', () => {
  test.each([
    ['/v1/messages', { type: 'error', error: { type: 'overloaded_error', message: 'busy' }, request_id: 'req_att_1' }],
    ['/v1/responses', { error: { type: 'server_error', message: 'busy', param: null, code: null } }],
    ['/v1/chat/completions', { error: { type: 'server_error', message: 'busy', param: null, code: null } }],
    ['/v1beta/models/m:generateContent', { error: { code: 529, message: 'busy', status: 'INTERNAL' } }],
  ])('%s has its own shape of error', async (path, body) => {
    const vendor = await startOwnVendor()
    vendor.script(fail(529, { message: 'busy' }))
    const answer = await rawRequest(vendor.port, { path, body: {} })
    expect([answer.status, JSON.parse(String(answer.body))]).toEqual([529, body])
  })

  test('an overload may be told as a success', async () => {
    const vendor = await startOwnVendor()
    vendor.script(fail(529, { asStatus: 200 }), fail(429, { body: { detail: 'limit' }, asStatus: 400 }))
    expect(String((await rawRequest(vendor.port, WHOLE)).body)).toContain('overloaded_error')
    expect(await rawRequest(vendor.port, WHOLE)).toMatchObject({ status: 400, body: Buffer.from('{"detail":"limit"}') })
  })

  test.each([
    ['/v1/messages', ['error']],
    ['/v1/responses', ['error', 'response.failed']],
    ['/v1/chat/completions', ['']],
    ['/v1beta/models/m:streamGenerateContent?alt=sse', ['']],
  ])('%s can tell a failure as its first event or after content', async (path, names) => {
    const vendor = await startOwnVendor()
    vendor.script(failInStream(529), answerText('hello', after('content', errorEvent(529))))
    const first = await rawRequest(vendor.port, { path, body: { stream: true } })
    expect(first).toMatchObject({ status: 200, ended: 'clean' })
    expect(readEvents(first.body).map((event) => event.event)).toEqual(names)

    const late = await rawRequest(vendor.port, { path, body: { stream: true } })
    expect(readText(late.body)).toBe('hello')
    expect(String(readEvents(late.body).at(-1)?.data)).toContain('refused with 529')
    expect(late.ended).toBe('clean')
  })

  test('redirects, pages and empty bodies come as they are', async () => {
    const vendor = await startOwnVendor()
    vendor.script(redirect('http://127.0.0.1:9/'), html(), empty())
    expect(await rawRequest(vendor.port, WHOLE)).toMatchObject({
      status: 307,
      headers: { location: 'http://127.0.0.1:9/' },
    })
    expect((await rawRequest(vendor.port, STREAM)).headers['content-type']).toContain('text/html')
    const nothing = await rawRequest(vendor.port, STREAM)
    expect(nothing.headers['content-type']).toContain('text/event-stream')
    expect(nothing).toMatchObject({ status: 200, body: Buffer.alloc(0), ended: 'clean' })
  })

  test('a gzip bomb is small on the wire and large behind it', async () => {
    const vendor = await startOwnVendor()
    vendor.script(gzipBomb(5 * 1024 * 1024))
    const bomb = await rawRequest(vendor.port, WHOLE)
    expect(bomb.headers['content-encoding']).toBe('gzip')
    expect(bomb.body.length).toBeLessThan(10_000)
    expect(gunzipSync(bomb.body).length).toBe(5 * 1024 * 1024)
  })
})

describe('endings on the wire', () => {
  test.each([
    ['an answer to its end', answerText('hello'), 'clean', 'hello'],
    ['a reset before the head', drop(), 'reset', ''],
    ['a FIN before the head', wire(finish()), 'truncated', ''],
    ['a reset before the first event', answerText('hello', cut()), 'reset', ''],
    ['a FIN before the first event', answerText('hello', finish()), 'truncated', ''],
    ['a missing last chunk', answerText('one two', after('content', finish())), 'truncated', 'one '],
    [
      'an early FIN that looks like the end',
      answerText('one two', framing('close'), after('content', finish())),
      'clean',
      'one ',
    ],
    ['a clean end without the terminal event', answerText('hello', without('terminal')), 'clean', 'hello'],
    ['a proper end in the middle', answerText('one two', after('content', end())), 'clean', 'one '],
    [
      'a declared length that is too long',
      answerText('hello', framing({ declaredBytes: 99_999 })),
      'truncated',
      'hello',
    ],
  ])('%s', async (_name, reaction, ended, text) => {
    const vendor = await startOwnVendor()
    vendor.script(reaction)
    const answer = await rawRequest(vendor.port, STREAM)
    expect([answer.ended, readText(answer.body)]).toEqual([ended, text])
  })

  test('a declared length that is too short cuts the body for the reader', async () => {
    const vendor = await startOwnVendor()
    vendor.script(raw({ framing: { declaredBytes: 5 }, pieces: ['hello, and more'] }))
    expect(await rawRequest(vendor.port, WHOLE)).toMatchObject({ body: Buffer.from('hello'), ended: 'clean' })
  })

  test('a whole answer can break in its middle', async () => {
    const vendor = await startOwnVendor()
    vendor.script(answerText('hello', after('content', cut())))
    const answer = await rawRequest(vendor.port, WHOLE)
    expect(answer.ended).toBe('reset')
    expect(() => JSON.parse(String(answer.body))).toThrow('JSON')
    expect(answer.body.length).toBeLessThan(Number(answer.headers['content-length']))
  })

  test.each(['a', 'ab'])('and its middle is never inside a character (%s)', async (odd) => {
    const vendor = await startOwnVendor()
    const text = odd + '🦊'.repeat(500)
    vendor.script(answerText(text))
    expect(JSON.parse(String((await rawRequest(vendor.port, WHOLE)).body)).content[0].text).toBe(text)
  })

  test('after the last event the connection may stay open and silent', async () => {
    const vendor = await startOwnVendor()
    vendor.script(answerText('hello', hold()))
    const answer = rawRequest(vendor.port, STREAM)
    await answer.until('message_stop')
    answer.abort()
    expect((await answer).ended).toBe('aborted')
    await vendor.requests[0]?.closed
    expect(vendor.requests[0]?.state).toBe('aborted')
  })

  test('a stale connection closes after an answer that did not say so', async () => {
    const vendor = await startOwnVendor()
    vendor.script(answerText('hello', thenClose()))
    const connection = rawConnect(vendor.port)
    const answer = await connection.send(WHOLE)
    expect(answer).toMatchObject({ status: 200, ended: 'clean' })
    expect(answer.headers['connection']).toBeUndefined()
    await connection.closed
    expect(vendor.requests[0]?.state).toBe('answered')
  })
})

describe('before and between', () => {
  test('no headers come until the test says so', async () => {
    const vendor = await startOwnVendor()
    vendor.script(answerText('hello', beforeHead(pause())))
    const answer = rawRequest(vendor.port, STREAM)
    const received = await vendor.received(1)
    expect(await Promise.race([answer.head, Promise.resolve('nothing yet')])).toBe('nothing yet')
    received.resume()
    expect((await answer.head).status).toBe(200)
  })

  test('an interim answer comes first', async () => {
    const vendor = await startOwnVendor()
    vendor.script(answerText('hello', informational(103, { link: '</style.css>; rel=preload' })))
    expect(await rawRequest(vendor.port, STREAM)).toMatchObject({ interim: [103], status: 200, ended: 'clean' })
  })

  test('pings, raw text and repeated events stand where the test puts them', async () => {
    const vendor = await startOwnVendor()
    vendor.script(
      answerText('hello', before('start', ': first\n\n'), after('content', ping(), ping()), repeat('terminal')),
    )
    const { events, comments } = readSse((await rawRequest(vendor.port, STREAM)).body)
    expect(comments).toEqual(['first'])
    expect(events.map((event) => event.event).slice(3)).toEqual([
      'content_block_delta',
      'ping',
      'ping',
      'content_block_stop',
      'message_delta',
      'message_stop',
      'message_stop',
    ])
  })

  test('headers may repeat, keep their case, and replace the vendor’s own', async () => {
    const vendor = await startOwnVendor()
    vendor.script(answerText('hello', headers({ 'Set-Cookie': ['a=1', 'b=2'], 'content-type': 'text/plain' })))
    const { rawHeaders, headers: map } = await rawRequest(vendor.port, WHOLE)
    expect(rawHeaders.join(' ')).toContain('Set-Cookie a=1 Set-Cookie b=2')
    expect(map['content-type']).toBe('text/plain')
  })

  test('bytes that are no HTTP go out as they are', async () => {
    const vendor = await startOwnVendor()
    vendor.script(wire('SSH-2.0-OpenSSH_9.6\r\n\r\n'))
    await expect(request(`${vendor.url}/v1/messages`)).rejects.toMatchObject({ name: 'HTTPParserError' })
  })
})

describe('other readers see the same', () => {
  test('undici takes a close-delimited early end for a whole answer, and a missing last chunk for an error', async () => {
    const vendor = await startOwnVendor()
    const early = after('content', finish())
    vendor.script(answerText('one two', framing('close'), early), answerText('one two', early))
    const post = { method: 'POST', body: JSON.stringify(STREAM.body) } as const
    const believed = await request(`${vendor.url}/v1/messages`, post)
    expect(readText(await believed.body.text())).toBe('one ')
    const broken = await request(`${vendor.url}/v1/messages`, post)
    await expect(broken.body.text()).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' })
  })

  test('node:http reads a model list over a connection that it keeps', async () => {
    const vendor = await startOwnVendor()
    const ids = await new Promise((resolve, reject) => {
      get(`${vendor.url}/v1/models`, (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString()).object))
      }).on('error', reject)
    })
    expect(ids).toBe('list')
  })

  test('a reader that stands still stops the vendor', async () => {
    const vendor = await startOwnVendor()
    const megabyte = 'x'.repeat(1024 * 1024)
    vendor.script(answerWith({ text: Array.from({ length: 24 }, () => megabyte) }))
    const answer = rawRequest(vendor.port, { ...STREAM, neverReads: true })
    const received = await vendor.received(1)
    await settle(200)
    expect(received.isActive).toBe(true)
    expect(vendor.bytesSent(1).length).toBeLessThan(16 * 1024 * 1024)
    answer.resumeReading()
    expect((await answer).body.length).toBe(vendor.bytesSent(1).length)
  })
})
