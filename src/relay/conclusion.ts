/**
 * What is learnt from an attempt: by the pool about the account, by the record about the request.
 */
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { nextStep, type Verdict, type WindowReading } from '../core/verdict.ts'
import type { CoolingReason } from '../pool/cooldown.ts'
import type { Lease, Pool } from '../pool/pool.ts'
import type { UpstreamError } from '../protocols/contract.ts'
import type { AttemptResult } from './attempt-contract.ts'
import { errorOf, type FailedAttempt, judgeResult } from './failure.ts'
import { isSideCall, type RelayRecord, type RelayRequest } from './request.ts'

export interface Conclusion {
  /** The client has all it will get from this attempt. */
  conclude(
    request: RelayRequest,
    lease: Lease,
    result: Extract<AttemptResult, { kind: 'served' | 'gone' | 'broken' }>,
    record: RelayRecord,
  ): void
  /** The account failed: it may have to rest. */
  blame(lease: Lease, verdict: Verdict & { readonly windows?: readonly WindowReading[] }): void
}

export interface ConclusionDependencies {
  readonly pool: Pool
  readonly clock: Clock
  readonly warn: (event: string, facts: Record<string, unknown>) => void
}

export function createConclusion({ pool, clock, warn }: ConclusionDependencies): Conclusion {
  function judge(lease: Lease, error: UpstreamError, rawHeaders: readonly string[]): FailedAttempt {
    const reply = { status: 200, rawHeaders, body: Buffer.alloc(0), error }
    return judgeResult({ kind: 'failed', reply }, lease.account, clock.now(), 0)
  }

  const blame: Conclusion['blame'] = (lease, verdict) => {
    if (verdict.windows !== undefined) pool.observe(lease, verdict.windows, false)
    if (nextStep(verdict.reason) === 'elsewhere') pool.fail(lease, verdict as Verdict & { reason: CoolingReason })
  }

  return {
    blame,
    conclude(request, lease, result, record) {
      record.usage = result.usage
      record.outcome = request.exchange.gone.hasLeft ? 'gone' : result.kind
      if (result.kind === 'broken') {
        const failed = result.error === undefined ? null : judge(lease, result.error, [])
        record.failures.push({ account: lease.account.name, reason: null, message: result.message })
        if (!isSideCall(request)) blame(lease, failed?.verdict ?? { reason: 'transient', message: result.message })
        const kind = result.isTimeout ? 'upstream_timeout' : 'upstream_failed'
        const broken = new GatewayError({ kind, source: 'gateway', message: result.message })
        request.exchange.fail(failed === null ? broken : errorOf(failed, undefined), [], result.told)
      } else if (result.kind === 'served') {
        if (result.isEndSupplied === true) {
          warn('terminal_event.supplied', { request: request.exchange.requestId, account: lease.account.name })
        }
        if (result.errorEvent !== null) {
          const { verdict } = judge(lease, result.errorEvent, result.rawHeaders)
          record.outcome = 'broken'
          record.failures.push({ account: lease.account.name, reason: verdict.reason, message: verdict.message })
          if (!isSideCall(request)) blame(lease, verdict)
        } else if (!isSideCall(request)) {
          const wroteHourCache = (result.usage.cacheWrite1h ?? 0) > 0
          pool.succeed(lease, { firstContentMs: result.firstContentMs, wroteHourCache })
        }
      }
    },
  }
}
