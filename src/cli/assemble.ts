/**
 * Builds a relay out of its parts. Nothing is shared between two relays in one process, which is what lets tests run
 * side by side.
 */
import type { RelayConfig } from '../config/config.ts'
import { createCredentialStore } from '../config/store.ts'
import type { Account, SignIn } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'
import { createApp, type RequestListener } from '../http/app.ts'
import { createLoginRoute, type LoginRoute } from '../http/login.ts'
import { createRelayRoute } from '../http/relay-route.ts'
import type { DebugLog } from '../io/debug-log.ts'
import type { HidingLog } from '../io/log.ts'
import { listen } from '../io/serve.ts'
import { createUpstreamClient, type UpstreamClient } from '../io/upstream.ts'
import { createTokenLimiter, type TokenLimiter } from '../limits/token-limiter.ts'
import { createLoginDesk, type LoginDesk } from '../oauth/login.ts'
import { createSignInClient, type IdentityProvider, OPENAI } from '../oauth/openai.ts'
import { canSignIn, createTokenKeeper, type TokenKeeper } from '../oauth/tokens.ts'
import { createPool, type Pool } from '../pool/pool.ts'
import { providerOf } from '../providers/index.ts'
import { createHeartbeat, type Heartbeat } from '../relay/heartbeat.ts'
import { createRelay } from '../relay/relay.ts'
import { createPriceList } from '../usage/price-list.ts'
import { createUsageRecorder, type UsageRecorder } from '../usage/recorder.ts'
import { createResponseMemory, type ResponseMemory } from '../relay/response-memory.ts'
import { UNWATCHED, type Wrappers } from './assert/wrappers.ts'

export interface AssembledRelay {
  readonly listener: RequestListener
  readonly pool: Pool
  readonly client: UpstreamClient
  readonly heartbeat: Heartbeat
  readonly responses: ResponseMemory
  /** Not started yet. */
  readonly keeper: TokenKeeper
  readonly desk: LoginDesk
  readonly login: LoginRoute
  readonly recorder: UsageRecorder
  readonly limiter: TokenLimiter
}

/** What a relay may have besides; everything has a default. */
export interface AssembleOptions {
  readonly debug?: DebugLog | null
  /** Where ChatGPT accounts sign in. Never from a config or a request: whoever names it receives the tokens. */
  readonly identityProvider?: IdentityProvider
  /** Where browsers come back to; the vendor has registered the usual ones. */
  readonly callbackPorts?: readonly number[]
  /** What parts are wrapped in, for a relay that watches itself. */
  readonly wrappers?: Wrappers
}

export function assembleRelay(
  config: RelayConfig,
  clock: Clock,
  log: HidingLog,
  { debug = null, identityProvider = OPENAI, callbackPorts, wrappers = UNWATCHED }: AssembleOptions = {},
): AssembledRelay {
  const pool = wrappers.pool(
    createPool({
      accounts: config.accounts,
      protocolsOf: (account) => providerOf(account).protocolsOf(account),
      strategy: config.strategy,
      stickySessionTtlMs: config.stickySessionTtlMs,
      queue: config.queue,
      longestCooldownMs: config.cooldown.maxMs,
      clock,
    }),
  )
  const client = createUpstreamClient({ connectTimeoutMs: config.connectTimeoutMs })
  const heartbeat = createHeartbeat(clock)
  const store = wrappers.store(
    createCredentialStore({
      path: config.path,
      tokenStore: config.tokenStore,
      configured: (name) => signInOf(config.accounts.find((account) => account.name === name)),
      clock,
    }),
  )
  const signInClient = wrappers.signInClient(createSignInClient({ provider: identityProvider, client, clock }))
  const keeper = wrappers.keeper(
    createTokenKeeper({
      accounts: config.accounts,
      store,
      signInClient,
      clock,
      log,
      hide: log.hide,
      setProblem: (account, problem) => pool.setProblem(account, problem),
    }),
  )
  const desk = createLoginDesk({
    signInClient,
    store,
    clock,
    log,
    hide: log.hide,
    openPort: (port, listener) => listen({ host: '127.0.0.1', port, clock, listener }),
    onSignedIn: keeper.reload,
    ...(callbackPorts === undefined ? {} : { ports: callbackPorts }),
  })
  const login = createLoginRoute({ accounts: config.accounts.filter(canSignIn), desk })
  const responses = createResponseMemory(clock)
  const relay = createRelay({
    config,
    pool,
    client: wrappers.client(client),
    credentials: keeper,
    responses,
    clock,
    heartbeat,
    debug,
    warn: log.warn,
  })
  const limiter = createTokenLimiter(clock)
  const recorder = createUsageRecorder({ redact: log.redact })
  const prices = createPriceList(config.prices)
  const serveRequest = createRelayRoute({ config, clock, heartbeat, relay, limiter, recorder, prices, log })
  return {
    listener: wrappers.listener(
      createApp({
        limiter,
        login,
        describeSignIn: keeper.describe,
        redact: log.redact,
        config,
        pool,
        responses,
        clock,
        startedAt: clock.monotonic(),
        serveRequest,
        log,
      }),
    ),
    pool,
    client,
    heartbeat,
    responses,
    keeper,
    desk,
    login,
    recorder,
    limiter,
  }
}

function signInOf(account: Account | undefined): SignIn | null {
  return account?.credential.type === 'oauth' ? account.credential : null
}
