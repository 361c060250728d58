/**
 * Requests whose framing two readers could read in two ways: the parser refuses them before anything of ours runs, with
 * a status and no words. Each is a way to smuggle a request past somebody (RFC 9112 section 11.2).
 */
import { describe, expect, test } from 'vitest'
import { binary } from '../harness/chosen-program.ts'
import { rawRequest } from '../harness/raw-client.ts'
import { TOKEN } from '../harness/relay.ts'
import { leftBehind, setStage } from './stage.ts'

const BODY = '{"model":"claude-test"}'

/** A request with these header lines behind the usual ones. */
const withLines = (...lines: string[]): string =>
  ['POST /v1/messages HTTP/1.1', 'host: a', `authorization: Bearer ${TOKEN}`, ...lines, '', BODY].join('\r\n')
const LENGTH = `content-length: ${BODY.length}`

describe('refused with an empty 400', () => {
  test.each([
    ['input 56: a length and chunks', withLines(LENGTH, 'transfer-encoding: chunked')],
    ['input 56: two lengths', withLines(LENGTH, 'content-length: 3')],
    // RFC 9110 section 8.6 leaves it open, and the parser inside a compiled program takes it.
    ...(binary === undefined ? [['input 56: one length twice', withLines(LENGTH, LENGTH)]] : []),
    ['a list of lengths', withLines(`content-length: ${BODY.length}, ${BODY.length}`)],
    ['a length with a sign', withLines(`content-length: +${BODY.length}`)],
    ['input 56: bare line feeds', withLines(LENGTH).replaceAll('\r\n', '\n')],
    ['input 56: a folded header', withLines('x-session-id: a', ' b', LENGTH)],
    ['space before the colon', withLines(`content-length : ${BODY.length}`)],
    ['chunks, but not as the last encoding', withLines('transfer-encoding: chunked, gzip')],
    ['an encoding nobody knows', withLines('transfer-encoding: xchunked')],
    ['input 44: a session header that breaks off its line', withLines('x-session-id: a\r\nb', LENGTH)],
    ['input 44: a carriage return in a session header', withLines('x-session-id: a\rb: c', LENGTH)],
    ['a header without a name', withLines(': x', LENGTH)],
    ['no HTTP at all', 'hello\r\n\r\n'],
    ['another protocol', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ])('%s', async (_what, bytes) => {
    const { vendor, relay } = await setStage()
    const answer = await rawRequest(relay.port, { method: 'POST', bytes })
    expect([answer.status, answer.body.length, answer.ended]).toEqual([400, 0, 'clean'])
    expect(vendor.requests).toEqual([])
  })

  test('a request without a Host', async () => {
    const { relay } = await setStage()
    const answer = await rawRequest(relay.port, { bytes: 'GET /health HTTP/1.1\r\n\r\n' })
    expect(answer.status).toBe(400)
  })
})

test('a health check over HTTP/1.0, which knows no Host, is answered, and told no more than a stranger', async () => {
  const { relay } = await setStage()
  const answer = await rawRequest(relay.port, { bytes: 'GET /health HTTP/1.0\r\n\r\n' })
  expect([answer.status, answer.ended]).toEqual([200, 'clean'])
  expect(JSON.parse(answer.body.toString())).toEqual({ status: 'ok', accounts: 3 })
})

test('input 57: headers beyond 16 KiB are refused with an empty 431', async () => {
  const { relay } = await setStage()
  const answer = await relay.post('/v1/messages', BODY, { headers: { 'x-large': 'x'.repeat(16 * 1024) } })
  expect([answer.status, answer.body.length]).toEqual([431, 0])
})

test('a chunk that is broken after the head has come ends the request, and nobody upstream hears of it', async () => {
  const { vendor, relay } = await setStage()
  const bytes = `${withLines('transfer-encoding: chunked').replace(BODY, '')}5\r\n{"mod\r\nnonsense\r\n`
  const answer = await rawRequest(relay.port, { method: 'POST', bytes })
  expect(answer.status).toBe(400)
  expect(vendor.requests).toEqual([])
  expect(leftBehind({ vendor, relay })).toMatchObject({ leases: 0, watched: 0 })
})
