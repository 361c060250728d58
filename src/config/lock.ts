/**
 * A lock that holds between processes: a file beside the config, created exclusively, that says who holds it.
 */
import { closeSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs'
import { link, readFile, rename, stat, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { Clock } from '../core/clock.ts'

export interface LockOptions {
  readonly clock: Clock
  /** A holder that is silent for this long is gone, whatever its pid says. */
  readonly staleAfterMs: number
  /** How long to wait for a holder that is alive. */
  readonly patienceMs: number
}

/** Ends the hold. Idempotent. */
export type Unlock = () => void

const POLL_MS = 50
/** Between creating the file and writing into it there is next to no time. */
const EMPTY_STALE_MS = 2_000

/**
 * Takes the lock at the first of `paths` that can be created. Refused as `held` when the holder outlasts our patience, as
 * `no_place` when no path is writable.
 */
export async function takeLock(
  paths: readonly string[],
  options: LockOptions,
): Promise<{ unlock: Unlock } | { refused: 'held' | 'no_place' }> {
  for (const path of paths) {
    const taken = await takeLockAt(path, options)
    if (taken !== 'no_place') return taken === 'held' ? { refused: 'held' } : { unlock: taken }
  }
  return { refused: 'no_place' }
}

async function takeLockAt(path: string, options: LockOptions): Promise<Unlock | 'held' | 'no_place'> {
  const { clock, patienceMs } = options
  const startedAt = clock.monotonic()
  for (;;) {
    const created = create(path, clock.now(), clock.random())
    if (created !== 'taken') return created
    if (await isStale(path, options)) await breakLock(path, options)
    else if (clock.monotonic() - startedAt >= patienceMs) return 'held'
    else await new Promise<void>((resolve) => clock.timer(POLL_MS * (1 + clock.random()), resolve))
  }
}

/** Synchronous, so that the file is never seen empty by a process that is not unlucky indeed. */
function create(path: string, now: number, chance: number): Unlock | 'taken' | 'no_place' {
  const content = JSON.stringify({ pid: process.pid, host: hostname(), at: now, chance })
  try {
    const file = openSync(path, 'wx', 0o600)
    try {
      writeSync(file, content)
    } catch (error) {
      // A full disk takes the name and not the content: an empty lock would hold everybody up.
      remove(path)
      throw error
    } finally {
      closeSync(file)
    }
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EEXIST' ? 'taken' : 'no_place'
  }
  // Left by somebody who died while breaking a dead one's lock.
  remove(`${path}.stale`)
  let isHeld = true
  return () => {
    if (!isHeld) return
    isHeld = false
    // Whoever held us for dead has taken it away, and may have put its own there.
    if (readNow(path) === content) remove(path)
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // There is none.
  }
}

function readNow(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

async function isStale(path: string, { clock, staleAfterMs }: LockOptions): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch(() => null)
  if (text === null) return false
  const holder = parseHolder(text)
  if (holder === null) {
    const found = await stat(path).catch(() => null)
    return found !== null && clock.now() - found.mtimeMs > EMPTY_STALE_MS
  }
  // Also one from the future, as a clock that was set back leaves it: nobody else would ever end that.
  if (Math.abs(clock.now() - holder.at) > staleAfterMs) return true
  if (holder.host !== hostname()) return false
  // In a container every life has the same pid.
  if (holder.pid === process.pid) return holder.at < clock.now() - process.uptime() * 1000 - EMPTY_STALE_MS
  return !isAlive(holder.pid)
}

interface Holder {
  readonly pid: number
  readonly host: string
  readonly at: number
}

function parseHolder(text: string): Holder | null {
  try {
    const value = JSON.parse(text) as Partial<Holder>
    return typeof value.pid === 'number' && typeof value.at === 'number' ? (value as Holder) : null
  } catch {
    return null
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Without permission to signal it, it is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Moves a stale lock away. Another process may have been faster and hold a fresh one by now: that one is put back. */
async function breakLock(path: string, options: LockOptions): Promise<void> {
  const aside = `${path}.stale`
  try {
    await rename(path, aside)
  } catch {
    return
  }
  if (!(await isStale(aside, options))) await link(aside, path).catch(() => {})
  await unlink(aside).catch(() => {})
}
