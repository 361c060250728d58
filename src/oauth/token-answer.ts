/**
 * Reads what a token endpoint sent. Lenient on purpose: the refresh token in it replaces one that is spent, so nothing
 * that is odd about the rest may be a reason to lose it. Pure; judging comes after keeping.
 */
import { Secret } from '../core/secret.ts'

export interface TokenAnswer {
  /** Null in an answer that forgot it. */
  readonly accessToken: Secret | null
  /** Null when the old one stays valid. */
  readonly refreshToken: Secret | null
  /** How long the access token lives from now. */
  readonly lifeMs: number
  /** The ChatGPT account, from the id token or else the access token. */
  readonly accountId: string | null
  /** `plus`, `pro`, `team`, …; null when not told. */
  readonly plan: string | null
  /** What the id token says of the login it answers; null without one. */
  readonly nonce: string | null
}

/**
 * - `granted`: there is a token to keep
 * - `rejected`: the endpoint will never take this token or code again
 * - `failed`: anything that may be different later
 */
export type EndpointReply =
  | { readonly kind: 'granted'; readonly answer: TokenAnswer }
  | { readonly kind: 'rejected'; readonly code: string }
  | { readonly kind: 'failed'; readonly message: string }

const MINUTE_MS = 60_000
/** Assumed of an access token that does not say how long it lives. */
const USUAL_LIFE_MS = 60 * MINUTE_MS
const LONGEST_LIFE_MS = 90 * 24 * 60 * MINUTE_MS

/** Final by RFC 6749 section 5.2, and by what the vendor has been seen to answer. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  'invalid_grant',
  'invalid_refresh_token',
  'refresh_token_expired',
  'refresh_token_reused',
  'refresh_token_invalidated',
  'token_expired',
  'app_session_terminated',
  'invalid_client',
  'unauthorized_client',
  'access_denied',
])

/** `now` is epoch ms, for a life that is told as a date. Never throws, and its words hold nothing secret. */
export function readEndpointReply(status: number, body: Buffer, now: number): EndpointReply {
  const value = parseObject(body.toString('utf8'))
  if (status >= 200 && status < 300) {
    const answer = value === null ? null : readTokens(value, now)
    if (answer !== null) return { kind: 'granted', answer }
    return { kind: 'failed', message: `the token endpoint answered ${status} without a token` }
  }
  const code = value === null ? '' : errorCode(value)
  // A 5xx or 429 says nothing about the token, whatever its text.
  if (status >= 400 && status < 500 && status !== 429 && FINAL_CODES.has(code)) return { kind: 'rejected', code }
  const shown = /^[\w.-]{1,60}$/.test(code) ? ` (${code})` : ''
  return { kind: 'failed', message: `the token endpoint answered ${status}${shown}` }
}

type Fields = Record<string, unknown>

function readTokens(value: Fields, now: number): TokenAnswer | null {
  const accessToken = textOf(value['access_token'])
  const refreshToken = textOf(value['refresh_token'])
  if (accessToken === null && refreshToken === null) return null
  const idClaims = readClaims(textOf(value['id_token']) ?? '')
  const accessClaims = readClaims(accessToken ?? '')
  const owner = { ...asObject(accessClaims[AUTH_CLAIM]), ...asObject(idClaims[AUTH_CLAIM]) }
  return {
    accessToken: accessToken === null ? null : new Secret(accessToken),
    refreshToken: refreshToken === null ? null : new Secret(refreshToken),
    lifeMs: readLife(value['expires_in'], accessClaims, now),
    accountId: textOf(owner['chatgpt_account_id']),
    plan: textOf(owner['chatgpt_plan_type']),
    nonce: textOf(idClaims['nonce']),
  }
}

const AUTH_CLAIM = 'https://api.openai.com/auth'

function readLife(expiresIn: unknown, accessClaims: Fields, now: number): number {
  const told = Number(typeof expiresIn === 'string' && expiresIn.trim() !== '' ? expiresIn : (expiresIn ?? Number.NaN))
  if (told > 0) return Math.min(told * 1000, LONGEST_LIFE_MS)
  const { exp, iat } = accessClaims
  const end = typeof exp === 'number' ? exp : Number.NaN
  // Both ends by the vendor's clock tell the life even where ours is wrong.
  const life = typeof iat === 'number' ? (end - iat) * 1000 : end * 1000 - now
  return life > 0 ? Math.min(life, LONGEST_LIFE_MS) : USUAL_LIFE_MS
}

/** Epoch ms at which an access token says it ends; 0 for one that is no JWT or does not say. */
export function endOfToken(accessToken: string): number {
  const { exp } = readClaims(accessToken)
  return typeof exp === 'number' && exp > 0 ? exp * 1000 : 0
}

/** The claims of a JWT without a look at its signature: it came from the endpoint itself, over TLS. */
function readClaims(token: string): Fields {
  const payload = token.split('.')[1] ?? ''
  return parseObject(Buffer.from(payload, 'base64url').toString('utf8')) ?? {}
}

/** `{error: "code"}` by the RFC, `{error: {code}}` by the vendor; sometimes `{code}`. */
function errorCode(value: Fields): string {
  const error = value['error']
  const nested = asObject(error)
  return textOf(error) ?? textOf(nested['code']) ?? textOf(nested['type']) ?? textOf(value['code']) ?? ''
}

function parseObject(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null
  } catch {
    return null
  }
}

function asObject(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null
}
