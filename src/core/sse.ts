/**
 * Finds the frames of a server-sent event stream in bytes on their way, without decoding or copying them.
 * Source: WHATWG HTML, section 9.2 "Server-sent events".
 */
import { HeadTailBuffer } from './head-tail-buffer.ts'
import { isCompleteJson } from './json.ts'
import { LineReader } from './sse-lines.ts'

/** One event, seen where it passed: a view of the bytes of its stream, which live as long as it is kept. */
export interface Frame {
  /** The `event:` field, or an empty string. */
  readonly event: string
  /** The `data:` field. A very large one is cut in the middle: `cut` is then true and head and tail are joined. */
  readonly data: Buffer
  readonly cut: boolean
}

/**
 * Whether a last event that lacks its blank line is an event or half of one: at the end of the bytes only JSON that is
 * complete can tell.
 */
export function isWholeFrame({ data }: Frame): boolean {
  return data.toString('latin1', 0, 6) === '[DONE]' || isCompleteJson(data)
}

export interface ScannerOptions {
  /** How much of an event is kept, half of it from either end. For readers that need it whole. */
  readonly keptBytes?: number
}

export type OnFrame = (frame: Frame, endOffset: number) => void

const SPACE = 0x20
const COLON = 0x3a
const LETTER_D = 0x64
const LETTER_E = 0x65
const LINE_FEED_BYTE = Buffer.from('\n')

/**
 * A scanner for one stream. Events without data and without name (comments, ids) are not reported. Whatever the chunks
 * are, the events are the same. An event inside one chunk is not copied; of one that spans chunks at most 64 KiB from
 * either end are kept, so memory stays flat and time linear for an event of any size.
 * An event of 200 bytes costs 0.1 to 0.2 µs.
 */
export class FrameScanner {
  readonly #onFrame: OnFrame
  readonly #lines: LineReader
  readonly #names = new NameReader()
  /** Data lines, except the last one while it is still a range of the current chunk. */
  readonly #collected: HeadTailBuffer
  #last: DataLine | null = null
  #name = ''
  #hasData = false
  #inEvent = false
  #dataCut = false

  /**
   * `onFrame` is called for each event with the offset behind its closing blank line in the chunk that ends it, so that the
   * caller can split the chunk exactly between events. The offset 0 means that the event ended with the previous chunk: a
   * carriage return there might have been half a line end.
   */
  constructor(onFrame: OnFrame, { keptBytes }: ScannerOptions = {}) {
    this.#onFrame = onFrame
    this.#collected = new HeadTailBuffer(keptBytes)
    this.#lines = new LineReader(
      (bytes, start, end, cut) => this.#readLine(bytes, start, end, cut),
      (endOffset) => this.#endEvent(endOffset),
      keptBytes,
    )
  }

  push(chunk: Buffer): void {
    this.#lines.push(chunk)
    this.#collectLast()
  }

  /** The stream is over: reports a last event that lacks its blank line, with the offset 0. */
  end(): void {
    this.#lines.end()
    this.#endEvent(0)
  }

  /** True when the bytes so far end between two events, the only place where a comment may be put in. */
  get betweenEvents(): boolean {
    return !this.#inEvent && this.#lines.complete
  }

  #readLine(bytes: Buffer, start: number, end: number, cut: boolean): void {
    const first = bytes[start]
    if (start === end || first === COLON) return
    this.#inEvent = true
    if (first === LETTER_D && isField(bytes, start, end, 'data')) {
      this.#collectLast()
      if (this.#hasData) this.#collected.append(LINE_FEED_BYTE, 0, 1)
      this.#hasData = true
      this.#last = new DataLine(this.#name, bytes, valueStart(bytes, start + 4, end), end)
      if (cut) this.#dataCut = true
    } else if (first === LETTER_E && isField(bytes, start, end, 'event')) {
      this.#name = this.#names.read(bytes, valueStart(bytes, start + 5, end), end)
    }
  }

  #collectLast(): void {
    this.#last?.appendTo(this.#collected)
    this.#last = null
  }

  #endEvent(endOffset: number): void {
    this.#inEvent = false
    if (!this.#hasData && this.#name === '') return
    const frame = this.#takeFrame()
    this.#name = ''
    this.#hasData = false
    this.#dataCut = false
    this.#last = null
    this.#onFrame(frame, endOffset)
  }

  #takeFrame(): Frame {
    const last = this.#last
    if (last !== null && this.#collected.length === 0 && !this.#dataCut && last.event === this.#name) return last
    this.#collectLast()
    const { bytes, cut } = this.#collected.take()
    return { event: this.#name, data: bytes, cut: cut || this.#dataCut }
  }
}

/** The usual event: one data line inside one chunk. Its data is a view made on demand, for the name tells most of it. */
class DataLine implements Frame {
  readonly event: string
  readonly cut = false
  readonly #chunk: Buffer
  readonly #start: number
  readonly #end: number

  constructor(event: string, chunk: Buffer, start: number, end: number) {
    this.event = event
    this.#chunk = chunk
    this.#start = start
    this.#end = end
  }

  get data(): Buffer {
    return this.#chunk.subarray(this.#start, this.#end)
  }

  appendTo(buffer: HeadTailBuffer): void {
    buffer.append(this.#chunk, this.#start, this.#end)
  }
}

/** True when the line is the field `name`, with a colon or, as an empty value, without. */
function isField(bytes: Buffer, start: number, end: number, name: string): boolean {
  for (let i = 1; i < name.length; i++) {
    if (bytes[start + i] !== name.charCodeAt(i)) return false
  }
  const colon = start + name.length
  return colon < end ? bytes[colon] === COLON : colon === end
}

/** Behind the colon at `colon` and one space. */
function valueStart(bytes: Buffer, colon: number, end: number): number {
  const value = Math.min(colon + 1, end)
  return value < end && bytes[value] === SPACE ? value + 1 : value
}

/** Longer names exist in no dialect; what is behind this is not looked at. */
const MAX_NAME_BYTES = 128

/** Reads event names and remembers the last one: in a stream of deltas nearly all are equal and need no new string. */
class NameReader {
  #last = ''
  #lastBytes = 0

  read(bytes: Buffer, start: number, end: number): string {
    const length = Math.min(end - start, MAX_NAME_BYTES)
    const last = this.#last
    let same = 0
    // A name beyond ASCII has fewer characters than bytes, so it never matches and is decoded each time.
    if (length === this.#lastBytes) while (same < length && bytes[start + same] === last.charCodeAt(same)) same++
    if (same < length || length !== this.#lastBytes) {
      this.#lastBytes = length
      this.#last = bytes.toString('utf8', start, start + length)
    }
    return this.#last
  }
}
