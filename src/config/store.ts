/**
 * The durable home of sign-ins: reads what the disk says now, and writes back one account's tokens so that they are
 * there whatever happens next. The only writer of the user's config.
 */
import { access, constants, realpath, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { SignIn } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'
import type { CredentialStore } from '../core/credential-store.ts'
import { type KeptAnswer, writeAnswer } from './answer-file.ts'
import type { Checkpoint } from './durable-file.ts'
import { openPrivateFolder } from './folder.ts'
import { type JournalPlaces, placesFor } from './journal.ts'
import { takeLock } from './lock.ts'
import { codeOf, createSignInFiles, statePathOf } from './sign-in-files.ts'

export interface StoreOptions {
  /** Absolute path of the config. */
  readonly path: string
  /** Asked at every write: another config may want another place. */
  readonly tokenStore: 'config' | 'state'
  /**
   * The sign-in of an account as the config gave it at load, for tokens that the file only refers to; null for a store
   * that is opened before.
   */
  readonly configured: ((name: string) => SignIn | null) | null
  readonly clock: Clock
  /** A test's way into the middle of a write. */
  readonly checkpoint?: Checkpoint
}

const LOCK_STALE_MS = 90_000
/** A write takes milliseconds; whoever holds its lock for longer is in trouble. */
const WRITE_PATIENCE_MS = 10_000

export function createCredentialStore(options: StoreOptions): CredentialStore {
  const { path, clock } = options
  const files = createSignInFiles(options)
  let turn: Promise<unknown> = Promise.resolve()
  let opening: Promise<JournalPlaces> | null = null

  const places = (): Promise<JournalPlaces> =>
    (opening ??= openPrivateFolder(privatePath()).then((privateFolder) => ({ privateFolder })))
  const resolveTarget = (): Promise<string> => realpath(path).catch(() => path)

  /** One at a time: in this process by turns, between processes by a lock. What a dead process left is put right first. */
  function exclusively<T>(work: (places: JournalPlaces, waiting: readonly KeptAnswer[]) => Promise<T>): Promise<T> {
    const result = turn.then(async () => {
      const [where, target] = await Promise.all([places(), resolveTarget()])
      const lock = await takeLock(placesFor(target, 'lock', where), {
        clock,
        staleAfterMs: LOCK_STALE_MS,
        patienceMs: WRITE_PATIENCE_MS,
      })
      if ('refused' in lock && lock.refused === 'held') throw Object.assign(new Error('locked'), { code: 'LOCKED' })
      try {
        return await work(where, await files.recover(target, where))
      } finally {
        if ('unlock' in lock) lock.unlock()
      }
    })
    turn = result.catch(() => {})
    return result
  }

  return {
    // A write in place has a middle, which nobody should see.
    read: (name) => exclusively((_places, waiting) => files.read(name, waiting)),

    async save(name, signIn, replaces) {
      // A login can be repeated; a refresh cannot.
      const answer =
        replaces === null
          ? null
          : await writeAnswer(await resolveTarget(), name, replaces.token, signIn, await places())
      if (answer !== null) options.checkpoint?.('answer-written')
      try {
        const result = await exclusively((where) => files.save(name, signIn, answer?.replaces ?? null, where))
        if (result.kind !== 'failed') await answer?.remove()
        return result
      } catch (error) {
        return { kind: 'failed', reason: `the config cannot be read (${codeOf(error)})` }
      }
    },

    async lock(name) {
      const ending = `${encodeURIComponent(name)
        .replaceAll(/[^\w-]/g, '_')
        .slice(0, 80)}.refresh.lock`
      const lock = await takeLock(placesFor(await resolveTarget(), ending, await places()), {
        clock,
        staleAfterMs: LOCK_STALE_MS,
        patienceMs: LOCK_STALE_MS,
      })
      if ('unlock' in lock) return lock.unlock
      // Nowhere to put a lock means nowhere to put a token: there is nothing to share with another process.
      return lock.refused === 'held' ? null : () => {}
    },

    async fingerprint() {
      const parts = [path, statePathOf(path)].map(async (file) => {
        const found = await stat(file, { bigint: true }).catch(() => null)
        return found === null ? '-' : `${found.ino} ${found.mtimeNs} ${found.size}`
      })
      return (await Promise.all(parts)).join(' ')
    },

    recover: (names) =>
      exclusively(async (where) => {
        for (const name of names) await files.importGoState(name, where)
      }),

    async whyReadOnly() {
      const target = options.tokenStore === 'config' ? path : statePathOf(path)
      if ((await isWritable(target)) || (await isWritable(dirname(path)))) return null
      return 'neither the config nor its folder can be written'
    },
  }
}

/** Ends what an interrupted write of the config has begun, before anybody parses it. */
export async function recoverConfig(path: string, clock: Clock): Promise<void> {
  await createCredentialStore({ path, tokenStore: 'config', configured: null, clock }).recover([])
}

function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  )
}

/** On Windows the temp folder is the user's own. */
function privatePath(): string {
  return join(tmpdir(), `sub2api-simple-${process.getuid?.() ?? 'user'}`)
}
