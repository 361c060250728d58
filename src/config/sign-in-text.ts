/**
 * The ChatGPT sign-in of one account within the text of a config: found through the ranges of the parser, and replaced
 * without touching any byte around it.
 */
import { isMap, isScalar, isSeq, type Document, type Pair, type Scalar, type YAMLMap } from 'yaml'
import type { SignIn } from '../core/account.ts'
import { Secret } from '../core/secret.ts'
import { parseSource, type Source } from './source.ts'

/** What the file says of a sign-in, without looking up references. */
export interface WrittenSignIn {
  readonly signIn: SignIn
  /** A token is given as `${NAME}`, as an object or as an alias: there is no text here that could be replaced. */
  readonly isReference: boolean
}

const FIELDS = ['refresh_token', 'access_token', 'expires_at', 'chatgpt_account_id'] as const
type Field = (typeof FIELDS)[number]

/** In: a parsed config and the account's name. Out: null when there is no account of that name. */
export function readSignIn(source: Source, name: string): WrittenSignIn | null {
  const account = findAccount(source.document, name)
  if (account === null) return null
  const text = (field: Field): string => {
    return textOf(pairOf(account, field)?.value)
  }
  const expiresAt = Date.parse(text('expires_at'))
  return {
    signIn: {
      type: 'oauth',
      refreshToken: secretOrNull(text('refresh_token')),
      accessToken: secretOrNull(text('access_token')),
      expiresAt: Number.isNaN(expiresAt) ? 0 : expiresAt,
      accountId: text('chatgpt_account_id') || null,
    },
    isReference: FIELDS.some((field) => isReference(pairOf(account, field)?.value)),
  }
}

/**
 * The text with the account's sign-in replaced, or null when it cannot be put there. The result has been parsed again:
 * it says what it should about this account, and about everything else what the text said before.
 */
export function replaceSignIn(source: Source, name: string, signIn: SignIn): string | null {
  const account = findAccount(source.document, name)
  if (account === null || readSignIn(source, name)?.isReference === true) return null
  const values = valuesOf(signIn)
  const edits: Edit[] = []
  const missing: Array<[Field, string]> = []
  for (const field of FIELDS) {
    const value = values[field]
    const pair = pairOf(account, field)
    if (value === null) continue
    if (pair === undefined) missing.push([field, JSON.stringify(value)])
    else if (isScalar(pair.value)) edits.push(replaceScalar(source.text, pair.value, JSON.stringify(value)))
    else return null
  }
  if (missing.length > 0) {
    const anchor = anchorOf(account)
    if (anchor === null) return null
    edits.push(insertBefore(source.text, anchor, missing, account.flow === true))
  }
  const text = edits
    .toSorted((a, b) => b.start - a.start)
    .reduce((rest, { start, end, text: put }) => rest.slice(0, start) + put + rest.slice(end), source.text)
  return isFaithful(source, name, values, text) ? text : null
}

interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

type Values = Record<Field, string | null>

function valuesOf({ refreshToken, accessToken, expiresAt, accountId }: SignIn): Values {
  return {
    refresh_token: refreshToken?.reveal() ?? null,
    access_token: accessToken?.reveal() ?? null,
    expires_at: expiresAt === 0 ? null : new Date(expiresAt).toISOString(),
    chatgpt_account_id: accountId,
  }
}

/** Names of all accounts, as the rest of the relay knows them. */
export function listAccounts({ document }: Source): string[] {
  return accountsOf(document).map(({ name }) => name)
}

function findAccount(document: Document, name: string): YAMLMap | null {
  return accountsOf(document).find((account) => account.name === name)?.map ?? null
}

function accountsOf(document: Document): Array<{ name: string; map: YAMLMap }> {
  const root = document.contents
  const accounts = isMap(root) ? pairOf(root, 'accounts')?.value : null
  if (!isSeq(accounts)) return []
  return accounts.items.flatMap((map, position) => {
    if (!isMap(map)) return []
    const name = textOf(pairOf(map, 'name')?.value)
    return [{ name: name === '' ? `account-${position + 1}` : name, map }]
  })
}

/** A YAML number or date is as good as the text it was written as. */
function textOf(node: unknown): string {
  if (!isScalar(node) || node.value === null) return ''
  return (typeof node.value === 'string' ? node.value : (node.source ?? '')).trim()
}

/** Keys match without regard to case, as everywhere in a config. */
function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && String(pair.key.value).toLowerCase() === key)
}

function isReference(value: unknown): boolean {
  if (value === undefined || value === null) return false
  return !isScalar(value) || /\$\{[A-Za-z_]/.test(String(value.value))
}

/** New keys stand before one of these: an account with a sign-in has at least one of them. */
function anchorOf(account: YAMLMap): Scalar | null {
  for (const key of ['refresh_token', 'access_token', 'oauth_token', 'type', 'platform', 'name']) {
    const found = pairOf(account, key)?.key
    if (isScalar(found) && found.range) return found
  }
  return null
}

function replaceScalar(text: string, { range }: Scalar, value: string): Edit {
  const [start, end] = range ?? [0, 0]
  // `refresh_token:` without a value: YAML wants a space before one.
  return { start, end, text: start === end && text[start - 1] === ':' ? ` ${value}` : value }
}

/** In front of a key nothing has to be known about commas and comments behind it. */
function insertBefore(text: string, anchor: Scalar, fields: Array<[Field, string]>, isFlow: boolean): Edit {
  const start = anchor.range?.[0] ?? 0
  const lineStart = text.lastIndexOf('\n', start - 1) + 1
  const before = text.slice(lineStart, start)
  const feed = text.includes('\r\n') ? '\r\n' : '\n'
  const isAlone = before.trim() === ''
  // A block mapping needs a line per key; `- ` in front of the first one counts as indentation.
  const separator = isAlone || !isFlow ? `${feed}${before.replaceAll(/[^\t]/g, ' ')}` : ' '
  const written = fields.map(([field, value]) => (isFlow ? `"${field}": ${value},` : `${field}: ${value}`))
  return { start, end: start, text: written.map((each) => each + separator).join('') }
}

/** Reads the result back. What a parser makes of unusual YAML is better tested than foreseen. */
function isFaithful(source: Source, name: string, values: Values, text: string): boolean {
  try {
    const result = parseSource(source.file, text)
    const account = findAccount(result.document, name)
    if (account === null) return false
    for (const field of FIELDS) {
      const value = pairOf(account, field)?.value
      const wanted = values[field]
      if (wanted !== null && (!isScalar(value) || value.value !== wanted)) return false
    }
    return withoutSignIn(result, name) === withoutSignIn(parseSource(source.file, source.text), name)
  } catch {
    return false
  }
}

/** Everything a config says but for the sign-in of one account. The tree that it is given is spent. */
function withoutSignIn({ document }: Source, name: string): string {
  const account = findAccount(document, name)
  if (account !== null) {
    account.items = account.items.filter(
      ({ key }) => !(FIELDS as readonly string[]).includes(isScalar(key) ? String(key.value).toLowerCase() : ''),
    )
  }
  return JSON.stringify(document.toJS({ maxAliasCount: 1000 }))
}

function secretOrNull(text: string): Secret | null {
  return text === '' ? null : new Secret(text)
}
