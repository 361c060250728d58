/**
 * One request's wait for an account: until it gets one, hope ends, its time is up, or its client leaves.
 */
import type { Clock, Timer } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Lease, PoolRequest } from './lease.ts'
import type { Waiter, WaitQueue } from './queue.ts'
import { refuseBusy } from './refusal.ts'

/** A try for an account: the lease, or why there is none and when to try again by itself (monotonic; Infinity for never). */
export interface Try {
  readonly lease: Lease | null
  /** Null while it is worth waiting; `patienceMs` is what is left of the wait. */
  readonly refusal: (patienceMs: number) => GatewayError | null
  readonly wakeAt: number
}

/** Resolves to null when accounts have been tried before and no other is left. Rejects with the refusal. */
export function waitInQueue(
  request: PoolRequest,
  queue: WaitQueue,
  timeoutMs: number,
  firstWakeAt: number,
  tryAcquire: () => Try,
  clock: Clock,
): Promise<Lease | null> {
  return new Promise((resolve, reject) => {
    const { gone } = request
    const deadlineAt = clock.monotonic() + timeoutMs
    let wake: Timer | null = null
    const disarm = (): void => {
      wake?.cancel()
      deadline.cancel()
      gone.unwatch(onGone)
    }
    const onGone = (): void => {
      disarm()
      queue.remove(waiter)
      reject(clientGone())
    }
    const wakeAt = (at: number): void => {
      wake?.cancel()
      if (at < Infinity) wake = clock.timer(at - clock.monotonic(), () => queue.serve())
    }
    const waiter: Waiter = {
      group: request.group,
      tryServe() {
        const next = tryAcquire()
        // Hope may end while waiting: the account that is waited for turns out to rest for hours.
        const refusal = next.lease === null ? next.refusal(deadlineAt - clock.monotonic()) : null
        if (next.lease === null && refusal === null) {
          wakeAt(next.wakeAt)
          return false
        }
        disarm()
        if (refusal === null || request.tried.size > 0) resolve(next.lease)
        else reject(refusal)
        return true
      },
    }
    const deadline = clock.timer(timeoutMs, () => {
      disarm()
      queue.remove(waiter)
      reject(refuseBusy('queue_timeout', `no account became free within ${timeoutMs / 1000} s`))
    })
    gone.watch(onGone)
    queue.add(waiter)
    wakeAt(firstWakeAt)
  })
}

export function clientGone(): GatewayError {
  return new GatewayError({ kind: 'client_gone', message: 'the client left while waiting' })
}
