/**
 * Bytes of an event stream on their way to the client, given out event by event: of an event that breaks off the client
 * sees nothing, and can read the error that takes its place. Half an event has no use for it anyway.
 */

export interface EventBuffer {
  push(chunk: Buffer): void
  /** Everything up to `offset` of the last chunk belongs to complete events. */
  endEvent(offset: number): void
  /** The stream is over and its last event is whole: adds the blank line that it may lack. */
  endLastEvent(): void
  /** What may go out now, null when there is nothing. An event of more than 256 KiB goes out as it comes. */
  take(): Buffer | null
  /** Not taken yet. */
  readonly heldBytes: number
  /** What was taken last ends inside an event. */
  readonly isMidEvent: boolean
}

/** Holding more back would cost memory and time, and no event that large is told twice in one answer. */
const MOST_OPEN_BYTES = 256 * 1024
const BLANK_LINE = Buffer.from('\n\n')
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

export function createEventBuffer(): EventBuffer {
  let chunks: Buffer[] = []
  let heldBytes = 0
  let lastChunkBytes = 0
  /** How many of the held bytes belong to complete events. */
  let wholeBytes = 0
  let isMidEvent = false

  return {
    push(chunk) {
      chunks.push(chunk)
      heldBytes += chunk.length
      lastChunkBytes = chunk.length
    },
    endEvent(offset) {
      wholeBytes = heldBytes - lastChunkBytes + offset
      isMidEvent = false
    },
    endLastEvent() {
      const rest = Buffer.concat(chunks)
      chunks = endsWithBlankLine(rest) ? [rest] : [rest, BLANK_LINE]
      heldBytes = chunks.reduce((sum, { length }) => sum + length, 0)
      wholeBytes = heldBytes
      isMidEvent = false
    },
    take() {
      const openBytes = heldBytes - wholeBytes
      if (openBytes > MOST_OPEN_BYTES) isMidEvent = true
      const takenBytes = isMidEvent ? heldBytes : wholeBytes
      if (takenBytes === 0) return null
      const bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, heldBytes)
      chunks = takenBytes === heldBytes ? [] : [bytes.subarray(takenBytes)]
      heldBytes -= takenBytes
      lastChunkBytes = heldBytes
      wholeBytes = 0
      return takenBytes === bytes.length ? bytes : bytes.subarray(0, takenBytes)
    },
    get heldBytes() {
      return heldBytes
    },
    get isMidEvent() {
      return isMidEvent
    },
  }
}

/** The scanner waits behind a last carriage return, which may be half a line end; behind others it would not. */
function endsWithBlankLine(bytes: Buffer): boolean {
  const before = bytes.at(-2)
  return bytes.at(-1) === CARRIAGE_RETURN && (before === CARRIAGE_RETURN || before === LINE_FEED)
}
