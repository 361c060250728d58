/**
 * Reads the journal of usage back, line by line, so that a file of any size needs no more memory than a line.
 */
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { localMonth } from '../core/local-calendar.ts'
import { decodeLine } from './journal-line.ts'
import type { UsageRecord } from './record.ts'

/** A line that is no record. `isLast`: it stands at the end of its file, where a process was killed or a disk full. */
export interface SkippedLine {
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly isLast: boolean
}

/**
 * The records from `since` (epoch ms) on, month by month in the order they were written. `path` is the absolute path that
 * the config names. Reads what is there now, not what is added meanwhile. A journal that does not exist has no records;
 * one that cannot be read rejects with the system's error.
 */
export async function* readJournal(
  path: string,
  since: number,
  onSkipped: (skipped: SkippedLine) => void = () => {},
): AsyncGenerator<UsageRecord> {
  const files = await Promise.all(
    (await journalFiles(path, since)).map(async (file) => ({ file, size: (await stat(file)).size })),
  )
  for (const { file, size } of files) {
    if (size > 0) yield* readFile(file, size, since, onSkipped)
  }
}

async function* readFile(
  file: string,
  size: number,
  since: number,
  onSkipped: (skipped: SkippedLine) => void,
): AsyncGenerator<UsageRecord> {
  const lines = createInterface({ input: createReadStream(file, { end: size - 1 }), crlfDelay: Infinity })
  let number = 0
  let skipped: number | null = null
  for await (const line of lines) {
    number++
    if (skipped !== null) onSkipped({ file, line: skipped, isLast: false })
    skipped = null
    if (line.trim() === '') continue
    const record = decodeLine(line)
    if (record === null) skipped = number
    else if (record.at >= since) yield record
  }
  if (skipped !== null) onSkipped({ file, line: skipped, isLast: true })
}

/** `usage-2026-11.jsonl` and its like, the oldest first, without the months that ended before `since`. */
async function journalFiles(path: string, since: number): Promise<string[]> {
  const ending = extname(path)
  const start = `${basename(path, ending)}-`
  const first = since > 0 ? localMonth(since).key : ''
  const names = await readdir(dirname(path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const monthOf = (name: string): string => name.slice(start.length, name.length - ending.length)
  return names
    .filter((name) => name.startsWith(start) && name.endsWith(ending) && /^[0-9]{4}-[0-9]{2}$/.test(monthOf(name)))
    .filter((name) => monthOf(name) >= first)
    .toSorted()
    .map((name) => join(dirname(path), name))
}
