/**
 * zstd, which Codex sends after a ChatGPT login, is unpacked within its bounds, whatever the headers of a frame claim.
 */
import { describe, expect, test } from 'vitest'
import { inflateZstd } from '../../src/http/zstd.ts'
import { readRefusal, setStage } from './stage.ts'

const MIB = 1024 * 1024

/** What `zstd -19` makes of a request with much repetition: a frame with its size, a window, a checksum. */
const PACKED = Buffer.from(
  'KLUv/WS+AOUBAGIDDBKguwEFr65p3bIJ8N+LNpOrChzvAKDaVfN8t5XOUXkFySOhrPn4Zu3Qqzy/OhS6CwIAeTdVMeIKFLyWOSw=',
  'base64',
)
const UNPACKED = `{"model":"gpt-test","stream":false,"input":"${'hello, hello, hello '.repeat(20)}"}`

/** Magic, no size, and a window of `exponent` (1 KiB x 2^exponent). */
const header = (exponent: number): Buffer => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, exponent << 3])

/** A block of 3 header bytes: `kind` 0 is bytes as they are, 1 one byte repeated (RFC 8878 section 3.1.1.2). */
function block(kind: 0 | 1, sizeBytes: number, content: Buffer, isLast: boolean): Buffer {
  const head = Buffer.alloc(3)
  head.writeUIntLE((sizeBytes << 3) | (kind << 1) | (isLast ? 1 : 0), 0, 3)
  return Buffer.concat([head, content])
}

const frameOf = (text: string): Buffer => Buffer.concat([header(0), block(0, text.length, Buffer.from(text), true)])

/** 128 KiB from four bytes, over and over. */
const repeated = (blocks: number): Buffer =>
  Buffer.concat(Array.from({ length: blocks }, (_, i) => block(1, 128 * 1024, Buffer.from(' '), i === blocks - 1)))

test('input 18: a zstd body is unpacked, and goes on as plain JSON', async () => {
  const { vendor, relay } = await setStage()
  const answer = await relay.post('/v1/responses', PACKED, { headers: { 'content-encoding': 'zstd' } })
  expect(answer.status).toBe(200)
  expect(vendor.requests[0]?.bytes.toString()).toBe(UNPACKED)
})

test('input 18: a zstd bomb is refused, and memory stays flat', async () => {
  const { vendor, relay } = await setStage()
  const bomb = Buffer.concat([header(7), repeated(4000)])
  const before = process.memoryUsage().rss
  const answer = await relay.post('/v1/messages', bomb, { headers: { 'content-encoding': 'zstd' } })
  expect(readRefusal('anthropic', answer)).toMatchObject({ status: 413, word: 'request_too_large' })
  expect(process.memoryUsage().rss - before).toBeLessThan(32 * MIB)
  expect(vendor.requests).toEqual([])
})

describe('unpacking', () => {
  test.each([
    ['a frame that tells its size', PACKED, UNPACKED],
    ['a frame that does not', frameOf('hello'), 'hello'],
    ['several frames', Buffer.concat([frameOf('one '), PACKED, frameOf(' two')]), `one ${UNPACKED} two`],
    ['a frame of nothing', frameOf(''), ''],
  ])('takes %s', async (_what, packed, text) => {
    expect((await inflateZstd(packed, MIB)).toString()).toBe(text)
  })

  test('takes what fits the bound to the byte, and no more', async () => {
    await expect(inflateZstd(PACKED, UNPACKED.length)).resolves.toHaveLength(UNPACKED.length)
    for (const packed of [PACKED, Buffer.concat([frameOf('x'.repeat(400)), frameOf('x'.repeat(400))])]) {
      const refusal = inflateZstd(packed, UNPACKED.length - 1)
      await expect(refusal).rejects.toMatchObject({ code: 'ERR_BUFFER_TOO_LARGE' })
    }
  })

  test.each([
    ['a window of 2 GiB', Buffer.concat([header(21), repeated(1)])],
    ['a window of 16 MiB', Buffer.concat([header(14), repeated(1)])],
    ['a full window to be moved for every byte', Buffer.concat([header(13), ...emptyBlocks(2000)])],
    ['a frame cut off in its header', PACKED.subarray(0, 5)],
    ['a frame cut off in a block', PACKED.subarray(0, 40)],
    ['a frame cut off before its checksum', PACKED.subarray(0, -2)],
    ['something else', Buffer.from('{"model":"claude-test"}')],
    ['something else behind a frame', Buffer.concat([PACKED, Buffer.from('{}{}')])],
    ['a frame that needs a dictionary', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x00, 0x07, 0x01, 0x00, 0x00])],
  ])('refuses %s at once', async (_what, packed) => {
    const before = process.memoryUsage().rss
    await expect(inflateZstd(packed, 64 * MIB)).rejects.toThrow()
    expect(process.memoryUsage().rss - before).toBeLessThan(16 * MIB)
  })

  test('refuses a frame that claims to hold more than there may be, before it takes the memory', async () => {
    const claimsTerabytes = Buffer.concat([
      Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0]),
      Buffer.from([0, 0, 0, 0, 0, 1, 0, 0]),
      repeated(1),
    ])
    await expect(inflateZstd(claimsTerabytes, 64 * MIB)).rejects.toMatchObject({ code: 'ERR_BUFFER_TOO_LARGE' })
  })
})

function emptyBlocks(count: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => block(0, 0, Buffer.alloc(0), i === count - 1))
}
