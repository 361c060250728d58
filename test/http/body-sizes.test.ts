/**
 * How large a body may be, as it comes and unpacked, and what happens to one that is larger.
 */
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { settle } from '../harness/clock.ts'
import { rawRequest } from '../harness/raw-client.ts'
import { TOKEN } from '../harness/relay.ts'
import { ASK, PROTOCOLS, readRefusal, setStage, wordsFor } from './stage.ts'

const MIB = 1024 * 1024
const TOO_LARGE = {
  anthropic: 'request_too_large',
  openai: 'invalid_request_error request_too_large',
  gemini: 'INVALID_ARGUMENT',
}

const bodyOf = (sizeBytes: number): string => {
  const frame = '{"model":"claude-test","x":""}'
  return frame.replace('""', `"${'x'.repeat(sizeBytes - frame.length)}"`)
}

describe('the limit', () => {
  test('is kept to the byte', async () => {
    const { vendor, relay } = await setStage({ max_body_size: '1MiB' })
    expect((await relay.post('/v1/messages', bodyOf(MIB))).status).toBe(200)
    expect((await relay.post('/v1/messages', bodyOf(MIB + 1))).status).toBe(413)
    expect(vendor.requests).toHaveLength(1)
  })

  test.each(PROTOCOLS)('input 16: a body announced as larger is refused to %s before it is read', async (protocol) => {
    const { relay } = await setStage()
    const head = { headers: { 'content-length': String(64 * MIB + 1) } }
    const answer = await relay.post(ASK[protocol].path, '{', head)
    expect(readRefusal(protocol, answer)).toMatchObject({ status: 413, word: wordsFor(protocol, TOO_LARGE) })
    expect(readRefusal(protocol, answer).message).toContain('64 MiB (max_body_size)')
    expect(answer.headers['connection']).toBe('close')
  })

  test('input 17: a body that turns out larger is refused while it is read, and its connection is closed', async () => {
    const { vendor, relay } = await setStage({ max_body_size: '1MiB' })
    async function* flood() {
      for (let sentBytes = 0; sentBytes < 4 * MIB; sentBytes += 65_536) {
        yield 'x'.repeat(65_536)
        await settle(1)
      }
    }
    const answer = rawRequest(relay.port, {
      path: '/v1/messages',
      headers: { authorization: `Bearer ${TOKEN}` },
      body: flood(),
    })
    expect((await answer).status).toBe(413)
    await relay.clock.advance(1000)
    await answer.closed
    expect(vendor.requests).toEqual([])
  })
})

describe('a packed body', () => {
  const text = JSON.stringify({
    ...ASK['openai-chat'].body,
    messages: Array.from({ length: 50 }, () => ({ role: 'user' })),
  })

  test.each([
    ['gzip', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['br', brotliCompressSync(text)],
    ['GZIP', gzipSync(text)],
    ['identity', Buffer.from(text)],
    ['identity, gzip', gzipSync(text)],
  ])('input 18: is unpacked from %s, and goes on as plain JSON', async (encoding, packed) => {
    const { vendor, relay } = await setStage()
    const answer = await relay.post('/v1/chat/completions', packed, { headers: { 'content-encoding': encoding } })
    expect(answer.status).toBe(200)
    expect(vendor.requests[0]?.bytes.toString()).toBe(text)
    expect(vendor.requests[0]?.header('content-encoding')).toBeUndefined()
  })

  test.each([
    ['an unknown one', 'compress'],
    ['a chain of two', 'gzip, gzip'],
    ['one that is called like a member of every object', 'constructor'],
  ])('input 19: in another encoding is refused: %s', async (_what, encoding) => {
    const { relay } = await setStage()
    const answer = await relay.post('/v1/messages', gzipSync('{}'), { headers: { 'content-encoding': encoding } })
    const refusal = readRefusal('anthropic', answer)
    expect([refusal.status, refusal.message]).toEqual([415, expect.stringContaining('gzip, deflate, br, zstd')])
  })

  test.each(['gzip', 'deflate', 'br', 'zstd'])('that is not what it says (%s) is refused', async (encoding) => {
    const { relay } = await setStage()
    const answer = await relay.post('/v1/messages', '{"model":"x"}', { headers: { 'content-encoding': encoding } })
    expect(readRefusal('anthropic', answer)).toMatchObject({
      status: 400,
      message: `the body is not valid ${encoding}`,
    })
  })

  test('of no bytes is an empty body', async () => {
    const { relay } = await setStage()
    const answer = await relay.post('/v1/messages', '', { headers: { 'content-encoding': 'gzip' } })
    expect(readRefusal('anthropic', answer)).toMatchObject({ status: 400, message: expect.stringContaining('empty') })
  })

  test('input 18: is held to the same limit', async () => {
    const { relay } = await setStage({ max_body_size: '1MiB' })
    const packed = gzipSync(bodyOf(MIB + 1))
    const answer = await relay.post('/v1/messages', packed, { headers: { 'content-encoding': 'gzip' } })
    expect(readRefusal('anthropic', answer)).toMatchObject({ status: 413, message: expect.stringContaining('1 MiB') })
  })
})

describe('input 18: a bomb is refused, and memory stays flat', () => {
  const zeroes = Buffer.alloc(64 * MIB)

  test.each([
    ['gzip', gzipSync(zeroes)],
    ['deflate', deflateSync(zeroes)],
    ['br', brotliCompressSync(zeroes)],
  ])('%s', async (encoding, packed) => {
    const { vendor, relay } = await setStage()
    const before = process.memoryUsage().rss
    const answer = await relay.post('/v1/messages', packed, { headers: { 'content-encoding': encoding } })
    expect(readRefusal('anthropic', answer)).toMatchObject({ status: 413, word: 'request_too_large' })
    expect(process.memoryUsage().rss - before).toBeLessThan(32 * MIB)
    expect(vendor.requests).toEqual([])
  })
})
