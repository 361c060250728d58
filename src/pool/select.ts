/**
 * Who may serve a request now, in which order, and for everybody else the reason why not. Pure over account states.
 */
import type { Account, Protocol } from '../core/account.ts'
import { matchesPattern, mostSpecific } from '../core/match.ts'
import { PLATFORMS, PLATFORM_NAMES, type Platform } from '../core/platforms.ts'
import type { WindowReading } from '../core/verdict.ts'
import type { Candidate, Strategy } from '../strategies/index.ts'
import { type Cooldown, type Health, viewHealth } from './cooldown.ts'

/** Everything about an account that changes while the relay runs. Mutated by the pool alone. */
export interface AccountState {
  account: Account
  position: number
  /** The protocols its provider speaks for it. */
  protocols: readonly Protocol[]
  health: Health
  windows: Map<string, WindowReading & { readonly seenAt: number }>
  /** What its owner has to do before it can serve; null when it can. */
  problem: string | null
  /** Somebody has stopped it by hand; it finishes what it serves. */
  isPaused: boolean
  /** No longer in the config; it finishes what it serves. */
  isRemoved: boolean
  inFlight: number
  lastUsedAt: number
  /** Monotonic start times of the last minute, oldest first; kept only under an `rpm` limit. */
  readonly recentStarts: number[]
}

export interface Query {
  readonly protocol: Protocol
  /** The name to serve, after the token's and the global map. */
  readonly model: string
  /** Names or tags the client is confined to; empty means all. */
  readonly confinedTo: readonly string[]
  readonly tried: ReadonlySet<Account>
  /** The request can be put into the words of another protocol. */
  readonly isTranslatable: boolean
  /** Side endpoints take no slot. */
  readonly takesSlot: boolean
}

export type ExclusionReason =
  | 'disabled'
  | 'paused'
  | 'not_allowed'
  | 'needs_attention'
  | 'model_not_served'
  | 'other_protocol'
  | 'tried'
  | 'cooling'
  | 'probing'
  | 'quota_gate'
  | 'rpm'
  | 'full'

export interface Exclusion {
  readonly state: AccountState
  readonly reason: ExclusionReason
  /** Monotonic ms when the reason ends by itself; null when it ends by an event or not at all. */
  readonly until: number | null
  readonly cooldown: Cooldown | null
}

export interface Selection {
  /** Free to take it now, best first. */
  readonly ready: readonly AccountState[]
  readonly excluded: readonly Exclusion[]
}

const MINUTE_MS = 60_000
/** A window reading older than this lets one request through to learn better. */
const STALE_WINDOW_MS = 2 * 3_600_000

/**
 * `home` is the account of the request's session, which quota reserves do not turn away. `now` is monotonic, `wallNow`
 * epoch ms (quota windows are told in wall time).
 */
export function selectAccounts(
  query: Query,
  home: AccountState | null,
  states: readonly AccountState[],
  strategy: Strategy,
  now: number,
  wallNow: number,
): Selection {
  const ready: AccountState[] = []
  const spared: AccountState[] = []
  const excluded: Exclusion[] = []
  for (const state of states) {
    const exclusion = judge(query, home, state, now, wallNow)
    if (exclusion === null) {
      ready.push(state)
      continue
    }
    excluded.push(exclusion)
    const passing = exclusion.reason === 'cooling' && viewHealth(state.health, query.model, now).sparesLast
    if (passing && slotExclusion(query, state, now) === null) spared.push(state)
  }
  // Passing trouble never leaves a model without an account: then the rested ones are as good as any.
  const isEmptied = ready.length === 0 && !excluded.some(({ reason }) => reason === 'full' || reason === 'probing')
  const chosen = isEmptied ? spared : ready
  if (chosen.length < 2) return { ready: chosen, excluded }
  const candidates = chosen.map((state) => [state, describe(state, wallNow)] as const)
  candidates.sort(([a, x], [b, y]) => a.account.priority - b.account.priority || strategy(x, y))
  return { ready: candidates.map(([state]) => state), excluded }
}

/** Null when the account may take the request now. The order of the checks is the order of interest to a reader. */
function judge(
  query: Query,
  home: AccountState | null,
  state: AccountState,
  now: number,
  wallNow: number,
): Exclusion | null {
  const { account } = state
  if (!account.enabled) return exclude(state, 'disabled')
  if (state.isPaused) return exclude(state, 'paused')
  if (!isAllowed(query.confinedTo, account)) return exclude(state, 'not_allowed')
  if (!servesModel(account, query.model, query.protocol)) return exclude(state, 'model_not_served')
  if (state.problem !== null) return exclude(state, 'needs_attention')
  if (!query.isTranslatable && !state.protocols.includes(query.protocol)) return exclude(state, 'other_protocol')
  if (query.tried.has(account)) return exclude(state, 'tried')
  const health = viewHealth(state.health, query.model, now)
  if (health.state === 'closed') {
    const blockedBy = health.blockedBy as Cooldown
    return blockedBy.until > now
      ? exclude(state, 'cooling', blockedBy.until, blockedBy)
      : exclude(state, 'probing', null, blockedBy)
  }
  const full = fullWindowOf(state, home === state, wallNow)
  if (full !== null) return exclude(state, 'quota_gate', now + full.until - wallNow)
  return slotExclusion(query, state, now)
}

function exclude(
  state: AccountState,
  reason: ExclusionReason,
  until: number | null = null,
  cooldown: Cooldown | null = null,
): Exclusion {
  return { state, reason, until, cooldown }
}

function slotExclusion(query: Query, state: AccountState, now: number): Exclusion | null {
  if (!query.takesSlot) return null
  const { account } = state
  if (account.concurrency > 0 && state.inFlight >= account.concurrency) {
    return exclude(state, 'full')
  }
  if (account.rpm > 0) {
    const inWindow = state.recentStarts.filter((startedAt) => startedAt > now - MINUTE_MS)
    if (inWindow.length >= account.rpm) {
      return exclude(state, 'rpm', (inWindow[0] as number) + MINUTE_MS)
    }
  }
  return null
}

function isAllowed(confinedTo: readonly string[], account: Account): boolean {
  return confinedTo.length === 0 || confinedTo.some((name) => name === account.name || account.tags.includes(name))
}

/** Whether the account serves `model` to clients of `protocol` (its own list, else its platform's families). */
export function servesModel(account: Account, model: string, protocol: Protocol): boolean {
  if (account.models.length > 0) return account.models.some((pattern) => matchesPattern(pattern, model))
  if (mostSpecific(account.modelMap, model) !== undefined) return true
  const family = familyOf(model)
  if (family === account.platform) return true
  // A name that no family knows goes to the platform that made the endpoint's dialect; so does one that anybody may run.
  const isAnybodys = family === null || (PLATFORMS[family].hasOpenWeights && account.baseUrl !== null)
  return isAnybodys && PLATFORMS[account.platform].dialects.includes(protocol)
}

function familyOf(model: string): Platform | null {
  const isKin = (platform: Platform): boolean =>
    PLATFORMS[platform].families.some((pattern) => matchesPattern(pattern, model))
  return PLATFORM_NAMES.find(isKin) ?? null
}

/** A quota window that keeps requests away; `until` is epoch ms. */
export interface FullWindow {
  readonly name: string
  readonly usedPercent: number
  readonly until: number
}

/**
 * The quota window that is too full for longest; null when none is. The reserve is kept for sessions at home here, the
 * pause holds for all.
 */
export function fullWindowOf({ account, windows }: AccountState, isHome: boolean, wallNow: number): FullWindow | null {
  const { reservePercent, pauseAtPercent } = account
  const ceiling = isHome ? pauseAtPercent : Math.min(pauseAtPercent, 100 - reservePercent)
  if (ceiling >= 100) return null
  let full: FullWindow | null = null
  for (const { name, usedPercent, resetsAt, seenAt, isRate } of windows.values()) {
    const until = Math.min(resetsAt ?? Infinity, seenAt + (isRate ? MINUTE_MS : STALE_WINDOW_MS))
    if (usedPercent > ceiling && until > wallNow && until > (full?.until ?? 0)) full = { name, usedPercent, until }
  }
  return full
}

function describe(state: AccountState, wallNow: number): Candidate {
  let nextResetAt = Infinity
  for (const window of state.windows.values()) {
    if (window.resetsAt !== null && window.resetsAt > wallNow && !window.isExhausted && !window.isRate) {
      nextResetAt = Math.min(nextResetAt, window.resetsAt)
    }
  }
  return {
    inFlight: state.inFlight,
    concurrency: state.account.concurrency,
    lastUsedAt: state.lastUsedAt,
    position: state.position,
    nextResetAt,
  }
}
