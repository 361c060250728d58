/**
 * From a failed attempt to a verdict, and from the failures of all attempts to the one answer the client gets.
 */
import type { Account } from '../core/account.ts'
import { GatewayError, type ErrorKind } from '../core/errors.ts'
import { type HeaderList, headersForClient } from '../core/headers.ts'
import type { Reason, Verdict, WindowReading } from '../core/verdict.ts'
import { readWindows } from '../pool/windows.ts'
import { providerOf } from '../providers/index.ts'
import type { AttemptResult, Reply } from './attempt-contract.ts'
import { type Exchange, withRetryAfter } from './exchange.ts'

export interface FailedAttempt {
  readonly verdict: Verdict & { readonly windows?: readonly WindowReading[] }
  /** What the upstream sent; null when it could not be reached or its answer was unusable. */
  readonly reply: Reply | null
  readonly isTimeout: boolean
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
      verdict: { reason: result.failure === 'proxy' ? 'proxy' : 'transient', message: result.message },
      reply: null,
      isTimeout: result.failure === 'timeout',
      // A stale connection dies the moment it is used; one that dies later has a story of its own.
      isUnanswered: result.failure === 'reset' && elapsedMs < STALE_CONNECTION_MS,
    }
  }
  const { reply } = result
  const windows = readWindows(reply.rawHeaders, now)
  const headers = headersForClient(reply.rawHeaders)
  const verdict = providerOf(account).judge({ ...reply, headers, windows, now })
  return { verdict: { ...verdict, windows }, reply, isTimeout: false, isUnanswered: false }
}

const STALE_CONNECTION_MS = 2_000

/** The failure that tells the client more: a limit (it ends by itself) before a fault, the later one among equals. */
export function moreUseful(a: FailedAttempt, b: FailedAttempt): FailedAttempt {
  return rank(a.verdict.reason) > rank(b.verdict.reason) ? a : b
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
 * mistakes, and limits with the time of the soonest return. An account's trouble with key or money is ours to mend, so it
 * becomes 503: a 401 would make a client log its user out.
 */
export function tellFailure(
  failed: FailedAttempt,
  exchange: Exchange,
  returnsInMs: number | null,
  relayHeaders: HeaderList,
): void {
  const { verdict, reply } = failed
  const isLimit = verdict.reason === 'quota' || verdict.reason === 'burst'
  const waitMs = isLimit ? (returnsInMs ?? verdict.retryAfterMs ?? 1_000) : verdict.retryAfterMs
  const isClients = verdict.reason === 'client_mistake' || verdict.reason === 'model_unavailable' || isLimit
  if (exchange.stage === 'open' && reply !== null && reply.status >= 400 && isClients) {
    exchange.sendWhole(reply.status, [...ownHeaders(reply, waitMs), ...relayHeaders], reply.body)
    return
  }
  const error = new GatewayError({
    kind: kindOf(failed),
    source: reply === null || !isClients ? 'gateway' : 'upstream',
    message: wordsFor(failed),
    ...(reply?.error?.code ? { code: reply.error.code } : {}),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    ...(waitMs !== undefined && waitMs > LONG_WAIT_MS ? { retryable: false } : {}),
  })
  exchange.fail(error, relayHeaders)
}

function ownHeaders(reply: Reply, waitMs: number | undefined): HeaderList {
  const headers = headersForClient(reply.rawHeaders).filter(([name]) => name !== 'x-should-retry')
  if (!headers.some(([name]) => name === 'content-type')) headers.push(['content-type', 'application/json'])
  if (waitMs === undefined && reply.status !== 429) return headers
  const long: HeaderList = waitMs !== undefined && waitMs > LONG_WAIT_MS ? [['x-should-retry', 'false']] : []
  return [...withRetryAfter(headers, waitMs ?? 1_000), ...long]
}

function kindOf({ verdict, isTimeout, reply }: FailedAttempt): ErrorKind {
  switch (verdict.reason) {
    case 'client_mistake':
    case 'success':
    case 'client_gone':
      return reply?.error?.type.includes('not_found') ? 'not_found' : 'invalid_request'
    case 'quota':
      return 'usage_limit'
    case 'burst':
      return 'rate_limited'
    case 'model_unavailable':
      return 'model_not_found'
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

function wordsFor({ verdict, reply }: FailedAttempt): string {
  switch (verdict.reason) {
    case 'unauthorized':
      return 'the upstream account was refused (401); its owner must renew its credential'
    case 'billing':
      return 'the upstream account has no credit left'
    case 'forbidden':
    case 'banned':
      return `the upstream account may not do this: ${verdict.message}`
    case 'proxy':
      return 'the proxy of the upstream account cannot be reached'
    case 'success':
    case 'client_mistake':
    case 'client_gone':
    case 'model_unavailable':
    case 'quota':
    case 'burst':
    case 'overloaded':
    case 'transient':
      return reply === null ? "the upstream gave no usable answer; the relay's log says why" : verdict.message
  }
}
