/**
 * The client towards vendors, on real sockets: what it does with an answer that comes faster than it can be read.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createSystemClock } from '../../src/core/clock.ts'
import type { UpstreamCall } from '../../src/core/upstream-call.ts'
import { createUpstreamClient, type UpstreamListener } from '../../src/io/upstream.ts'
import { createDeferred } from '../harness/deferred.ts'

const EVENTS = 200

/** A server that sends an answer of many HTTP chunks at once, so that one read brings them all; and a way to ask it. */
async function start(): Promise<(listener: UpstreamListener) => void> {
  const server = createServer((_incoming, outgoing) => {
    for (let i = 0; i < EVENTS; i++) outgoing.write(`event ${i}\n`)
    outgoing.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const client = createUpstreamClient({ connectTimeoutMs: 5_000 }, createSystemClock())
  onTestFinished(() => client.close())
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const call: UpstreamCall = { origin, path: '/', method: 'GET', headers: [], body: null, proxy: null }
  return (listener) => void client.send(call, listener)
}

/** Keeps the processor busy, as the translation of many events does. */
function work(ms: number): void {
  for (const endsAt = performance.now() + ms; performance.now() < endsAt;);
}

test('a flood that takes long to read lets others have their turn, and loses nothing', async () => {
  const ask = await start()
  const over = createDeferred()
  const events: string[] = []
  let turns = 0
  const turn = (): void => {
    turns++
    setImmediate(turn).unref()
  }
  setImmediate(turn).unref()
  let chunksInTurn = 0
  let mostChunksInTurn = 0
  let turnOfChunk = -1
  ask({
    onHead() {},
    onData(chunk) {
      events.push(chunk.toString())
      chunksInTurn = turnOfChunk === turns ? chunksInTurn + 1 : 1
      turnOfChunk = turns
      mostChunksInTurn = Math.max(mostChunksInTurn, chunksInTurn)
      work(1)
      return true
    },
    onEnd: () => over.resolve(),
    onFailure: over.reject,
  })
  await over.promise
  expect(events).toEqual(Array.from({ length: EVENTS }, (_, i) => `event ${i}\n`))
  // The clock is looked at behind every sixteenth, and the first look has nothing to compare with.
  expect(mostChunksInTurn).toBeLessThanOrEqual(48)
})

test('a reader that says no is asked again only when it wants to be', async () => {
  const ask = await start()
  const paused = createDeferred()
  let isPaused = false
  let wasDisturbed = false
  ask({
    onHead() {},
    onData() {
      wasDisturbed ||= isPaused
      isPaused = true
      work(10)
      paused.resolve()
      return false
    },
    onEnd() {},
    onFailure() {},
  })
  await paused.promise
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(wasDisturbed).toBe(false)
})
