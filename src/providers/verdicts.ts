/**
 * What a failed answer means, by the rules that all vendors share: status first, then the words that change its meaning.
 */
import { parseRetryAfter } from './retry-after.ts'
import type { Failure } from './contract.ts'
import type { Reason, Verdict } from '../core/verdict.ts'

/** Kinds of error, in a vendor's `type` or `code`, that mean the same under any status. */
const REASON_OF_KIND: ReadonlyMap<string, Reason> = new Map<string, Reason>([
  ['overloaded_error', 'overloaded'],
  ['server_is_overloaded', 'overloaded'],
  ['slow_down', 'overloaded'],
  ['overloaded', 'overloaded'],
  ['UNAVAILABLE', 'overloaded'],
  ['rate_limit_error', 'burst'],
  ['rate_limit_exceeded', 'burst'],
  ['RESOURCE_EXHAUSTED', 'burst'],
  ['usage_limit_reached', 'quota'],
  ['usage_not_included', 'model_unavailable'],
  ['insufficient_quota', 'billing'],
  ['billing_error', 'billing'],
  ['billing_hard_limit_reached', 'billing'],
  ['model_not_found', 'model_unavailable'],
  ['authentication_error', 'unauthorized'],
  ['invalid_api_key', 'unauthorized'],
  // Google tells a wrong key as 400.
  ['API_KEY_INVALID', 'unauthorized'],
  ['account_deactivated', 'banned'],
  ['organization_disabled', 'banned'],
  ['api_error', 'transient'],
  ['server_error', 'transient'],
  ['internal_error', 'transient'],
  ['INTERNAL', 'transient'],
  ['timeout_error', 'transient'],
  ['DEADLINE_EXCEEDED', 'transient'],
])

/** Words that reveal the kind where the vendor's type says only "invalid request". */
const CREDIT_TOO_LOW = /credit balance is too low|exceeded your current quota|insufficient (balance|credits?|funds)/i
/** The model itself is what is missing: a parameter that "is not supported with this model" is the client's mistake. */
const MODEL_REFUSED =
  /\bmodels?\s{0,2}[:/]?\s?[`'"]?[\w.:/@-]{0,128}[`'"]?,?\s(?:(?:is|was) )?(?:not (?:available|supported|found|exist)|does not exist|unavailable)|not have access to .{0,80}\bmodel|not a valid model|not supported when using/i
const ACCOUNT_CLOSED =
  /\b(?:account|organi[sz]ation|project|consumer)\b.{0,60}\b(?:has been|is|was) (?:disabled|deactivated|banned|suspended|terminated)/i
const REGION_REFUSED = /user location is not supported|not available in your (?:country|region)/i

/** The verdict of the shared rules (source: the vendors' error pages; RFC 9110 for the statuses). */
export function judgeFailure(failure: Failure): Verdict {
  const { status, error } = failure
  const message = error?.message ?? ''
  const told = reasonOf(failure)
  // A page comes from something in front of the vendor, or from a wrong address, whatever its status says of the request.
  const reason = told === 'client_mistake' && isPage(failure) ? 'transient' : told
  const retryAfterMs = retryHint(failure, reason)
  return {
    reason,
    message: message === '' ? `HTTP ${status}` : message,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
}

function isPage({ error, headers }: Failure): boolean {
  return error === null && headers.some(([name, value]) => name === 'content-type' && /^text\/html/i.test(value))
}

function reasonOf(failure: Failure): Reason {
  const { error } = failure
  const status = failure.status === 200 ? (error?.status ?? 200) : failure.status
  const message = error?.message ?? ''
  const byKind = REASON_OF_KIND.get(error?.code ?? '') ?? REASON_OF_KIND.get(error?.type ?? '')
  switch (status) {
    case 401:
      return byKind === 'banned' ? 'banned' : 'unauthorized'
    case 402:
      return 'billing'
    case 403:
      return byKind === 'banned' || ACCOUNT_CLOSED.test(message)
        ? 'banned'
        : byKind === 'billing'
          ? 'billing'
          : 'forbidden'
    case 404:
      return byKind === 'model_unavailable' || MODEL_REFUSED.test(message) || message.startsWith('model:')
        ? 'model_unavailable'
        : 'client_mistake'
    case 408:
    case 409:
      return 'transient'
    case 429:
      return reasonOf429(failure, byKind)
    case 503:
    case 529:
      return 'overloaded'
    default:
  }
  if (status >= 500) return byKind === 'overloaded' ? 'overloaded' : 'transient'
  if (status >= 300 && status < 400) return 'transient'
  if (byKind !== undefined) return byKind
  if (CREDIT_TOO_LOW.test(message)) return 'billing'
  if (status === 400 && ACCOUNT_CLOSED.test(message)) return 'banned'
  if (status === 400 && REGION_REFUSED.test(message)) return 'forbidden'
  if (status === 400 && MODEL_REFUSED.test(message)) return 'model_unavailable'
  // An error told in a 200 without a status of its own: the dialects' words for the client's mistakes end in these.
  if (status === 200)
    return /invalid|not_found|INVALID_ARGUMENT|context_length/.test(error?.type ?? '') ? 'client_mistake' : 'transient'
  return 'client_mistake'
}

/** A 429 is a used-up window only when the vendor says so; anything else is a burst that passes. */
function reasonOf429({ error, windows }: Failure, byKind: Reason | undefined): Reason {
  if (byKind !== undefined && byKind !== 'burst' && byKind !== 'transient') return byKind
  if (windows.some(({ isExhausted }) => isExhausted)) return 'quota'
  return CREDIT_TOO_LOW.test(error?.message ?? '') && error?.type === 'insufficient_quota' ? 'billing' : 'burst'
}

function retryHint(failure: Failure, reason: Reason): number | undefined {
  if (reason === 'quota') {
    const resets = failure.windows.flatMap((w) =>
      w.isExhausted && w.resetsAt !== null ? [w.resetsAt - failure.now] : [],
    )
    if (resets.length > 0) return Math.max(0, ...resets)
    const told = toldByBody(failure)
    if (told !== undefined) return told
  }
  return parseRetryAfter(failure.headers, failure.now) ?? toldByBody(failure) ?? toldByRates(failure, reason)
}

/** When the limits per minute that are used up have room again. */
function toldByRates({ windows, now }: Failure, reason: Reason): number | undefined {
  if (reason !== 'burst') return undefined
  const resets = windows.flatMap(({ isRate, usedPercent, resetsAt }) =>
    isRate && usedPercent >= 100 && resetsAt !== null ? [resetsAt - now] : [],
  )
  return resets.length === 0 ? undefined : Math.max(0, ...resets)
}

function toldByBody({ error, now }: Failure): number | undefined {
  if (error?.retryAfterMs !== undefined) return error.retryAfterMs
  return error?.resetsAt === undefined ? undefined : Math.max(0, error.resetsAt - now)
}
