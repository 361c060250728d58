/**
 * The only retry loop: a request takes a lease, makes an attempt, and goes on elsewhere until content flows or nobody is
 * left. What the client sees is one answer of one account, or the most useful reason why there is none.
 */
import type { Account, ClientToken, Protocol } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { type HeaderList, headersForClient, headersForUpstream } from '../core/headers.ts'
import { nextStep, type Verdict } from '../core/verdict.ts'
import type { RelayConfig } from '../config/config.ts'
import type { DebugLog } from '../io/debug-log.ts'
import type { UpstreamClient } from '../io/upstream.ts'
import type { CoolingReason } from '../pool/cooldown.ts'
import type { Lease, Pool, PoolRequest } from '../pool/pool.ts'
import { readWindows } from '../pool/windows.ts'
import type { Envelope, Upstream, Usage } from '../protocols/contract.ts'
import { protocols } from '../protocols/index.ts'
import type { Operation } from '../providers/contract.ts'
import { providerOf } from '../providers/index.ts'
import type { AttemptResult } from './attempt-contract.ts'
import { runAttempt } from './attempt.ts'
import type { Exchange } from './exchange.ts'
import { type FailedAttempt, judgeResult, moreUseful, tellFailure } from './failure.ts'
import type { Heartbeat } from './heartbeat.ts'
import { modelChain } from './model-chain.ts'
import { prepareBody } from './prepare.ts'
import { createRetryBudget } from './retry-budget.ts'
import { sessionKeys } from './session-keys.ts'

export interface RelayRequest {
  readonly client: ClientToken
  readonly protocol: Protocol
  readonly operation: Operation
  readonly envelope: Envelope
  readonly body: Buffer
  readonly rawHeaders: readonly string[]
  readonly query: URLSearchParams
  readonly exchange: Exchange
}

/** What became of a request, for the log. */
export interface RelayRecord {
  account: string | null
  model: string
  upstreamModel: string | null
  attempts: number
  outcome: 'served' | 'failed' | 'broken' | 'gone'
  usage: Usage
  firstContentMs: number | null
  /** Why each attempt that did not serve failed, in order. */
  failures: string[]
}

export interface RelayDependencies {
  readonly config: RelayConfig
  readonly pool: Pool
  readonly client: UpstreamClient
  readonly clock: Clock
  readonly heartbeat: Heartbeat
  readonly debug: DebugLog | null
  /** Called once per kind of configured default that a platform cannot take. */
  readonly warn: (event: string, facts: Record<string, unknown>) => void
}

export type Relay = (request: RelayRequest) => Promise<RelayRecord>

/** A short rest of a warm home is waited out rather than paid for with a cold cache. */
const SHORT_REST_MS = 2_000

export function createRelay(dependencies: RelayDependencies): Relay {
  const { config, pool, clock } = dependencies
  const budget = createRetryBudget(clock)
  const neverAborted = new AbortController().signal
  const warnedDefaults = new Set<string>()

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
    }
    try {
      await serve(request, record)
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
    const keys =
      config.stickySessionTtlMs === 0
        ? []
        : sessionKeys(client, request.rawHeaders, request.body, (body) => downstream.readConversation(body))
    let refusal: unknown = null
    for (const [index, model] of chain.entries()) {
      const poolRequest: PoolRequest = {
        protocol: request.protocol,
        model,
        confinedTo: client.accounts,
        group: client.name,
        sessionKeys: keys,
        tried: new Set(),
        prefer: null,
        takesSlot: request.operation !== 'count_tokens',
        mayWait: index === chain.length - 1,
        // A client that leaves gives its slot back at once, unless its answer is read on for the record.
        signal: config.onClientDisconnect === 'drain' ? neverAborted : exchange.gone,
      }
      try {
        const failed = await tryAccounts(request, poolRequest, record)
        if (failed === null) return
        refusal = () => tellFailure(failed, exchange, pool.returnsInMs(poolRequest), relayHeaders(record))
        if (nextStep(failed.verdict.reason) === 'stop') break
      } catch (error) {
        // What the chain's next name may still mend; anything else would fail there just the same.
        if (!(error instanceof GatewayError)) throw error
        refusal ??= error
      }
      if (exchange.gone.aborted) break
    }
    if (typeof refusal === 'function') refusal()
    else throw refusal
  }

  /** Null when the client has its answer (or has left); else the failure that says most. */
  async function tryAccounts(
    request: RelayRequest,
    poolRequest: PoolRequest,
    record: RelayRecord,
  ): Promise<FailedAttempt | null> {
    let failed: FailedAttempt | null = null
    let releaseRetry: (() => void) | null = null
    let lease: Lease | null = null
    try {
      while (poolRequest.tried.size <= config.maxAccountSwitches) {
        if (record.attempts > 0 && releaseRetry === null) {
          releaseRetry = await budget.takeRetry(request.exchange.gone)
          if (releaseRetry === null) break
        }
        try {
          lease = await pool.acquire(poolRequest)
        } catch (error) {
          // What an upstream said before says more than that nobody else is free.
          if (failed === null) throw error
        }
        if (lease === null) break
        const result = await attempt(request, lease, record)
        if (result.kind === 'served' || result.kind === 'gone' || result.kind === 'broken') {
          conclude(request, lease, result, record)
          return null
        }
        const next = judgeResult(result, lease.account, clock.now(), clock.monotonic() - lease.startedAt)
        record.failures.push(`${lease.account.name}: ${next.verdict.reason} (${next.verdict.message.slice(0, 200)})`)
        if (nextStep(next.verdict.reason) === 'stop') return next
        failed = failed === null ? next : moreUseful(failed, next)
        const isRepeated = poolRequest.prefer === null && deservesRepeat(next, lease)
        if (isRepeated) poolRequest.prefer = lease.account
        else poolRequest.tried.add(lease.account)
        if (request.operation === 'generate' && !(isRepeated && next.isUnanswered)) blame(lease, next.verdict)
        if (isRepeated && next.verdict.reason === 'burst') {
          await pause(next.verdict.retryAfterMs ?? 0, request.exchange.gone)
        }
        lease.release()
        lease = null
      }
    } finally {
      lease?.release()
      releaseRetry?.()
    }
    if (request.exchange.gone.aborted) record.outcome = 'gone'
    return failed
  }

  function attempt(request: RelayRequest, lease: Lease, record: RelayRecord): Promise<AttemptResult> {
    const { exchange, envelope, protocol, operation } = request
    const { account, upstreamModel } = lease
    record.attempts++
    record.account = account.name
    record.upstreamModel = upstreamModel
    const prepared = prepareBody(request.body, envelope, protocol, operation, account, upstreamModel, config)
    for (const name of prepared.skipped) warnOnce(account, name)
    const call = providerOf(account).call(account, {
      protocol,
      operation,
      model: upstreamModel,
      stream: envelope.stream,
      headers: headersForUpstream(request.rawHeaders),
      query: request.query,
      body: prepared.body,
    })
    dependencies.debug?.body(exchange.requestId, 'client request', request.body)
    dependencies.debug?.body(exchange.requestId, 'upstream request', prepared.body)
    const upstream: Upstream = protocols[protocol].upstream
    return runAttempt({
      call,
      upstream,
      exchange,
      expectsStream: exchange.isStream,
      shownModel: upstreamModel === envelope.model ? null : envelope.model,
      headFor: (rawHeaders) => [...headersForClient(rawHeaders), ...relayHeaders(record)],
      onServing(rawHeaders) {
        if (operation !== 'generate') return
        pool.observe(lease, readWindows(rawHeaders, clock.now()), true)
        pool.markServing(lease)
      },
      limits: config,
      debug: dependencies.debug,
      drainsForUsage: config.onClientDisconnect === 'drain',
      client: dependencies.client,
      clock,
      heartbeat: dependencies.heartbeat,
    })
  }

  /** The client has all it will get from this attempt. */
  function conclude(
    request: RelayRequest,
    lease: Lease,
    result: Extract<AttemptResult, { kind: 'served' | 'gone' | 'broken' }>,
    record: RelayRecord,
  ): void {
    record.usage = result.usage
    record.outcome = request.exchange.gone.aborted ? 'gone' : result.kind
    const isSideCall = request.operation !== 'generate'
    if (result.kind === 'broken') {
      record.failures.push(`${lease.account.name}: ${result.message}`)
      blame(lease, { reason: 'transient', message: result.message })
      const kind = result.isTimeout ? 'upstream_timeout' : 'upstream_failed'
      request.exchange.fail(new GatewayError({ kind, source: 'gateway', message: result.message }), [], result.told)
    } else if (result.kind === 'served') {
      record.firstContentMs = result.firstContentMs
      if (result.errorEvent !== null) {
        const { verdict } = judgeResult(
          { kind: 'failed', reply: { ...result, body: Buffer.alloc(0), error: result.errorEvent } },
          lease.account,
          clock.now(),
          0,
        )
        record.outcome = 'broken'
        record.failures.push(`${lease.account.name}: ${verdict.reason} (${verdict.message.slice(0, 200)})`)
        if (!isSideCall) blame(lease, verdict)
      } else if (!isSideCall) {
        pool.succeed(lease, {
          firstContentMs: result.firstContentMs,
          wroteHourCache: (result.usage.cacheWrite1h ?? 0) > 0,
        })
      }
    }
  }

  function blame(
    lease: Lease,
    verdict: Verdict & { windows?: readonly Parameters<Pool['observe']>[1][number][] },
  ): void {
    if (verdict.windows !== undefined) pool.observe(lease, verdict.windows, false)
    if (nextStep(verdict.reason) === 'elsewhere') pool.fail(lease, verdict as Verdict & { reason: CoolingReason })
  }

  function fail(request: RelayRequest, record: RelayRecord, error: unknown): void {
    const known =
      error instanceof GatewayError
        ? error
        : new GatewayError({
            kind: 'internal',
            source: 'gateway',
            message: 'an unexpected fault in the relay',
            cause: error,
          })
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

  function warnOnce(account: Account, name: string): void {
    const key = `${account.platform} ${name}`
    if (warnedDefaults.has(key)) return
    warnedDefaults.add(key)
    dependencies.warn('default.skipped', {
      platform: account.platform,
      member: name,
      setting: 'model_extra_params["*"]',
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

/** What a token holder may know of how its answer came about. */
function relayHeaders(record: RelayRecord): HeaderList {
  if (record.account === null) return []
  const isRenamed = record.upstreamModel !== null && record.upstreamModel !== record.model
  return [
    ['x-relay-account', encodeURIComponent(record.account)],
    ...(isRenamed ? ([['x-relay-model', record.upstreamModel as string]] satisfies HeaderList) : []),
    ['x-relay-attempts', String(record.attempts)],
  ]
}
