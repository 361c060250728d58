/**
 * Answers that are no answers: redirects, pages, nothing, halves, bytes that nobody asked for. Another account answers;
 * the client sees nothing of it. And answers that are merely unusual, which pass.
 */
import { describe, expect, test } from 'vitest'
import {
  after,
  answerText,
  answerWith,
  before,
  cut,
  empty,
  finish,
  framing,
  gzipBomb,
  headers,
  html,
  informational,
  raw,
  redirect,
  type Reaction,
} from '../harness/reactions.ts'
import { startTrap } from '../harness/connect-proxy.ts'
import { readEvents, readText } from '../harness/sse.ts'
import { attemptsIn, errorIn, readJson, servedBy, start } from './failover-stage.ts'
import { PROTOCOLS } from './four-dialects.ts'

const json = { 'content-type': 'application/json' }
const half = '{"id":"msg_1","type":"message","content":[{"type":"text","te'

const UNUSABLE: ReadonlyArray<[what: string, reaction: Reaction, streams: boolean[]]> = [
  ['row 21: HTML instead of an answer', html(), [true, false]],
  ['row 22: an empty body', empty(), [true, false]],
  ['204', raw({ status: 204, framing: 'length' }), [true, false]],
  ['JSON instead of a stream', raw({ headers: json, framing: 'length', pieces: ['{"content":[]}'] }), [true]],
  ['a stream instead of JSON', raw({ headers: { 'content-type': 'text/event-stream' } }), [false]],
  [
    'plain text',
    raw({ headers: { 'content-type': 'text/plain' }, framing: 'length', pieces: ['hello'] }),
    [true, false],
  ],
  ['row 23: half an answer, and then the end', raw({ headers: json, framing: 'length', pieces: [half] }), [false]],
  [
    'row 23: half an answer, and then the end of the connection',
    answerText('hello', after('content', finish())),
    [false],
  ],
  ['row 23: half an answer, and then a reset', answerText('hello', after('content', cut())), [false]],
  ['row 23: fewer bytes than promised', answerText('hello', framing({ declaredBytes: 100_000 })), [false]],
  [
    'row 24: gzip, though identity was asked for',
    answerText('hello', headers({ 'content-encoding': 'gzip' })),
    [true, false],
  ],
  ['an unknown encoding', answerText('hello', headers({ 'content-encoding': 'x-new' })), [true, false]],
]

describe('another account answers instead of', () => {
  const cases = UNUSABLE.flatMap(([what, reaction, streams]) => streams.map((stream) => ({ what, reaction, stream })))
  test.each(cases)('$what (stream $stream)', async ({ reaction, stream }) => {
    const { vendor, ask, stateOf } = await start(['a', 'b'])
    vendor.forKey('a').always(reaction)
    const answer = await ask({ stream })
    expect([...servedBy(answer), attemptsIn(answer)]).toEqual([200, 'b', 2, ['att_2']])
    expect(answer.body).toEqual(vendor.bytesSent(2))
    expect((await stateOf('a')).cooldowns).toEqual([])
    await ask({ stream })
    expect((await stateOf('a')).cooldowns).toMatchObject([{ reason: 'transient' }])
  })

  test.each(cases)('$what, when nobody else can (stream $stream): an honest 502', async ({ reaction, stream }) => {
    const { vendor, ask } = await start(['a'])
    vendor.always(reaction)
    const answer = await ask({ stream })
    expect(servedBy(answer)).toEqual([502, 'a', 1])
    expect(errorIn(answer)).toMatchObject({ type: 'api_error', message: expect.stringMatching(/^sub2api-simple: /) })
  })
})

test.each([301, 302, 307, 308])('row 20: a redirect (%d) is a fault and never followed', async (status) => {
  const { vendor, ask } = await start(['a', 'b'])
  const trap = await startTrap()
  vendor.forKey('a').always(redirect(`${trap.url}/v1/messages`, status))
  expect(servedBy(await ask({ stream: true }))).toEqual([200, 'b', 2])
  vendor.always(redirect(`${trap.url}/v1/messages`, status))
  const answer = await ask()
  expect([answer.status, answer.headers['location']]).toEqual([502, undefined])
  trap.assertSilent()
  await trap.close()
})

test('row 24: 50 MiB in a gzip bomb cost no memory', async () => {
  const { vendor, ask } = await start(['a', 'b'])
  vendor.forKey('a').script(gzipBomb())
  const before = process.memoryUsage().rss
  expect(servedBy(await ask())).toEqual([200, 'b', 2])
  expect(process.memoryUsage().rss - before).toBeLessThan(32 * 1024 * 1024)
})

describe('unusual, and served', () => {
  test.each([true, false])('row 25: interim answers before the real one are ignored (stream %s)', async (stream) => {
    const { vendor, ask } = await start(['a', 'b'])
    vendor.script(answerText('hello', informational(103, { link: '</x>; rel=preload' }), informational(102)))
    const answer = await ask({ stream })
    expect([...servedBy(answer), answer.interim]).toEqual([200, 'a', 1, []])
    expect(answer.body).toEqual(vendor.bytesSent(1))
  })

  test('row 25: a 100 Continue that nobody asked for is too much for the HTTP client: another account answers', async () => {
    const { vendor, ask } = await start(['a', 'b'])
    vendor.forKey('a').always(answerText('hello', informational(100)))
    const answer = await ask()
    expect([answer.status, answer.headers['x-relay-account']]).toEqual([200, 'b'])
  })

  test.each(PROTOCOLS)('row 26: unknown %s events and members pass untouched', async (protocol) => {
    const { vendor, ask } = await start(['a', 'b'], { protocol })
    const unknown = 'event: from_the_future\ndata: {"type":"from_the_future","deep":{"n":12345678901234567890}}\n\n'
    vendor.script(answerText('hello there', before('content', unknown), after('content', unknown, ': a remark\n\n')))
    const answer = await ask({ stream: true })
    expect([...servedBy(answer), readText(answer.body)]).toEqual([200, 'a', 1, 'hello there'])
    expect(answer.body).toEqual(vendor.bytesSent(1))
    expect(readEvents(answer.body).filter(({ event }) => event === 'from_the_future')).toHaveLength(2)
  })

  test('row 26: unknown members of a whole answer pass, numbers as they were written', async () => {
    const { vendor, ask } = await start(['a'])
    const body = '{"id":"msg_1","type":"message","new":{"n":12345678901234567890,"x":1.0},"content":[],"error":null}'
    vendor.script(raw({ headers: json, framing: 'length', pieces: [body] }))
    expect((await ask()).body.toString()).toBe(body)
  })

  test.each(PROTOCOLS)('a refusal or an empty %s answer is an answer: nobody else is asked', async (protocol) => {
    const { vendor, ask } = await start(['a', 'b'], { protocol })
    vendor.script(answerWith({ text: 'I will not.', stop: 'refusal' }), answerWith({ text: '', stop: 'max_tokens' }))
    expect(servedBy(await ask({ stream: true }))).toEqual([200, 'a', 1])
    expect(servedBy(await ask({ stream: true }))).toEqual([200, 'a', 1])
    expect(readJson(await ask())).not.toHaveProperty('error.message')
  })
})
