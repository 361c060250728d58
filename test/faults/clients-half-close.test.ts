/**
 * Clients that close their sending side and wait: they have said all they wanted to say, and get their answer.
 */
import { gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, test } from 'vitest'
import { after, answerText, before, beforeHead, pause, stall } from '../harness/reactions.ts'
import { readText } from '../harness/sse.ts'
import { onlyInThisProcess } from '../harness/relay-program.ts'
import { ASK, leftBehind, PROTOCOLS, setStage } from '../http/stage.ts'

const NOTHING = { leases: 0, waiting: 0, watched: 0, active: 0 }

/** The same request for a stream. */
const streaming = (protocol: (typeof PROTOCOLS)[number]) => ({
  path: ASK[protocol].path.replace(':generateContent', ':streamGenerateContent?alt=sse'),
  body: protocol === 'gemini' ? ASK.gemini.body : { ...ASK[protocol].body, stream: true },
})

/** A compiled program takes a half-close for leaving: its runtime cannot tell the two apart. */
beforeEach(() => onlyInThisProcess('half-open sockets'))

describe.each(PROTOCOLS)('row 56: a client of %s that half-closes', (protocol) => {
  test('gets its whole answer, byte for byte', async () => {
    const { vendor, relay } = await setStage()
    const { path, body } = ASK[protocol]
    const answer = await relay.post(path, body, { halfClose: true })
    expect([answer.status, answer.ended]).toEqual([200, 'clean'])
    expect(answer.body).toEqual(vendor.bytesSent(1))
  })

  test('gets its stream, the upstream pausing wherever it likes', async () => {
    const { vendor, relay } = await setStage()
    vendor.script(
      answerText('hello', beforeHead(pause()), pause(), after('content', pause()), before('terminal', pause())),
    )
    const { path, body } = streaming(protocol)
    const answer = relay.post(path, body, { halfClose: true })
    await vendor.received(1)
    for (let pauses = 0; pauses < 4; pauses++) {
      await relay.clock.advance(1000)
      vendor.resume()
    }
    const { ended, status, body: text } = await answer
    expect([status, ended, readText(text)]).toEqual([200, 'clean', 'hello'])
  })

  test.each([
    ['a whole answer', ASK[protocol]],
    ['a stream', streaming(protocol)],
  ])('and later closes for good while it waits for %s is noticed, however silent the upstream', async (_what, ask) => {
    const { vendor, relay } = await setStage()
    vendor.script(answerText('hello', after('content', stall())))
    const leaving = relay.post(ask.path, ask.body, { halfClose: true })
    const upstream = await vendor.received(1)
    await relay.clock.advance(1000)
    expect(upstream.isAborted).toBe(false)
    leaving.abort()
    await relay.clock.advance(20_000)
    expect([upstream.isAborted, leftBehind({ vendor, relay })]).toEqual([true, NOTHING])
  })
})

test('row 56: a whole answer that takes its time reaches a client that half-closed long ago', async () => {
  const { vendor, relay } = await setStage()
  vendor.script(answerText('hello', beforeHead(pause()), after('content', pause())))
  const answer = relay.post('/v1/messages', ASK.anthropic.body, { halfClose: true })
  await vendor.received(1)
  for (let pauses = 0; pauses < 2; pauses++) {
    await relay.clock.advance(100_000)
    vendor.resume()
  }
  const { status, ended, interim, body } = await answer
  expect([status, ended, body.equals(vendor.bytesSent(1))]).toEqual([200, 'clean', true])
  // What it was asked whether it is still there, and what a client must be ready for at any time.
  expect(new Set(interim)).toEqual(new Set([102]))
})

test('row 56: a packed body and a half-close behind it', async () => {
  const { vendor, relay } = await setStage()
  const packed = gzipSync(JSON.stringify(ASK.anthropic.body))
  const answer = await relay.post('/v1/messages', packed, { halfClose: true, headers: { 'content-encoding': 'gzip' } })
  expect([answer.status, answer.body.equals(vendor.bytesSent(1))]).toEqual([200, true])
})

test('row 56: a refusal reaches a client that half-closed', async () => {
  const { relay } = await setStage()
  const answer = await relay.post('/v1/messages', '{', { halfClose: true })
  expect([answer.status, answer.ended]).toEqual([400, 'clean'])
})

test('a half-close in the middle of the body ends the request, and nobody upstream hears of it', async () => {
  const { vendor, relay } = await setStage()
  const answer = await relay.post('/v1/messages', '{"model":', {
    halfClose: true,
    headers: { 'content-length': '999' },
  })
  expect([answer.status, vendor.requests]).toEqual([400, []])
})
