/**
 * Each toxic does to a connection what its name says, and the pipe without toxics does nothing.
 */
import { expect, onTestFinished, test } from 'vitest'
import { createVirtualClock, settle, type VirtualClock } from './clock.ts'
import {
  bandwidth,
  blackHole,
  dataLimit,
  latency,
  resetAfter,
  slicer,
  slowClose,
  startPipe,
  type Pipe,
} from './pipe.ts'
import { rawConnect, rawRequest } from './raw-client.ts'
import { answerText, framing, raw, stall } from './reactions.ts'
import { readText } from './sse.ts'
import { startVendor, type Vendor } from './vendor.ts'

const STREAM = { path: '/v1/messages', body: { stream: true } }

async function startLine(): Promise<{ vendor: Vendor; pipe: Pipe; clock: VirtualClock }> {
  const clock = createVirtualClock()
  const vendor = await startVendor()
  const pipe = await startPipe(vendor.port, clock)
  onTestFinished(pipe.close)
  onTestFinished(vendor.close)
  return { vendor, pipe, clock }
}

test('without toxics both sides see each other as they are, also when one leaves', async () => {
  const { vendor, pipe } = await startLine()
  vendor.script(answerText('hello'), answerText('hello', stall()))
  const answer = await rawRequest(pipe.port, STREAM)
  expect(answer.ended).toBe('clean')
  expect(answer.body).toEqual(vendor.bytesSent(1))

  const stalled = rawRequest(pipe.port, STREAM)
  const received = await vendor.received(2)
  stalled.abort()
  await received.closed
  expect(received.isAborted).toBe(true)
})

test('latency holds every read back, within its jitter', async () => {
  const { pipe, clock } = await startLine()
  pipe.down(latency(5000, 4000))
  const answer = rawRequest(pipe.port, STREAM)
  await clock.advance(900)
  expect(answer.bodySoFar()).toHaveLength(0)
  await clock.advance(20 * 9000)
  expect((await answer).ended).toBe('clean')
})

test('bandwidth lets through so many bytes a second', async () => {
  const { vendor, pipe, clock } = await startLine()
  vendor.always(raw({ framing: 'close', pieces: ['x'.repeat(10_000)] }))
  pipe.down(bandwidth(2000))
  const answer = rawRequest(pipe.port, STREAM)
  await clock.advance(2000)
  expect(answer.bodySoFar().length).toBeGreaterThan(3500)
  expect(answer.bodySoFar().length).toBeLessThan(4500)
  await clock.advance(4000)
  expect((await answer).body).toHaveLength(10_000)
})

test('slices arrive one by one', async () => {
  const { vendor, pipe } = await startLine()
  vendor.always(answerText('Grüße 🦊', framing('close')))
  pipe.down(slicer(1))
  const answer = await rawRequest(pipe.port, STREAM)
  expect(readText(answer.body)).toBe('Grüße 🦊')
  expect(answer.chunks.every((chunk) => chunk.length === 1)).toBe(true)
})

test('a limit ends the connection, a reset breaks it, each after so many bytes', async () => {
  const { vendor, pipe } = await startLine()
  vendor.always(raw({ framing: { declaredBytes: 1000 }, pieces: ['x'.repeat(1000)] }))
  pipe.down(dataLimit(500))
  expect((await rawRequest(pipe.port, STREAM)).ended).toBe('truncated')
  pipe.down(resetAfter(500))
  const broken = await rawRequest(pipe.port, STREAM)
  expect([broken.ended, broken.body.length < 500]).toEqual(['reset', true])
  await vendor.requests[1]?.closed
})

test('a slow close keeps the reader waiting for the end', async () => {
  const { vendor, pipe, clock } = await startLine()
  vendor.always(answerText('hello', framing('close')))
  pipe.down(slowClose(3000))
  const answer = rawRequest(pipe.port, STREAM)
  await answer.until('message_stop')
  await clock.advance(2999)
  expect(await Promise.race([answer, settle(1)])).toBeUndefined()
  await clock.advance(1)
  expect((await answer).ended).toBe('clean')
})

test('a black hole takes everything and says nothing', async () => {
  const { vendor, pipe } = await startLine()
  pipe.up(blackHole())
  const connection = rawConnect(pipe.port)
  const answer = connection.send(STREAM)
  await settle()
  expect(vendor.requests).toEqual([])
  connection.abort()
  expect((await answer).ended).toBe('aborted')
})

test('all connections can be broken at once, and none outlives the pipe', async () => {
  const { vendor, pipe } = await startLine()
  vendor.always(answerText('hello', stall()))
  const answers = [rawRequest(pipe.port, STREAM), rawRequest(pipe.port, STREAM)]
  await Promise.all(answers.map((answer) => answer.head))
  pipe.resetAll()
  expect((await Promise.all(answers)).map((answer) => answer.ended)).toEqual(['reset', 'reset'])
  await Promise.all(vendor.requests.map((request) => request.closed))
  expect({ ...pipe.connections }).toEqual({ open: 0, total: 2 })
})
