/**
 * A pool whose leases are counted a second time, by somebody who does not know how the pool counts them.
 */
import type { Clock } from '../../core/clock.ts'
import type { Pool } from '../../pool/pool.ts'
import type { AccountState } from '../../pool/select.ts'
import type { Rules } from './rules.ts'

export interface WatchedPool {
  readonly pool: Pool
  /** Slots that are lent out, counted here. */
  readonly slots: number
  /** Compares the two counts, and what must have a bound. To be called where nothing is half done: from a timer. */
  sweep(): void
}

export interface PoolBounds {
  readonly sessions: number
  /** In the queue, of all clients together. */
  readonly waiting: number
  readonly cooldownMs: number
}

export function watchPool(pool: Pool, rules: Rules, boundsNow: () => PoolBounds, clock: Clock): WatchedPool {
  /** By state: a new config replaces the account in it, and what was lent stays lent. */
  const lent = new Map<AccountState, number>()
  let slots = 0

  function count(state: AccountState, change: 1 | -1): void {
    const sum = (lent.get(state) ?? 0) + change
    slots += change
    if (sum === 0) lent.delete(state)
    else lent.set(state, sum)
  }

  const acquire: Pool['acquire'] = async (request) => {
    const lease = await pool.acquire(request)
    if (lease === null || !request.takesSlot) return lease
    const { gone } = request
    const state = pool.states.find(({ account }) => account === lease.account)
    // A new config took the account away in the moment between being lent and being handed over.
    if (state === undefined) return lease
    const { account, inFlight } = state
    const isWithin = account.concurrency === 0 || inFlight <= account.concurrency
    rules.hold(2, isWithin, () => ({ account: account.name, in_flight: inFlight, limit: account.concurrency }))
    // It ended by itself in that moment.
    if (gone.hasLeft && !request.outlivesClient) return lease
    count(state, 1)
    let isCounted = true
    const end = (): void => {
      if (isCounted) count(state, -1)
      isCounted = false
      gone.unwatch(end)
    }
    if (!request.outlivesClient) gone.watch(end)
    const { release } = lease
    // The pool knows its leases by identity, so the lease stays the object it is.
    return Object.assign(lease, {
      release() {
        end()
        release()
      },
    })
  }

  return {
    pool: Object.assign(Object.create(pool) as Pool, { acquire }),
    get slots() {
      return slots
    },
    sweep() {
      const bounds = boundsNow()
      for (const state of pool.states) {
        const { account, inFlight, health } = state
        const leases = lent.get(state) ?? 0
        rules.hold(1, inFlight === leases, () => ({ account: account.name, in_flight: inFlight, leases }))
        for (const { reason, until } of health.values()) {
          const restMs = until - clock.monotonic()
          rules.hold(29, restMs <= bounds.cooldownMs, () => ({ account: account.name, reason, rest_ms: restMs }))
        }
      }
      const { sessions, waiting } = pool
      rules.hold(19, sessions <= bounds.sessions, () => ({ what: 'sticky sessions', sessions }))
      rules.hold(19, waiting <= bounds.waiting, () => ({ what: 'requests in the queue', waiting }))
    },
  }
}
