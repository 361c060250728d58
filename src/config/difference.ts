/**
 * What another config changes, by the names of its keys and accounts. Pure.
 */
import type { Account } from '../core/account.ts'
import { Secret } from '../core/secret.ts'
import type { RelayConfig } from './config.ts'

export interface ConfigDifference {
  readonly accounts: {
    readonly added: readonly string[]
    readonly removed: readonly string[]
    readonly changed: readonly string[]
  }
  /** Keys at the top level of the file with new values. */
  readonly settings: readonly string[]
  /** Those that take effect with the next start alone. */
  readonly needsRestart: readonly string[]
}

/** The key that each setting has in the file; complete, because the compiler asks for every setting. */
const KEYS: Record<Exclude<keyof RelayConfig, 'path' | 'accounts'>, string> = {
  listen: 'listen_addr',
  tokens: 'auth_tokens',
  adminToken: 'admin_token',
  corsOrigins: 'cors_origins',
  defaultInstructions: 'openai_default_instructions',
  modelExtraParams: 'model_extra_params',
  modelMap: 'model_map',
  strategy: 'strategy',
  maxAccountSwitches: 'max_account_switches',
  stickySessionTtlMs: 'sticky_session_ttl',
  streamReadTimeoutMs: 'stream_read_timeout',
  connectTimeoutMs: 'connect_timeout',
  firstByteTimeoutMs: 'first_byte_timeout',
  responseTimeoutMs: 'response_timeout',
  keepaliveIntervalMs: 'keepalive_interval',
  holdStartMs: 'hold_start',
  queue: 'queue',
  tokenStore: 'token_store',
  cooldown: 'cooldown',
  onClientDisconnect: 'on_client_disconnect',
  maxBodyBytes: 'max_body_size',
  usageLog: 'usage_log',
  prices: 'prices',
  enableRequestLog: 'enable_request_log',
  enableStreamDebugLog: 'enable_stream_debug_log',
  enableModelDebugLog: 'enable_model_debug_log',
  log: 'log',
}

/** A port that is open, and files that are. */
const FIXED: ReadonlySet<string> = new Set([
  'listen_addr',
  'usage_log',
  'enable_stream_debug_log',
  'enable_model_debug_log',
])

export function compareConfigs(before: RelayConfig, after: RelayConfig): ConfigDifference {
  const old = new Map(before.accounts.map((account) => [account.name, account]))
  const names = new Set(after.accounts.map(({ name }) => name))
  const isChanged = (account: Account): boolean => {
    const known = old.get(account.name)
    return known !== undefined && !isSame(withoutTokens(known), withoutTokens(account))
  }
  const changed = (Object.keys(KEYS) as Array<keyof typeof KEYS>)
    .filter((setting) => !isSame(before[setting], after[setting]))
    .map((setting) => KEYS[setting])
  return {
    accounts: {
      added: after.accounts.filter(({ name }) => !old.has(name)).map(({ name }) => name),
      removed: before.accounts.filter(({ name }) => !names.has(name)).map(({ name }) => name),
      changed: after.accounts.filter(isChanged).map(({ name }) => name),
    },
    settings: changed.filter((key) => !FIXED.has(key)),
    needsRestart: changed.filter((key) => FIXED.has(key)),
  }
}

/** True when it changes nothing at all. */
export function isEmptyDifference({ accounts, settings, needsRestart }: ConfigDifference): boolean {
  return [accounts.added, accounts.removed, accounts.changed, settings, needsRestart].every(
    ({ length }) => length === 0,
  )
}

/** Who keeps sign-ins fresh says when one has become another. */
function withoutTokens(account: Account): unknown {
  if (account.credential.type !== 'oauth') return account
  return { ...account, problem: null, credential: { type: 'oauth', clientId: account.credential.clientId } }
}

/** Equal all the way down; secrets by their text. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (a instanceof Secret || b instanceof Secret) {
    return a instanceof Secret && b instanceof Secret && a.reveal() === b.reveal()
  }
  if (a instanceof Map || b instanceof Map) return a instanceof Map && b instanceof Map && isSame([...a], [...b])
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [left, right] = [Object.entries(a), Object.entries(b)]
  return (
    left.length === right.length && left.every(([key, value]) => isSame(value, (b as Record<string, unknown>)[key]))
  )
}
