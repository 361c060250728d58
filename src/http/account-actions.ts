/**
 * What the owner of the relay can do to one account while it runs.
 */
import { count } from '../core/count.ts'
import { GatewayError } from '../core/errors.ts'
import type { TokenKeeper } from '../oauth/tokens.ts'
import type { Pool } from '../pool/pool.ts'
import type { AccountState } from '../pool/select.ts'
import type { Probe } from '../relay/probe.ts'
import type { ActionView } from './views.ts'

export type ActionName = ActionView['action']

/** Throws a GatewayError for what means nothing for the account. */
export type Act = (state: AccountState) => Promise<Pick<ActionView, 'ok' | 'message'>>

export interface ActionDependencies {
  readonly pool: Pool
  readonly refreshSignIn: TokenKeeper['refreshNow']
  readonly probe: Probe
}

export function createActions({ pool, refreshSignIn, probe }: ActionDependencies): Readonly<Record<ActionName, Act>> {
  return {
    async pause(state) {
      if (state.isPaused) return done('it is paused already')
      pool.setPaused(state, true)
      return done(
        state.inFlight === 0 ? 'paused' : `paused; it finishes the ${count(state.inFlight, 'request')} it serves`,
      )
    },

    async resume(state) {
      if (!state.isPaused) return done('it is not paused')
      pool.setPaused(state, false)
      return done('resumed')
    },

    async clear(state) {
      const { size } = state.health
      pool.clear(state)
      return done(size === 0 ? 'there was nothing to clear' : 'cleared; it may serve at once')
    },

    async refresh({ account }) {
      const result = await refreshSignIn(account)
      if (result === null) {
        const message = 'this account has no sign-in that could be renewed'
        throw new GatewayError({ kind: 'invalid_request', status: 409, message })
      }
      return result.trouble === null ? done('its sign-in was renewed') : { ok: false, message: result.trouble }
    },

    async test(state) {
      const { ok, message } = await probe(state.account)
      if (!ok) return { ok, message }
      // The vendor serves it, whatever was thought of it.
      const { size } = state.health
      pool.heal(state)
      return done(size === 0 ? message : `${message}; it rests no longer`)
    },
  }
}

function done(message: string): Pick<ActionView, 'ok' | 'message'> {
  return { ok: true, message }
}
