/**
 * What `/health` tells: counts to everybody, the accounts' state to those who may know.
 */
import type { Clock } from '../core/clock.ts'
import { viewHealth } from '../pool/cooldown.ts'
import type { SignInStatus, TokenKeeper } from '../oauth/tokens.ts'
import type { Pool } from '../pool/pool.ts'
import type { AccountState } from '../pool/select.ts'
import { restsOf, viewCooldowns, viewSignIn, viewWindows } from './account-view.ts'

export interface StatusSources {
  readonly describeSignIn: TokenKeeper['describe']
  /** Vendors quote what they refuse. */
  readonly redact: (text: string) => string
}

/** Counts only; says nothing of names, platforms or load. */
export function publicStatus(pool: Pool): unknown {
  return { status: 'ok', accounts: pool.states.length }
}

/**
 * The full picture. `account_details` keeps the names of the Go program's members (`active`, `rate_limited`) and adds the
 * state, why, and until when.
 */
export function fullStatus(
  pool: Pool,
  clock: Clock,
  startedAt: number,
  version: string,
  { describeSignIn, redact }: StatusSources,
): unknown {
  return {
    status: 'ok',
    version,
    uptime_seconds: Math.floor((clock.monotonic() - startedAt) / 1000),
    accounts: pool.states.length,
    waiting: pool.waiting,
    sessions: pool.sessions,
    account_details: pool.states.map((state) => describeAccount(state, clock, describeSignIn(state.account), redact)),
  }
}

function describeAccount(
  state: AccountState,
  clock: Clock,
  signIn: SignInStatus | null,
  redact: StatusSources['redact'],
): unknown {
  const { account } = state
  const sources = { clock, redact }
  const rests = restsOf(state, sources)
  const { blockedBy } = viewHealth(state.health, null, clock.monotonic())
  const needsAttention = state.problem !== null || blockedBy?.reason === 'banned'
  return {
    name: account.name,
    platform: account.platform,
    type: account.type,
    priority: account.priority,
    concurrency: account.concurrency,
    active: state.inFlight,
    rate_limited: rests.some(({ reason }) => reason === 'quota' || reason === 'burst'),
    enabled: account.enabled,
    state: needsAttention ? 'needs_attention' : state.isPaused ? 'paused' : rests.length > 0 ? 'cooling' : 'ok',
    problem: state.problem,
    ...(signIn === null ? {} : { sign_in: { ...viewSignIn(signIn), unsaved: signIn.unsaved } }),
    cooldowns: viewCooldowns(state, sources),
    windows: viewWindows(state),
  }
}
