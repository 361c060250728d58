/**
 * The journal of usage: a line per request, in a file per month, written beside the requests and never in their way.
 *
 * A record is handed to the system in the turn of the event loop in which its request ends, unless an earlier write is
 * still under way; then it goes with the next one. What the system has it keeps, even when this process is killed. It is
 * not synced: a loss of power may take the last seconds.
 */
import { appendFile, open } from 'node:fs/promises'
import { extname } from 'node:path'
import type { Clock, Timer } from '../core/clock.ts'
import { localMonth } from '../core/local-calendar.ts'
import { encodeLine } from './journal-line.ts'
import type { UsageRecord } from './record.ts'

export interface Journal {
  append(record: UsageRecord): void
  /** Resolves when everything is written, or cannot be. */
  close(): Promise<void>
}

export interface JournalOptions {
  /** As the config names it; the month is put before its ending. */
  readonly path: string
  readonly clock: Clock
  /** Told when the file cannot be written, and when it can be again. */
  readonly warn: (event: string, facts: Record<string, unknown>) => void
}

/** A disk that is full or gone is asked again this often. */
const RETRY_MS = 10_000
/** What waits for it meanwhile. */
const MOST_WAITING = 20_000

interface Batch {
  readonly file: string
  lines: string
  count: number
}

export function createJournal({ path, clock, warn }: JournalOptions): Journal {
  const waiting: Batch[] = []
  let waitingCount = 0
  let lost = 0
  let isFailing = false
  let retry: Timer | null = null
  let writing: Promise<void> | null = null
  /** The file whose end is known to be that of a line. */
  let proven: string | null = null

  function append(record: UsageRecord): void {
    if (waitingCount >= MOST_WAITING) {
      lost++
      return
    }
    const file = journalFile(path, record.at)
    let batch = waiting.at(-1)
    if (batch?.file !== file) waiting.push((batch = { file, lines: '', count: 0 }))
    batch.lines += encodeLine(record)
    batch.count++
    waitingCount++
    if (retry === null) writing ??= writeAll()
  }

  async function writeAll(): Promise<void> {
    try {
      for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
        if (!(await writeBatch(batch))) {
          waiting.unshift(batch)
          return
        }
        waitingCount -= batch.count
      }
    } finally {
      writing = null
    }
  }

  /** False when the disk does not take it now; then it is asked again later. */
  async function writeBatch({ file, lines }: Batch): Promise<boolean> {
    try {
      const start = file === proven || !(await endsInMidLine(file)) ? '' : '\n'
      proven = null
      await appendFile(file, start + lines, { mode: 0o600 })
      proven = file
      if (isFailing) warn('usage_log.recovered', { path: file, lost })
      isFailing = false
      lost = 0
      return true
    } catch (error) {
      if (!isFailing) warn('usage_log.failed', { path: file, reason: (error as Error).message })
      isFailing = true
      retry = clock.timer(RETRY_MS, () => {
        retry = null
        writing ??= writeAll()
      })
      return false
    }
  }

  return {
    append,
    async close() {
      retry?.cancel()
      await writing
      await writeAll()
      retry?.cancel()
      if (waitingCount > 0) warn('usage_log.lost', { path, lost: waitingCount + lost })
    },
  }
}

/** `/var/usage.jsonl` and a moment of November 2026: `/var/usage-2026-11.jsonl`. Months are local ones. */
export function journalFile(path: string, at: number): string {
  const ending = extname(path)
  return `${path.slice(0, path.length - ending.length)}-${localMonth(at).key}${ending}`
}

/** A process that was killed, or a disk that was full, may have left half a line. */
async function endsInMidLine(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'r')
    try {
      const { size } = await handle.stat()
      if (size === 0) return false
      const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
      return buffer[0] !== NEW_LINE
    } finally {
      await handle.close()
    }
  } catch {
    return false
  }
}

const NEW_LINE = 0x0a
