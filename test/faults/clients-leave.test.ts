/**
 * Clients that leave before they have their answer: the upstream is dropped at once, the slot is free, nobody is blamed.
 */
import { gzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createSystemClock } from '../../src/core/clock.ts'
import { settle, type VirtualClock } from '../harness/clock.ts'
import { rawConnect } from '../harness/raw-client.ts'
import { after, answerText, beforeHead, stall, type Reaction } from '../harness/reactions.ts'
import { startRelay, TOKEN } from '../harness/relay.ts'
import { startVendor } from '../harness/vendor.ts'
import { leftBehind, setStage } from '../http/stage.ts'

const NOTHING = { leases: 0, waiting: 0, watched: 0, active: 0 }
const ONE = [{ name: 'one', api_key: 'one', concurrency: 1 }]

const question = (stream: boolean) => ({ model: 'claude-test', max_tokens: 9, stream, messages: [] })
const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }

const WAYS = ['close', 'reset'] as const
const MOMENTS: Array<[string, Reaction]> = [
  ['row 52: before the upstream has sent headers', answerText('hello', beforeHead(stall()))],
  ['row 53: after the headers, before the first byte', answerText('hello', stall())],
  ['row 54: in the middle of the answer', answerText('hello', after('content', stall()))],
]

describe.each(WAYS)('a client that leaves with a %s', (how) => {
  describe.each([
    ['a stream', true],
    ['a whole answer', false],
  ])('while it waits for %s', (_what, stream) => {
    test.each(MOMENTS)(
      '%s: the upstream is dropped within 100 ms, the slot free, nobody blamed',
      async (_when, reaction) => {
        const { vendor, relay } = await setStage({ accounts: ONE })
        vendor.script(reaction)
        const leaving = relay.post('/v1/messages', question(stream))
        const upstream = await vendor.received(1)
        await settle()
        leaving.abort(how)
        await relay.clock.advance(100)
        expect([upstream.isAborted, leftBehind({ vendor, relay })]).toEqual([true, NOTHING])
        expect(relay.log).toMatchObject([{ event: 'request.end', status: 499, outcome: 'gone', account: 'one' }])
        expect(relay.log[0]).not.toHaveProperty('failures')
        expect((await relay.post('/v1/messages', question(stream))).status).toBe(200)
        expect(JSON.parse(String((await relay.get('/health')).body))).toMatchObject({
          account_details: [{ state: 'ok' }],
        })
      },
    )

    test('row 53: while its start event is held back', async () => {
      const { vendor, relay } = await setStage({ accounts: ONE })
      vendor.script(answerText('hello', after('start', stall())))
      const leaving = relay.post('/v1/messages', question(stream))
      await vendor.received(1)
      await settle()
      leaving.abort(how)
      await relay.clock.advance(100)
      expect(leftBehind({ vendor, relay })).toEqual(NOTHING)
    })

    test('while it waits for a slot: its place in the queue is free, and no vendor hears of it', async () => {
      const { vendor, relay } = await setStage({ accounts: ONE })
      vendor.script(answerText('first', after('content', stall())))
      const first = relay.post('/v1/messages', question(true))
      await first.until('first')
      const leaving = relay.post('/v1/messages', question(stream))
      await settle()
      expect(leftBehind({ vendor, relay })).toMatchObject({ leases: 1, waiting: 1 })
      leaving.abort(how)
      await relay.clock.advance(100)
      expect(leftBehind({ vendor, relay })).toEqual({ leases: 1, waiting: 0, watched: 2, active: 1 })
      first.abort()
      await relay.clock.advance(100)
      expect(vendor.requests).toHaveLength(1)
    })
  })

  test('while it sends its body: nothing is asked upstream', async () => {
    const { vendor, relay } = await setStage({ accounts: ONE })
    const connection = rawConnect(relay.port)
    const leaving = connection.send({
      path: '/v1/messages',
      headers: { ...headers, 'content-length': '9' },
      body: '{"a"',
    })
    await settle()
    connection.abort(how)
    await leaving
    await settle()
    expect([vendor.requests, leftBehind({ vendor, relay })]).toEqual([[], NOTHING])
    expect(relay.log).toMatchObject([{ event: 'request.end', status: 499 }])
  })

  test('over HTTP/1.0, as a proxy does whose own client has left', async () => {
    const { vendor, relay } = await setStage({ accounts: ONE })
    vendor.script(answerText('hello', beforeHead(stall())))
    const body = JSON.stringify(question(false))
    const lines = [`authorization: ${headers.authorization}`, `content-length: ${body.length}`, '', body]
    const connection = rawConnect(relay.port)
    void connection.send({ bytes: ['POST /v1/messages HTTP/1.0', ...lines].join('\r\n') })
    const upstream = await vendor.received(1)
    connection.abort(how)
    await relay.clock.advance(100)
    expect([upstream.isAborted, leftBehind({ vendor, relay })]).toEqual([true, NOTHING])
  })

  test('while its body is unpacked: noticed although it went before anybody watched for it', async () => {
    const { vendor, relay } = await setStage({ accounts: ONE })
    vendor.always(answerText('hello', beforeHead(stall())))
    const body = gzipSync(JSON.stringify(question(false)))
    for (let turns = 0; turns < 20; turns++) {
      const connection = rawConnect(relay.port)
      const leaving = connection.send({
        path: '/v1/messages',
        headers: { ...headers, 'content-encoding': 'gzip' },
        body,
      })
      await settle(3 + turns)
      connection.abort(how)
      await leaving
      await settle()
      await relay.clock.advance(100)
      expect(leftBehind({ vendor, relay })).toEqual(NOTHING)
    }
  })
})

test('row 52: on the system clock, the vendor loses the connection within 100 ms after its client left', async () => {
  const vendor = await startVendor()
  onTestFinished(vendor.close)
  const accounts = [{ name: 'one', api_key: 'one', base_url: vendor.url }]
  const relay = await startRelay({ accounts }, createSystemClock() as VirtualClock)
  onTestFinished(() => relay.stop())
  const delaysMs: number[] = []
  for (const [, reaction] of MOMENTS) {
    for (const how of WAYS) {
      vendor.script(reaction)
      const leaving = relay.post('/v1/messages', question(true))
      const upstream = await vendor.received(vendor.requests.length + 1)
      await settle()
      const leftAt = performance.now()
      leaving.abort(how)
      await upstream.closed
      delaysMs.push(performance.now() - leftAt)
    }
  }
  expect(delaysMs).toHaveLength(6)
  expect(Math.max(...delaysMs)).toBeLessThan(100)
})
