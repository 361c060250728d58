/**
 * Notices when the config is changed. It watches folders, not the file: editors put another file in its place, after
 * which a watch on the old one hears nothing more. A look now and then finds what no watch reports, as on network drives.
 */
import { watch, type FSWatcher } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { Clock, Timer } from '../core/clock.ts'

export interface ConfigWatch {
  /** Resolves when it would notice a change. */
  readonly ready: Promise<void>
  close(): void
}

export interface WatchOptions {
  /** Absolute. */
  readonly path: string
  readonly clock: Clock
  /** Called when the file may have changed, once for what belongs together. */
  readonly onChange: () => void
}

/** A save is several steps; it is over when nothing has happened for this long. */
const QUIET_MS = 200
/** However busy the folder is. */
const LONGEST_QUIET_MS = 2_000
const LOOK_MS = 3_000
/** Kubernetes changes mounted configs by turning this link. */
const MOUNTED = '..data'

export function watchConfig({ path, clock, onChange }: WatchOptions): ConfigWatch {
  let watchers: FSWatcher[] = []
  let settling: { readonly timer: Timer; readonly since: number } | null = null
  let looking: Promise<void> | null = null
  let lastPrint: string | null = null
  let isClosed = false

  function touch(): void {
    if (isClosed) return
    const now = clock.monotonic()
    const since = settling?.since ?? now
    settling?.timer.cancel()
    const waitMs = Math.max(0, Math.min(QUIET_MS, since + LONGEST_QUIET_MS - now))
    settling = { since, timer: clock.timer(waitMs, settle) }
  }

  function settle(): void {
    settling = null
    void look().then(onChange)
  }

  function disarm(): void {
    for (const watcher of watchers) watcher.close()
    watchers = []
  }

  /** The file may be a link, and the link may lead elsewhere by now. */
  async function arm(): Promise<void> {
    const target = await realpath(path).catch(() => path)
    disarm()
    if (isClosed) return
    const names = new Set([basename(path), basename(target), MOUNTED])
    for (const folder of new Set([dirname(path), dirname(target)])) {
      try {
        const onEvent = (_event: string, name: string | null): void => {
          if (name === null || names.has(name)) touch()
        }
        const watcher = watch(folder, { persistent: false }, onEvent)
        watcher.on('error', () => watcher.close())
        watchers.push(watcher)
      } catch {
        // A system that has no watches left, or a folder that cannot be watched: looking is enough.
      }
    }
  }

  /** True when the file is another one than at the last look. */
  async function look(): Promise<boolean> {
    const found = await stat(path, { bigint: true }).catch(() => null)
    const print = found === null ? '-' : `${found.ino} ${found.mtimeNs} ${found.size}`
    const isNew = lastPrint !== null && print !== lastPrint
    lastPrint = print
    return isNew
  }

  async function lookAround(): Promise<void> {
    if (settling !== null || !(await look())) return
    // Nobody said so: the watches are deaf.
    await arm()
    touch()
  }

  const timer = clock.every(LOOK_MS, () => {
    looking ??= lookAround().finally(() => {
      looking = null
    })
  })
  return {
    ready: look().then(arm),
    close() {
      isClosed = true
      timer.cancel()
      settling?.timer.cancel()
      disarm()
    },
  }
}
