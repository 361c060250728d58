/**
 * The only owner of changing account state: who is busy, who rests, who waits. Hands out leases and learns from what
 * became of them.
 */
import type { Account, Protocol } from '../core/account.ts'
import type { Clock, Timer } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { mostSpecific } from '../core/match.ts'
import type { Verdict, WindowReading } from '../core/verdict.ts'
import { strategies } from '../strategies/index.ts'
import {
  type CoolingReason,
  liftQuota,
  recordFailure,
  recordServing,
  recordSuccess,
  setProbing,
  viewHealth,
} from './cooldown.ts'
import type { Lease, PoolRequest } from './lease.ts'
import { createPace } from './pace.ts'
import { createWaitQueue, type Waiter } from './queue.ts'
import { type FirstReturn, outlookOf, refuse, refuseBusy, returnsOf } from './refusal.ts'
import { type AccountState, type Query, type Selection, selectAccounts } from './select.ts'
import { type Binding, createStickySessions } from './sticky.ts'

export interface PoolSettings {
  readonly accounts: readonly Account[]
  readonly protocolsOf: (account: Account) => readonly Protocol[]
  readonly strategy: keyof typeof strategies
  readonly stickySessionTtlMs: number
  readonly queue: { readonly timeoutMs: number; readonly size: number }
  readonly longestCooldownMs: number
  readonly clock: Clock
}

export type { Lease, PoolRequest } from './lease.ts'

export type Pool = ReturnType<typeof createPool>

/** A home that returns this soon is waited for. */
const SHORT_REST_MS = 10_000

export function createPool(settings: PoolSettings) {
  const { clock } = settings
  const strategy = strategies[settings.strategy]
  const sticky = createStickySessions({ ttlMs: settings.stickySessionTtlMs, clock })
  const pace = createPace()
  const queue = createWaitQueue()
  const states: AccountState[] = settings.accounts.map((account, position) => ({
    account,
    position,
    protocols: settings.protocolsOf(account),
    health: new Map(),
    windows: new Map(),
    problem: account.problem,
    inFlight: 0,
    lastUsedAt: -Infinity,
    recentStarts: [],
  }))
  const stateOf = new Map(states.map((state) => [state.account, state]))
  const bindingOf = new WeakMap<Lease, { binding: Binding; keys: readonly string[] }>()

  /**
   * A lease on the best account, at once or after waiting in the queue. Null when accounts have been tried and no other
   * is left now. Throws a GatewayError when nobody can serve: unknown model, all resting, queue full or timed out.
   */
  function acquire(request: PoolRequest): Promise<Lease | null> {
    // Nobody would be there to give the lease back, or to leave the queue.
    if (request.gone.hasLeft) return Promise.reject(clientGone())
    const first = tryAcquire(request)
    if (first.lease !== null) return Promise.resolve(first.lease)
    const refusal = refusalOf(request, first.selection, settings.queue.timeoutMs)
    if (refusal !== null) return request.tried.size > 0 ? Promise.resolve(null) : Promise.reject(refusal)
    if (queue.sizeOf(request.group) >= settings.queue.size) {
      return Promise.reject(refuseBusy('queue_full', `${settings.queue.size} requests are waiting already`))
    }
    return wait(request, first.wakeAt)
  }

  /** Null while a slot, or a return within `patienceMs`, can be hoped for; else why nobody serves the request. */
  function refusalOf(request: PoolRequest, selection: Selection, patienceMs: number): GatewayError | null {
    const outlook = outlookOf(selection, clock.monotonic())
    const { isBusy, returnsInMs } = outlook
    const isSoonBack = request.tried.size === 0 && returnsInMs !== null && returnsInMs <= patienceMs
    if (request.mayWait && patienceMs > 0 && (isBusy || isSoonBack)) return null
    return refuse(request, selection, outlook, states, clock)
  }

  function wait(request: PoolRequest, firstWakeAt: number): Promise<Lease | null> {
    return new Promise((resolve, reject) => {
      const { gone } = request
      const deadlineAt = clock.monotonic() + settings.queue.timeoutMs
      let wake: Timer | null = null
      const leave = (): void => {
        wake?.cancel()
        deadline.cancel()
        gone.unwatch(onGone)
        queue.remove(waiter)
      }
      const onGone = (): void => {
        leave()
        reject(clientGone())
      }
      const wakeAt = (at: number): void => {
        wake?.cancel()
        if (at < Infinity) wake = clock.timer(at - clock.monotonic(), () => queue.serve())
      }
      const waiter: Waiter = {
        group: request.group,
        tryServe() {
          const { lease, selection, wakeAt: nextAt } = tryAcquire(request)
          // Hope may end while waiting: the account that is waited for turns out to rest for hours.
          const refusal = lease === null ? refusalOf(request, selection, deadlineAt - clock.monotonic()) : null
          if (lease === null && refusal === null) {
            wakeAt(nextAt)
            return false
          }
          wake?.cancel()
          deadline.cancel()
          gone.unwatch(onGone)
          if (refusal === null || request.tried.size > 0) resolve(lease)
          else reject(refusal)
          return true
        },
      }
      const deadline = clock.timer(settings.queue.timeoutMs, () => {
        leave()
        reject(refuseBusy('queue_timeout', `no account became free within ${settings.queue.timeoutMs / 1000} s`))
      })
      gone.watch(onGone)
      queue.add(waiter)
      wakeAt(firstWakeAt)
    })
  }

  function tryAcquire(request: PoolRequest): { lease: Lease | null; selection: Selection; wakeAt: number } {
    const now = clock.monotonic()
    const binding = sticky.find(request.sessionKeys)
    const home = binding?.account ?? null
    const query: Query = { ...request, home }
    const selection = selectAccounts(query, states, strategy, now, clock.now())
    const atHome = selection.ready.find(({ account }) => account === home)
    const homeReturnsAt = selection.excluded.find(({ state }) => state.account === home)?.until ?? Infinity
    const wakeAt = Math.min(Infinity, ...selection.excluded.map(({ until }) => until ?? Infinity))
    const isHomeSoonBack = homeReturnsAt - now <= Math.min(SHORT_REST_MS, settings.queue.timeoutMs)
    if (atHome === undefined && isHomeSoonBack && request.tried.size === 0) return { lease: null, selection, wakeAt }
    const preferred = selection.ready.find(({ account }) => account === request.prefer)
    const chosen = preferred ?? atHome ?? selection.ready[0]
    if (chosen === undefined) return { lease: null, selection, wakeAt }
    return { lease: lend(chosen, request, binding, now), selection, wakeAt }
  }

  function lend(state: AccountState, request: PoolRequest, found: Binding | null, now: number): Lease {
    const { account } = state
    const { gone, takesSlot, model } = request
    const mayMove = found === null || hasLostItsHome(found, model, now)
    const binding = mayMove && found?.account !== account ? sticky.bind(request.sessionKeys, account) : found
    const isProbe = takesSlot && viewHealth(state.health, model, now).state === 'probe'
    if (takesSlot) {
      state.inFlight++
      state.lastUsedAt = now
      if (account.rpm > 0) {
        state.recentStarts.push(now)
        if (state.recentStarts.length > account.rpm) state.recentStarts.shift()
      }
    }
    if (isProbe) setProbing(state.health, model, now, true)
    let isReleased = false
    const release = (): void => {
      if (isReleased) return
      isReleased = true
      gone.unwatch(release)
      if (takesSlot) state.inFlight--
      if (isProbe) setProbing(state.health, model, clock.monotonic(), false)
      queue.serve()
    }
    if (!request.outlivesClient) gone.watch(release)
    const [upstreamModel = model] = mostSpecific(account.modelMap, model) ?? []
    const isHome = binding?.account === account && binding.warmAt !== null
    const lease: Lease = { account, model, upstreamModel, startedAt: now, isHome, release }
    if (binding !== null) bindingOf.set(lease, { binding, keys: request.sessionKeys })
    return lease
  }

  /** A warm cache is worth a rest that ends before it cools; a home that is out for longer, or for good, is left. */
  function hasLostItsHome(binding: Binding, model: string, now: number): boolean {
    const state = stateOf.get(binding.account)
    if (state === undefined || !state.account.enabled || binding.warmAt === null) return true
    const { blockedBy } = viewHealth(state.health, model, now)
    return blockedBy !== null && blockedBy.until > binding.warmAt + binding.cacheTtlMs
  }

  return {
    acquire,

    /** Enters the quota windows that an answer reported; `isSuccess` when the account served it. */
    observe(lease: Lease, readings: readonly WindowReading[], isSuccess: boolean): void {
      const state = stateOf.get(lease.account) as AccountState
      for (const reading of readings) state.windows.set(reading.name, { ...reading, seenAt: clock.now() })
      if (isSuccess && readings.length > 0 && !readings.some(({ isExhausted }) => isExhausted)) {
        liftQuota(state.health)
        queue.serve()
      }
    },

    /** Content has begun to flow: key, money and quota are in order. A stream may still break. */
    markServing(lease: Lease): void {
      recordServing((stateOf.get(lease.account) as AccountState).health, lease.model, lease.startedAt)
      queue.serve()
    },

    /** The answer came to its end. */
    succeed(lease: Lease, facts: { firstContentMs: number | null; wroteHourCache: boolean }): void {
      const state = stateOf.get(lease.account) as AccountState
      recordSuccess(state.health, lease.model, lease.startedAt)
      const bound = bindingOf.get(lease)
      if (bound !== undefined) {
        const atHome = bound.binding.account === lease.account
        sticky.confirm(bound.keys, bound.binding, { atHome, wroteHourCache: facts.wroteHourCache })
        if (atHome && facts.firstContentMs !== null) {
          const isSlow = pace.isFarSlower(lease.account, facts.firstContentMs)
          bound.binding.slowInARow = isSlow ? bound.binding.slowInARow + 1 : 0
          // Twice in a row is no accident: the conversation may settle elsewhere.
          if (bound.binding.slowInARow >= 2) bound.binding.warmAt = null
        }
      }
      if (facts.firstContentMs !== null) pace.record(lease.account, facts.firstContentMs)
    },

    /** The attempt failed through the upstream's or the account's fault. */
    fail(lease: Lease, verdict: Verdict & { reason: CoolingReason }): void {
      const { account } = lease
      const sharers = verdict.reason === 'proxy' ? states.filter((s) => sameProxy(s.account, account)) : []
      for (const state of sharers.length > 0 ? sharers : [stateOf.get(account) as AccountState]) {
        recordFailure(state.health, {
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
      const returns = requests.flatMap((request) => {
        const query: Query = { ...request, tried: new Set(), home: null }
        return returnsOf(selectAccounts(query, states, strategy, now, clock.now()), now)
      })
      return returns.toSorted((a, b) => a.inMs - b.inMs)[0] ?? null
    },

    /** What an account's owner has to do before it can serve; null when it may serve again. */
    setProblem(account: Account, problem: string | null): void {
      const state = stateOf.get(account)
      if (state === undefined || state.problem === problem) return
      state.problem = problem
      queue.serve()
    },

    /** Live states for `/health` and status; to be read, not kept. */
    states: states as readonly AccountState[],
    get waiting() {
      return queue.size
    },
    get sessions() {
      return sticky.size
    },
  }
}

function sameProxy(a: Account, b: Account): boolean {
  return a.proxy !== null && b.proxy !== null && a.proxy.reveal() === b.proxy.reveal()
}

function clientGone(): GatewayError {
  return new GatewayError({ kind: 'client_gone', message: 'the client left while waiting' })
}
