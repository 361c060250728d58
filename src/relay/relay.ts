/**
 * One request from its model name to its answer: the names it may be served under, the session it belongs to, and, when
 * every account was in vain, the most useful reason of theirs.
 */
import { GatewayError, invalidRequest } from '../core/errors.ts'
import { JsonSyntaxError } from '../core/json.ts'
import type { PoolRequest } from '../pool/pool.ts'
import { protocols } from '../protocols/index.ts'
import { isPlain } from '../providers/contract.ts'
import { createFailover, type FailoverDependencies } from './failover.ts'
import { type FailedAttempt, mostUseful, tellFailure } from './failure.ts'
import { modelChain } from './model-chain.ts'
import { ReasoningRepairs } from './reasoning-repair.ts'
import { relayHeaders } from './relay-headers.ts'
import { isSideCall, type RelayRecord, type RelayRequest } from './request.ts'
import type { ResponseMemory } from './response-memory.ts'
import { openThread } from './response-thread.ts'
import { answerWithEstimate, canEstimate } from './token-count.ts'
import { sessionKeys } from './session-keys.ts'

export interface RelayDependencies extends FailoverDependencies {
  readonly responses: ResponseMemory
}

/** Resolves when the answer is complete, or its client gone. Never rejects; `record` tells what became of it. */
export type Relay = (request: RelayRequest, record: RelayRecord) => Promise<void>

export function createRelay(dependencies: RelayDependencies): Relay {
  const { config, pool, budget } = dependencies
  const tryAccounts = createFailover(dependencies)

  return async function relay(request, record) {
    const leave = budget.enter()
    try {
      await serve(request, record)
      if (request.exchange.gone.hasLeft && record.outcome === 'failed') record.outcome = 'gone'
    } catch (error) {
      if (request.exchange.gone.hasLeft) record.outcome = 'gone'
      else fail(request, record, error)
    } finally {
      leave()
    }
  }

  async function serve(request: RelayRequest, record: RelayRecord): Promise<void> {
    const { client, protocol, operation, envelope, body, rawHeaders, query, exchange } = request
    const chain = modelChain(envelope.model, client.modelMap, config.modelMap)
    const isThreaded = protocol === 'openai-responses' && !isSideCall(request)
    const thread = isThreaded
      ? openThread({ client, models: chain, operation, envelope, body }, dependencies.responses, config.accounts)
      : null
    const { readConversation } = protocols[protocol].downstream
    const keys =
      config.stickySessionTtlMs === 0
        ? []
        : sessionKeys(client, rawHeaders, body, () => readConversation(body, envelope.outline))
    const poolRequests = chain.map((model): PoolRequest => ({
      protocol,
      model,
      confinedTo: thread?.confinedTo ?? client.accounts,
      group: client.name,
      sessionKeys: keys,
      tried: new Set(),
      isTranslatable: operation !== 'compact' && !isPlain(operation),
      prefer: thread?.prefer ?? null,
      takesSlot: operation !== 'count_tokens',
      mayWait: chain.length === 1,
      gone: exchange.gone,
      outlivesClient: config.onClientDisconnect === 'drain',
    }))
    const repairs = new ReasoningRepairs()
    const cacheKey = keys.at(-1) ?? null
    // Written out: for a copy with more members V8 makes new shapes for every request.
    const whole = {
      client,
      protocol,
      operation,
      envelope,
      body,
      rawHeaders,
      query,
      exchange,
      thread,
      repairs,
      cacheKey,
    }
    const failures: FailedAttempt[] = []
    const refusals: GatewayError[] = []
    // A name that can be served now comes before one that is worth waiting for.
    const patient = chain.length === 1 ? [] : poolRequests.map((poolRequest) => ({ ...poolRequest, mayWait: true }))
    for (const poolRequest of [...poolRequests, ...patient]) {
      try {
        const outcome = await tryAccounts(whole, poolRequest, record, failures)
        if (outcome === 'answered') return
        if (outcome === 'no_turn') break
      } catch (error) {
        // What the chain's next name may still mend; anything else would fail there just the same.
        const hasWaited = poolRequest.mayWait && error instanceof GatewayError && error.limitedBy === 'queue'
        if (!(error instanceof GatewayError) || hasWaited || exchange.gone.hasLeft) throw error
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
    tellFailure(mostUseful(failures, firstReturn), request, firstReturn, relayHeaders(record, false))
  }

  function fail(request: RelayRequest, record: RelayRecord, error: unknown): void {
    const known = asGatewayError(error)
    const message = known.kind === 'internal' ? String(error) : known.message
    record.failures.push({ account: null, reason: null, message })
    if (known.kind === 'internal')
      dependencies.warn('request.crashed', { error: String((error as Error)?.stack ?? error) })
    request.exchange.fail(known, relayHeaders(record, false))
  }
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
