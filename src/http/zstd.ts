/**
 * Unpacks zstd bodies (RFC 8878), whatever their headers claim. Node 20 has no zstd of its own, and Codex sends it after
 * a ChatGPT login: a small decoder, loaded when first needed. It trusts headers; what is read here first does not.
 */

/** Decoders should take this much, and encoders should not ask for more (RFC 8878 section 3.1.1.1.2). */
const MOST_WINDOW_BYTES = 8 * 1024 * 1024
/** The decoder moves its window behind every block of a frame that does not tell its size: about a second's worth. */
const MOST_MOVED_BYTES = 4 * 1024 ** 3

/**
 * The bytes that `raw` stands for. Throws an error with the code `ERR_BUFFER_TOO_LARGE`, as node:zlib does, when they are
 * more than `maxBytes`, and any other error when `raw` is not zstd or asks for more memory or time than it is worth.
 */
export async function inflateZstd(raw: Buffer, maxBytes: number): Promise<Buffer> {
  const { Decompress, decompress } = await import('fzstd')
  const unpacked: Uint8Array[] = []
  let roomBytes = maxBytes
  let movableBytes = MOST_MOVED_BYTES
  const take = (bytes: Uint8Array): void => {
    roomBytes -= bytes.length
    if (roomBytes < 0) throw tooLarge(maxBytes)
    if (bytes.length > 0) unpacked.push(bytes)
  }
  for (let at = 0; at < raw.length;) {
    const frame = readFrame(raw, at)
    const bytes = raw.subarray(at, frame.end)
    at = frame.end
    if (frame.contentBytes > roomBytes) throw tooLarge(maxBytes)
    if (frame.contentBytes > 0) {
      take(decompress(bytes))
      continue
    }
    movableBytes -= frame.windowBytes * (frame.blocks + 1)
    if (frame.windowBytes > MOST_WINDOW_BYTES || movableBytes < 0) throw new Error('the zstd window is too large')
    new Decompress(take).push(bytes, true)
  }
  return Buffer.concat(unpacked)
}

/** What a frame says of itself. */
interface Frame {
  /** The offset behind it. */
  readonly end: number
  /** 0 when it does not tell. */
  readonly contentBytes: number
  readonly windowBytes: number
  readonly blocks: number
}

const MAGIC = 0xfd2fb528
const SINGLE_SEGMENT = 0x20
const CHECKSUM = 0x04
const DICTIONARY = 0x03

/** The frame at `start`, read by its headers alone (RFC 8878 section 3.1.1). Throws when it is cut off or is none. */
function readFrame(raw: Buffer, start: number): Frame {
  if (raw.readUInt32LE(start) !== MAGIC) throw new Error('no zstd frame begins')
  const flags = raw.readUInt8(start + 4)
  if ((flags & DICTIONARY) !== 0) throw new Error('the zstd frame needs a dictionary')
  const isSingleSegment = (flags & SINGLE_SEGMENT) !== 0
  const sizeAt = start + (isSingleSegment ? 5 : 6)
  const sizeBytes = flags >> 6 === 0 ? (isSingleSegment ? 1 : 0) : 2 ** (flags >> 6)
  const contentBytes = readContentSize(raw, sizeAt, sizeBytes)
  let at = sizeAt + sizeBytes
  let blocks = 0
  for (let isLast = false; !isLast; blocks++) {
    const header = raw.readUIntLE(at, 3)
    const isRepeatedByte = ((header >> 1) & 3) === 1
    at += 3 + (isRepeatedByte ? 1 : header >> 3)
    isLast = (header & 1) === 1
  }
  const end = at + ((flags & CHECKSUM) === 0 ? 0 : 4)
  if (end > raw.length) throw new Error('the zstd frame is cut off')
  return { end, contentBytes, windowBytes: isSingleSegment ? contentBytes : readWindowSize(raw, start + 5), blocks }
}

function readContentSize(raw: Buffer, at: number, sizeBytes: number): number {
  switch (sizeBytes) {
    case 1:
      return raw.readUInt8(at)
    case 2:
      return raw.readUInt16LE(at) + 256
    case 4:
      return raw.readUInt32LE(at)
    case 8:
      return Number(raw.readBigUInt64LE(at))
    default:
      return 0
  }
}

/** Exponent and mantissa in one byte (RFC 8878 section 3.1.1.1.2). */
function readWindowSize(raw: Buffer, at: number): number {
  const descriptor = raw.readUInt8(at)
  const base = 2 ** (10 + (descriptor >> 3))
  return base + (base / 8) * (descriptor & 7)
}

function tooLarge(maxBytes: number): Error {
  return Object.assign(new RangeError(`more than ${maxBytes} bytes`), { code: 'ERR_BUFFER_TOO_LARGE' })
}
