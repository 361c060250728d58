/**
 * A token that has just been received, in a small file of its own: written at once and without a look at the config, so
 * that waiting for a lock or parsing a long file cannot stand between an answer and the disk.
 */
import { createHash } from 'node:crypto'
import { open, readdir, readFile, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { SignIn } from '../core/account.ts'
import { Secret } from '../core/secret.ts'
import { syncFolder } from './folder.ts'
import { type JournalPlaces, placesFor } from './journal.ts'

export interface KeptAnswer {
  readonly name: string
  /** The refresh token that was exchanged. */
  readonly replaces: string | null
  readonly signIn: SignIn
  readonly remove: () => Promise<void>
}

/** Resolves when the answer is on disk, to the function that removes it; also when there is no place for it. */
export async function writeAnswer(
  target: string,
  name: string,
  replaces: string | null,
  signIn: SignIn,
  places: JournalPlaces,
): Promise<() => Promise<void>> {
  const { refreshToken, accessToken, expiresAt, accountId } = signIn
  const content = JSON.stringify({
    name,
    replaces,
    refresh: refreshToken?.reveal() ?? null,
    access: accessToken?.reveal() ?? null,
    expiresAt,
    accountId,
  })
  for (const path of placesFor(
    target,
    `${digestOf(name + (refreshToken?.reveal() ?? '')).slice(0, 16)}.answer`,
    places,
  )) {
    try {
      await writeNew(path, `${digestOf(content)}\n${content}`)
      return () => unlink(path).catch(() => {})
    } catch {
      // The next place, or none: the config itself may still be writable.
    }
  }
  return async () => {}
}

/** The complete answers that some process could not put into the config any more. Incomplete ones are removed. */
export async function readAnswers(target: string, places: JournalPlaces): Promise<KeptAnswer[]> {
  const answers: KeptAnswer[] = []
  for (const example of placesFor(target, 'answer', places)) {
    const prefix = basename(example).replace(/answer$/, '')
    for (const file of await readdir(dirname(example)).catch(() => [])) {
      if (!file.startsWith(prefix) || !file.endsWith('.answer')) continue
      const path = join(dirname(example), file)
      const remove = (): Promise<void> => unlink(path).catch(() => {})
      const answer = decode(await readFile(path, 'utf8').catch(() => ''))
      if (answer === null) await remove()
      else answers.push({ ...answer, remove })
    }
  }
  return answers
}

async function writeNew(path: string, text: string): Promise<void> {
  await unlink(path).catch(() => {})
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } catch (error) {
    await unlink(path).catch(() => {})
    throw error
  } finally {
    await file.close()
  }
  await syncFolder(dirname(path))
}

function decode(text: string): Omit<KeptAnswer, 'remove'> | null {
  const [digest, content = ''] = text.split('\n', 2)
  if (digest !== digestOf(content)) return null
  const value = JSON.parse(content) as Record<'name' | 'replaces' | 'refresh' | 'access' | 'accountId', string | null>
  const secret = (token: string | null): Secret | null => (token === null ? null : new Secret(token))
  const { expiresAt } = JSON.parse(content) as { expiresAt: number }
  return {
    name: value.name ?? '',
    replaces: value.replaces,
    signIn: {
      type: 'oauth',
      refreshToken: secret(value.refresh),
      accessToken: secret(value.access),
      expiresAt,
      accountId: value.accountId,
    },
  }
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
