/**
 * The body of a stream in HTTP chunks (RFC 9112 section 7.1), each framed and written in one piece. Node hands a chunk to
 * the socket in four, which costs more than copying a short event does.
 */
import type { ServerResponse } from 'node:http'
import { isBun } from '../core/engine.ts'

/** A longer chunk is not worth copying: the socket gathers its pieces. */
const MOST_COPIED_BYTES = 4096
const LINE_END = Buffer.from('\r\n')
const LAST_CHUNK = '0\r\n\r\n'

/** HTTP/1.0 knows no chunks, and Bun frames them itself, whatever it is told: there the runtime's way stays. */
function isFramedHere(outgoing: ServerResponse): boolean {
  return outgoing.useChunkedEncodingByDefault && !isBun
}

/** Writes the head of a stream, for `writeChunk` and `endChunks`. `raw` is name, value, name, value … */
export function writeStreamHead(outgoing: ServerResponse, raw: string[]): void {
  if (!isFramedHere(outgoing)) return void outgoing.writeHead(200, raw)
  outgoing.writeHead(200, [...raw, 'transfer-encoding', 'chunked'])
  // Said in the head, and not to be done a second time.
  outgoing.chunkedEncoding = false
}

/** False when the client should be waited for (`drain`). */
export function writeChunk(outgoing: ServerResponse, chunk: Buffer | string): boolean {
  const length = Buffer.byteLength(chunk)
  // A chunk without bytes would end the body.
  if (length === 0 || !isFramedHere(outgoing)) return outgoing.write(chunk)
  const size = `${length.toString(16)}\r\n`
  if (length > MOST_COPIED_BYTES) {
    outgoing.write(size, 'latin1')
    outgoing.write(chunk)
    return outgoing.write(LINE_END)
  }
  const framed = Buffer.allocUnsafe(size.length + length + LINE_END.length)
  framed.write(size, 'latin1')
  if (typeof chunk === 'string') framed.write(chunk, size.length)
  else chunk.copy(framed, size.length)
  framed.set(LINE_END, size.length + length)
  return outgoing.write(framed)
}

/** The body is complete. */
export function endChunks(outgoing: ServerResponse): void {
  if (isFramedHere(outgoing)) outgoing.end(LAST_CHUNK, 'latin1')
  else outgoing.end()
}
