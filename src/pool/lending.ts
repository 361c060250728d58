/**
 * Lends an account for one attempt: the slot that it takes, the probe that it may be, and the conversation that it binds.
 */
import type { Account } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'
import { mostSpecific } from '../core/match.ts'
import { type Health, setProbing, viewHealth } from './cooldown.ts'
import type { Lease, PoolRequest } from './lease.ts'
import type { AccountState, ExclusionReason, Selection } from './select.ts'
import type { Binding, StickySessions } from './sticky.ts'

/** A lease with what the pool learns by it. */
export interface OpenLease extends Lease {
  readonly state: AccountState
  /** Those of its time: what becomes of a replaced key says nothing about its successor. */
  readonly health: Health
  readonly windows: AccountState['windows']
  readonly binding: Binding | null
  readonly keys: readonly string[]
}

/** `found` is the conversation's binding, `selection` the one that `state` was chosen from. */
export type Lend = (state: AccountState, request: PoolRequest, found: Binding | null, selection: Selection) => OpenLease

/** `onReleased` is called when a lease ends: somebody may be waiting for its place. */
export function createLending(sticky: StickySessions, clock: Clock, onReleased: () => void): Lend {
  return function lend(state, request, found, { excluded }) {
    const { account, health, windows } = state
    const { gone, takesSlot, model, sessionKeys: keys } = request
    const now = clock.monotonic()
    const mayMove = found === null || (found.home !== state && hasLostItsHome(found, excluded, model, now))
    const binding = mayMove ? sticky.bind(keys, state) : found
    const isProbe = takesSlot && viewHealth(health, model, now).state === 'probe'
    if (takesSlot) takeSlot(state, account, now)
    if (isProbe) setProbing(health, model, now, true)
    let isReleased = false
    const release = (): void => {
      if (isReleased) return
      isReleased = true
      gone.unwatch(release)
      if (takesSlot) state.inFlight--
      if (isProbe) setProbing(health, model, clock.monotonic(), false)
      onReleased()
    }
    if (!request.outlivesClient) gone.watch(release)
    const [upstreamModel = model] = mostSpecific(account.modelMap, model) ?? []
    const isHome = binding?.home === state && binding.warmAt !== null
    return { account, model, upstreamModel, startedAt: now, isHome, release, state, health, windows, binding, keys }
  }
}

function takeSlot(state: AccountState, { rpm }: Account, now: number): void {
  state.inFlight++
  state.lastUsedAt = now
  if (rpm === 0) return
  state.recentStarts.push(now)
  if (state.recentStarts.length > rpm) state.recentStarts.shift()
}

/** Reasons that do not pass while the cache is warm. Not the model: one conversation may use several. */
const FOR_GOOD: ReadonlySet<ExclusionReason> = new Set(['disabled', 'paused', 'not_allowed', 'needs_attention'])

/** A warm cache is worth a rest that ends before it cools; a home that is out for longer, or for good, is left. */
function hasLostItsHome(binding: Binding, excluded: Selection['excluded'], model: string, now: number): boolean {
  const { home, warmAt, cacheTtlMs } = binding
  if (home.isRemoved || warmAt === null) return true
  const reason = excluded.find(({ state }) => state === home)?.reason
  if (reason !== undefined && FOR_GOOD.has(reason)) return true
  const { blockedBy } = viewHealth(home.health, model, now)
  return blockedBy !== null && blockedBy.until > warmAt + cacheTtlMs
}
