/**
 * `token_state.json` beside the config: sign-ins that are not, or cannot be, kept in the config itself. The shape is that
 * of the Go program, plus a `seed` per entry: the digest of the refresh token that the config held when the entry was
 * made. An entry counts only while the config still holds that token, so that a token pasted by hand wins.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { SignIn } from '../core/account.ts'
import { Secret } from '../core/secret.ts'

export interface StateEntry {
  readonly signIn: SignIn
  /** Absent in an entry of the Go program, which knew no such thing. */
  readonly seed: string | null
}

type RawEntry = Record<string, unknown>

/** The file as it was read. What we do not know in it stays in it. */
export interface StateFile {
  readonly entryOf: (name: string) => StateEntry | null
  readonly withEntry: (name: string, entry: StateEntry) => Buffer
}

/** In: the file's path; a missing file is an empty state. Rejects when the file is there and cannot be understood. */
export async function readStateFile(path: string): Promise<StateFile> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{"accounts":{}}'
    throw new Error(`token_state.json cannot be read (${error.code})`)
  })
  const whole = parseObject(text)
  const accounts = asObject(whole?.['accounts'] ?? {})
  if (whole === null || accounts === null) throw new Error('token_state.json is not the JSON it should be')
  return {
    entryOf(name) {
      const raw = Object.hasOwn(accounts, name) ? asObject(accounts[name]) : null
      return raw === null ? null : decodeEntry(raw)
    },
    withEntry(name, entry) {
      const kept = Object.hasOwn(accounts, name) ? asObject(accounts[name]) : null
      const entries = new Map(Object.entries(accounts)).set(name, { ...kept, ...encodeEntry(entry) })
      return Buffer.from(`${JSON.stringify({ ...whole, accounts: Object.fromEntries(entries) }, null, 2)}\n`)
    },
  }
}

/**
 * Which of the two a sign-in is taken from. An entry of the Go program wins until the relay has written the config for
 * the first time, which shows in its `expires_at`.
 */
export function isEntryCurrent(entry: StateEntry, configured: SignIn): boolean {
  return entry.seed === null ? configured.expiresAt === 0 : entry.seed === seedOf(configured)
}

/** Digest of the refresh token in the config. */
export function seedOf({ refreshToken }: SignIn): string {
  return createHash('sha256')
    .update(refreshToken?.reveal() ?? '')
    .digest('hex')
}

function decodeEntry(raw: RawEntry): StateEntry | null {
  const text = (key: string): string => (typeof raw[key] === 'string' ? raw[key].trim() : '')
  const secret = (key: string): Secret | null => (text(key) === '' ? null : new Secret(text(key)))
  const expiresAt = Date.parse(text('expires_at'))
  const signIn: SignIn = {
    type: 'oauth',
    refreshToken: secret('refresh_token'),
    accessToken: secret('access_token'),
    expiresAt: Number.isNaN(expiresAt) ? 0 : expiresAt,
    accountId: text('chatgpt_account_id') || null,
  }
  const isEmpty = signIn.refreshToken === null && signIn.accessToken === null
  return isEmpty ? null : { signIn, seed: text('seed') || null }
}

function encodeEntry({ signIn, seed }: StateEntry): RawEntry {
  return {
    refresh_token: signIn.refreshToken?.reveal() ?? '',
    ...(signIn.accessToken === null ? {} : { access_token: signIn.accessToken.reveal() }),
    ...(signIn.accountId === null ? {} : { chatgpt_account_id: signIn.accountId }),
    ...(signIn.expiresAt === 0 ? {} : { expires_at: new Date(signIn.expiresAt).toISOString() }),
    ...(seed === null ? {} : { seed }),
  }
}

function parseObject(text: string): RawEntry | null {
  try {
    return asObject(JSON.parse(text.replace(/^\uFEFF/, '')))
  } catch {
    return null
  }
}

function asObject(value: unknown): RawEntry | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as RawEntry) : null
}
