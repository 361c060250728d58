/**
 * Holds client tokens to their limits: lets a request in or says why not, and learns what it used. What a token uses is
 * kept by its name, so that it outlives the config that its limits come from.
 */
import type { ClientToken } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'
import { firstLimit } from './first-limit.ts'
import type { Spend } from './spend.ts'
import { createTokenMeter, type TokenMeter } from './token-meter.ts'

/** A request that has been let in; settled once, whatever becomes of it. */
export type Settle = (spent: Spend) => void

export interface TokenUse {
  readonly inFlight: number
  readonly requestsLastMinute: number
  readonly tokensLastMinute: number
  /** USD, with epoch ms of when the sum begins anew. */
  readonly day: { readonly cost: number; readonly endsAt: number }
  readonly month: { readonly cost: number; readonly endsAt: number }
}

export interface TokenLimiter {
  /**
   * Throws a GatewayError with the limit, its figure and when it ends. `estimate` tells the most that the request may use; it
   * is asked for only where that matters.
   */
  admit(client: ClientToken, model: string, estimate: () => Spend): Settle
  /** Enters what was spent in an earlier run. `at`: epoch ms. */
  restore(client: string, cost: number, at: number): void
  use(client: string): TokenUse
}

/** The config bounds them; reloads with new names might add up. */
const MOST_TOKENS = 10_000
const NO_ESTIMATE: Spend = { tokens: 0, cost: 0 }

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
    admit({ name, limits }, model, askEstimate) {
      const meter = meterOf(name)
      const now = clock.monotonic()
      const hasUseFor = limits.tpm > 0 || limits.budgetDay !== null || limits.budgetMonth !== null
      const told = hasUseFor ? askEstimate() : NO_ESTIMATE
      const estimate = hasUseFor ? meter.lessons.expect(model, told) : told
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
        if (hasUseFor) meter.lessons.learn(model, told, { tokens, cost })
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
