import { describe, expect, it } from 'vitest'
import { FrameScanner, type Frame } from '../../src/core/sse.ts'
import { createSeededRandom } from './seeded-random.ts'

/** What a stream told, with the absolute offset behind each event; the end of the stream counts as its length. */
interface Seen {
  event: string
  data: string
  endsAt: number
}

function scan(chunks: readonly Buffer[]): Seen[] {
  const seen: Seen[] = []
  let offset = 0
  let ended = false
  const scanner = new FrameScanner((frame, endOffset) => {
    const endsAt = ended ? offset : offset + endOffset
    seen.push({ event: frame.event, data: frame.data.toString(), endsAt })
  })
  for (const chunk of chunks) {
    scanner.push(chunk)
    offset += chunk.length
  }
  ended = true
  scanner.end()
  return seen
}

function cutAt(stream: Buffer, places: readonly number[]): Buffer[] {
  const bounds = [0, ...places.toSorted((a, b) => a - b), stream.length]
  return bounds.slice(1).map((end, i) => stream.subarray(bounds[i], end))
}

const told = (stream: string): Array<[event: string, data: string]> =>
  scan([Buffer.from(stream)]).map(({ event, data }) => [event, data])

const STREAMS: Array<[name: string, stream: string, frames: Array<[event: string, data: string]>]> = [
  ['event and data', 'event: ping\ndata: {"a":1}\n\n', [['ping', '{"a":1}']]],
  ['event after data', 'data: 1\nevent: late\n\n', [['late', '1']]],
  [
    'two events',
    'data: 1\n\ndata: 2\n\n',
    [
      ['', '1'],
      ['', '2'],
    ],
  ],
  [
    'CRLF',
    'event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n',
    [
      ['a', '1'],
      ['', '2'],
    ],
  ],
  [
    'lone CR',
    'event: a\rdata: 1\r\rdata: 2\r\r',
    [
      ['a', '1'],
      ['', '2'],
    ],
  ],
  [
    'mixed line ends',
    'event: a\rdata: 1\n\r\ndata: 2\r\n\ndata: 3\n\r',
    [
      ['a', '1'],
      ['', '2'],
      ['', '3'],
    ],
  ],
  ['no space behind the colon', 'event:a\ndata:1\n\n', [['a', '1']]],
  ['only one space goes', 'data:  1 \n\n', [['', ' 1 ']]],
  ['several data lines', 'data: 1\ndata:\ndata: 3\n\n', [['', '1\n\n3']]],
  ['a field without colon', 'data\n\nevent\n\n', [['', '']]],
  ['an event without data', 'event: ping\n\n', [['ping', '']]],
  ['comments', ': hi\n\n:\ndata: 1\n: x\n\n', [['', '1']]],
  ['other fields', 'id: 7\nretry: 10\ndatum: 1\nda: 2\nevents: x\n\nid: 8\ndata: 1\n\n', [['', '1']]],
  [
    'the last event name counts',
    'event: a\nevent: b\ndata: 1\n\ndata: 2\n\n',
    [
      ['b', '1'],
      ['', '2'],
    ],
  ],
  [
    'a byte order mark',
    '\ufeffdata: 1\n\ndata: \ufeff2\n\n',
    [
      ['', '1'],
      ['', '\ufeff2'],
    ],
  ],
  [
    'a last event without blank line',
    'data: 1\n\ndata: 2',
    [
      ['', '1'],
      ['', '2'],
    ],
  ],
  ['a last event that ends in CR', 'data: 1\r', [['', '1']]],
  [
    'many blank lines',
    '\n\n\ndata: 1\n\n\n\n\ndata: 2\n\n',
    [
      ['', '1'],
      ['', '2'],
    ],
  ],
  ['text beyond ASCII', 'event: größe\ndata: 😀 ü\n\n', [['größe', '😀 ü']]],
  [
    'a name whose bytes are the characters of the one before',
    'event: Ã©\ndata: 1\n\nevent: é\ndata: 2\n\n',
    [
      ['Ã©', '1'],
      ['é', '2'],
    ],
  ],
]

describe('FrameScanner', () => {
  it.each(STREAMS)('reads %s', (_, stream, frames) => {
    expect(told(stream)).toEqual(frames)
  })

  it.each(STREAMS)('reads %s alike wherever it is cut once, and byte by byte', (_, text) => {
    const stream = Buffer.from(text)
    const whole = scan([stream])
    for (let place = 0; place <= stream.length; place++) {
      expect([place, scan(cutAt(stream, [place]))]).toEqual([place, whole])
    }
    expect(scan(Array.from(stream, (byte) => Buffer.of(byte)))).toEqual(whole)
  })

  it('reads a long mixed stream alike under random cuts', () => {
    const random = createSeededRandom(4_711)
    const stream = Buffer.from(
      Array.from({ length: 200 }, () => random.pick(STREAMS)[1].replace('\ufeff', '') + '\n\n').join(''),
    )
    const whole = scan([stream])
    for (let round = 0; round < 60; round++) {
      const places = Array.from({ length: random.whole(80) }, () => random.whole(stream.length))
      expect(scan(cutAt(stream, places))).toEqual(whole)
    }
  })

  it('tells offsets at which the stream can be cut without hurting an event', () => {
    const stream = Buffer.from('data: 1\n\n: note\n\nevent: x\r\ndata: 2\r\n\r\ndata: 3\n\n')
    const ends = scan([stream]).map(({ endsAt }) => endsAt)
    const pieces = cutAt(stream, ends.slice(0, -1)).map(String)
    expect(pieces).toEqual(['data: 1\n\n', ': note\n\nevent: x\r\ndata: 2\r\n\r\n', 'data: 3\n\n'])
  })

  it('waits for the line feed that may follow a carriage return', () => {
    const offsets: number[] = []
    const scanner = new FrameScanner((_, endOffset) => offsets.push(endOffset))
    for (const chunk of ['data: 1\r\n\r', '\ndata: 2\r\r', 'data: 3\n\n']) scanner.push(Buffer.from(chunk))
    expect(offsets).toEqual([1, 0, 9])
  })

  it.each(STREAMS)('says truly whether it stands between events: a comment there changes nothing (%s)', (_, text) => {
    const stream = Buffer.from(text)
    const frames = told(text)
    const comment = Buffer.from(': keepalive\n\n')
    for (let place = 1; place <= stream.length; place++) {
      const scanner = new FrameScanner(() => {})
      scanner.push(stream.subarray(0, place))
      if (!scanner.betweenEvents) continue
      const stuffed = Buffer.concat([stream.subarray(0, place), comment, stream.subarray(place)])
      expect([place, told(stuffed.toString())]).toEqual([place, frames])
    }
  })

  it.each([
    ['', true],
    ['data: 1\n\n', true],
    ['data: 1\r\n\r\n', true],
    [': note\n', true],
    ['data: 1\n', false],
    ['data: 1\r\n\r', false],
    ['event: a\n', false],
    ['id: 7\n', false],
    ['d', false],
    ['data: 1\n\nd', false],
  ])('after %j betweenEvents is %s', (text, expected) => {
    const scanner = new FrameScanner(() => {})
    scanner.push(Buffer.from(text))
    expect(scanner.betweenEvents).toBe(expected)
  })

  it('does not copy an event that lies in one chunk', () => {
    const chunk = Buffer.from('data: hello\n\n')
    const seen: Frame[] = []
    new FrameScanner((frame) => seen.push(frame)).push(chunk)
    chunk.write('j', 'data: '.length)
    expect(seen[0]?.data.toString()).toBe('jello')
  })

  it('keeps head and tail of an event of 100 MB, in flat memory and linear time', () => {
    const seen: Array<{ length: number; head: string; tail: string; cut: boolean }> = []
    const scanner = new FrameScanner(({ data, cut }) =>
      seen.push({
        length: data.length,
        head: data.toString('utf8', 0, 5),
        tail: data.toString('utf8', data.length - 5),
        cut,
      }),
    )
    const filler = Buffer.alloc(64 * 1024, 'x')
    scanner.push(Buffer.from('data: first'))
    for (let sent = 0; sent < 100 * 1024 * 1024; sent += filler.length) scanner.push(filler)
    scanner.push(Buffer.from('final\n\ndata: small\n\n'))
    expect(seen).toEqual([
      { length: 128 * 1024 - 'data: '.length, head: 'first', tail: 'final', cut: true },
      { length: 5, head: 'small', tail: 'small', cut: false },
    ])
  })

  it('does not cut what spans chunks and fits', () => {
    const text = 'y'.repeat(128 * 1024 - 'data: '.length)
    const stream = Buffer.from(`data: ${text}\n\n`)
    const lengths: Array<[number, boolean]> = []
    const scanner = new FrameScanner(({ data, cut }) => lengths.push([data.length, cut]))
    for (const chunk of cutAt(stream, [5, 1000, 66_000, 131_000])) scanner.push(chunk)
    expect(lengths).toEqual([[text.length, false]])
  })
})
