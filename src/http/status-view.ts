/**
 * The whole picture of a running relay: `GET /admin/status`, and the single lists that it is made of.
 */
import type { RelayConfig } from '../config/config.ts'
import type { Clock } from '../core/clock.ts'
import { localDay } from '../core/local-calendar.ts'
import { version } from '../core/version.ts'
import type { TokenLimiter } from '../limits/token-limiter.ts'
import type { Pool } from '../pool/pool.ts'
import type { UsageRecorder } from '../usage/recorder.ts'
import { type AccountSources, timeOf, viewAccount } from './account-view.ts'
import { viewError, viewLive, viewToken, viewTotals } from './usage-views.ts'
import type { AccountsView, ConfigView, ErrorsView, SessionsView, StatusView } from './views.ts'

export interface StatusViews {
  status(): StatusView
  accounts(): AccountsView
  sessions(): SessionsView
  errors(): ErrorsView
}

export interface ViewDependencies extends AccountSources {
  readonly config: RelayConfig
  readonly pool: Pool
  readonly limiter: TokenLimiter
  readonly recorder: UsageRecorder
  readonly clock: Clock
  /** Monotonic. */
  readonly startedAt: number
  readonly describeConfig: () => ConfigView
}

const MOST_LIVE = 100
const MOST_ERRORS = 20
const MOST_DAYS = 31
const MOST_SESSIONS = 500
const DAY_MS = 86_400_000

export function createStatusViews(dependencies: ViewDependencies): StatusViews {
  const { config, pool, limiter, recorder, clock, startedAt } = dependencies

  function accounts(): AccountsView['accounts'] {
    const sessions = new Map<string, number>()
    for (const { binding } of pool.listSessions()) {
      const { name } = binding.home.account
      sessions.set(name, (sessions.get(name) ?? 0) + 1)
    }
    return pool.states.map((state) => {
      const { name } = state.account
      return viewAccount(state, sessions.get(name) ?? 0, recorder.accountUse(name), dependencies)
    })
  }

  return {
    status: () => ({
      version,
      started_at: timeOf(clock.now() - (clock.monotonic() - startedAt)),
      uptime_seconds: Math.floor((clock.monotonic() - startedAt) / 1000),
      config: dependencies.describeConfig(),
      accounts: accounts(),
      tokens: config.tokens.map((token) => viewToken(token, limiter.use(token.name))),
      sessions: pool.sessions,
      waiting: pool.waiting,
      live: recorder.live(MOST_LIVE).map((live) => viewLive(live, clock.monotonic())),
      errors: recorder.errors(MOST_ERRORS).map(viewError),
      today: localDay(clock.now()).key,
      days: recorder.totals('day', clock.now() - (MOST_DAYS - 1) * DAY_MS).map(viewTotals),
    }),

    accounts: () => ({ accounts: accounts() }),

    sessions() {
      const all = pool.listSessions().filter(({ binding }) => !binding.home.isRemoved)
      const now = clock.monotonic()
      const sessions = all.slice(0, MOST_SESSIONS).map(({ key, binding: { home, warmAt, cacheTtlMs, lastUsedAt } }) => {
        const warmMs = warmAt === null ? 0 : warmAt + cacheTtlMs - now
        return {
          session: key.slice(0, 12),
          account: home.account.name,
          idle_ms: Math.round(now - lastUsedAt),
          warm_ms: warmMs > 0 ? Math.round(warmMs) : null,
        }
      })
      return { total: all.length, sessions }
    },

    errors: () => ({ errors: recorder.errors().map(viewError) }),
  }
}
