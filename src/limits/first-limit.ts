/**
 * The limits of a client token as one question: is there one that keeps this request out, and until when?
 */
import type { TokenLimits } from '../core/account.ts'
import { count } from '../core/count.ts'
import { formatDuration } from '../core/duration.ts'
import { GatewayError } from '../core/errors.ts'
import type { Spend } from './spend.ts'
import type { Period, TokenMeter } from './token-meter.ts'

/** When the requests under way will be over nobody knows; most take some seconds. */
const ASK_AGAIN_MS = 2_000
/** What is farther away than this is told as a moment, and not tried again by the client itself. */
const LONG_WAIT_MS = 60_000

/**
 * The refusal by the first limit that is reached, in the order of what costs a client least; null when there is none.
 *
 * Tokens and budgets are held with what is set aside for requests under way, so that parallel requests do not exceed them
 * together. A request that is alone may always begin while anything is left, however much it may use: so a limit is
 * exceeded by what one request uses, and none is too small to be used up.
 */
export function firstLimit(
  limits: TokenLimits,
  meter: TokenMeter,
  estimate: Spend,
  now: number,
  monotonic: number,
): GatewayError | null {
  return (
    byConcurrency(limits, meter) ??
    byRequests(limits, meter, monotonic) ??
    byTokens(limits, meter, estimate, monotonic) ??
    byBudget('day', limits.budgetDay, meter, estimate, now) ??
    byBudget('month', limits.budgetMonth, meter, estimate, now)
  )
}

function byConcurrency({ maxConcurrency }: TokenLimits, { inFlight }: TokenMeter): GatewayError | null {
  if (maxConcurrency === 0 || inFlight < maxConcurrency) return null
  return refusal(`this token may have ${count(maxConcurrency, 'request')} under way at the same time`, ASK_AGAIN_MS)
}

function byRequests({ rpm }: TokenLimits, { minute }: TokenMeter, monotonic: number): GatewayError | null {
  if (rpm === 0 || minute.requests(monotonic) < rpm) return null
  return waitFor(
    `this token may make ${count(rpm, 'request')} per minute`,
    minute.msUntil('requests', rpm - 1, monotonic),
  )
}

function byTokens(
  { tpm }: TokenLimits,
  { minute, reserved, inFlight }: TokenMeter,
  { tokens }: Spend,
  monotonic: number,
): GatewayError | null {
  if (tpm === 0) return null
  const used = minute.tokens(monotonic)
  const words = `this token may use ${tpm} tokens per minute and has used ${Math.ceil(used)}`
  if (used >= tpm) return waitFor(words, minute.msUntil('tokens', tpm - 1, monotonic))
  if (inFlight === 0 || used + reserved.tokens + tokens <= tpm) return null
  const after = minute.msUntil('tokens', Math.max(0, tpm - tokens), monotonic)
  return waitFor(`${words}; its requests under way may use up the rest`, Math.max(ASK_AGAIN_MS, after))
}

function byBudget(
  period: Period,
  budget: number | null,
  meter: TokenMeter,
  { cost }: Spend,
  now: number,
): GatewayError | null {
  if (budget === null) return null
  const { cost: spent, endsAt } = meter.spentIn(period, now)
  const words = `this token may spend ${usd(budget)} a ${period} and has spent ${usd(spent)}`
  if (spent >= budget) return resetAt(words, endsAt, now)
  if (cost === null) return unpriced(budget, period)
  if (meter.inFlight === 0 || spent + meter.reserved.cost + cost <= budget) return null
  return waitFor(`${words}; its requests under way may use up the rest`, ASK_AGAIN_MS)
}

function waitFor(words: string, waitMs: number): GatewayError {
  return refusal(`${words}; it may go on in ${formatDuration(Math.max(1000, waitMs))}`, waitMs)
}

function resetAt(words: string, endsAt: number, now: number): GatewayError {
  const waitMs = endsAt - now
  const message = `${words}; the budget begins anew in ${formatDuration(waitMs)} (${new Date(endsAt).toISOString()})`
  return refusal(message, waitMs, 'usage_limit')
}

/** A budget that let such requests through would be none. */
function unpriced(budget: number, period: Period): GatewayError {
  return new GatewayError({
    kind: 'forbidden',
    source: 'gateway',
    message: `this token may spend ${usd(budget)} a ${period}, and nobody knows what this model costs; its price can be set under "prices" in the relay's config`,
    param: 'model',
    limitedBy: 'token',
    retryable: false,
  })
}

function refusal(
  message: string,
  retryAfterMs: number,
  kind: 'rate_limited' | 'usage_limit' = 'rate_limited',
): GatewayError {
  return new GatewayError({
    kind,
    source: 'gateway',
    message,
    retryAfterMs,
    limitedBy: 'token',
    ...(retryAfterMs > LONG_WAIT_MS ? { retryable: false } : {}),
  })
}

function usd(amount: number): string {
  return `$${amount.toFixed(amount < 0.1 && amount > 0 ? 4 : 2)}`
}
