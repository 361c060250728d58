/**
 * Bytes of an event stream on their way to the client, given out event by event: of an event that breaks off the client
 * sees nothing, and can read the error that takes its place. Half an event has no use for it anyway.
 */

/** Holding more back would cost memory and time, and no event that large is told twice in one answer. */
const MOST_OPEN_BYTES = 256 * 1024
const BLANK_LINE = Buffer.from('\n\n')
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

export class EventBuffer {
  #chunks: Buffer[] = []
  #heldBytes = 0
  #lastChunkBytes = 0
  /** How many of the held bytes belong to complete events. */
  #wholeBytes = 0
  #isMidEvent = false

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#heldBytes += chunk.length
    this.#lastChunkBytes = chunk.length
  }

  /** Everything up to `offset` of the last chunk belongs to complete events. */
  endEvent(offset: number): void {
    this.#wholeBytes = this.#heldBytes - this.#lastChunkBytes + offset
    this.#isMidEvent = false
  }

  /** The stream is over and its last event is whole: adds the blank line that it may lack. */
  endLastEvent(): void {
    const rest = Buffer.concat(this.#chunks)
    this.#chunks = endsWithBlankLine(rest) ? [rest] : [rest, BLANK_LINE]
    this.#heldBytes = this.#chunks.reduce((sum, { length }) => sum + length, 0)
    this.#wholeBytes = this.#heldBytes
    this.#isMidEvent = false
  }

  /** What may go out now, null when there is nothing. An event of more than 256 KiB goes out as it comes. */
  take(): Buffer | null {
    const openBytes = this.#heldBytes - this.#wholeBytes
    if (openBytes > MOST_OPEN_BYTES) this.#isMidEvent = true
    const takenBytes = this.#isMidEvent ? this.#heldBytes : this.#wholeBytes
    if (takenBytes === 0) return null
    const chunks = this.#chunks
    const bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, this.#heldBytes)
    this.#chunks = takenBytes === this.#heldBytes ? [] : [bytes.subarray(takenBytes)]
    this.#heldBytes -= takenBytes
    this.#lastChunkBytes = this.#heldBytes
    this.#wholeBytes = 0
    return takenBytes === bytes.length ? bytes : bytes.subarray(0, takenBytes)
  }

  /** Not taken yet. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** What was taken last ends inside an event. */
  get isMidEvent(): boolean {
    return this.#isMidEvent
  }
}

/** The scanner waits behind a last carriage return, which may be half a line end; behind others it would not. */
function endsWithBlankLine(bytes: Buffer): boolean {
  const before = bytes.at(-2)
  return bytes.at(-1) === CARRIAGE_RETURN && (before === CARRIAGE_RETURN || before === LINE_FEED)
}
