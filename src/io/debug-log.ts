/**
 * Bodies and stream lines for finding faults, when the config asks for them: into a file that only its owner may read, never
 * into the ordinary log, with every known secret masked.
 */
import { createWriteStream, type WriteStream } from 'node:fs'
import type { Clock } from '../core/clock.ts'
import { createRedactor } from './log.ts'

export interface DebugLog {
  /** One body of a request or an answer, cut at 256 KiB. */
  body(requestId: string, what: 'client request' | 'upstream request' | 'upstream answer', bytes: Buffer): void
  /** One event of an upstream stream. */
  event(requestId: string, name: string, data: Buffer): void
  close(): Promise<void>
}

export interface DebugLogOptions {
  readonly path: string
  readonly bodies: boolean
  readonly events: boolean
  readonly secrets: readonly string[]
  readonly clock: Clock
  /** Told once when the file cannot be written or has reached its size. */
  readonly warn: (event: string, facts: Record<string, unknown>) => void
}

const LONGEST_BODY_BYTES = 256 * 1024
/** Whoever forgets to switch it off finds the rest of the disk still free. */
const LARGEST_FILE_BYTES = 256 * 1024 * 1024

/** Opens the file for appending, mode 0600. Writing never throws and never holds a request up. */
export function createDebugLog(options: DebugLogOptions): DebugLog {
  const redact = createRedactor(options.secrets)
  const file: WriteStream = createWriteStream(options.path, { flags: 'a', mode: 0o600 })
  let written = 0
  let isOver = false
  const giveUp = (reason: string): void => {
    if (!isOver) options.warn('debug_log.ended', { path: options.path, reason })
    isOver = true
  }
  file.on('error', (error) => giveUp(error.message))
  const line = (requestId: string, what: string, bytes: Buffer): void => {
    if (isOver) return
    const cut = bytes.length > LONGEST_BODY_BYTES ? `… (${bytes.length} bytes)` : ''
    const text = redact(bytes.toString('utf8', 0, LONGEST_BODY_BYTES))
    const entry = { time: new Date(options.clock.now()).toISOString(), request: requestId, what, text: text + cut }
    const encoded = `${JSON.stringify(entry)}\n`
    written += encoded.length
    file.write(encoded)
    if (written > LARGEST_FILE_BYTES) giveUp('it has reached 256 MiB')
  }
  return {
    body(requestId, what, bytes) {
      if (options.bodies) line(requestId, what, bytes)
    },
    event(requestId, name, data) {
      if (options.events) line(requestId, `event ${name}`.trim(), data)
    },
    close: () => new Promise((resolve) => file.end(resolve)),
  }
}
