import { describe, expect, test } from 'vitest'
import { FrameScanner } from '../../src/core/sse.ts'
import { EventBuffer } from '../../src/relay/event-buffer.ts'
import { readSse } from '../harness/sse.ts'

const STREAM = 'event: a\ndata: 1\n\n: a comment\n\ndata: zwölf\r\n\r\ndata: {"three":\ndata: 3}\n\n'

/** What goes out for each chunk, as the pump uses the buffer. */
function passThrough(chunks: readonly Buffer[]): string[] {
  const buffer = new EventBuffer()
  const scanner = new FrameScanner((_frame, endOffset) => buffer.endEvent(endOffset))
  return chunks.map((chunk) => {
    buffer.push(chunk)
    scanner.push(chunk)
    if (scanner.betweenEvents) buffer.endEvent(chunk.length)
    return String(buffer.take() ?? '')
  })
}

function cutEvery(bytes: number, text: string): Buffer[] {
  const whole = Buffer.from(text)
  return Array.from({ length: Math.ceil(whole.length / bytes) }, (_, i) => whole.subarray(i * bytes, (i + 1) * bytes))
}

describe('an event buffer', () => {
  test.each([1, 2, 3, 5, 8, 13, 21, 999])(
    'gives out whole events, and all of them, when the stream comes in pieces of %i',
    (size) => {
      const given = passThrough(cutEvery(size, STREAM))
      expect(given.join('')).toBe(STREAM)
      given.forEach((_, i) => expect(readSse(given.slice(0, i + 1).join('')).rest).toMatch(/^(: a comment\n)?$/))
    },
  )

  test('keeps what has begun and not ended', () => {
    expect(passThrough([Buffer.from('data: 1\n\ndata: 2'), Buffer.from('2\n'), Buffer.from('\ndata: 3')])).toEqual([
      'data: 1\n\n',
      '',
      'data: 22\n\n',
    ])
  })

  test('gives out an event of more than 256 KiB as it comes, and keeps nothing of it', () => {
    const huge = `data: ${'x'.repeat(300 * 1024)}\n\n`
    const given = passThrough(cutEvery(60 * 1024, `${huge}data: 2\n\ndata: 3`))
    expect(given.map(({ length }) => length)).toEqual([0, 0, 0, 0, 300 * 1024, 'xxxxxx\n\ndata: 2\n\n'.length])
    expect(given.join('')).toBe(`${huge}data: 2\n\n`)
  })

  test.each([
    ['data: 1', 'data: 1\n\n'],
    ['data: 1\n', 'data: 1\n\n\n'],
    ['data: 1\r\r', 'data: 1\r\r'],
    ['data: 1\r\n\r', 'data: 1\r\n\r'],
  ])('closes a last event that is whole: %j', (last, closed) => {
    const buffer = new EventBuffer()
    buffer.push(Buffer.from(last))
    buffer.endLastEvent()
    expect(String(buffer.take())).toBe(closed)
    expect([buffer.heldBytes, buffer.isMidEvent, buffer.take()]).toEqual([0, false, null])
  })
})
