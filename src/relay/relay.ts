/**
 * The only retry loop: a request takes a lease, makes an attempt, and goes on elsewhere until content flows or nobody is
 * left. What the client sees is one answer of one account, or the most useful reason why there is none.
 */
import type { Clock } from '../core/clock.ts'
import { GatewayError, invalidRequest } from '../core/errors.ts'
import { JsonSyntaxError } from '../core/json.ts'
import { nextStep } from '../core/verdict.ts'
import type { RelayConfig } from '../config/config.ts'
import type { DebugLog } from '../io/debug-log.ts'
import type { UpstreamClient } from '../io/upstream.ts'
import type { Lease, Pool, PoolRequest } from '../pool/pool.ts'
import type { UpstreamError } from '../protocols/contract.ts'
import { protocols } from '../protocols/index.ts'
import { providerOf } from '../providers/index.ts'
import type { AttemptResult } from './attempt-contract.ts'
import { createConclusion } from './conclusion.ts'
import { createDispatch, upstreamModelOf } from './dispatch.ts'
import { type FailedAttempt, judgeResult, mostUseful, tellFailure } from './failure.ts'
import type { Heartbeat } from './heartbeat.ts'
import { modelChain } from './model-chain.ts'
import { createReasoningRepairs } from './reasoning-repair.ts'
import { createRefusedMembers } from './refused-members.ts'
import { relayHeaders } from './relay-headers.ts'
import { isSideCall, type RelayRecord, type RelayRequest, type ThreadedRequest } from './request.ts'
import type { ResponseMemory } from './response-memory.ts'
import { openThread } from './response-thread.ts'
import { createRetryBudget } from './retry-budget.ts'
import { answerWithEstimate, canEstimate } from './token-count.ts'
import { sessionKeys } from './session-keys.ts'
import { type Credentials, type Skipped, withCredential } from './with-credential.ts'

export interface RelayDependencies {
  readonly config: RelayConfig
  readonly pool: Pool
  readonly client: UpstreamClient
  readonly credentials: Credentials
  readonly responses: ResponseMemory
  readonly clock: Clock
  readonly heartbeat: Heartbeat
  readonly debug: DebugLog | null
  /** Called once per kind of configured default that a platform cannot take. */
  readonly warn: (event: string, facts: Record<string, unknown>) => void
}

export type Relay = (request: RelayRequest) => Promise<RelayRecord>

/** What one name's accounts made of the request so far. `isFree`: the next attempt is not counted against the retry budget. */
interface Tries {
  readonly failures: FailedAttempt[]
  isFree: boolean
  hasRepeated: boolean
}

/** A short rest of a warm home is waited out rather than paid for with a cold cache. */
const SHORT_REST_MS = 2_000

export function createRelay(dependencies: RelayDependencies): Relay {
  const { config, pool, clock } = dependencies
  const budget = createRetryBudget(clock)
  const refused = createRefusedMembers(dependencies.warn)
  const dispatch = createDispatch({ ...dependencies, refused })
  const { conclude, blame } = createConclusion(dependencies)

  return async function relay(request) {
    const leave = budget.enter()
    const record: RelayRecord = {
      account: null,
      model: request.envelope.model,
      upstreamModel: null,
      attempts: 0,
      outcome: 'failed',
      usage: {},
      firstContentMs: null,
      failures: [],
      dropped: [],
      losses: [],
    }
    try {
      await serve(request, record)
      if (request.exchange.gone.aborted && record.outcome === 'failed') record.outcome = 'gone'
    } catch (error) {
      if (request.exchange.gone.aborted) record.outcome = 'gone'
      else fail(request, record, error)
    } finally {
      leave()
    }
    return record
  }

  async function serve(request: RelayRequest, record: RelayRecord): Promise<void> {
    const { client, envelope, exchange } = request
    const chain = modelChain(envelope.model, client.modelMap, config.modelMap)
    const { downstream } = protocols[request.protocol]
    const isThreaded = request.protocol === 'openai-responses' && !isSideCall(request)
    const thread = isThreaded
      ? openThread({ ...request, models: chain }, dependencies.responses, config.accounts)
      : null
    const keys =
      config.stickySessionTtlMs === 0
        ? []
        : sessionKeys(client, request.rawHeaders, request.body, (body) => downstream.readConversation(body))
    const poolRequests = chain.map((model): PoolRequest => ({
      protocol: request.protocol,
      model,
      confinedTo: thread?.confinedTo ?? client.accounts,
      group: client.name,
      sessionKeys: keys,
      tried: new Set(),
      isTranslatable: request.operation !== 'compact',
      prefer: thread?.prefer ?? null,
      takesSlot: request.operation !== 'count_tokens',
      mayWait: false,
      signal: exchange.gone,
      outlivesClient: config.onClientDisconnect === 'drain',
    }))
    const whole = { ...request, thread, repairs: createReasoningRepairs(), cacheKey: keys.at(-1) ?? null }
    const failures: FailedAttempt[] = []
    const refusals: GatewayError[] = []
    const patient = poolRequests.map((poolRequest) => ({ ...poolRequest, mayWait: true }))
    // A name that can be served now comes before one that is worth waiting for.
    for (const poolRequest of chain.length === 1 ? patient : [...poolRequests, ...patient]) {
      try {
        const outcome = await tryAccounts(whole, poolRequest, record, failures)
        if (outcome === 'answered') return
        if (outcome === 'no_turn') break
      } catch (error) {
        // What the chain's next name may still mend; anything else would fail there just the same.
        const hasWaited = poolRequest.mayWait && error instanceof GatewayError && error.limitedBy === 'queue'
        if (!(error instanceof GatewayError) || hasWaited || exchange.gone.aborted) throw error
        refusals.push(error)
      }
    }
    if (isSideCall(request) && canEstimate(refusals)) {
      answerWithEstimate(request)
      record.outcome = 'served'
      return
    }
    if (failures.length === 0) throw soonest(refusals)
    const firstReturn = pool.firstReturn(poolRequests)
    tellFailure(mostUseful(failures, firstReturn), request, firstReturn, relayHeaders(record))
  }

  /**
   * `answered`: the client has its answer, or has left; `unserved`: nobody (else) can take it now; `no_turn`: the retry
   * budget had no room. What failed is added to `failures`.
   */
  async function tryAccounts(
    request: ThreadedRequest,
    poolRequest: PoolRequest,
    record: RelayRecord,
    failures: FailedAttempt[],
  ): Promise<'answered' | 'unserved' | 'no_turn'> {
    const tries: Tries = { failures, isFree: record.attempts === 0, hasRepeated: false }
    let releaseRetry: (() => void) | null = null
    try {
      while (!request.exchange.gone.aborted && poolRequest.tried.size <= config.maxAccountSwitches) {
        if (!tries.isFree && releaseRetry === null) {
          releaseRetry = await budget.takeRetry(request.exchange.gone)
          if (releaseRetry === null) return request.exchange.gone.aborted ? 'answered' : 'no_turn'
        }
        const lease = await nextLease(poolRequest, failures)
        if (lease === null) break
        try {
          // It may have left in the very moment of its turn; nothing is asked for nobody.
          if (request.exchange.gone.aborted) break
          if (await tryAccount(request, poolRequest, lease, record, tries)) return 'answered'
        } finally {
          lease.release()
        }
      }
    } finally {
      releaseRetry?.()
    }
    return request.exchange.gone.aborted ? 'answered' : 'unserved'
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
    record.failures.push(`${account.name}: ${reason} (${message})`)
    const refusal = reason === 'client_mistake' ? (next.reply?.error ?? null) : null
    if (refusal !== null && mend(request, lease, refusal, leftOut)) {
      poolRequest.prefer = account
      tries.isFree = true
      return false
    }
    if (nextStep(reason) === 'stop' && !(isSideCall(request) && isNoWord(next, request))) {
      tellFailure(next, request, null, relayHeaders(record))
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
    record.failures.push(`${lease.account.name}: ${message}`)
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
      () => record.failures.push(`${account.name}: unauthorized (renewed its sign-in)`),
    )
  }

  function fail(request: RelayRequest, record: RelayRecord, error: unknown): void {
    const known = asGatewayError(error)
    record.failures.push(known.kind === 'internal' ? String(error) : known.message)
    if (known.kind === 'internal')
      dependencies.warn('request.crashed', { error: String((error as Error)?.stack ?? error) })
    request.exchange.fail(known, relayHeaders(record))
  }

  function pause(ms: number, gone: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.timer(ms, resolve)
      gone.addEventListener('abort', () => (timer.cancel(), resolve()), { once: true })
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

/** Of the reasons why nobody serves any of the names: the one that ends first. */
function soonest(refusals: readonly GatewayError[]): GatewayError {
  const endOf = ({ retryAfterMs = Infinity }: GatewayError): number => retryAfterMs
  return refusals.reduce((best, next) => (endOf(next) < endOf(best) ? next : best))
}

/** Bodies are read no further than needed, so a fault deep inside may show only when something must be changed there. */
function asGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  if (error instanceof JsonSyntaxError) return invalidRequest(`the request body cannot be used: ${error.message}`)
  const message = 'an unexpected fault in the relay'
  return new GatewayError({ kind: 'internal', source: 'gateway', message, cause: error })
}
