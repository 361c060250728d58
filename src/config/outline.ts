/**
 * What a config says but for the tokens of its sign-ins, which the relay itself renews in the file: two texts with one
 * outline differ in nothing that has to be put into force.
 */
import type { Document } from 'yaml'
import { digest } from '../core/secret.ts'
import { ConfigError, fileProblem } from './problem.ts'
import { readTextFile } from './read-file.ts'
import { parseSource, REPEATS_TOO_MUCH, type Source } from './source.ts'

const LARGEST_CONFIG_BYTES = 2 * 1024 * 1024
const TOKENS = ['refresh_token', 'access_token']
const WITH_TOKENS = [...TOKENS, 'expires_at', 'chatgpt_account_id']

/** A digest, because a config is full of secrets. Throws ConfigError when aliases make more of the file than it is. */
export function outlineOf({ file, document }: Source): string {
  const whole = wholeOf(file, document)
  const text = JSON.stringify(whole, (key, value: unknown) =>
    key.toLowerCase() === 'accounts' && Array.isArray(value) ? value.map(withoutTokens) : value,
  )
  return digest(text ?? '').toString('base64')
}

function wholeOf(file: string, document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 1000 })
  } catch (error) {
    // How the parser tells of too many aliases; those of nothing and of themselves are refused before.
    if (!(error instanceof ReferenceError)) throw error
    throw new ConfigError([fileProblem('error', file, REPEATS_TOO_MUCH, '')])
  }
}

/** Null when the file cannot be read or parsed. */
export async function readOutline(path: string): Promise<string | null> {
  try {
    return outlineOf(parseSource(path, (await readTextFile(path, LARGEST_CONFIG_BYTES)).text))
  } catch {
    return null
  }
}

function withoutTokens(account: unknown): unknown {
  if (typeof account !== 'object' || account === null) return account
  const entries = Object.entries(account)
  const isKept = ([key, value]: [string, unknown], names: readonly string[]): boolean =>
    names.includes(key.toLowerCase()) && typeof value === 'string' && value !== '' && !value.includes('${')
  const isSignedIn = entries.some((entry) => isKept(entry, TOKENS))
  // Whether it has any says what kind of account it is. Without one, the rest belongs to a token that nobody renews.
  if (!isSignedIn) return account
  return { isSignedIn, rest: entries.filter((entry) => !isKept(entry, WITH_TOKENS)) }
}
