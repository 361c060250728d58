/**
 * What the relay knows of one account's sign-in while it runs, and what follows from it: usable, due for renewal, in
 * trouble. Times of the wall are the vendor's, times on the monotonic hand are ours.
 */
import type { Account, SignIn } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'
import { signInAdvice } from '../core/sign-in-advice.ts'
import { endOfToken } from './token-answer.ts'

export interface KeptSignIn {
  /** As the config describes it now. */
  account: Account
  signIn: SignIn
  /** Whole life of the access token; null for one that was found on disk. */
  lifeMs: number | null
  /** Monotonic end of an access token that this process obtained; Infinity for one from disk. */
  endsAtMonotonic: number
  /** In [0, 1): spreads the renewals of accounts that signed in together. */
  jitter: number
  /** An upstream has refused this access token with a 401. */
  isRefused: boolean
  /** The one refresh in flight; never rejects. */
  running: Promise<void> | null
  /** Monotonic; no attempt before. */
  nextTryAt: number
  failuresInARow: number
  /** Why the last refresh did not succeed; null when it did. */
  trouble: string | null
  /** The token endpoint has said that this refresh token is dead. Kept, never deleted. */
  deadToken: string | null
  /** Tokens that could not be written: the refresh token still on disk, why, and when to try again (monotonic). */
  unsaved: { readonly onDisk: string | null; readonly reason: string; readonly nextTryAt: number } | null
  /** New tokens could not be written: a rotated one would be gone with this process. */
  isReadOnly: boolean
}

const MINUTE_MS = 60_000
const LONGEST_LEAD_MS = 5 * MINUTE_MS
/** Less than this is not worth starting a request with. */
const LEAST_REMAINING_MS = 2_000

export function createKeptSignIn(account: Account, clock: Clock): KeptSignIn {
  const { credential } = account
  const empty: SignIn = { type: 'oauth', refreshToken: null, accessToken: null, expiresAt: 0, accountId: null }
  const kept: KeptSignIn = {
    account,
    signIn: empty,
    lifeMs: null,
    endsAtMonotonic: Infinity,
    jitter: clock.random(),
    isRefused: false,
    running: null,
    nextTryAt: 0,
    failuresInARow: 0,
    trouble: null,
    deadToken: null,
    unsaved: null,
    isReadOnly: false,
  }
  if (credential.type === 'oauth') adoptSignIn(kept, credential)
  return kept
}

/** Takes over tokens that were found on disk or came from a login. */
export function adoptSignIn(kept: KeptSignIn, found: SignIn): void {
  const old = kept.signIn
  const isPasted =
    old.refreshToken !== null && !isSameToken(old, found, 'refreshToken') && isSameToken(old, found, 'accessToken')
  // Somebody replaced the refresh token by hand: what stands beside it belongs to the old one.
  kept.signIn = isPasted ? { ...found, accessToken: null, expiresAt: 0, accountId: null } : withKnownEnd(found)
  kept.lifeMs = null
  kept.endsAtMonotonic = Infinity
  kept.isRefused = false
  clearTrouble(kept)
}

/** Takes over what the token endpoint has just given. */
export function acceptSignIn(kept: KeptSignIn, signIn: SignIn, lifeMs: number, clock: Clock): void {
  kept.signIn = signIn
  kept.lifeMs = lifeMs
  kept.endsAtMonotonic = clock.monotonic() + lifeMs
  kept.jitter = clock.random()
  kept.isRefused = false
  clearTrouble(kept)
}

function clearTrouble(kept: KeptSignIn): void {
  kept.nextTryAt = 0
  kept.failuresInARow = 0
  kept.trouble = null
  kept.deadToken = null
}

function withKnownEnd(signIn: SignIn): SignIn {
  if (signIn.expiresAt > 0 || signIn.accessToken === null) return signIn
  return { ...signIn, expiresAt: endOfToken(signIn.accessToken.reveal()) }
}

export function isSameToken(a: SignIn, b: SignIn, which: 'refreshToken' | 'accessToken'): boolean {
  return (a[which]?.reveal() ?? null) === (b[which]?.reveal() ?? null)
}

/** How long the access token may still be used; Infinity when it does not say. A wall clock that jumps back is not believed. */
function remainingMs({ signIn, endsAtMonotonic }: KeptSignIn, clock: Clock): number {
  const byWall = signIn.expiresAt === 0 ? Infinity : signIn.expiresAt - clock.now()
  return Math.min(byWall, endsAtMonotonic - clock.monotonic())
}

/** True when a request may go out with the access token at hand. */
export function isUsable(kept: KeptSignIn, clock: Clock): boolean {
  return kept.signIn.accessToken !== null && !kept.isRefused && remainingMs(kept, clock) > LEAST_REMAINING_MS
}

/** True when there is something to renew with, and the vendor has not said that it is dead. */
export function isRenewable({ signIn, deadToken }: KeptSignIn): boolean {
  return signIn.refreshToken !== null && signIn.refreshToken.reveal() !== deadToken
}

/** True when the access token should be renewed now: early, but not while new tokens could not be written. */
export function isDue(kept: KeptSignIn, clock: Clock): boolean {
  if (kept.signIn.refreshToken === null || clock.monotonic() < kept.nextTryAt) return false
  if (!isUsable(kept, clock)) return true
  if (kept.unsaved !== null || kept.isReadOnly) return false
  const leadMs = Math.min(LONGEST_LEAD_MS, (kept.lifeMs ?? Infinity) * 0.2)
  return remainingMs(kept, clock) <= leadMs * (1 - 0.2 * kept.jitter)
}

/** What the owner has to do before this account can serve; null when nothing, or when time alone may mend it. */
export function problemOf(kept: KeptSignIn, clock: Clock): string | null {
  if (isUsable(kept, clock) || isRenewable(kept)) return null
  const why = kept.trouble === null ? '' : ` (${kept.trouble})`
  return `${signInAdvice(kept.account.name)}${why}`
}
