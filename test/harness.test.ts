/**
 * The fake vendor in stories: it does what the test tells it, request by request, and records what happened.
 */
import { createHash } from 'node:crypto'
import { describe, expect, onTestFinished, test } from 'vitest'
import { settle } from './harness/clock.ts'
import { rawConnect, rawRequest } from './harness/raw-client.ts'
import {
  after,
  answerText,
  before,
  beforeHead,
  cut,
  drop,
  fail,
  finish,
  framing,
  pause,
  slice,
  stall,
} from './harness/reactions.ts'
import { readJsonEvents, readText } from './harness/sse.ts'
import { startVendor, type Vendor } from './harness/vendor.ts'

const STREAM = { path: '/v1/messages', body: { model: 'claude', stream: true } }
const WHOLE = { path: '/v1/messages', body: { model: 'claude' } }

async function startOwnVendor(): Promise<Vendor> {
  const vendor = await startVendor()
  onTestFinished(vendor.close)
  return vendor
}

test('a vendor refuses with retry-after 7, then streams byte by byte, then cuts the socket', async () => {
  const vendor = await startOwnVendor()
  vendor.script(
    fail(429, { message: 'slow down', headers: { 'retry-after': '7' } }),
    answerText('good morning', slice(1), before('finish', cut())),
  )

  const refused = await rawRequest(vendor.port, STREAM)
  expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '7' }, ended: 'clean' })
  expect(JSON.parse(String(refused.body))).toEqual({
    type: 'error',
    error: { type: 'rate_limit_error', message: 'slow down' },
    request_id: 'req_att_1',
  })
  const cutOff = await rawRequest(vendor.port, STREAM)
  expect(cutOff).toMatchObject({ status: 200, ended: 'reset' })
  expect(readText(cutOff.body)).toBe('good morning')
  expect(new Set(cutOff.chunks.map((chunk) => chunk.length))).toEqual(new Set([1]))
})

describe('scripts', () => {
  test('reactions are used up in order, then the default holds', async () => {
    const vendor = await startOwnVendor()
    vendor.script(fail(500), fail(529))
    vendor.always(answerText('at last'))

    const statuses = []
    for (let i = 0; i < 4; i++) statuses.push((await rawRequest(vendor.port, WHOLE)).status)
    expect(statuses).toEqual([500, 529, 200, 200])
  })

  test('an account has its own script, and the vendor speaks for accounts that have none', async () => {
    const vendor = await startOwnVendor()
    vendor.always(answerText('for everyone'))
    vendor.forKey('key-a').script(fail(401))

    const statuses = []
    for (const key of ['key-b', 'key-a', 'key-a']) {
      statuses.push((await rawRequest(vendor.port, { ...WHOLE, headers: { 'x-api-key': key } })).status)
    }
    expect(statuses).toEqual([200, 401, 200])
    expect(vendor.forKey('key-a').requests.map((request) => request.attempt)).toEqual([2, 3])
  })

  test.each([
    ['x-api-key', { 'x-api-key': 'secret' }, ''],
    ['a bearer', { authorization: 'bearer secret' }, ''],
    ['x-goog-api-key', { 'x-goog-api-key': 'secret' }, ''],
    ['the query', {}, '?key=secret'],
  ])('the key is found in %s', async (_where, headers, query) => {
    const vendor = await startOwnVendor()
    await rawRequest(vendor.port, { path: `/v1/messages${query}`, headers, body: {} })
    expect(vendor.requests[0]?.key).toBe('secret')
  })

  test('a reaction that cannot be done fails the test that scripted it', async () => {
    const vendor = await startVendor()
    vendor.script(answerText('hello', after(99, cut())))
    expect((await rawRequest(vendor.port, STREAM)).ended).toBe('truncated')
    await expect(vendor.close()).rejects.toThrow('the answer has no place 99: it has 7 events')
  })
})

describe('the record', () => {
  test('a request is recorded as it was sent', async () => {
    const vendor = await startOwnVendor()
    await rawRequest(vendor.port, {
      path: '/prefix/v1/responses?beta=true',
      headers: { 'X-Odd-Case': ['one', 'two'] },
      body: Buffer.from('{"model":"gpt-5.5","n":1.0}'),
      chunked: true,
    })
    const [received] = vendor.requests
    expect(received).toMatchObject({
      attempt: 1,
      method: 'POST',
      target: '/prefix/v1/responses?beta=true',
      protocol: 'openai-responses',
      model: 'gpt-5.5',
      stream: false,
      state: 'answered',
    })
    expect(received?.rawHeaders.slice(-4)).toEqual(['X-Odd-Case', 'one', 'X-Odd-Case', 'two'])
    expect(received?.bytes.toString()).toBe('{"model":"gpt-5.5","n":1.0}')
  })

  test('a relay that leaves early is noticed, and only then', async () => {
    const vendor = await startOwnVendor()
    vendor.script(answerText('hello', stall()), answerText('hello'))

    const stalled = rawRequest(vendor.port, STREAM)
    const received = await vendor.received(1)
    expect(received.isActive).toBe(true)
    await stalled.head
    stalled.abort()
    await received.closed
    expect(received.state).toBe('aborted')

    await rawRequest(vendor.port, STREAM)
    await vendor.requests[1]?.closed
    expect(vendor.requests[1]?.state).toBe('answered')
  })

  test('bytes sent are exactly the bytes received, and every id in them names the attempt', async () => {
    const vendor = await startVendor({ name: 'b' })
    onTestFinished(vendor.close)
    vendor.script(answerText('hello'), answerText('grüße 🦊', slice(1)))

    await rawRequest(vendor.port, STREAM)
    const { body, headers } = await rawRequest(vendor.port, STREAM)
    expect(headers['x-attempt-id']).toBe('att_b2')
    expect(readJsonEvents(body)[0]).toMatchObject({ message: { id: 'msg_att_b2' } })
    expect(sha256(body)).toBe(sha256(vendor.bytesSent(2)))
    expect(sha256(body)).not.toBe(sha256(vendor.bytesSent(1)))
  })

  test('connections and load are counted', async () => {
    const vendor = await startOwnVendor()
    vendor.always(answerText('hello', pause()))
    const connection = rawConnect(vendor.port)
    const answers = [connection.send(WHOLE), rawRequest(vendor.port, WHOLE), connection.send(WHOLE)]
    await vendor.received(3)
    expect({ ...vendor.load, ...vendor.connections }).toEqual({ active: 3, peak: 3, open: 2, total: 2 })

    for (let i = 0; i < 3; i++) vendor.resume()
    await Promise.all(answers)
    connection.abort()
    await Promise.all(vendor.requests.map((request) => request.closed))
    vendor.always(answerText('hello'))
    await rawRequest(vendor.port, WHOLE)
    await vendor.requests[3]?.closed
    expect({ ...vendor.load, ...vendor.connections }).toEqual({ active: 0, peak: 3, open: 0, total: 3 })
    expect(vendor.requests.filter((request) => request.connection === 1)).toHaveLength(2)
  })

  test.each([
    ['answered', answerText('hello')],
    ['cut', answerText('hello', cut())],
    ['cut', answerText('hello', framing('close'), finish())],
    ['cut', drop()],
    ['aborted', answerText('hello', stall())],
    ['aborted', answerText('hello', beforeHead(pause()))],
  ])('a request is %s', async (state, reaction) => {
    const vendor = await startOwnVendor()
    vendor.script(reaction)
    const gone = rawRequest(vendor.port, STREAM)
    const received = await vendor.received(1)
    if (state === 'aborted') gone.abort('reset')
    await gone
    await received.closed
    expect([received.state, received.isAborted, vendor.load.active]).toEqual([state, state === 'aborted', 0])
  })

  test('steps that stand alone happen in their order, and a resume that comes early is not lost', async () => {
    const vendor = await startOwnVendor()
    vendor.script(answerText('hello', pause(), pause(), cut()), answerText('hello', pause()))
    const answer = rawRequest(vendor.port, STREAM)
    const received = await vendor.received(1)
    await settle()
    expect(received.isActive).toBe(true)
    received.resume()
    received.resume()
    expect((await answer).ended).toBe('reset')

    vendor.resume()
    expect((await rawRequest(vendor.port, STREAM)).ended).toBe('clean')
  })

  test('a relay that asks for it gets its connection closed', async () => {
    const vendor = await startOwnVendor()
    const connection = rawConnect(vendor.port)
    const answer = await connection.send({ ...WHOLE, headers: { connection: 'close' } })
    expect(answer.ended).toBe('clean')
    await connection.closed
  })

  test('a long run may forget what is over', async () => {
    const vendor = await startOwnVendor()
    await rawRequest(vendor.port, WHOLE)
    vendor.forget()
    expect(vendor.requests).toEqual([])
    await rawRequest(vendor.port, WHOLE)
    expect(vendor.requests.map((request) => request.attempt)).toEqual([2])
  })
})

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
