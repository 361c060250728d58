/**
 * Which account of a new config is which of those that serve already, so that a reload forgets nothing about an account
 * that is still the same. Pure.
 */
import type { Account } from '../core/account.ts'
import type { AccountState } from './select.ts'

/** The states that go on, by the account of the new config; the others are new, or have left. */
export function matchAccounts(
  states: readonly AccountState[],
  accounts: readonly Account[],
): ReadonlyMap<Account, AccountState> {
  const found = new Map<Account, AccountState>()
  const taken = new Set<AccountState>()
  const match = (isSame: (old: Account, account: Account) => boolean): void => {
    for (const account of accounts) {
      if (found.has(account)) continue
      const state = states.find((each) => !taken.has(each) && isSame(each.account, account))
      if (state === undefined) continue
      found.set(account, state)
      taken.add(state)
    }
  }
  match((old, account) => old.name === account.name && isSameSeat(old, account))
  // Names that the config leaves out follow from the order, so they move when a neighbour is removed.
  match((old, account) => isSameSeat(old, account) && isTelling(account))
  match((old, account) => old.name === account.name)
  return found
}

/** The same account at the same vendor's: what is known of its health and quota still holds. */
export function isSameSeat(a: Account, b: Account): boolean {
  return a.platform === b.platform && a.type === b.type && a.baseUrl === b.baseUrl && isSameCredential(a, b)
}

/** The same models by the same names: a conversation at home there finds what it knows. */
export function isSameOffer(a: Account, b: Account): boolean {
  return isSameSeat(a, b) && a.models.join('\0') === b.models.join('\0') && mapText(a) === mapText(b)
}

export function isSameProxy(a: Account, b: Account): boolean {
  return (a.proxy?.reveal() ?? null) === (b.proxy?.reveal() ?? null)
}

function isSameCredential(a: Account, b: Account): boolean {
  const [before, after] = [a.credential, b.credential]
  if (before.type === 'api_key') return after.type === 'api_key' && before.key.reveal() === after.key.reveal()
  if (before.type === 'bearer') return after.type === 'bearer' && before.token.reveal() === after.token.reveal()
  if (after.type !== 'oauth') return false
  // Tokens are renewed all the time, and who keeps them says when somebody else has signed in.
  if (a.name !== b.name) return before.accountId !== null && before.accountId === after.accountId
  return before.accountId === null || after.accountId === null || before.accountId === after.accountId
}

/** Local servers without a key look all the same. */
function isTelling({ credential }: Account): boolean {
  return credential.type !== 'api_key' || credential.key.reveal() !== ''
}

function mapText({ modelMap }: Account): string {
  return JSON.stringify([...modelMap])
}
