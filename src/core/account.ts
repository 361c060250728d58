/**
 * What the relay knows about an upstream account and about a client token before any request: frozen facts from the
 * config. Everything that changes while running lives in `pool/`.
 */
import type { JsonObject } from './json.ts'
import type { Platform, Protocol } from './platforms.ts'
import type { Secret } from './secret.ts'

export type { Platform, Protocol }

export type WireApi = 'responses' | 'chat' | 'both'

export type Credential = { type: 'api_key'; key: Secret } | BearerToken | SignIn

export interface BearerToken {
  type: 'bearer'
  token: Secret
  /** The ChatGPT account behind it, where the config names one. */
  accountId?: string
}

/** A ChatGPT sign-in: what the token endpoint gave, and what it will take for the next one. */
export interface SignIn {
  type: 'oauth'
  refreshToken: Secret | null
  accessToken: Secret | null
  /** Epoch ms of the access token's end; 0 when unknown. */
  expiresAt: number
  accountId: string | null
  /** The OAuth client the tokens were issued to; absent for the vendor's usual one. */
  clientId?: string
}

/** What goes into the header of a call. Keys and bearer tokens are always at hand, a sign-in's are kept fresh. */
export interface UsableCredential {
  readonly type: 'api_key' | 'bearer'
  /** Empty for a server that wants no key. */
  readonly secret: Secret
  /** The ChatGPT account that it belongs to; null for everything else. */
  readonly accountId: string | null
}

export interface Account {
  readonly name: string
  readonly platform: Platform
  readonly type: 'api_key' | 'oauth'
  readonly credential: Credential
  /** Without trailing slash and without a trailing `/v1`; null means the vendor's own host. */
  readonly baseUrl: string | null
  readonly wireApi: WireApi
  /** Proxy URL, or null for a direct connection. Already resolved from account, global setting and environment. */
  readonly proxy: Secret | null
  /** Lower is tried first. */
  readonly priority: number
  /** Hard limit of requests in flight; 0 means none. */
  readonly concurrency: number
  /** Requests per minute; 0 means no limit. */
  readonly rpm: number
  /** Patterns of the models it serves; empty means the families of its platform. */
  readonly models: readonly string[]
  readonly modelMap: ReadonlyMap<string, readonly string[]>
  readonly tags: readonly string[]
  readonly enabled: boolean
  readonly headers: Readonly<Record<string, string>>
  readonly extraParams: JsonObject
  readonly reservePercent: number
  readonly pauseAtPercent: number
  /** Why it cannot serve at all, in words for its owner (missing secret, unusable proxy); null when it can. */
  readonly problem: string | null
}

/** A client of the relay. `name` is what logs and status show instead of the token. */
export interface ClientToken {
  readonly name: string
  readonly token: Secret
  /** Names or tags of accounts it may use; empty means all. */
  readonly accounts: readonly string[]
  /** Model patterns it may ask for; empty means all. */
  readonly models: readonly string[]
  readonly modelMap: ReadonlyMap<string, readonly string[]>
  /** The published example token: valid from loopback peers only. */
  readonly loopbackOnly: boolean
  readonly limits: TokenLimits
}

/** What a client token may use; 0 and null mean no limit. */
export interface TokenLimits {
  /** Requests under way at the same time. */
  readonly maxConcurrency: number
  /** Requests per minute. */
  readonly rpm: number
  /** Tokens per minute, without those that came from a vendor's cache. */
  readonly tpm: number
  /** USD per local day and month, by list price. */
  readonly budgetDay: number | null
  readonly budgetMonth: number | null
  /** Epoch ms. */
  readonly expiresAt: number | null
}

export const NO_LIMITS: TokenLimits = Object.freeze({
  maxConcurrency: 0,
  rpm: 0,
  tpm: 0,
  budgetDay: null,
  budgetMonth: null,
  expiresAt: null,
})
