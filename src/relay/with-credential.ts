/**
 * Runs an attempt with the account's credential, and once more after a renewal when a sign-in is refused. What comes of it
 * shows the credential to nobody.
 */
import type { Account, UsableCredential } from '../core/account.ts'
import type { Departure } from '../core/departure.ts'
import { NoCredential, type TokenKeeper } from '../oauth/tokens.ts'
import type { AttemptResult } from './attempt-contract.ts'
import { maskCredential } from './credential-mask.ts'

/** Nothing was sent: the account has no credential right now. `needsOwner` when time alone will not change that. */
export interface Skipped {
  readonly kind: 'skipped'
  readonly message: string
  readonly needsOwner: boolean
}

export type Credentials = Pick<TokenKeeper, 'atHand' | 'current' | 'renew'>

/** `gone` ends the wait for a refresh, never the refresh. `onRenewed` is told before the repeat. */
export async function withCredential(
  credentials: Credentials,
  account: Account,
  gone: Departure,
  send: (credential: UsableCredential) => Promise<AttemptResult> | AttemptResult,
  onRenewed: () => void,
): Promise<AttemptResult | Skipped> {
  // A key is at hand: nothing to wait for, and so nobody to watch leaving meanwhile.
  const first = credentials.atHand(account) ?? (await waitFor(credentials.current(account), gone))
  if ('kind' in first) return first
  const result = maskCredential(await send(first), first.secret)
  if (result.kind !== 'failed' || result.reply.status !== 401) return result
  const isRenewed = await waitFor(credentials.renew(account, first.secret), gone)
  if (isRenewed !== true) return typeof isRenewed === 'boolean' || isRenewed.kind === 'skipped' ? result : isRenewed
  const second = await waitFor(credentials.current(account), gone)
  if ('kind' in second) return second.kind === 'gone' ? second : result
  onRenewed()
  return maskCredential(await send(second), second.secret)
}

async function waitFor<T>(work: Promise<T>, gone: Departure): Promise<T | Skipped | { kind: 'gone'; usage: object }> {
  let onGone = (): void => {}
  const left = new Promise<{ kind: 'gone'; usage: object }>((resolve) => {
    onGone = () => resolve({ kind: 'gone', usage: {} })
    if (gone.hasLeft) onGone()
    gone.watch(onGone)
  })
  try {
    return await Promise.race([work, left])
  } catch (error) {
    if (!(error instanceof NoCredential)) throw error
    return { kind: 'skipped', message: error.message, needsOwner: error.needsOwner }
  } finally {
    gone.unwatch(onGone)
  }
}
