/**
 * Whose sign-ins are kept, from one config to the next: an account that is still there goes on with its tokens, and one
 * that is gone keeps them for as long as it is lent out.
 */
import type { Account } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'
import { signInAdvice } from '../core/sign-in-advice.ts'
import { createKeptSignIn, type KeptSignIn } from './kept-sign-in.ts'

export interface KeptAccounts {
  /** Undefined for an account that is not signed in. */
  of(account: Account): KeptSignIn | undefined
  /** Those of the config in force. */
  all(): KeptSignIn[]
  update(accounts: readonly Account[]): void
  /** Names that have come since it was asked last. */
  takeNewNames(): string[]
  /** Resolves when no refresh is running, of accounts that are gone neither. */
  settled(): Promise<void>
}

/** `hide` is called with every secret. */
export function createKeptAccounts(
  accounts: readonly Account[],
  clock: Clock,
  hide: (secret: string) => void,
): KeptAccounts {
  const byAccount = new WeakMap<Account, KeptSignIn>()
  const byName = new Map<string, KeptSignIn>()
  /** No longer in the config, but in the middle of a refresh. */
  const leaving = new Set<KeptSignIn>()
  let newNames: string[] = []

  function keep(account: Account): void {
    const { credential, name } = account
    const known = byName.get(name)
    if (known === undefined) newNames.push(name)
    else known.account = account
    const kept = known ?? createKeptSignIn(account, clock)
    byName.set(name, kept)
    byAccount.set(account, kept)
    const secrets = credential.type === 'oauth' ? [credential.accessToken, credential.refreshToken] : []
    for (const secret of secrets) if (secret !== null) hide(secret.reveal())
  }

  function dismiss(name: string, kept: KeptSignIn): void {
    byName.delete(name)
    if (kept.running === null) return
    leaving.add(kept)
    void kept.running.then(() => leaving.delete(kept))
  }

  function update(next: readonly Account[]): void {
    const gone = new Map(byName)
    for (const account of next) {
      if (!canSignIn(account)) continue
      gone.delete(account.name)
      keep(account)
    }
    for (const [name, kept] of gone) dismiss(name, kept)
  }

  update(accounts)
  return {
    of: (account) => byAccount.get(account),
    all: () => [...byName.values()],
    update,
    takeNewNames() {
      const names = newNames
      newNames = []
      return names
    },
    async settled() {
      for (const { running } of [...byName.values(), ...leaving]) await running
    },
  }
}

/** ChatGPT sign-ins alone are renewed; one whose way out is closed (an unusable proxy) is not touched at all. */
export function canSignIn({ platform, type, enabled, problem, name }: Account): boolean {
  return platform === 'openai' && type === 'oauth' && enabled && (problem === null || problem === signInAdvice(name))
}
