/**
 * What the parts of a relay are wrapped in while it is put together: nothing, unless it is to watch itself.
 */
import type { CredentialStore } from '../../core/credential-store.ts'
import type { RequestListener } from '../../http/app.ts'
import type { UpstreamClient } from '../../io/upstream.ts'
import type { SignInClient } from '../../oauth/openai.ts'
import type { TokenKeeper } from '../../oauth/tokens.ts'
import type { Pool } from '../../pool/pool.ts'

export interface Wrappers {
  pool(pool: Pool): Pool
  /** The client of relayed calls, not that of sign-ins. */
  client(client: UpstreamClient): UpstreamClient
  listener(listener: RequestListener): RequestListener
  signInClient(client: SignInClient): SignInClient
  store(store: CredentialStore): CredentialStore
  keeper(keeper: TokenKeeper): TokenKeeper
}

/** Every part as it is. */
export const UNWATCHED: Wrappers = {
  pool: (pool) => pool,
  client: (client) => client,
  listener: (listener) => listener,
  signInClient: (client) => client,
  store: (store) => store,
  keeper: (keeper) => keeper,
}
