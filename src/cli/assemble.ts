/**
 * Builds a relay out of its parts. Nothing is shared between two relays in one process, which is what lets tests run
 * side by side.
 *
 * What remembers something is made once and told of another config; what only follows from the config is made anew for
 * it and takes the old one's place, so that requests under way end as they began.
 */
import type { RelayConfig } from '../config/config.ts'
import { isSame } from '../config/difference.ts'
import { type LoadedConfig, loadConfig } from '../config/load.ts'
import { readOutline } from '../config/outline.ts'
import { createCredentialStore } from '../config/store.ts'
import type { Account, SignIn } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'
import { createActions } from '../http/account-actions.ts'
import { createApp, type RequestListener } from '../http/app.ts'
import { createGuessLimiter } from '../http/guess-limiter.ts'
import { createLoginRoute, type LoginRoute } from '../http/login.ts'
import { createRelayRoute } from '../http/relay-route.ts'
import type { DebugLog } from '../io/debug-log.ts'
import type { HidingLog } from '../io/log.ts'
import { listen } from '../io/serve.ts'
import { createUpstreamClient, type UpstreamClient } from '../io/upstream.ts'
import { createTokenLimiter, type TokenLimiter } from '../limits/token-limiter.ts'
import { createLoginDesk, type LoginDesk } from '../oauth/login.ts'
import { createSignInClient, type IdentityProvider, OPENAI } from '../oauth/openai.ts'
import { canSignIn } from '../oauth/kept-accounts.ts'
import { createTokenKeeper, type TokenKeeper } from '../oauth/tokens.ts'
import { createPool, type Pool, type PoolSettings } from '../pool/pool.ts'
import { providerOf } from '../providers/index.ts'
import { createHeartbeat, type Heartbeat } from '../relay/heartbeat.ts'
import { createProbe, type Probe } from '../relay/probe.ts'
import { createRelay } from '../relay/relay.ts'
import { createJournal, type Journal } from '../usage/journal.ts'
import { createMetrics } from '../usage/metrics.ts'
import { createPriceList } from '../usage/price-list.ts'
import { createResponseMemory, type ResponseMemory } from '../relay/response-memory.ts'
import { createRefusedMembers } from '../relay/refused-members.ts'
import { createRetryBudget } from '../relay/retry-budget.ts'
import { createUsageRecorder, type UsageRecorder } from '../usage/recorder.ts'
import { secretsOf } from './config-secrets.ts'
import { UNWATCHED, type Wrappers } from './assert/wrappers.ts'
import { createProcessReader } from './process-figures.ts'
import { createReloader, type Reloader } from './reloader.ts'

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
  readonly probe: Probe
  readonly reloader: Reloader
  /** To be closed at the end; null when the config asks for none. */
  readonly journal: Journal | null
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
  /** Reads the config again. */
  readonly load?: () => Promise<LoadedConfig>
  /** Of the text that the config came from. */
  readonly outline?: string | null
  /** Shows what is wrong with a changed config to whoever sits at the terminal. */
  readonly complain?: (text: string) => void
  /** Told of every config that comes into force later. */
  readonly onApplied?: (config: RelayConfig) => void
}

export function assembleRelay(
  initial: RelayConfig,
  clock: Clock,
  log: HidingLog,
  {
    debug = null,
    identityProvider = OPENAI,
    callbackPorts,
    wrappers = UNWATCHED,
    load = () => loadConfig(initial.path),
    outline = null,
    complain = () => {},
    onApplied = () => {},
  }: AssembleOptions = {},
): AssembledRelay {
  let config = initial
  const pool = wrappers.pool(createPool({ ...poolSettings(initial), clock }))
  const client = createUpstreamClient({ connectTimeoutMs: initial.connectTimeoutMs }, clock)
  const relayedClient = wrappers.client(client)
  const heartbeat = createHeartbeat(clock)
  const store = wrappers.store(
    createCredentialStore({
      path: initial.path,
      get tokenStore() {
        return config.tokenStore
      },
      configured: (name) => signInOf(config.accounts.find((account) => account.name === name)),
      clock,
    }),
  )
  const signInClient = wrappers.signInClient(createSignInClient({ provider: identityProvider, client, clock }))
  const keeper = wrappers.keeper(
    createTokenKeeper({
      accounts: initial.accounts,
      store,
      signInClient,
      clock,
      log,
      hide: log.hide,
      setProblem: (account, problem) => pool.setProblem(account, problem),
      onRenewed: (account) => pool.renew(account),
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
  const login = createLoginRoute({ accounts: () => config.accounts.filter(canSignIn), desk })
  const responses = createResponseMemory(clock)
  const budget = createRetryBudget(clock)
  const refused = createRefusedMembers(log.warn)
  const limiter = createTokenLimiter(clock)
  const metrics = createMetrics()
  const readProcess = createProcessReader()
  const journal = initial.usageLog === null ? null : createJournal({ path: initial.usageLog, clock, warn: log.warn })
  const recorder = createUsageRecorder({ redact: log.redact, journal, metrics })
  const limitGuesses = createGuessLimiter(clock)
  const startedAt = clock.monotonic()
  const probe = createProbe({ client, credentials: keeper, clock })
  const actions = createActions({ pool, refreshSignIn: keeper.refreshNow, probe })
  const reloader = createReloader({
    config: initial,
    outline,
    load,
    readOutline: () => readOutline(initial.path),
    apply,
    reloadSignIns: keeper.reload,
    clock,
    log,
    complain,
  })
  let listener = createListener()

  /** Everything that follows from the config alone. */
  function createListener(): RequestListener {
    const relay = createRelay({
      config,
      pool,
      client: relayedClient,
      credentials: keeper,
      responses,
      budget,
      refused,
      clock,
      heartbeat,
      debug,
      warn: log.warn,
    })
    return createApp({
      config,
      pool,
      limiter,
      recorder,
      metrics,
      readProcess,
      responses,
      login,
      limitGuesses,
      actions,
      describeSignIn: keeper.describe,
      describeConfig: reloader.describe,
      reload: reloader.reload,
      serveRequest: createRelayRoute({
        config,
        clock,
        heartbeat,
        relay,
        limiter,
        recorder,
        prices: createPriceList(config.prices),
        log,
      }),
      redact: log.redact,
      clock,
      startedAt,
      log,
    })
  }

  /** In one go: nobody is served by half of it. */
  function apply(next: RelayConfig): void {
    const before = config
    // An account that says what it said stays the object it was: requests under way know it by that.
    const known = new Map(before.accounts.map((account) => [account.name, account]))
    const accounts = next.accounts.map((account) => {
      const old = known.get(account.name)
      return old !== undefined && isSame(old, account) ? old : account
    })
    config = Object.freeze({ ...next, accounts })
    log.update({ ...(isSame(before.log, config.log) ? {} : config.log), secrets: secretsOf(config) })
    client.update({ connectTimeoutMs: config.connectTimeoutMs })
    keeper.update(config.accounts)
    pool.update({ ...poolSettings(config), problemOf: keeper.problemOf })
    forgetOthers(before, config)
    listener = createListener()
    onApplied(config)
  }

  /** A name that has gone over to another token must not find what was remembered for the old one. */
  function forgetOthers(before: RelayConfig, after: RelayConfig): void {
    const texts = new Map(after.tokens.map(({ name, token }) => [name, token.reveal()]))
    for (const { name, token } of before.tokens) if (texts.get(name) !== token.reveal()) responses.forgetAll(name)
  }

  return {
    listener: wrappers.listener((incoming, outgoing) => listener(incoming, outgoing)),
    pool,
    client,
    heartbeat,
    responses,
    keeper,
    desk,
    login,
    recorder,
    limiter,
    journal,
    probe,
    reloader,
  }
}

function poolSettings(config: RelayConfig): PoolSettings {
  return {
    accounts: config.accounts,
    protocolsOf: (account) => providerOf(account).protocolsOf(account),
    strategy: config.strategy,
    stickySessionTtlMs: config.stickySessionTtlMs,
    queue: config.queue,
    longestCooldownMs: config.cooldown.maxMs,
  }
}

function signInOf(account: Account | undefined): SignIn | null {
  return account?.credential.type === 'oauth' ? account.credential : null
}
