/**
 * Reads HTTP/1.1 messages from a byte stream, strictly: a message is complete only when its framing says so. Vendor and
 * raw client both use it, so what they report is what was on the wire.
 * Source: RFC 9112 sections 2 to 7.
 */

export interface MessageHead {
  /** `POST /v1/messages HTTP/1.1` or `HTTP/1.1 200 OK`. */
  readonly startLine: string
  /** Name, value, name, value …, as they were written. */
  readonly rawHeaders: readonly string[]
}

export interface MessageEvents {
  head(head: MessageHead): void
  /** A piece of the body, freed from its framing. `continues`: it belongs to the same HTTP chunk as the one before. */
  body(bytes: Buffer, continues: boolean): void
  end(): void
}

export interface MessageReader {
  /** Throws when the bytes are not HTTP/1.1. */
  push(bytes: Buffer): void
  /** The connection has ended, and with it a message that lasts until then. */
  close(): void
}

export interface MessageReaderOptions {
  reads: 'requests' | 'responses'
  /** Responses only: true when the next answer has no body whatever its headers say (RFC 9110, HEAD). */
  isBodyless?: () => boolean
}

type State = 'head' | 'fixed' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer' | 'until-close'

export function createMessageReader(options: MessageReaderOptions, events: MessageEvents): MessageReader {
  let unread: Buffer = Buffer.alloc(0)
  let state: State = 'head'
  let remainingBytes = 0
  let continues = false

  const finishMessage = (): void => {
    state = 'head'
    events.end()
  }

  const takeLine = (): string | undefined => {
    const end = unread.indexOf('\r\n')
    if (end < 0) return undefined
    const line = unread.toString('latin1', 0, end)
    unread = unread.subarray(end + 2)
    return line
  }

  const readHead = (): boolean => {
    const end = unread.indexOf('\r\n\r\n')
    if (end < 0) return false
    const head = parseHead(unread.toString('latin1', 0, end), options.reads)
    unread = unread.subarray(end + 4)
    events.head(head)
    const framing = options.reads === 'requests' ? requestFraming(head) : responseFraming(head, options)
    continues = false
    if (framing === 'interim') return true
    if (framing === 'chunked') state = 'chunk-size'
    else if (framing === 'close') state = 'until-close'
    else if (framing > 0) [state, remainingBytes] = ['fixed', framing]
    else finishMessage()
    return true
  }

  const readBytes = (next: State | 'done'): boolean => {
    if (unread.length === 0) return false
    const taken = unread.subarray(0, remainingBytes)
    unread = unread.subarray(taken.length)
    remainingBytes -= taken.length
    events.body(taken, continues)
    continues = next === 'chunk-end' && remainingBytes > 0
    if (remainingBytes === 0) {
      if (next === 'done') finishMessage()
      else state = next
    }
    return true
  }

  const readChunkSize = (): boolean => {
    const line = takeLine()
    if (line === undefined) return false
    const size = /^([0-9a-f]{1,8})(?:;.*)?$/i.exec(line)?.[1]
    if (size === undefined) throw new Error(`not a chunk size: ${JSON.stringify(line)}`)
    remainingBytes = Number.parseInt(size, 16)
    state = remainingBytes > 0 ? 'chunk' : 'trailer'
    return true
  }

  const readChunkEnd = (): boolean => {
    if (unread.length < 2) return false
    if (takeLine() !== '') throw new Error('a chunk is longer than its size says')
    state = 'chunk-size'
    return true
  }

  const readTrailer = (): boolean => {
    const line = takeLine()
    if (line === undefined) return false
    if (line === '') finishMessage()
    return true
  }

  const readUntilClose = (): boolean => {
    if (unread.length > 0) events.body(unread, false)
    unread = unread.subarray(unread.length)
    return false
  }

  const steps: Record<State, () => boolean> = {
    head: readHead,
    fixed: () => readBytes('done'),
    'chunk-size': readChunkSize,
    chunk: () => readBytes('chunk-end'),
    'chunk-end': readChunkEnd,
    trailer: readTrailer,
    'until-close': readUntilClose,
  }

  return {
    push(bytes) {
      unread = unread.length === 0 ? bytes : Buffer.concat([unread, bytes])
      while (steps[state]());
    },
    close() {
      if (state === 'until-close') finishMessage()
    },
  }
}

const START_LINES = {
  requests: /^[A-Z]+ [^ ]+ HTTP\/1\.[01]$/,
  responses: /^HTTP\/1\.[01] [1-9][0-9]{2}( .*)?$/,
}
/** RFC 9110 section 5.5: a token, then any text without control characters. Folded lines and bare line feeds fail. */
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9a-z-]+):[ \t]*([^\0\r\n]*?)[ \t]*$/i

function parseHead(text: string, reads: MessageReaderOptions['reads']): MessageHead {
  const [startLine = '', ...lines] = text.split('\r\n')
  if (!START_LINES[reads].test(startLine)) throw new Error(`not the start of HTTP/1.1: ${JSON.stringify(startLine)}`)
  const rawHeaders = lines.flatMap((line) => {
    const [, name, value] = HEADER_LINE.exec(line) ?? []
    if (name === undefined || value === undefined) throw new Error(`not a header line: ${JSON.stringify(line)}`)
    return [name, value]
  })
  return { startLine, rawHeaders }
}

function requestFraming(head: MessageHead): 'chunked' | number {
  const framing = declaredFraming(head)
  return framing === 'none' ? 0 : framing
}

function responseFraming(head: MessageHead, options: MessageReaderOptions): 'chunked' | 'close' | 'interim' | number {
  const status = Number(head.startLine.split(' ')[1])
  if (status >= 100 && status < 200 && status !== 101) return 'interim'
  if (status === 204 || status === 304 || options.isBodyless?.() === true) return 0
  const framing = declaredFraming(head)
  return framing === 'none' ? 'close' : framing
}

/** What the headers say of the body's length. Two answers to that are how requests get smuggled, so they are refused. */
function declaredFraming({ rawHeaders }: MessageHead): 'chunked' | 'none' | number {
  const valuesOf = (wanted: string): string[] =>
    rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === wanted)
  const encodings = valuesOf('transfer-encoding')
  const lengths = valuesOf('content-length')
  if (encodings.length + lengths.length > 1) throw new Error(`framed twice: ${[...encodings, ...lengths].join(', ')}`)
  const [encoding, length] = [encodings[0], lengths[0]]
  if (encoding !== undefined && encoding.toLowerCase() !== 'chunked') throw new Error(`unknown coding: ${encoding}`)
  if (length !== undefined && !/^[0-9]+$/.test(length)) throw new Error(`not a length: ${length}`)
  return encoding !== undefined ? 'chunked' : length !== undefined ? Number(length) : 'none'
}

/** Bytes as one chunk, with its size. RFC 9112 section 7.1. */
export function encodeChunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
}

export const LAST_CHUNK = '0\r\n\r\n'
