/**
 * From a failed attempt to a verdict, and from the failures of all attempts to the one answer the client gets.
 */
import type { Account, Protocol } from '../core/account.ts'
import { formatDuration } from '../core/duration.ts'
import { type Blame, type ErrorKind, GatewayError } from '../core/errors.ts'
import { type HeaderList, headersForClient, withRetryAfter } from '../core/headers.ts'
import { nextStep, type Reason, type Verdict, type WindowReading } from '../core/verdict.ts'
import type { FirstReturn } from '../pool/refusal.ts'
import { readWindows } from '../pool/windows.ts'
import { providerOf } from '../providers/index.ts'
import type { AttemptResult, Reply } from './attempt-contract.ts'
import type { Exchange } from './exchange.ts'

export interface FailedAttempt {
  readonly account: Account
  readonly verdict: Verdict & { readonly windows?: readonly WindowReading[] }
  /** What the upstream sent; null when it could not be reached or its answer was unusable. */
  readonly reply: Reply | null
  readonly isTimeout: boolean
  /** No connection came about: a wrong address, no network, no way through TLS. */
  readonly isOutOfReach: boolean
  /** The connection died before any byte of an answer. */
  readonly isUnanswered: boolean
}

/** What a failed attempt means. `now` is epoch ms. */
export function judgeResult(
  result: Extract<AttemptResult, { kind: 'failed' | 'unreachable' }>,
  account: Account,
  now: number,
  elapsedMs: number,
): FailedAttempt {
  if (result.kind === 'unreachable') {
    return {
      account,
      verdict: { reason: result.failure === 'proxy' ? 'proxy' : 'transient', message: result.message },
      reply: null,
      isTimeout: result.failure === 'timeout',
      isOutOfReach: result.failure === 'connect' || result.failure === 'tls',
      // A stale connection dies the moment it is used; one that dies later has a story of its own.
      isUnanswered: result.failure === 'reset' && elapsedMs < STALE_CONNECTION_MS,
    }
  }
  const { reply } = result
  const windows = readWindows(reply.rawHeaders, now)
  const headers = headersForClient(reply.rawHeaders)
  const verdict = providerOf(account).judge({ ...reply, headers, windows, now })
  return {
    account,
    verdict: { ...verdict, windows },
    reply,
    isTimeout: false,
    isOutOfReach: false,
    isUnanswered: false,
  }
}

const STALE_CONNECTION_MS = 2_000

/**
 * The failure that tells the client most: a limit (it ends by itself) before a fault, among equals that of the account
 * which returns first, else the latest. `failures` is not empty.
 */
export function mostUseful(failures: readonly FailedAttempt[], firstReturn: FirstReturn | null): FailedAttempt {
  const worth = ({ verdict, account }: FailedAttempt): number =>
    rank(verdict.reason) + (account === firstReturn?.account ? 0.5 : 0)
  return failures.reduce((best, next) => (worth(next) >= worth(best) ? next : best))
}

function isLimit(reason: Reason): boolean {
  return reason === 'quota' || reason === 'burst'
}

function rank(reason: Reason): number {
  switch (reason) {
    case 'success':
    case 'client_gone':
    case 'client_mistake':
      return 4
    case 'quota':
    case 'burst':
      return 3
    case 'model_unavailable':
      return 2
    case 'overloaded':
    case 'transient':
      return 1
    case 'unauthorized':
    case 'billing':
    case 'forbidden':
    case 'banned':
    case 'proxy':
      return 0
  }
}

/** Waits longer than this are not worth a client's own retries; Claude Code ends at once and shows the text. */
const LONG_WAIT_MS = 60_000

/**
 * Tells the client why there is no answer. The upstream's own words pass unchanged where they concern the client: its
 * mistakes, and limits, with the time of the first return. An account's trouble with key or money is ours to mend, so it
 * becomes 503: a 401 would make a client log its user out.
 */
export function tellFailure(
  failed: FailedAttempt,
  { exchange, protocol }: { readonly exchange: Exchange; readonly protocol: Protocol },
  firstReturn: FirstReturn | null,
  relayHeaders: HeaderList,
): void {
  const { verdict, reply } = failed
  const waitMs = waitAfter(failed, firstReturn)
  // What the upstream says of its account is not true of the relay when another account returns before it.
  const isOutrun = firstReturn !== null && firstReturn.account !== failed.account && !isMistake(verdict.reason)
  if (
    exchange.stage === 'open' &&
    reply !== null &&
    !isOutrun &&
    providerOf(failed.account).protocolsOf(failed.account).includes(protocol) &&
    passesUnchanged(verdict.reason, reply, protocol, waitMs)
  ) {
    exchange.sendWhole(reply.status, [...ownHeaders(reply, waitMs), ...relayHeaders], reply.body)
    return
  }
  exchange.fail(errorOf(failed, waitMs, isOutrun), relayHeaders)
}

/** The failure in the relay's own form, for every dialect to put into its words. */
export function errorOf(failed: FailedAttempt, waitMs: number | undefined, isOutrun = false): GatewayError {
  const { verdict, reply } = failed
  const words = wordsFor(failed, isOutrun ? waitMs : undefined)
  const status = reply === null ? undefined : statusOf(reply)
  return new GatewayError({
    kind: kindOf(failed, isOutrun),
    ...words,
    ...(words.source === 'upstream' && reply?.error?.code ? { code: reply.error.code } : {}),
    ...(isMistake(verdict.reason) && status !== undefined ? { status } : {}),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    ...(waitMs !== undefined && waitMs > LONG_WAIT_MS ? { retryable: false } : {}),
  })
}

/** A class of error is coarser than a status: OpenAI calls a 413 an `invalid_request_error`, whose own status is 400. */
function statusOf({ status, error }: Reply): number | undefined {
  if (status >= 400 && status < 500) return status
  return error?.status ?? (status >= 500 ? status : undefined)
}

function isMistake(reason: Reason): boolean {
  return nextStep(reason) === 'stop'
}

/** How long the client is to wait; undefined where nothing is known to change by waiting. */
function waitAfter({ verdict }: FailedAttempt, firstReturn: FirstReturn | null): number | undefined {
  switch (verdict.reason) {
    case 'quota':
    case 'burst':
      return firstReturn?.inMs ?? verdict.retryAfterMs ?? 1_000
    case 'overloaded':
      // Trouble that passes leaves no model without an account, so the next request is served before the rest is over.
      return firstReturn === null ? undefined : Math.min(firstReturn.inMs, LONG_WAIT_MS)
    case 'model_unavailable':
    case 'unauthorized':
    case 'billing':
    case 'forbidden':
    case 'banned':
      return firstReturn?.inMs
    case 'success':
    case 'client_mistake':
    case 'client_gone':
    case 'transient':
    case 'proxy':
      return undefined
  }
}

/** Whether the upstream's answer can stand as the relay's. */
function passesUnchanged(reason: Reason, reply: Reply, protocol: Protocol, waitMs: number | undefined): boolean {
  if (isMistake(reason) || reason === 'model_unavailable') return reply.status >= 400
  if (!isLimit(reason) || reply.status !== 429 || reply.error === null) return false
  // Codex sits out any time, for hours in silence, unless the body says that a usage limit was reached.
  const isLong = waitMs !== undefined && waitMs > LONG_WAIT_MS
  return !isLong || protocol !== 'openai-responses' || reply.error.type === 'usage_limit_reached'
}

function ownHeaders(reply: Reply, waitMs: number | undefined): HeaderList {
  const headers = headersForClient(reply.rawHeaders)
  if (!headers.some(([name]) => name === 'content-type')) headers.push(['content-type', 'application/json'])
  if (reply.status !== 429) return headers
  const isLong = waitMs !== undefined && waitMs > LONG_WAIT_MS
  const others = headers.filter(([name]) => name !== 'x-should-retry')
  return [...withRetryAfter(others, waitMs ?? 1_000), ...(isLong ? ([['x-should-retry', 'false']] as HeaderList) : [])]
}

function kindOf({ verdict, isTimeout, reply }: FailedAttempt, isOutrun: boolean): ErrorKind {
  switch (verdict.reason) {
    case 'client_mistake':
    case 'success':
    case 'client_gone':
      if (reply !== null && statusOf(reply) === 413) return 'request_too_large'
      return reply?.error?.type.includes('not_found') ? 'not_found' : 'invalid_request'
    case 'quota':
      return 'usage_limit'
    case 'burst':
      return 'rate_limited'
    case 'model_unavailable':
      return isOutrun ? 'unavailable' : 'model_not_found'
    case 'overloaded':
      return 'overloaded'
    case 'transient':
    case 'proxy':
      return isTimeout ? 'upstream_timeout' : 'upstream_failed'
    case 'unauthorized':
    case 'billing':
    case 'forbidden':
    case 'banned':
      return 'unavailable'
  }
}

interface Words {
  readonly source: Blame
  readonly message: string
}

/** The upstream's own words where they are of use to the client; `outrunMs` is when another account returns before it. */
function wordsFor({ verdict, reply, isOutOfReach }: FailedAttempt, outrunMs: number | undefined): Words {
  const own = (message: string): Words => ({ source: 'gateway', message })
  const said = reply?.error?.message ?? ''
  if (outrunMs !== undefined && (isLimit(verdict.reason) || verdict.reason === 'model_unavailable')) {
    const wait = formatDuration(Math.max(1_000, outrunMs))
    return own(`no account can serve this now; the first returns in ${wait} (another one said: ${verdict.message})`)
  }
  switch (verdict.reason) {
    case 'unauthorized':
      return own('the upstream account was refused (401); its owner must renew its credential')
    case 'billing':
      return own('the upstream account has no credit left')
    case 'forbidden':
    case 'banned':
      return own(`the upstream account may not do this: ${verdict.message}`)
    case 'proxy':
      return own('the proxy of the upstream account cannot be reached')
    case 'quota':
    case 'burst':
    case 'model_unavailable':
    case 'success':
    case 'client_mistake':
    case 'client_gone':
    case 'overloaded':
    case 'transient':
      if (said !== '') return { source: 'upstream', message: said }
      if (reply !== null) return own(`the upstream answered HTTP ${reply.status}`)
      if (isOutOfReach) return own("the upstream cannot be reached; the relay's log says why")
      return own("the upstream gave no usable answer; the relay's log says why")
  }
}
