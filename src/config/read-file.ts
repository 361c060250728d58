/**
 * Reads the small text files a config is made of, and says in one line why one of them cannot be read.
 */
import { open } from 'node:fs/promises'

/** A file that could not be read; its message names no path and fits behind "cannot be read: ". */
export class UnreadableFile extends Error {
  /** As Node names it (`ENOENT`), or our own for content: `TOO_LARGE`, `NOT_UTF8`. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.name = 'UnreadableFile'
    this.code = code
  }
}

export interface TextFile {
  /** Without byte order mark. */
  readonly text: string
  /** Permission bits and file type as in `stat`. */
  readonly mode: number
}

/**
 * The UTF-8 text of a file, at most `limitBytes` long: a device or a pipe has no end of its own.
 * Throws UnreadableFile.
 */
export async function readTextFile(path: string, limitBytes: number): Promise<TextFile> {
  try {
    const { bytes, mode } = await readBounded(path, limitBytes)
    return { text: decode(bytes), mode }
  } catch (error) {
    throw error instanceof UnreadableFile ? error : explain(error as NodeJS.ErrnoException)
  }
}

async function readBounded(path: string, limitBytes: number): Promise<{ bytes: Buffer; mode: number }> {
  const file = await open(path, 'r')
  try {
    const { mode } = await file.stat()
    const chunks: Buffer[] = []
    let size = 0
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(64 * 1024))
      if (bytesRead === 0) return { bytes: Buffer.concat(chunks), mode }
      chunks.push(buffer.subarray(0, bytesRead))
      size += bytesRead
      if (size > limitBytes) throw new UnreadableFile('TOO_LARGE', `it is larger than ${limitBytes / 1024} KiB`)
    }
  } finally {
    await file.close()
  }
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new UnreadableFile('NOT_UTF8', 'it is not UTF-8 text; save it as UTF-8')
  }
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['ENOTDIR', 'a part of its path is not a directory'],
  ['EISDIR', 'it is a directory'],
  ['EACCES', 'no permission to read it'],
  ['EPERM', 'no permission to read it'],
  ['ELOOP', 'its symbolic links run in a circle'],
])

/** Exported for its test: no permission cannot be arranged for a test that runs as root. */
export function explain(error: NodeJS.ErrnoException): UnreadableFile {
  const code = error.code ?? 'UNKNOWN'
  return new UnreadableFile(code, REASONS.get(code) ?? error.message)
}
