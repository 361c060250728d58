/**
 * One refresh of one account: under a lock, after another look at the disk, and with the answer on disk before anybody
 * uses it.
 */
import type { SignIn } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'
import type { CredentialStore } from '../core/credential-store.ts'
import type { Secret } from '../core/secret.ts'
import { signInAdvice } from '../core/sign-in-advice.ts'
import type { Log } from '../io/log.ts'
import { acceptSignIn, adoptSignIn, isDue, isSameToken, isUsable, type KeptSignIn } from './kept-sign-in.ts'
import type { SignInClient, SignInRoute } from './openai.ts'
import type { TokenAnswer } from './token-answer.ts'

export interface RefreshDependencies {
  readonly store: CredentialStore
  readonly signInClient: SignInClient
  readonly clock: Clock
  readonly log: Log
  /** Called with every new secret, before it can reach a log line. */
  readonly hide: (secret: string) => void
}

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const FIRST_PAUSE_MS = 5 * SECOND_MS
const LONGEST_PAUSE_MS = 5 * MINUTE_MS
/** A dead token is tried again this often: the vendor may have been wrong. */
const DEAD_PAUSE_MS = 30 * MINUTE_MS
const SAVE_AGAIN_MS = MINUTE_MS

/** Resolves when the account's sign-in is as fresh as it will get; the outcome stands in `kept`. Never rejects. */
export async function refreshSignIn(kept: KeptSignIn, dependencies: RefreshDependencies): Promise<void> {
  const { store } = dependencies
  const unlock = await store.lock(kept.account.name).catch(() => null)
  if (unlock === null) return postpone(kept, 'another process does not finish refreshing it', dependencies)
  try {
    await refreshUnderLock(kept, dependencies)
  } catch (error) {
    postpone(kept, `it could not be refreshed: ${String(error)}`, dependencies)
  } finally {
    unlock()
  }
}

async function refreshUnderLock(kept: KeptSignIn, dependencies: RefreshDependencies): Promise<void> {
  const { clock, log } = dependencies
  const { name } = kept.account
  const found = await adoptFromDisk(kept, dependencies)
  if (found === 'removed') return postpone(kept, 'it is no longer in the config', dependencies)
  // Somebody else was faster: nothing is left to do.
  if (found === 'adopted' && isUsable(kept, clock) && !isDue(kept, clock)) return
  const before = kept.signIn.refreshToken
  if (before === null) return
  const result = await ask(kept, before, dependencies)
  if (result === 'kept') return
  if (result.kind === 'failed') return postpone(kept, result.message, dependencies)
  // Another program on this machine may have used the token a moment ago and be writing its successor now.
  await adoptFromDisk(kept, dependencies)
  const now = kept.signIn.refreshToken
  if (now !== null && now.reveal() !== before.reveal()) {
    log.info('token.adopted', { account: name, after: result.code })
    if (isUsable(kept, clock)) return
    const second = await ask(kept, now, dependencies)
    if (second === 'kept') return
    if (second.kind === 'failed') return postpone(kept, second.message, dependencies)
  }
  kept.deadToken = kept.signIn.refreshToken?.reveal() ?? null
  kept.trouble = `the vendor refused the refresh token: ${result.code}`
  kept.nextTryAt = clock.monotonic() + DEAD_PAUSE_MS
  log.error('login.needed', { account: name, reason: result.code, mend: signInAdvice(name) })
}

async function ask(
  kept: KeptSignIn,
  refreshToken: Secret,
  dependencies: RefreshDependencies,
): Promise<'kept' | { kind: 'rejected'; code: string } | { kind: 'failed'; message: string }> {
  const { signInClient, log } = dependencies
  const startedAt = dependencies.clock.monotonic()
  const outcome = { refused: null as string | null }
  const result = await signInClient.refresh(routeOf(kept), refreshToken, async (answer) => {
    hideAnswer(answer, dependencies)
    outcome.refused = await keepAnswer(kept, answer, dependencies)
  })
  if (result.kind !== 'granted') return result
  if (outcome.refused !== null) return { kind: 'failed', message: outcome.refused }
  const facts = { account: kept.account.name, ms: Math.round(dependencies.clock.monotonic() - startedAt) }
  log.info('token.refreshed', result.judgement === null ? facts : { ...facts, odd: result.judgement })
  if (result.answer.accessToken === null) return { kind: 'failed', message: 'the answer held no access token' }
  return 'kept'
}

function routeOf({ account, signIn }: KeptSignIn): SignInRoute {
  const { credential } = account
  const clientId = signIn.clientId ?? (credential.type === 'oauth' ? credential.clientId : undefined)
  return { proxy: account.proxy, ...(clientId === undefined ? {} : { clientId }) }
}

export function hideAnswer(answer: TokenAnswer, { hide }: Pick<RefreshDependencies, 'hide'>): void {
  for (const secret of [answer.accessToken, answer.refreshToken]) if (secret !== null) hide(secret.reveal())
}

/** Puts an answer on disk, then into use. Returns why it must not be used; null when all is well. */
async function keepAnswer(
  kept: KeptSignIn,
  answer: TokenAnswer,
  dependencies: RefreshDependencies,
): Promise<string | null> {
  const { clock, log } = dependencies
  const { signIn, account } = kept
  if (answer.accountId !== null && signIn.accountId !== null && answer.accountId !== signIn.accountId) {
    log.error('token.foreign', { account: account.name })
    return 'the token endpoint answered for another ChatGPT account; if that is meant, remove chatgpt_account_id'
  }
  const next = mergeAnswer(signIn, answer, clock)
  const onDisk = kept.unsaved === null ? (signIn.refreshToken?.reveal() ?? null) : kept.unsaved.onDisk
  if (!(await saveSignIn(kept, next, onDisk, dependencies))) return null
  if (answer.accessToken === null) kept.signIn = next
  else acceptSignIn(kept, next, answer.lifeMs, clock)
  return null
}

/** What an answer leaves out stays as it was: the old tokens, and whose account it is. */
export function mergeAnswer(signIn: SignIn, answer: TokenAnswer, clock: Clock): SignIn {
  return {
    ...signIn,
    refreshToken: answer.refreshToken ?? signIn.refreshToken,
    ...(answer.accessToken === null
      ? {}
      : { accessToken: answer.accessToken, expiresAt: Math.round(clock.now() + answer.lifeMs) }),
    accountId: answer.accountId ?? signIn.accountId,
  }
}

/** Writes `next`; false when somebody else's token counts instead, which has then been taken over. */
async function saveSignIn(
  kept: KeptSignIn,
  next: SignIn,
  onDisk: string | null,
  { store, clock, log }: RefreshDependencies,
): Promise<boolean> {
  const { name } = kept.account
  const result = await store.save(name, next, { token: onDisk })
  switch (result.kind) {
    case 'kept':
      kept.unsaved = null
      if (result.complaint !== null)
        log.warn('token.elsewhere', { account: name, file: 'token_state.json', reason: result.complaint })
      return true
    case 'overtaken':
      kept.unsaved = null
      adoptSignIn(kept, result.signIn)
      log.warn('token.overtaken', { account: name })
      return false
    case 'removed':
      log.warn('account.removed', { account: name })
      return true
    case 'failed':
      kept.unsaved = { onDisk, reason: result.reason, nextTryAt: clock.monotonic() + SAVE_AGAIN_MS }
      log.error('token.unsaved', { account: name, reason: result.reason })
      return true
  }
}

/** Tries again to write tokens that live in memory alone. */
export async function saveAgain(kept: KeptSignIn, dependencies: RefreshDependencies): Promise<void> {
  const { unsaved, signIn } = kept
  if (unsaved === null) return
  await saveSignIn(kept, signIn, unsaved.onDisk, dependencies)
  if (kept.unsaved === null) dependencies.log.info('token.saved', { account: kept.account.name })
}

/** Takes over what somebody else has put on disk: another process, a login, or the owner's editor. */
export async function adoptFromDisk(
  kept: KeptSignIn,
  { store, hide }: Pick<RefreshDependencies, 'store' | 'hide'>,
): Promise<'same' | 'adopted' | 'removed'> {
  const { name } = kept.account
  const found = await store.read(name).catch((error: Error) => error)
  // A file that cannot be read just now changes nothing: what is in memory goes on.
  if (found instanceof Error) return 'same'
  if (found === null) return 'removed'
  const isOurOldOne = kept.unsaved !== null && (found.refreshToken?.reveal() ?? null) === kept.unsaved.onDisk
  const isNewer = !isSameToken(found, kept.signIn, 'accessToken') && found.expiresAt > kept.signIn.expiresAt
  if (isOurOldOne) return 'same'
  if (isSameToken(found, kept.signIn, 'refreshToken') && !isNewer) {
    if (found.accountId === kept.signIn.accountId || kept.unsaved !== null) return 'same'
    // Its owner has named another ChatGPT account that pays.
    kept.signIn = { ...kept.signIn, accountId: found.accountId }
    return 'adopted'
  }
  for (const secret of [found.accessToken, found.refreshToken]) if (secret !== null) hide(secret.reveal())
  kept.unsaved = null
  adoptSignIn(kept, found)
  return 'adopted'
}

function postpone(kept: KeptSignIn, why: string, { clock, log }: RefreshDependencies): void {
  const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** kept.failuresInARow)
  kept.failuresInARow++
  kept.trouble = why
  kept.nextTryAt = clock.monotonic() + pauseMs
  log.warn('token.refresh_failed', { account: kept.account.name, reason: why, again_in_ms: pauseMs })
}
