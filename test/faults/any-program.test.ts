/**
 * Rows of the matrix in stories that need no virtual clock: played in this process, and by `npm run faults -- --binary`
 * against a compiled program, which must behave alike (row 97).
 */
import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import { binary } from '../harness/chosen-program.ts'
import { settle } from '../harness/clock.ts'
import { startConnectProxy, startTrap } from '../harness/connect-proxy.ts'
import { rawRequest } from '../harness/raw-client.ts'
import {
  after,
  answerText,
  beforeHead,
  cut,
  fail,
  finish,
  framing,
  stall,
  type Reaction,
} from '../harness/reactions.ts'
import { readJsonEvents, readText } from '../harness/sse.ts'
import { errorIn, SECOND, servedBy, start } from './failover-stage.ts'
import { HUB_LANES, lastRecord, setStage } from './four-dialects.ts'

const SAME: Protocol[] = ['anthropic', 'openai-responses', 'openai-chat', 'gemini']
const LANES = [...SAME.map((protocol) => ({ client: protocol, upstream: protocol })), ...HUB_LANES]

describe.each(LANES)('row 97: a $client client of $upstream accounts', ({ client, upstream: protocol }) => {
  test('row 1: a limited account rests as it was told, and another one answers', async () => {
    const { vendor, ask, restOf, calls } = await start(['a', 'b'], { client, protocol })
    vendor.forKey('a').script(fail(429, { headers: { 'retry-after': '40' } }))
    expect(servedBy(await ask({ stream: true }))).toEqual([200, 'b', 2])
    expect(await restOf('a')).toBeOneOf([39 * SECOND, 40 * SECOND])
    expect(servedBy(await ask())).toEqual([200, 'b', 1])
    expect(calls()).toEqual(['a', 'b', 'b'])
  })

  test('row 4: when all accounts are limited the client hears when the first returns', async () => {
    const { vendor, ask, calls } = await start(['a', 'b'], { client, protocol })
    vendor.always(fail(429, { headers: { 'retry-after': '50' } }))
    for (const stream of [true, false]) {
      const answer = await ask({ stream })
      expect([answer.status, Number(answer.headers['retry-after']) > 45]).toEqual([429, true])
    }
    expect(calls()).toEqual(['a', 'b'])
  })

  test('row 16: its own mistake comes back, asked once', async () => {
    const { vendor, ask, calls } = await start(['a', 'b'], { client, protocol })
    vendor.script(fail(400, { message: 'messages: a list is expected' }))
    const answer = await ask()
    expect([answer.status, errorIn(answer).message]).toEqual([400, 'messages: a list is expected'])
    expect(calls()).toEqual(['a'])
  })

  test('row 27: a stream that breaks before its content is another account’s', async () => {
    const { vendor, ask } = await start(['a', 'b'], { client, protocol })
    vendor.forKey('a').script(answerText('lost', framing('close'), finish()))
    const answer = await ask({ stream: true })
    expect([...servedBy(answer), readText(answer.body)]).toEqual([200, 'b', 2, 'hello'])
  })

  const BROKEN: Array<[string, Reaction]> = [
    ['row 28: an early FIN', answerText('one two', framing('close'), after('content', finish()))],
    ['row 29: a reset', answerText('one two', after('content', cut()))],
  ]
  test.each(BROKEN)('%s after content ends in an error, and nobody else is asked', async (_how, reaction) => {
    const { relay, vendor, ask } = await start(['a', 'b'], { client, protocol })
    vendor.script(reaction)
    const answer = await ask({ stream: true })
    expect([answer.ended, readText(answer.body)]).toEqual(['clean', 'one '])
    expect(JSON.stringify(readJsonEvents(answer.body).at(-1))).toContain('sub2api-simple: the stream ')
    expect(vendor.requests).toHaveLength(1)
    expect(lastRecord(relay)).toMatchObject({ outcome: 'broken', account: 'a' })
  })

  const MOMENTS: Array<[string, Reaction]> = [
    ['row 52: before the upstream has sent headers', answerText('hello', beforeHead(stall()))],
    ['row 53: before the first byte', answerText('hello', stall())],
    ['row 54: in the middle of the answer', answerText('hello', after('content', stall()))],
  ]
  const leavings = MOMENTS.flatMap(([when, reaction]) =>
    (['close', 'reset'] as const).map((how) => ({ when, reaction, how })),
  )
  test.each(leavings)(
    '$when it leaves with a $how, and the upstream loses the connection at once',
    async ({ reaction, how }) => {
      const { relay, vendor, ask, stateOf } = await start(['a'], { client, protocol })
      vendor.script(reaction)
      const leaving = ask({ stream: true })
      const upstream = await vendor.received(1)
      await settle()
      leaving.abort(how)
      if (binary === undefined) await relay.clock.advance(100)
      await upstream.closed
      expect(upstream.isAborted).toBe(true)
      await relay.settled(1)
      expect(await stateOf('a')).toMatchObject({ state: 'ok', active: 0, cooldowns: [] })
    },
  )
})

test('rows 46 and 97: an account whose proxy is down is passed over, and nobody goes past the proxy', async () => {
  const proxy = await startConnectProxy()
  await proxy.close()
  const trap = await startTrap()
  const { vendor, send } = await setStage('anthropic', {}, { a: { proxy: proxy.url, base_url: trap.url }, b: {} })
  const answer = await send()
  expect(answer.headers).toMatchObject({ 'x-relay-account': 'b', 'x-relay-attempts': '2' })
  expect(vendor.requests.map(({ key }) => key)).toEqual(['b'])
  await trap.close()
})

// Ten seconds of real time, which only a program needs: in this process the limit itself is read and shortened.
if (binary !== undefined) {
  test('rows 58 and 97: 200 sockets that never end their headers are cut off, and others are served meanwhile', async () => {
    const { relay, send } = await setStage('anthropic')
    const slow = Array.from({ length: 200 }, () =>
      rawRequest(relay.port, { bytes: 'POST /v1/messages HTTP/1.1\r\nhost: a\r\n' }),
    )
    expect((await send({ stream: false })).status).toBe(200)
    const answers = await Promise.all(slow)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([408]))
  }, 30_000)
}
