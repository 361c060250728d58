/**
 * The only owner of changing account state: who is busy, who rests, who waits. Hands out leases and learns from what
 * became of them.
 */
import type { Account } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'
import type { GatewayError } from '../core/errors.ts'
import type { Verdict, WindowReading } from '../core/verdict.ts'
import { strategies } from '../strategies/index.ts'
import {
  type CoolingReason,
  forgiveCredential,
  liftQuota,
  recordFailure,
  recordServing,
  recordSuccess,
} from './cooldown.ts'
import type { Lease, PoolRequest } from './lease.ts'
import { createLending, type OpenLease } from './lending.ts'
import { createPace } from './pace.ts'
import { createWaitQueue } from './queue.ts'
import { isSameProxy } from './reconcile.ts'
import { type FirstReturn, outlookOf, refuse, refuseBusy, returnsOf } from './refusal.ts'
import { createRoster, type RosterSettings } from './roster.ts'
import { type AccountState, type Query, type Selection, selectAccounts } from './select.ts'
import { createStickySessions } from './sticky.ts'
import { clientGone, type Try, waitInQueue } from './waiting.ts'

export interface PoolSettings extends RosterSettings {
  readonly strategy: keyof typeof strategies
  readonly stickySessionTtlMs: number
  readonly queue: { readonly timeoutMs: number; readonly size: number }
  readonly longestCooldownMs: number
}

export type { Lease, PoolRequest } from './lease.ts'

export type Pool = ReturnType<typeof createPool>

/** A home that returns this soon is waited for. */
const SHORT_REST_MS = 10_000

export function createPool({ clock, ...initial }: PoolSettings & { readonly clock: Clock }) {
  let settings: PoolSettings = initial
  const sticky = createStickySessions({ ttlMs: settings.stickySessionTtlMs, clock })
  const pace = createPace()
  const queue = createWaitQueue()
  const roster = createRoster(settings, sticky, pace)
  const { states } = roster
  const lend = createLending(sticky, clock, queue.serve)
  const stateOf = (account: Account): AccountState | undefined => states.find((each) => each.account === account)

  /**
   * A lease on the best account, at once or after waiting in the queue. Null when accounts have been tried and no other
   * is left now. Throws a GatewayError when nobody can serve: unknown model, all resting, queue full or timed out.
   */
  function acquire(request: PoolRequest): Promise<Lease | null> {
    // Nobody would be there to give the lease back, or to leave the queue.
    if (request.gone.hasLeft) return Promise.reject(clientGone())
    queue.catchUp()
    const { timeoutMs, size } = settings.queue
    const first = tryAcquire(request)
    if (first.lease !== null) return Promise.resolve(first.lease)
    const refusal = refusalOf(request, first.selection, timeoutMs)
    if (refusal !== null) return request.tried.size > 0 ? Promise.resolve(null) : Promise.reject(refusal)
    if (queue.sizeOf(request.group) >= size) {
      return Promise.reject(refuseBusy('queue_full', `${size} requests are waiting already`))
    }
    const tryAgain = (): Try => {
      const { lease, selection, wakeAt } = tryAcquire(request)
      return { lease, wakeAt, refusal: (patienceMs) => refusalOf(request, selection, patienceMs) }
    }
    return waitInQueue(request, queue, timeoutMs, first.wakeAt, tryAgain, clock)
  }

  /** Null while a slot, or a return within `patienceMs`, can be hoped for; else why nobody serves the request. */
  function refusalOf(request: PoolRequest, selection: Selection, patienceMs: number): GatewayError | null {
    const outlook = outlookOf(selection, clock.monotonic())
    const { isBusy, returnsInMs } = outlook
    const isSoonBack = request.tried.size === 0 && returnsInMs !== null && returnsInMs <= patienceMs
    if (request.mayWait && patienceMs > 0 && (isBusy || isSoonBack)) return null
    return refuse(request, selection, outlook, states, clock)
  }

  function select(query: Query, home: AccountState | null): Selection {
    return selectAccounts(query, home, states, strategies[settings.strategy], clock.monotonic(), clock.now())
  }

  function tryAcquire(request: PoolRequest): { lease: Lease | null; selection: Selection; wakeAt: number } {
    const now = clock.monotonic()
    const binding = sticky.find(request.sessionKeys)
    const home = binding?.home ?? null
    const selection = select(request, home)
    const atHome = home === null ? undefined : selection.ready.find((state) => state === home)
    const homeReturnsAt = selection.excluded.find(({ state }) => state === home)?.until ?? Infinity
    const wakeAt = selection.excluded.reduce((soonest, { until }) => Math.min(soonest, until ?? Infinity), Infinity)
    const isHomeSoonBack = homeReturnsAt - now <= Math.min(SHORT_REST_MS, settings.queue.timeoutMs)
    if (atHome === undefined && isHomeSoonBack && request.tried.size === 0) return { lease: null, selection, wakeAt }
    const { prefer } = request
    const preferred = prefer === null ? undefined : selection.ready.find(({ account }) => account.name === prefer.name)
    const chosen = preferred ?? atHome ?? selection.ready[0]
    if (chosen === undefined) return { lease: null, selection, wakeAt }
    return { lease: lend(chosen, request, binding, selection), selection, wakeAt }
  }

  return {
    acquire,

    /** Enters the quota windows that an answer reported; `isSuccess` when the account served it. */
    observe(lease: Lease, readings: readonly WindowReading[], isSuccess: boolean): void {
      const { windows, health } = lease as OpenLease
      for (const reading of readings) windows.set(reading.name, { ...reading, seenAt: clock.now() })
      const quotas = readings.filter(({ isRate }) => !isRate)
      if (isSuccess && quotas.length > 0 && !quotas.some(({ isExhausted }) => isExhausted)) {
        liftQuota(health)
        queue.serve()
      }
    },

    /** Content has begun to flow: key, money and quota are in order. A stream may still break. */
    markServing(lease: Lease): void {
      recordServing((lease as OpenLease).health, lease.model, lease.startedAt)
      queue.serve()
    },

    /** The answer came to its end. */
    succeed(lease: Lease, facts: { firstContentMs: number | null; wroteHourCache: boolean }): void {
      const { state, health, binding, keys } = lease as OpenLease
      recordSuccess(health, lease.model, lease.startedAt)
      if (state.isRemoved) return
      if (binding !== null) {
        const atHome = binding.home === state
        sticky.confirm(keys, binding, { atHome, wroteHourCache: facts.wroteHourCache })
        if (atHome && facts.firstContentMs !== null) {
          const isSlow = pace.isFarSlower(state, facts.firstContentMs)
          binding.slowInARow = isSlow ? binding.slowInARow + 1 : 0
          // Twice in a row is no accident: the conversation may settle elsewhere.
          if (binding.slowInARow >= 2) binding.warmAt = null
        }
      }
      if (facts.firstContentMs !== null) pace.record(state, facts.firstContentMs)
    },

    /** The attempt failed through the upstream's or the account's fault. */
    fail(lease: Lease, verdict: Verdict & { reason: CoolingReason }): void {
      const { account } = lease
      const sharers = verdict.reason === 'proxy' ? states.filter((each) => sharesProxy(each.account, account)) : []
      const healths = sharers.length > 0 ? sharers.map(({ health }) => health) : [(lease as OpenLease).health]
      for (const health of healths) {
        recordFailure(health, {
          verdict,
          model: lease.model,
          startedAt: lease.startedAt,
          now: clock.monotonic(),
          random: clock.random(),
          longestMs: settings.longestCooldownMs,
        })
      }
    },

    /** Who serves one of these requests again first, and in how many ms; null when nobody is known to. */
    firstReturn(requests: readonly PoolRequest[]): FirstReturn | null {
      const now = clock.monotonic()
      const returns = requests.flatMap((request) => returnsOf(select({ ...request, tried: new Set() }, null), now))
      return returns.toSorted((a, b) => a.inMs - b.inMs)[0] ?? null
    },

    /** Who would serve a request now, and why the others would not; nothing changes. */
    explain: (question: Pick<Query, 'protocol' | 'model' | 'confinedTo'>): Selection =>
      select({ ...question, tried: new Set(), isTranslatable: true, takesSlot: true }, null),

    /** What an account's owner has to do before it can serve; null when it may serve again. */
    setProblem(account: Account, problem: string | null): void {
      const state = stateOf(account)
      if (state === undefined || state.problem === problem) return
      state.problem = problem
      queue.serve()
    },

    /** The account was given another credential: what the old one was refused for is over. */
    renew(account: Account): void {
      const state = stateOf(account)
      if (state !== undefined) forgiveCredential(state.health)
      queue.serve()
    },

    /** A paused account takes nothing new and finishes what it serves. */
    setPaused(state: AccountState, isPaused: boolean): void {
      state.isPaused = isPaused
      queue.serve()
    },

    /** It has been seen to serve: whatever kept it away is over. */
    heal(state: AccountState): void {
      state.health = new Map()
      queue.serve()
    },

    /** Forgets why the account rests, and how full its quota windows were. */
    clear(state: AccountState): void {
      state.health = new Map()
      state.windows = new Map()
      queue.serve()
    },

    /** Puts other accounts and settings into force. Accounts that are gone finish what they serve. */
    update(next: PoolSettings): void {
      settings = next
      sticky.ttlMs = next.stickySessionTtlMs
      roster.update(next)
      queue.serve()
    },

    /** Live states for `/health` and status; to be read, not kept. */
    states,
    get waiting() {
      return queue.size
    },
    get sessions() {
      return sticky.size
    },
    /** Conversations and their homes, the one used last first. */
    listSessions: sticky.list,
  }
}

function sharesProxy(a: Account, b: Account): boolean {
  return a.proxy !== null && isSameProxy(a, b)
}
