/**
 * What the log says an answer used is what the vendor told, in full, in part when the answer broke, and exactly when the
 * owner wants the truth more than the saving (`on_client_disconnect: drain`).
 */
import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import type { Usage } from '../../src/protocols/contract.ts'
import { settle } from '../harness/clock.ts'
import { after, answerText, answerWith, beforeHead, cut, errorEvent, fail, pause, slice } from '../harness/reactions.ts'
import type { Answer } from '../harness/streams.ts'
import { lastRecord, PROTOCOLS, setStage } from './four-dialects.ts'

/** As much as each dialect can tell. */
const TOLD: Record<Protocol, Usage> = {
  anthropic: { input: 100, cached: 40, cacheWrite: 25, cacheWrite1h: 5, output: 30, reasoning: 12 },
  'openai-responses': { input: 100, cached: 40, cacheWrite: 25, output: 30, reasoning: 12 },
  'openai-chat': { input: 100, cached: 40, output: 30, reasoning: 12 },
  gemini: { input: 100, cached: 40, output: 30, reasoning: 12 },
}

const NAMES = ['input', 'cached', 'cacheWrite', 'cacheWrite1h', 'output', 'reasoning']

/** The token counts of the last request's log line, and nothing else of it. */
function usageIn(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(NAMES.flatMap((name) => (name in record ? [[name, record[name]]] : [])))
}

describe.each(PROTOCOLS)('the usage of a %s answer', (protocol) => {
  test.each([
    ['streamed', true],
    ['whole', false],
  ])('%s, is what the vendor told', async (_form, stream) => {
    const { vendor, relay, send } = await setStage(protocol)
    vendor.script(answerWith({ text: 'one two', thinking: 'hm', usage: TOLD[protocol] }))
    await send({ stream })
    expect(usageIn(lastRecord(relay))).toEqual(TOLD[protocol])
  })

  test('is the same when its bytes come one by one', async () => {
    const { vendor, relay, send } = await setStage(protocol)
    vendor.script(answerWith({ text: 'one two', usage: TOLD[protocol] }, slice(1)))
    await send()
    expect(usageIn(lastRecord(relay))).toEqual(TOLD[protocol])
  })
})

describe('the usage of a broken answer is what the vendor had told by then', () => {
  const full = TOLD['openai-chat']
  const { output: _told, reasoning: _apart, ...prompt } = TOLD.anthropic
  const PARTS: Array<[Protocol, string, Answer, Usage]> = [
    ['anthropic', 'the prompt, at the start', {}, { ...prompt, output: 1 }],
    ['openai-responses', 'nothing before the end', {}, {}],
    ['openai-chat', 'nothing before the end', {}, {}],
    ['openai-chat', 'all of it, in every chunk', { usageAt: 'every' }, full],
    ['gemini', 'the prompt, in every chunk', {}, { input: 100, cached: 40, output: 0 }],
    ['gemini', 'nothing before the end', { usageAt: 'last' }, {}],
  ]

  test.each(PARTS)('%s: %s', async (protocol, _when, form, usage) => {
    const { vendor, relay, send } = await setStage(protocol)
    const answer = { text: 'one two', usage: TOLD[protocol], ...form }
    vendor.script(answerWith(answer, after('content', cut())), answerWith(answer, after('content', errorEvent(529))))
    await send()
    expect(lastRecord(relay)).toMatchObject({ outcome: 'broken' })
    expect(usageIn(lastRecord(relay))).toEqual(usage)
    await send()
    expect(lastRecord(relay)).toMatchObject({ outcome: 'broken' })
    expect(usageIn(lastRecord(relay))).toEqual(usage)
  })

  test.each(PARTS)('%s: %s, also when it was the client that left', async (protocol, _when, form, usage) => {
    const { vendor, relay, send } = await setStage(protocol)
    vendor.script(answerWith({ text: 'one two', usage: TOLD[protocol], ...form }, after('content', pause())))
    const answer = send()
    await answer.until('one ')
    answer.abort('reset')
    const request = await vendor.received(1)
    await request.closed
    expect(request.state).toBe('aborted')
    await settle()
    expect(lastRecord(relay)).toMatchObject({ outcome: 'gone', status: 499 })
    expect(usageIn(lastRecord(relay))).toEqual(usage)
  })
})

describe.each(PROTOCOLS)('with on_client_disconnect: drain, a %s answer', (protocol) => {
  const DRAINING = { on_client_disconnect: 'drain' }
  const answer = { text: 'one two', usage: TOLD[protocol] }

  test.each([
    ['a stream, in its middle', true, after('content', pause())],
    ['a stream, before its head', true, beforeHead(pause())],
    ['a whole answer, before its head', false, beforeHead(pause())],
    ['a whole answer, in its middle', false, after('content', pause())],
  ])('whose client left (%s) is read to its end for its usage', async (_where, stream, twist) => {
    const { vendor, relay, send } = await setStage(protocol, DRAINING)
    vendor.script(answerWith(answer, twist))
    const client = send({ stream })
    const request = await vendor.received(1)
    await settle()
    client.abort('reset')
    await settle()
    expect([request.state, relay.inFlight()]).toEqual(['active', { a: 1, b: 0 }])
    request.resume()
    await settle()
    expect([request.state, relay.inFlight()]).toEqual(['answered', { a: 0, b: 0 }])
    expect(lastRecord(relay)).toMatchObject({ outcome: 'gone', status: 499 })
    expect(usageIn(lastRecord(relay))).toEqual(TOLD[protocol])
  })

  test('that fails when its client has left is not asked of another account', async () => {
    const { vendor, relay, send } = await setStage(protocol, DRAINING)
    vendor.script(fail(500, {}, beforeHead(pause())))
    const client = send()
    const request = await vendor.received(1)
    client.abort('reset')
    await settle()
    request.resume()
    await settle()
    expect(vendor.requests).toHaveLength(1)
    expect(lastRecord(relay)).toMatchObject({ outcome: 'gone', status: 499, attempts: 1 })
  })
})

test('with drain, a client that leaves while it waits for a slot is out of the queue, and nothing is asked for it', async () => {
  const { vendor, relay, send } = await setStage(
    'anthropic',
    { on_client_disconnect: 'drain' },
    { a: { concurrency: 1 } },
  )
  vendor.script(answerText('one two', beforeHead(pause())))
  const served = send()
  const request = await vendor.received(1)
  const waiting = send()
  await settle()
  expect(relay.parts.pool.waiting).toBe(1)
  waiting.abort('reset')
  await settle()
  expect(relay.parts.pool.waiting).toBe(0)
  expect(lastRecord(relay)).toMatchObject({ outcome: 'gone', status: 499, attempts: 0 })
  request.resume()
  expect((await served).status).toBe(200)
  expect(vendor.requests).toHaveLength(1)
})

test.each([
  ['as it is', 'anthropic', 64],
  ['translated', { client: 'openai-chat', upstream: 'anthropic' }, 64],
  ['translated, its events large', { client: 'openai-chat', upstream: 'anthropic' }, 2_048],
] as const)(
  'with drain, an upstream that waited for a slow client does not wait for one that left (%s)',
  async (_how, talk, kibibytes) => {
    const { vendor, relay, send } = await setStage(talk, { on_client_disconnect: 'drain' })
    const words = 'x'.repeat(kibibytes * 1024)
    const usage = TOLD.anthropic
    vendor.script(answerWith({ text: Array.from({ length: (32 * 1024) / kibibytes }, () => words), usage }))
    const client = send({ neverReads: true })
    const request = await vendor.received(1)
    await settle(300)
    expect(request.state).toBe('active')
    client.abort('reset')
    for (let turn = 0; turn < 200 && request.state === 'active'; turn++) await settle()
    expect(request.state).toBe('answered')
    await settle()
    expect(usageIn(lastRecord(relay))).toEqual(usage)
  },
)
