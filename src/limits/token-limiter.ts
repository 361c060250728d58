/**
 * Holds client tokens to their limits: lets a request in or says why not, and learns what it used. What a token uses is
 * kept by its name, so that it outlives the config that its limits come from.
 */
import type { ClientToken } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'
import { firstLimit } from './first-limit.ts'
import { createTokenMeter, type Estimate, type Spent, type TokenMeter } from './token-meter.ts'

/** A request that has been let in; settled once, whatever becomes of it. */
export type Settle = (spent: Spent) => void

export interface TokenUse {
  readonly inFlight: number
  readonly requestsLastMinute: number
  readonly tokensLastMinute: number
  /** USD, with epoch ms of when the sum begins anew. */
  readonly day: { readonly cost: number; readonly endsAt: number }
  readonly month: { readonly cost: number; readonly endsAt: number }
}

export interface TokenLimiter {
  /** Throws a GatewayError with the limit, its figure and when it ends. `estimate` is asked for only where it matters. */
  admit(client: ClientToken, estimate: () => Estimate): Settle
  /** Enters what was spent in an earlier run. `at`: epoch ms. */
  restore(client: string, cost: number, at: number): void
  use(client: string): TokenUse
}

/** The config bounds them; reloads with new names might add up. */
const MOST_TOKENS = 10_000
const NO_ESTIMATE: Estimate = { tokens: 0, cost: 0 }
/** How much of a lesson is kept with each request that does not repeat it. */
const LESSON_KEPT = 0.95

export function createTokenLimiter(clock: Clock): TokenLimiter {
  const meters = new Map<string, TokenMeter>()

  function meterOf(name: string): TokenMeter {
    const known = meters.get(name)
    if (known !== undefined) return known
    const fresh = createTokenMeter()
    meters.set(name, fresh)
    if (meters.size > MOST_TOKENS) meters.delete(meters.keys().next().value as string)
    return fresh
  }

  return {
    admit({ name, limits }, askEstimate) {
      const meter = meterOf(name)
      const now = clock.monotonic()
      const hasUseFor = limits.tpm > 0 || limits.budgetDay !== null || limits.budgetMonth !== null
      const told = hasUseFor ? askEstimate() : NO_ESTIMATE
      const estimate = scaled(told, meter.excess)
      const refusal = firstLimit(limits, meter, estimate, clock.now(), now)
      if (refusal !== null) throw refusal
      const reservedCost = estimate.cost ?? 0
      meter.inFlight++
      meter.reserved.tokens += estimate.tokens
      meter.reserved.cost += reservedCost
      meter.minute.add(now, 1, 0)
      return ({ tokens, cost }) => {
        meter.inFlight--
        // Sums of fractions leave crumbs behind.
        meter.reserved.tokens = meter.inFlight === 0 ? 0 : meter.reserved.tokens - estimate.tokens
        meter.reserved.cost = meter.inFlight === 0 ? 0 : meter.reserved.cost - reservedCost
        meter.minute.add(clock.monotonic(), 0, tokens)
        if (hasUseFor) {
          meter.excess = {
            tokens: learn(meter.excess.tokens, tokens, told.tokens),
            cost: learn(meter.excess.cost, cost, told.cost),
          }
        }
        if (cost !== null && cost > 0) meter.spend(cost, clock.now())
      }
    },
    restore: (client, cost, at) => meterOf(client).spend(cost, at),
    use(client) {
      const meter = meterOf(client)
      const now = clock.monotonic()
      return {
        inFlight: meter.inFlight,
        requestsLastMinute: meter.minute.requests(now),
        tokensLastMinute: meter.minute.tokens(now),
        day: meter.spentIn('day', clock.now()),
        month: meter.spentIn('month', clock.now()),
      }
    },
  }
}

function scaled({ tokens, cost }: Estimate, excess: TokenMeter['excess']): Estimate {
  return { tokens: tokens * excess.tokens, cost: cost === null ? null : cost * excess.cost }
}

/** A body does not hold all that its answer costs: pictures behind links, and conversations that the vendor keeps. */
function learn(known: number, spent: number | null, estimated: number | null): number {
  const latest = spent !== null && estimated !== null && estimated > 0 ? spent / estimated : 1
  return Math.max(latest, 1 + (known - 1) * LESSON_KEPT)
}
