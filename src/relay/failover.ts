/**
 * The only retry loop: a request takes a lease, makes an attempt, and goes on elsewhere until content flows or nobody is
 * left for the name.
 */
import type { Departure } from '../core/departure.ts'
import { nextStep } from '../core/verdict.ts'
import type { Lease, PoolRequest } from '../pool/pool.ts'
import type { UpstreamError } from '../protocols/contract.ts'
import { providerOf } from '../providers/index.ts'
import type { AttemptResult } from './attempt-contract.ts'
import { createConclusion } from './conclusion.ts'
import { createDispatch, type DispatchDependencies, upstreamModelOf } from './dispatch.ts'
import { type FailedAttempt, judgeResult, tellFailure } from './failure.ts'
import { relayHeaders } from './relay-headers.ts'
import { isSideCall, type RelayRecord, type RelayRequest, type ThreadedRequest } from './request.ts'
import type { RetryBudget } from './retry-budget.ts'
import { type Credentials, type Skipped, withCredential } from './with-credential.ts'

export interface FailoverDependencies extends DispatchDependencies {
  readonly credentials: Credentials
  readonly budget: RetryBudget
}

/**
 * Asks one account after another for one model name. `answered`: the client has its answer, or has left; `unserved`:
 * nobody (else) can take it now; `no_turn`: the retry budget had no room. What failed is added to `failures`. Throws a
 * GatewayError when nobody could be asked at all.
 */
export type Failover = (
  request: ThreadedRequest,
  poolRequest: PoolRequest,
  record: RelayRecord,
  failures: FailedAttempt[],
) => Promise<'answered' | 'unserved' | 'no_turn'>

/** What one name's accounts made of the request so far. `isFree`: the next attempt is not counted against the retry budget. */
interface Tries {
  readonly failures: FailedAttempt[]
  isFree: boolean
  hasRepeated: boolean
}

/** A short rest of a warm home is waited out rather than paid for with a cold cache. */
const SHORT_REST_MS = 2_000

export function createFailover(dependencies: FailoverDependencies): Failover {
  const { config, pool, clock, budget, refused } = dependencies
  const dispatch = createDispatch(dependencies)
  const { conclude, blame } = createConclusion(dependencies)

  return tryAccounts

  async function tryAccounts(
    request: ThreadedRequest,
    poolRequest: PoolRequest,
    record: RelayRecord,
    failures: FailedAttempt[],
  ): Promise<'answered' | 'unserved' | 'no_turn'> {
    const tries: Tries = { failures, isFree: record.attempts === 0, hasRepeated: false }
    let releaseRetry: (() => void) | null = null
    try {
      while (!request.exchange.gone.hasLeft && poolRequest.tried.size <= config.maxAccountSwitches) {
        if (!tries.isFree && releaseRetry === null) {
          releaseRetry = await budget.takeRetry(request.exchange.gone)
          if (releaseRetry === null) return request.exchange.gone.hasLeft ? 'answered' : 'no_turn'
        }
        if (!tries.isFree && !budget.spendRetry()) return 'no_turn'
        const lease = await nextLease(poolRequest, failures)
        if (lease === null) break
        try {
          // It may have left in the very moment of its turn; nothing is asked for nobody.
          if (request.exchange.gone.hasLeft) break
          if (await tryAccount(request, poolRequest, lease, record, tries)) return 'answered'
        } finally {
          lease.release()
        }
      }
    } finally {
      releaseRetry?.()
    }
    return request.exchange.gone.hasLeft ? 'answered' : 'unserved'
  }

  async function nextLease(poolRequest: PoolRequest, failures: readonly FailedAttempt[]): Promise<Lease | null> {
    try {
      return await pool.acquire(poolRequest)
    } catch (error) {
      // What an upstream said before says more than that nobody else is free.
      if (failures.length === 0) throw error
      return null
    }
  }

  /** One account's turn: true when the client has its answer. If not, `tries` and `poolRequest` say who is asked next. */
  async function tryAccount(
    request: ThreadedRequest,
    poolRequest: PoolRequest,
    lease: Lease,
    record: RelayRecord,
    tries: Tries,
  ): Promise<boolean> {
    const { account } = lease
    const leftOut = refused.of(account, upstreamModelOf(lease))
    const result = await attempt(request, lease, record)
    if (result.kind === 'skipped') {
      passOver(poolRequest, lease, result, record, tries)
      return false
    }
    if (result.kind === 'served' || result.kind === 'gone' || result.kind === 'broken') {
      conclude(request, lease, result, record)
      return true
    }
    const next = judgeResult(result, account, clock.now(), clock.monotonic() - lease.startedAt)
    const { reason, message } = next.verdict
    record.failures.push({ account: account.name, reason, message })
    const refusal = reason === 'client_mistake' ? (next.reply?.error ?? null) : null
    if (refusal !== null && mend(request, lease, refusal, leftOut)) {
      poolRequest.prefer = account
      tries.isFree = true
      return false
    }
    if (nextStep(reason) === 'stop' && !(isSideCall(request) && isNoWord(next, request))) {
      tellFailure(next, request, null, relayHeaders(record, false))
      return true
    }
    tries.failures.push(next)
    const isRepeated = !tries.hasRepeated && deservesRepeat(next, lease)
    tries.hasRepeated ||= isRepeated
    tries.isFree = isRepeated && next.isUnanswered
    if (isRepeated) poolRequest.prefer = account
    else poolRequest.tried.add(account)
    if (!isSideCall(request) && !tries.isFree) blame(lease, next.verdict)
    if (isRepeated && reason === 'burst') await pause(next.verdict.retryAfterMs ?? 0, request.exchange.gone)
    return false
  }

  /** Notes why an account was never asked. The pool knows what only its owner can mend; anything else passes. */
  function passOver(
    poolRequest: PoolRequest,
    lease: Lease,
    { message, needsOwner }: Skipped,
    record: RelayRecord,
    tries: Tries,
  ): void {
    record.failures.push({ account: lease.account.name, reason: null, message })
    if (needsOwner) return
    poolRequest.tried.add(lease.account)
    const verdict = { reason: 'transient', message } as const
    const told = { reply: null, isTimeout: false, isOutOfReach: false, isUnanswered: false }
    tries.failures.push({ account: lease.account, verdict, ...told })
    blame(lease, verdict)
  }

  /** True when the request can go out again without what was refused. `leftOut`: what it went without this time. */
  function mend(
    { thread, repairs }: ThreadedRequest,
    lease: Lease,
    refusal: UpstreamError,
    leftOut: ReadonlySet<string>,
  ): boolean {
    // Both know how to leave reasoning out, each in its own lane; the client is asked for patience once.
    const isBare = thread?.dropReasoning(refusal) === true
    if (repairs.learn(refusal) || isBare) return true
    return refused.learn(lease.account, upstreamModelOf(lease), refusal, leftOut)
  }

  /** One attempt, or two when the account's sign-in was refused and could be renewed. */
  function attempt(request: ThreadedRequest, lease: Lease, record: RelayRecord): Promise<AttemptResult | Skipped> {
    const { account } = lease
    return withCredential(
      dependencies.credentials,
      account,
      request.exchange.gone,
      (credential) => dispatch(request, lease, credential, record),
      () => record.failures.push({ account: account.name, reason: 'unauthorized', message: 'renewed its sign-in' }),
    )
  }

  function pause(ms: number, gone: Departure): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.timer(ms, resolve)
      gone.watch(() => (timer.cancel(), resolve()))
    })
  }
}

/**
 * A second try on the same account: once when the connection died before any byte of an answer (a kept-alive connection
 * that the server had just closed), and once when a warm home asks for a moment's patience.
 */
function deservesRepeat({ verdict, isUnanswered }: FailedAttempt, lease: Lease): boolean {
  if (isUnanswered) return true
  return verdict.reason === 'burst' && lease.isHome && (verdict.retryAfterMs ?? Infinity) <= SHORT_REST_MS
}

/** The server has no such route, or was asked in words that are not the client's: either says nothing about the request. */
function isNoWord({ account, reply }: FailedAttempt, { protocol }: RelayRequest): boolean {
  const isForeign = !providerOf(account).protocolsOf(account).includes(protocol)
  return isForeign || (reply !== null && [404, 405, 501].includes(reply.status))
}
