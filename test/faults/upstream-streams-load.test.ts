/**
 * Large, many, fast and slow: what a stream costs does not depend on how its bytes come or how its client reads.
 */
import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { settle } from '../harness/clock.ts'
import { after, answerText, answerWith, type Piece } from '../harness/reactions.ts'
import { onlyInThisProcess } from '../harness/relay-program.ts'
import { TOKEN } from '../harness/relay.ts'
import { ask, lastRecord, PROTOCOLS, setStage, type Stage } from './four-dialects.ts'

const MIB = 1024 * 1024

/** What came, without keeping it: its hash, its size, and by how much the live memory of the process had grown meanwhile. */
async function readWithoutKeeping({ relay }: Stage): Promise<{ sha256: string; bytes: number; grownBytes: number }> {
  const { path, body } = ask('anthropic')
  const hash = createHash('sha256')
  const before = liveBytes()
  let bytes = 0
  let peakBytes = before
  await new Promise<void>((resolve, reject) => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }
    const outgoing = request(`${relay.url}${path}`, { method: 'POST', headers, agent: false }, (answer) => {
      answer.on('data', (chunk: Buffer) => {
        hash.update(chunk)
        const isSample = Math.floor(bytes / SAMPLE_BYTES) < Math.floor((bytes + chunk.length) / SAMPLE_BYTES)
        bytes += chunk.length
        if (isSample) peakBytes = Math.max(peakBytes, liveBytes())
      })
      answer.once('end', resolve).once('error', reject)
    })
    outgoing.once('error', reject).end(JSON.stringify(body))
  })
  return { sha256: hash.digest('hex'), bytes, grownBytes: peakBytes - before }
}

const SAMPLE_BYTES = 8 * MIB

/** Objects and buffers that something still refers to. */
function liveBytes(): number {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  // The first round may leave buffers to be swept beside the program; the second waits for that.
  collectGarbage()
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

const DELTA =
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"'
const DELTA_END = '"}}\n\n'

/** One event whose text has this many MiB, in pieces that all share one buffer. */
function hugeEvent(mebibytes: number): Piece[] {
  const block = Buffer.alloc(64 * 1024, 'x')
  return [DELTA, ...Array.from({ length: mebibytes * 16 }, () => block), DELTA_END]
}

test('row 36: a single line of 64 MiB passes as it is, and nothing of it is kept', async () => {
  onlyInThisProcess('the memory of this process')
  const stage = await setStage('anthropic')
  stage.vendor.script(answerText('one two', after('content', ...hugeEvent(64))))
  const { sha256: received, bytes, grownBytes } = await readWithoutKeeping(stage)
  expect(bytes).toBeGreaterThan(64 * MIB)
  expect(received).toBe(sha256(stage.vendor.bytesSent(1)))
  expect(lastRecord(stage.relay)).toMatchObject({ outcome: 'served', output: 7 })
  expect(grownBytes).toBeLessThan(16 * MIB)
})

test('row 37: 250,000 tiny events pass without growth, and others are served meanwhile', async () => {
  onlyInThisProcess('the memory of this process')
  const stage = await setStage('anthropic')
  const hundred = Buffer.from(`${DELTA}.${DELTA_END}`.repeat(100))
  stage.vendor.script(answerText('one two', after('content', ...Array.from({ length: 2_500 }, () => hundred))))
  const flow = { isOver: false }
  const flood = readWithoutKeeping(stage).finally(() => (flow.isOver = true))
  let served = 0
  await stage.vendor.received(1)
  while (!flow.isOver) {
    expect((await stage.send({ stream: false })).status).toBe(200)
    served++
  }
  const { sha256: received, grownBytes } = await flood
  expect(received).toBe(sha256(stage.vendor.bytesSent(1)))
  expect(grownBytes).toBeLessThan(16 * MIB)
  expect(served).toBeGreaterThan(1)
})

test('row 41: a client that does not read stops the vendor, and gets everything once it does', async () => {
  onlyInThisProcess('the turns of this event loop')
  const { vendor, relay, send } = await setStage('anthropic')
  vendor.script(answerText('one two', after('content', ...hugeEvent(32), ...hugeEvent(32))))
  const answer = send({ neverReads: true })
  const received = await vendor.received(1)
  await settle(500)
  expect(received.isActive).toBe(true)
  const waiting = vendor.bytesSent(1).length
  expect(waiting).toBeLessThan(24 * MIB)
  await settle(100)
  expect(vendor.bytesSent(1).length).toBe(waiting)
  answer.resumeReading()
  expect(sha256((await answer).body)).toBe(sha256(vendor.bytesSent(1)))
  expect(lastRecord(relay)).toMatchObject({ outcome: 'served' })
})

test('stream_read_timeout counts the silence of the vendor, not that of a slow client', async () => {
  const { vendor, relay, send } = await setStage('anthropic', { stream_read_timeout: '20s' })
  vendor.script(answerText('one two', after('content', ...hugeEvent(32))))
  const answer = send({ neverReads: true })
  const received = await vendor.received(1)
  await settle(500)
  expect(received.isActive).toBe(true)
  await relay.clock.advance(50_000)
  expect(received.isActive).toBe(true)
  answer.resumeReading()
  expect((await answer).body.length).toBe(vendor.bytesSent(1).length)
  expect(lastRecord(relay)).toMatchObject({ outcome: 'served' })
})

describe('parallel tool calls', () => {
  const toolCalls = [
    { id: 'call_weather', name: 'weather', arguments: { city: 'Zürich', days: 3 } },
    { id: 'call_time', name: 'time', arguments: { zone: 'Europe/Zurich' } },
  ]

  test.each(PROTOCOLS)('row 39: told in turns by %s keep their order, indices and ids', async (protocol) => {
    const { vendor, relay, send } = await setStage(protocol)
    vendor.script(answerWith({ text: 'one moment', toolCalls, interleaved: true }))
    const answer = await send()
    expect(answer.body).toEqual(vendor.bytesSent(1))
    expect(String(answer.body)).toMatch(/call_weather[^]*call_time/)
    expect(lastRecord(relay)).toMatchObject({ outcome: 'served' })
  })
})
