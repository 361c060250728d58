/**
 * A token that has just been received, in a small file of its own: written at once and without a look at the config, so
 * that waiting for a lock or parsing a long file cannot stand between an answer and the disk.
 */
import { createHash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { open, readdir, readFile, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { SignIn } from '../core/account.ts'
import { Secret } from '../core/secret.ts'
import { syncFolder } from './folder.ts'
import { type JournalPlaces, placesFor } from './journal.ts'

type Token = string | null

export interface KeptAnswer {
  readonly name: string
  /**
   * The refresh tokens that led here, oldest first, null for none. While the config cannot be written it falls behind,
   * and any of them may be the one that it still holds.
   */
  readonly replaces: readonly Token[]
  readonly signIn: SignIn
  readonly remove: () => Promise<void>
}

/** What the config held at first is always among them; of the rotations since, this many. */
const LONGEST_CHAIN = 100

/**
 * Resolves when the answer is on disk, or when there is no place for it. Earlier answers of the account that could not
 * be written either become part of this one: put into the config after it they would bring a spent token back.
 */
export async function writeAnswer(
  target: string,
  name: string,
  exchanged: Token,
  signIn: SignIn,
  places: JournalPlaces,
): Promise<Pick<KeptAnswer, 'replaces' | 'remove'>> {
  const { refreshToken, accessToken, expiresAt, accountId } = signIn
  const own = tokenOf(signIn)
  const waiting = (await readAnswers(target, places)).filter((answer) => answer.name === name)
  const same = waiting.find((answer) => isSameSignIn(answer.signIn, signIn))
  if (same !== undefined) return same
  const earlier = waiting.filter((answer) => [...answer.replaces, tokenOf(answer.signIn)].includes(exchanged))
  const chain = [...earlier.flatMap((answer) => [...answer.replaces, tokenOf(answer.signIn)]), exchanged]
  const [oldest = null, ...rest] = [...new Set(chain)].filter((token) => token !== own || token === exchanged)
  const replaces = [oldest, ...rest.slice(-LONGEST_CHAIN)]
  const content = JSON.stringify({
    name,
    replaces,
    refresh: refreshToken?.reveal() ?? null,
    access: accessToken?.reveal() ?? null,
    expiresAt,
    accountId,
  })
  for (const path of placesFor(target, `${digestOf(content).slice(0, 16)}.answer`, places)) {
    try {
      await writeNew(path, `${digestOf(content)}\n${content}`)
      for (const answer of earlier) await answer.remove()
      return { replaces, remove: () => unlink(path).catch(() => {}) }
    } catch {
      // The next place, or none: the config itself may still be writable.
    }
  }
  return { replaces, remove: async () => {} }
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
  try {
    writeAtOnce(path, text)
    const file = await open(path, 'r+')
    await file.sync().finally(() => file.close())
  } catch (error) {
    await unlink(path).catch(() => {})
    throw error
  }
  await syncFolder(dirname(path))
}

/** Synchronous, so that no other process finds it half written and takes it for waste. */
function writeAtOnce(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600)
  try {
    const bytes = Buffer.from(text)
    if (writeSync(file, bytes) < bytes.length) throw new Error('there is no room for it')
  } finally {
    closeSync(file)
  }
}

function decode(text: string): Omit<KeptAnswer, 'remove'> | null {
  const [digest, content = ''] = text.split('\n', 2)
  if (digest !== digestOf(content)) return null
  const value = JSON.parse(content) as Record<'name' | 'refresh' | 'access' | 'accountId', Token>
  const secret = (token: Token): Secret | null => (token === null ? null : new Secret(token))
  const { expiresAt, replaces } = JSON.parse(content) as { expiresAt: number; replaces: Token[] }
  return {
    name: value.name ?? '',
    replaces,
    signIn: {
      type: 'oauth',
      refreshToken: secret(value.refresh),
      accessToken: secret(value.access),
      expiresAt,
      accountId: value.accountId,
    },
  }
}

function tokenOf({ refreshToken }: SignIn): Token {
  return refreshToken?.reveal() ?? null
}

function isSameSignIn(a: SignIn, b: SignIn): boolean {
  return tokenOf(a) === tokenOf(b) && a.accessToken?.reveal() === b.accessToken?.reveal()
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
