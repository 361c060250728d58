/**
 * Follows the tokens of signed-in accounts: one refresh at a time, on disk before use, never an older one over a newer.
 */
import type { CredentialStore } from '../../core/credential-store.ts'
import type { SignInClient } from '../../oauth/openai.ts'
import type { TokenKeeper } from '../../oauth/tokens.ts'
import type { Rules } from './rules.ts'

export interface WatchedSignIns {
  signInClient(client: SignInClient): SignInClient
  store(store: CredentialStore): CredentialStore
  keeper(keeper: TokenKeeper): TokenKeeper
}

/** A relay that runs for months sees many. */
const MOST_REMEMBERED = 1_000

export function watchSignIns(rules: Rules): WatchedSignIns {
  const refreshing = new Set<string>()
  /** Access tokens that have come and are not on disk yet. */
  const unsaved = new Set<string>()
  /** Refresh tokens that were replaced on disk by newer ones, the oldest first. */
  const replaced = new Set<string>()

  return {
    signInClient: (client) =>
      Object.assign(Object.create(client) as SignInClient, {
        async refresh(route, refreshToken, keep) {
          const text = refreshToken.reveal()
          rules.hold(6, !refreshing.has(text), () => ({ what: 'one refresh token in two refreshes at once' }))
          refreshing.add(text)
          try {
            return await client.refresh(route, refreshToken, (answer) => {
              if (answer.accessToken !== null) unsaved.add(answer.accessToken.reveal())
              return keep(answer)
            })
          } finally {
            refreshing.delete(text)
          }
        },
      } satisfies Pick<SignInClient, 'refresh'>),

    store: (store) =>
      Object.assign(Object.create(store) as CredentialStore, {
        async save(name, signIn, replaces) {
          const token = signIn.refreshToken?.reveal() ?? ''
          rules.hold(7, !replaced.has(token), () => ({
            what: 'an older refresh token over a newer one',
            account: name,
          }))
          const result = await store.save(name, signIn, replaces)
          // A failure is told in /health, and the new token is used all the same: the old one is spent.
          unsaved.delete(signIn.accessToken?.reveal() ?? '')
          const before = replaces?.token ?? null
          if (result.kind === 'kept' && before !== null && before !== token) replaced.add(before)
          for (const oldest of replaced) if (replaced.size > MOST_REMEMBERED) replaced.delete(oldest)
          return result
        },
      } satisfies Pick<CredentialStore, 'save'>),

    keeper: (keeper) =>
      Object.assign(Object.create(keeper) as TokenKeeper, {
        async current(account) {
          const credential = await keeper.current(account)
          const isSaved = !unsaved.has(credential.secret.reveal())
          rules.hold(5, isSaved, () => ({ what: 'an access token in use before it is on disk', account: account.name }))
          return credential
        },
      } satisfies Pick<TokenKeeper, 'current'>),
  }
}
