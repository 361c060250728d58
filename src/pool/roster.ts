/**
 * The accounts that are served from, in the order of the config, and what changes about them while the relay runs. A new
 * config forgets nothing about an account that is still the same.
 */
import type { Account, Protocol } from '../core/account.ts'
import type { Pace } from './pace.ts'
import { isSameOffer, isSameProxy, isSameSeat, matchAccounts } from './reconcile.ts'
import type { AccountState } from './select.ts'
import type { StickySessions } from './sticky.ts'

export interface RosterSettings {
  readonly accounts: readonly Account[]
  readonly protocolsOf: (account: Account) => readonly Protocol[]
  /** What an account's owner has to do before it can serve, where somebody knows better than the config. */
  readonly problemOf?: (account: Account) => string | null
}

export interface Roster {
  readonly states: readonly AccountState[]
  /** Puts other accounts into force. Those that are gone finish what they serve. */
  update(settings: RosterSettings): void
}

export function createRoster(settings: RosterSettings, sticky: StickySessions, pace: Pace): Roster {
  const states = settings.accounts.map((account, position) => createState(account, position, settings))

  function dismiss(state: AccountState): void {
    state.isRemoved = true
    sticky.clear(state)
    pace.forget(state)
  }

  function revise(state: AccountState, account: Account, position: number, next: RosterSettings): void {
    const before = state.account
    const isSame = isSameSeat(before, account)
    if (!isSame) {
      state.windows = new Map()
      pace.forget(state)
    }
    // A new key, or another way to the vendor, is a new beginning: healed at once, not when its rest would end.
    if (!isSame || !isSameProxy(before, account)) state.health = new Map()
    if (!isSameOffer(before, account)) sticky.clear(state)
    Object.assign(state, { account, position, ...factsOf(account, next) })
  }

  return {
    states,
    update(next) {
      const found = matchAccounts(states, next.accounts)
      const staying = new Set(found.values())
      for (const state of states) if (!staying.has(state)) dismiss(state)
      const updated = next.accounts.map((account, position) => {
        const state = found.get(account)
        if (state === undefined) return createState(account, position, next)
        revise(state, account, position, next)
        return state
      })
      states.splice(0, states.length, ...updated)
    },
  }
}

function createState(account: Account, position: number, settings: RosterSettings): AccountState {
  return {
    account,
    position,
    ...factsOf(account, settings),
    health: new Map(),
    windows: new Map(),
    isPaused: false,
    isRemoved: false,
    inFlight: 0,
    lastUsedAt: -Infinity,
    recentStarts: [],
  }
}

function factsOf(
  account: Account,
  { protocolsOf, problemOf }: RosterSettings,
): Pick<AccountState, 'protocols' | 'problem'> {
  return {
    protocols: protocolsOf(account),
    problem: problemOf === undefined ? account.problem : problemOf(account),
  }
}
