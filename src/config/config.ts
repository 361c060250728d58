/**
 * The settings of a running relay: what `load.ts` makes of the user's file. Frozen; names follow the file's keys, with
 * units spelled out.
 */
import type { Account, ClientToken } from '../core/account.ts'
import type { JsonObject } from '../core/json.ts'
import type { Secret } from '../core/secret.ts'

export type StrategyName = 'least_in_flight' | 'round_robin' | 'fill_first' | 'soonest_reset'

/** USD per million tokens; what is absent is the model's usual price. */
export interface PriceOverride {
  readonly input?: number
  readonly output?: number
  readonly cached?: number
  readonly cacheWrite?: number
}

export interface RelayConfig {
  /** Absolute path of the file it was read from. */
  readonly path: string
  /** `host` null means all interfaces. */
  readonly listen: { readonly host: string | null; readonly port: number }
  readonly tokens: readonly ClientToken[]
  /** Opens `/admin` to other machines; null when nothing does. */
  readonly adminToken: Secret | null
  /** Web pages that may call, as browsers write their origin. */
  readonly corsOrigins: readonly string[]
  readonly accounts: readonly Account[]
  readonly defaultInstructions: ReadonlyMap<string, string>
  readonly modelExtraParams: ReadonlyMap<string, JsonObject>
  readonly modelMap: ReadonlyMap<string, readonly string[]>
  readonly strategy: StrategyName
  readonly maxAccountSwitches: number
  /** 0 turns sticky sessions off. */
  readonly stickySessionTtlMs: number
  readonly streamReadTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly firstByteTimeoutMs: number
  readonly responseTimeoutMs: number
  readonly keepaliveIntervalMs: number
  readonly holdStartMs: number
  readonly queue: { readonly timeoutMs: number; readonly size: number }
  /** Where refreshed tokens go: this file, or token_state.json beside it. */
  readonly tokenStore: 'config' | 'state'
  /** Absolute path of the journal of usage; null for none. */
  readonly usageLog: string | null
  /** Model pattern -> what it costs. */
  readonly prices: ReadonlyMap<string, PriceOverride>
  readonly cooldown: { readonly maxMs: number }
  readonly onClientDisconnect: 'cancel' | 'drain'
  readonly maxBodyBytes: number
  readonly enableRequestLog: boolean
  readonly enableStreamDebugLog: boolean
  readonly enableModelDebugLog: boolean
  readonly log: { readonly format: 'pretty' | 'json'; readonly level: 'debug' | 'info' | 'warn' | 'error' }
}
