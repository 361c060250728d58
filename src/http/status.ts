/**
 * What `/health` tells: counts to everybody, the accounts' state to those who may know.
 */
import type { Clock } from '../core/clock.ts'
import { viewHealth } from '../pool/cooldown.ts'
import type { Pool } from '../pool/pool.ts'
import type { AccountState } from '../pool/select.ts'

/** Counts only; says nothing of names, platforms or load. */
export function publicStatus(pool: Pool): unknown {
  return { status: 'ok', accounts: pool.states.length }
}

/**
 * The full picture. `account_details` keeps the names of the Go program's members (`active`, `rate_limited`) and adds the
 * state, why, and until when.
 */
export function fullStatus(pool: Pool, clock: Clock, startedAt: number, version: string): unknown {
  return {
    status: 'ok',
    version,
    uptime_seconds: Math.floor((clock.monotonic() - startedAt) / 1000),
    accounts: pool.states.length,
    waiting: pool.waiting,
    sessions: pool.sessions,
    account_details: pool.states.map((state) => describeAccount(state, clock)),
  }
}

function describeAccount(state: AccountState, clock: Clock): unknown {
  const { account } = state
  const rests = [...state.health.values()].filter(({ until }) => until > clock.monotonic())
  const { blockedBy } = viewHealth(state.health, null, clock.monotonic())
  const needsAttention = account.problem !== null || blockedBy?.reason === 'banned'
  return {
    name: account.name,
    platform: account.platform,
    type: account.type,
    priority: account.priority,
    concurrency: account.concurrency,
    active: state.inFlight,
    rate_limited: rests.some(({ reason }) => reason === 'quota' || reason === 'burst'),
    enabled: account.enabled,
    state: needsAttention ? 'needs_attention' : rests.length > 0 ? 'cooling' : 'ok',
    problem: account.problem,
    cooldowns: rests.map(({ reason, model, message, until, streak }) => ({
      reason,
      model,
      message: message.slice(0, 300),
      until: new Date(clock.now() + until - clock.monotonic()).toISOString(),
      failures_in_a_row: streak,
    })),
    windows: Object.fromEntries(
      [...state.windows].map(([name, { usedPercent, resetsAt, seenAt }]) => [
        name,
        {
          used_percent: usedPercent,
          resets_at: resetsAt === null ? null : new Date(resetsAt).toISOString(),
          seen_at: new Date(seenAt).toISOString(),
        },
      ]),
    ),
  }
}
