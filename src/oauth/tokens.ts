/**
 * Keeps sign-ins fresh: one refresh per account at a time, early, detached from clients, on disk before use. Accounts
 * with a key or a fixed token pass through untouched.
 */
import type { Account, UsableCredential } from '../core/account.ts'
import { atMost, type Timer } from '../core/clock.ts'
import { Secret } from '../core/secret.ts'
import { createKeptAccounts } from './kept-accounts.ts'
import { isDue, isRenewable, isUsable, type KeptSignIn, problemOf } from './kept-sign-in.ts'
import { adoptFromDisk, type RefreshDependencies, refreshSignIn, saveAgain } from './refresh.ts'

export interface TokenKeeper {
  /** A key or a fixed token, which never changes; null for a sign-in. */
  readonly atHand: (account: Account) => UsableCredential | null
  /**
   * What to call the account's vendor with: at once for keys and for a sign-in that lives, else after a refresh.
   * Rejects with NoCredential when there is none to be had now.
   */
  readonly current: (account: Account) => Promise<UsableCredential>
  /** After a 401: gets another access token than the refused one. False when that cannot help. */
  readonly renew: (account: Account, refused: Secret) => Promise<boolean>
  /** Reads what is on disk and begins to renew in the background. */
  readonly start: () => Promise<void>
  /** Ends the background work; resolves when no refresh is running any more. */
  readonly stop: () => Promise<void>
  /** Looks at the disk again, for an account that was just signed in or a file that was just changed. */
  readonly reload: () => Promise<void>
  /** Refreshes at once, as its owner asks; null for an account without a sign-in that could be. */
  readonly refreshNow: (account: Account) => Promise<{ readonly trouble: string | null } | null>
  /** The accounts of another config. Sign-ins that it still has go on; those that are gone serve what they were lent for. */
  readonly update: (accounts: readonly Account[]) => void
  /** What the account's owner has to do before it can serve; null when it may. */
  readonly problemOf: (account: Account) => string | null
  /** For `/health` and status; null for accounts without a sign-in. */
  readonly describe: (account: Account) => SignInStatus | null
}

export interface SignInStatus {
  /** Epoch ms; null when unknown. */
  readonly expiresAt: number | null
  readonly isRefreshing: boolean
  /** Why the last refresh failed; null when it did not. */
  readonly trouble: string | null
  /** Why the newest tokens are in memory alone; null when they are on disk. */
  readonly unsaved: string | null
}

/** The account cannot be used right now; another one may. */
export class NoCredential extends Error {
  /** True when only its owner can mend it. */
  readonly needsOwner: boolean

  constructor(message: string, needsOwner: boolean) {
    super(message)
    this.name = 'NoCredential'
    this.needsOwner = needsOwner
  }
}

export interface KeeperDependencies extends RefreshDependencies {
  readonly accounts: readonly Account[]
  /** Tells the pool what an account's owner has to do; null when it may serve. */
  readonly setProblem: (account: Account, problem: string | null) => void
  /** Told when an account has got another sign-in than the one that was refused. */
  readonly onRenewed?: (account: Account) => void
}

const TICK_MS = 5_000
/** A request waits this long for a refresh; then another account is the better choice. The refresh goes on. */
const LONGEST_WAIT_MS = 20_000
/** A token this young that is refused is not refused for its age. */
const YOUNG_MS = 30_000

export function createTokenKeeper(dependencies: KeeperDependencies): TokenKeeper {
  const { clock, store, log, setProblem } = dependencies
  const accounts = createKeptAccounts(dependencies.accounts, clock, dependencies.hide)
  let ticking: Timer | null = null
  let lastFingerprint = ''
  let watching: Promise<void> | null = null
  let isStarted = false
  let isStopping = false

  /** The one refresh of an account; whoever comes later joins it. */
  function refresh(kept: KeptSignIn): Promise<void> {
    kept.running ??= refreshSignIn(kept, dependencies).finally(() => {
      kept.running = null
      review(kept)
    })
    return kept.running
  }

  function review(kept: KeptSignIn): void {
    setProblem(kept.account, judge(kept))
  }

  function judge(kept: KeptSignIn): string | null {
    const isFixed = kept.account.credential.type === 'bearer' && kept.signIn.refreshToken === null
    return isFixed ? null : problemOf(kept, clock)
  }

  function tick(): void {
    for (const kept of accounts.all()) {
      const { unsaved } = kept
      if (kept.running === null && unsaved !== null && clock.monotonic() >= unsaved.nextTryAt) {
        kept.running = saveAgain(kept, dependencies).finally(() => (kept.running = null))
      } else if (isDue(kept, clock)) void refresh(kept)
      else review(kept)
    }
    watching ??= watch().finally(() => (watching = null))
  }

  async function watch(): Promise<void> {
    const isReadOnly = (await store.whyReadOnly()) !== null
    for (const kept of accounts.all()) kept.isReadOnly = isReadOnly
    const fingerprint = await store.fingerprint()
    if (fingerprint !== lastFingerprint) await reload()
  }

  async function reload(): Promise<void> {
    const names = accounts.takeNewNames()
    if (names.length > 0) {
      await store.recover(names).catch((error: unknown) => log.warn('token.recovery_failed', { error: String(error) }))
    }
    lastFingerprint = await store.fingerprint()
    for (const kept of accounts.all()) {
      if (kept.running === null) await reloadOne(kept)
      // It may have looked at the disk before the change: look again when it has ended.
      else void kept.running.then(() => reloadOne(kept))
    }
  }

  async function reloadOne(kept: KeptSignIn): Promise<void> {
    if ((await adoptFromDisk(kept, dependencies)) === 'adopted') {
      log.info('token.adopted', { account: kept.account.name })
      dependencies.onRenewed?.(kept.account)
    }
    review(kept)
    if (!isStopping && isDue(kept, clock)) void refresh(kept)
  }

  async function begin(): Promise<void> {
    ticking = clock.every(TICK_MS, tick)
    const names = accounts.all().map((kept) => kept.account.name)
    const readOnly = await store.whyReadOnly()
    if (readOnly !== null) log.warn('token.store_read_only', { accounts: names, reason: readOnly })
    await watch()
    tick()
  }

  return {
    atHand: (account) => (accounts.of(account) === undefined ? fixedCredential(account) : null),

    async current(account) {
      const kept = accounts.of(account)
      if (kept === undefined || (account.credential.type === 'bearer' && kept.signIn.refreshToken === null)) {
        return fixedCredential(account)
      }
      if (isUsable(kept, clock)) {
        if (isDue(kept, clock)) void refresh(kept)
      } else if (kept.running !== null || (isRenewable(kept) && clock.monotonic() >= kept.nextTryAt)) {
        await atMost(LONGEST_WAIT_MS, refresh(kept), clock)
      }
      const { accessToken, accountId } = kept.signIn
      if (accessToken !== null && isUsable(kept, clock)) return { type: 'bearer', secret: accessToken, accountId }
      review(kept)
      const problem = problemOf(kept, clock)
      throw new NoCredential(problem ?? kept.trouble ?? 'its sign-in is being refreshed', problem !== null)
    },

    async renew(account, refused) {
      const kept = accounts.of(account)
      if (kept === undefined || kept.signIn.refreshToken === null) return false
      if (kept.signIn.accessToken?.reveal() !== refused.reveal()) return isUsable(kept, clock)
      const ageMs = kept.lifeMs === null ? Infinity : kept.lifeMs - (kept.endsAtMonotonic - clock.monotonic())
      if (kept.running === null && (ageMs < YOUNG_MS || clock.monotonic() < kept.nextTryAt)) return false
      kept.isRefused = true
      await atMost(LONGEST_WAIT_MS, refresh(kept), clock)
      return isUsable(kept, clock)
    },

    async start() {
      isStarted = true
      if (accounts.all().length > 0) await begin()
    },

    async stop() {
      isStopping = true
      ticking?.cancel()
      await watching
      await accounts.settled()
    },

    reload,

    async refreshNow(account) {
      const kept = accounts.of(account)
      if (kept === undefined || kept.signIn.refreshToken === null) return null
      await refresh(kept)
      if (kept.trouble === null) dependencies.onRenewed?.(kept.account)
      return { trouble: kept.trouble }
    },

    update(next) {
      accounts.update(next)
      if (isStarted && !isStopping && ticking === null && accounts.all().length > 0) void begin()
    },

    problemOf(account) {
      const kept = accounts.of(account)
      return kept === undefined ? account.problem : judge(kept)
    },

    describe(account) {
      const kept = accounts.of(account)
      if (kept === undefined) return null
      const { expiresAt } = kept.signIn
      return {
        expiresAt: expiresAt === 0 ? null : expiresAt,
        isRefreshing: kept.running !== null,
        trouble: kept.trouble,
        unsaved: kept.unsaved?.reason ?? null,
      }
    },
  }
}

function fixedCredential({ credential }: Account): UsableCredential {
  switch (credential.type) {
    case 'api_key':
      return { type: 'api_key', secret: credential.key, accountId: null }
    case 'bearer':
      return { type: 'bearer', secret: credential.token, accountId: credential.accountId ?? null }
    case 'oauth':
      return { type: 'bearer', secret: credential.accessToken ?? new Secret(''), accountId: credential.accountId }
  }
}
