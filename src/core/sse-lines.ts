/**
 * Cuts a stream of bytes into the lines of server-sent events, which end with LF, CR or CRLF. A line inside one chunk is
 * given as a range of that chunk; of a longer one at most 64 KiB from either end are kept.
 */
import { HeadTailBuffer } from './head-tail-buffer.ts'

/** `cut` tells that the middle of the line is missing. */
export type OnLine = (bytes: Buffer, start: number, end: number, cut: boolean) => void

/** `endOffset` is the place behind the line end in the current chunk. */
export type OnBlankLine = (endOffset: number) => void

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/** Reads one stream; a byte order mark before the first line is passed over. */
export class LineReader {
  readonly #onLine: OnLine
  readonly #onBlankLine: OnBlankLine
  readonly #partial: HeadTailBuffer
  #atStart = true
  /** The previous chunk ended with a carriage return: only the next byte tells whether the line end is complete. */
  #returnPending = false

  constructor(onLine: OnLine, onBlankLine: OnBlankLine, keptBytes?: number) {
    this.#onLine = onLine
    this.#onBlankLine = onBlankLine
    this.#partial = new HeadTailBuffer(keptBytes)
  }

  push(chunk: Buffer): void {
    const partial = this.#partial
    let at = 0
    if (this.#returnPending && chunk.length > 0) {
      this.#returnPending = false
      if (chunk[0] === LINE_FEED) at = 1
      this.#endPartialLine(at)
    }
    // Each search result is used until it lies behind us; else a stream without one kind would be searched per line.
    let nextFeed = -1
    let nextReturn = -1
    while (at < chunk.length) {
      if (nextFeed < at) nextFeed = chunk[at] === LINE_FEED ? at : indexOrEnd(chunk, LINE_FEED, at)
      if (nextReturn < at) nextReturn = indexOrEnd(chunk, CARRIAGE_RETURN, at)
      const end = Math.min(nextFeed, nextReturn)
      let next = end + 1
      if (next >= chunk.length && chunk[end] !== LINE_FEED) {
        partial.append(chunk, at, end)
        this.#returnPending = end < chunk.length
        return
      }
      if (chunk[end] === CARRIAGE_RETURN && chunk[next] === LINE_FEED) next++
      if (partial.length > 0) {
        partial.append(chunk, at, end)
        this.#endPartialLine(next)
      } else if (end === at) {
        this.#onBlankLine(next)
      } else {
        this.#endLine(chunk, at, end, false)
      }
      at = next
    }
  }

  /** The stream is over: gives a last line that lacks its end. */
  end(): void {
    if (this.#returnPending || this.#partial.length > 0) this.#endPartialLine(0)
    this.#returnPending = false
  }

  /** No line has begun and not ended. */
  get complete(): boolean {
    return this.#partial.length === 0 && !this.#returnPending
  }

  #endPartialLine(endOffset: number): void {
    if (this.#partial.length === 0) return this.#onBlankLine(endOffset)
    const { bytes, cut } = this.#partial.take()
    this.#endLine(bytes, 0, bytes.length, cut)
  }

  #endLine(bytes: Buffer, start: number, end: number, cut: boolean): void {
    this.#onLine(bytes, this.#atStart && hasByteOrderMark(bytes, start) ? start + 3 : start, end, cut)
    this.#atStart = false
  }
}

function indexOrEnd(chunk: Buffer, byte: number, from: number): number {
  const index = chunk.indexOf(byte, from)
  return index < 0 ? chunk.length : index
}

function hasByteOrderMark(bytes: Buffer, at: number): boolean {
  return bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf
}
