/**
 * Clients whose answers are translated: that leave, half-close, do not read, or are flooded. What the byte lane promises
 * them is promised here.
 */
import { describe, expect, test } from 'vitest'
import { settle } from '../harness/clock.ts'
import { after, answerText, beforeHead, pause, raw, stall, type Piece, type Reaction } from '../harness/reactions.ts'
import { onlyInThisProcess } from '../harness/relay-program.ts'
import { readText } from '../harness/sse.ts'
import { type HubLane, HUB_LANES, lastRecord, setStage } from './four-dialects.ts'

const MIB = 1024 * 1024
const WAYS = ['close', 'reset'] as const
const MOMENTS: Array<[string, Reaction]> = [
  ['row 52: before the upstream has sent headers', answerText('hello', beforeHead(stall()))],
  ['row 53: after the headers, before the first byte', answerText('hello', stall())],
  ['row 54: in the middle of the answer', answerText('hello', after('content', stall()))],
]

describe.each(HUB_LANES)('a $client client of $upstream accounts', (lane) => {
  const cases = MOMENTS.flatMap(([when, reaction]) =>
    WAYS.flatMap((how) => [true, false].map((stream) => ({ when, reaction, how, stream }))),
  )
  test.each(cases)('$when leaves with a $how (stream $stream)', async ({ reaction, how, stream }) => {
    const { vendor, relay, send } = await setStage(lane, {}, { a: { concurrency: 1 } })
    vendor.script(reaction)
    const leaving = send({ stream })
    const upstream = await vendor.received(1)
    await settle()
    leaving.abort(how)
    await relay.clock.advance(100)
    expect([upstream.isAborted, relay.inFlight()]).toEqual([true, { a: 0 }])
    expect(lastRecord(relay)).toMatchObject({ status: 499, outcome: 'gone', account: 'a' })
    expect((await send({ stream })).status).toBe(200)
  })

  test.each([true, false])('row 56: half-closes behind its request and gets its answer (stream %s)', async (stream) => {
    onlyInThisProcess('half-open sockets')
    const { vendor, relay, send } = await setStage(lane)
    vendor.script(answerText('one two', beforeHead(pause())))
    const answer = send({ stream, halfClose: true })
    await vendor.received(1)
    await relay.clock.advance(2_000)
    vendor.resume()
    const { status, body, ended } = await answer
    expect([status, ended]).toEqual([200, 'clean'])
    expect(stream ? readText(body) : String(body)).toContain('one two')
  })
})

const LANE: HubLane = { client: 'openai-chat', upstream: 'anthropic' }
const DELTA =
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"'
const DELTA_END = '"}}\n\n'

/** Words that a model says, in events of one MiB. */
const flood = (mebibytes: number): Piece[] => {
  const event = Buffer.from(`${DELTA}${'x'.repeat(MIB)}${DELTA_END}`)
  return Array.from({ length: mebibytes }, () => event)
}

test('row 36: an event of 20 MiB is translated as a whole', async () => {
  const { vendor, relay, send } = await setStage(LANE)
  const block = Buffer.alloc(MIB, 'x')
  vendor.script(answerText('one two', after('content', DELTA, ...Array.from({ length: 20 }, () => block), DELTA_END)))
  const { body, ended } = await send()
  expect(ended).toBe('clean')
  expect(Math.floor(body.length / MIB)).toBe(20)
  expect(lastRecord(relay)).toMatchObject({ outcome: 'served' })
})

test('row 37: 50,000 tiny events, with others served meanwhile', async () => {
  const { vendor, relay, send } = await setStage(LANE)
  const hundred = Buffer.from(`${DELTA}.${DELTA_END}`.repeat(100))
  vendor.script(answerText('one two', after('content', ...Array.from({ length: 500 }, () => hundred))))
  const flow = { isOver: false }
  const flooded = send().finally(() => (flow.isOver = true))
  let served = 0
  await vendor.received(1)
  while (!flow.isOver) {
    expect((await send({ stream: false })).status).toBe(200)
    served++
  }
  expect(readText((await flooded).body)).toHaveLength('one two'.length + 50_000)
  expect(served).toBeGreaterThan(0)
  expect(relay.inFlight()).toEqual({ a: 0, b: 0 })
})

test('row 41: a client that does not read stops the vendor, and gets everything once it does', async () => {
  onlyInThisProcess('the turns of this event loop')
  const { vendor, relay, send } = await setStage(LANE)
  vendor.script(answerText('one two', after('content', ...flood(48))))
  const answer = send({ neverReads: true })
  const received = await vendor.received(1)
  await settle(1_000)
  expect(received.isActive).toBe(true)
  const waitingBytes = vendor.bytesSent(1).length
  expect(waitingBytes).toBeLessThan(24 * MIB)
  await settle(100)
  expect(vendor.bytesSent(1).length).toBe(waitingBytes)
  answer.resumeReading()
  expect(readText((await answer).body)).toHaveLength('one two'.length + 48 * MIB)
  expect(lastRecord(relay)).toMatchObject({ outcome: 'served' })
})

test('row 57: a client that never reads holds its slot for 60 s, and not longer', async () => {
  const { vendor, relay, send } = await setStage(LANE)
  vendor.script(raw({ headers: { 'content-type': 'text/event-stream' }, pieces: [START, ...flood(48)] }))
  const client = send({ neverReads: true })
  const upstream = await vendor.received(1)
  await settle(2_000)
  await relay.clock.advance(59_000)
  expect([upstream.isAborted, relay.inFlight()]).toEqual([false, { a: 1, b: 0 }])
  await relay.clock.advance(2_000)
  expect([upstream.isAborted, relay.inFlight()]).toEqual([true, { a: 0, b: 0 }])
  expect(lastRecord(relay)).toMatchObject({ status: 499, outcome: 'gone' })
  client.resumeReading()
  expect((await client).ended).not.toBe('clean')
})

const START = [
  'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"m","usage":{"input_tokens":1,"output_tokens":1}}}\n\n',
  'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n',
].join('')
