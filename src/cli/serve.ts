/**
 * The default verb: reads the config, opens the port, says what to do next, and ends without cutting anybody off.
 */
import { closeSync, openSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { urlOf } from '../config/access.ts'
import type { RelayConfig } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { recoverConfig } from '../config/store.ts'
import { formatProblem } from '../config/problem.ts'
import { watchConfig } from '../config/watch.ts'
import type { Account } from '../core/account.ts'
import { atMost, type Clock, createSystemClock } from '../core/clock.ts'
import { formatDuration } from '../core/duration.ts'
import { printable } from '../core/printable.ts'
import { version } from '../core/version.ts'
import type { DebugLog } from '../io/debug-log.ts'
import { createLog, type Log } from '../io/log.ts'
import { createLineWriter } from '../io/line-writer.ts'
import { listen, type RelayServer } from '../io/serve.ts'
import { assertRealUndici } from '../io/upstream.ts'
import { providerOf } from '../providers/index.ts'
import { canSignIn } from '../oauth/kept-accounts.ts'
import { type AssembleOptions, assembleRelay, type AssembledRelay } from './assemble.ts'
import type { Watch } from './assert/watch.ts'
import { secretsOf } from './config-secrets.ts'
import { tendHeap } from './heap.ts'
import { restoreUsage } from './restore-usage.ts'

const DRAIN_MS = 30_000
/** A refresh that was begun is ended: its answer may be the only working token. */
const REFRESH_PATIENCE_MS = 60_000

/** Runs the relay until it is told to stop; resolves when it has drained. Throws ConfigError or a listening error. */
export async function serve(
  options: { configPath: string },
  parts: Pick<AssembleOptions, 'identityProvider'> = {},
): Promise<void> {
  assertRealUndici()
  tendHeap()
  const systemClock = createSystemClock()
  // A file that cannot be read, or does not exist, is for the loader to explain.
  await recoverConfig(options.configPath, systemClock).catch(() => {})
  const { config, warnings, outline } = await loadConfig(options.configPath)
  surviveClosedOutput()
  const lines = createLineWriter((text) => process.stdout.write(text))
  process.on('exit', lines.flush)
  const log = createLog({
    ...config.log,
    clock: systemClock,
    secrets: secretsOf(config),
    write: lines.write,
    // Asks `NO_COLOR`, `FORCE_COLOR` and `TERM`, too.
    hasColours: process.stdout.isTTY && process.stdout.hasColors(),
  })
  for (const warning of warnings) process.stderr.write(`${formatProblem(warning)}\n`)
  const watch = await createWatchIfAsked(config, systemClock, log)
  const clock = watch?.clock ?? systemClock
  const debug = await openDebugLog(config, clock, log)
  const complain = (text: string): void => void process.stderr.write(`${text}\n`)
  const watched = watch === null ? {} : { wrappers: watch.wrappers, onApplied: watch.update }
  const relay = assembleRelay(config, clock, log, { ...parts, debug, outline, complain, ...watched })
  watch?.begin(relay)
  await relay.keeper.start()
  await restoreUsage(config, relay, clock, log)
  const server = await listen({ ...config.listen, clock, listener: relay.listener }).catch(
    async (error: NodeJS.ErrnoException) => {
      await endSignIns(relay, clock)
      throw new Error(listenAdvice(config, error), { cause: error })
    },
  )
  // Before it says that it is there: whoever reads that may end it at once.
  const stopped = untilToldToStop(
    log,
    server,
    clock,
    () => void relay.reloader.reload('SIGHUP'),
    () => endSignIns(relay, clock),
  )
  introduce(config, server, relay)
  const configWatch = watchConfig({ path: config.path, clock, onChange: () => void relay.reloader.look() })
  // It may have been changed since it was read.
  void configWatch.ready.then(relay.reloader.look)
  process.on('unhandledRejection', (error) => log.error('promise.unhandled', { error: String(error) }))
  await stopped
  configWatch.close()
  await relay.client.close()
  await relay.journal?.close()
  await debug?.close()
  try {
    watch?.end()
  } finally {
    lines.flush()
  }
}

/** For those who look for faults in the relay: it watches itself, and fails at its end if it broke a rule of its own. */
async function createWatchIfAsked(config: RelayConfig, clock: Clock, log: Log): Promise<Watch | null> {
  if (process.env['SUB2API_ASSERT'] !== '1') return null
  const { createWatch } = await import('./assert/watch.ts')
  return createWatch(config, clock, log)
}

async function openDebugLog(config: RelayConfig, clock: Clock, log: Log): Promise<DebugLog | null> {
  if (!config.enableStreamDebugLog && !config.enableModelDebugLog) return null
  const { createDebugLog } = await import('../io/debug-log.ts')
  const path = join(dirname(config.path), 'sub2api-debug.log')
  process.stderr.write(
    `what passes through is written to ${path}: prompts and answers, without the secrets of the config\n`,
  )
  return createDebugLog({
    path,
    bodies: config.enableModelDebugLog,
    events: config.enableStreamDebugLog,
    secrets: secretsOf(config),
    clock,
    warn: log.warn,
  })
}

function introduce(config: RelayConfig, server: RelayServer, relay: AssembledRelay): void {
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  const url = urlOf({ host: config.listen.host, port: server.port })
  say(`sub2api-simple ${version}: listening on ${server.addresses.join(' and ')}`)
  if (config.listen.host === null)
    say('  reachable from other machines, as listen_addr asks: every caller needs a token')
  if (server.missing !== null)
    say(`  IPv6 loopback is not available (${server.missing}); clients reach it at 127.0.0.1 alone`)
  const width = Math.max(...config.accounts.map(({ name }) => printable(name).length))
  for (const { account, problem } of relay.pool.states) {
    say(`  ${printable(account.name).padEnd(width)}  ${describeAccount(account, problem)}`)
    if (canSignIn(account) && problem !== null)
      say(`  ${''.padEnd(width)}  or open ${loginUrl(url, config, account, relay)}`)
  }
  if (!relay.pool.states.some(({ account, problem }) => account.enabled && problem === null))
    say('No account can serve yet. Mend the config: the relay reads it again by itself.')
  say('Point a client here with one of your auth_tokens:')
  say(`  Claude Code   ANTHROPIC_BASE_URL=${url} ANTHROPIC_AUTH_TOKEN=<token> claude`)
  say(`  OpenAI SDKs   OPENAI_BASE_URL=${url}/v1 OPENAI_API_KEY=<token>`)
  say(`  Gemini CLI    GOOGLE_GEMINI_BASE_URL=${url} GEMINI_API_KEY=<token> gemini`)
}

function describeAccount(account: Account, problem: string | null): string {
  const facts = `${account.platform.padEnd(9)}  priority ${account.priority}`
  if (!account.enabled) return `${facts}  disabled`
  if (problem !== null) return `${facts}  needs attention: ${printable(problem)}`
  return `${facts}  ready, serves ${providerOf(account).protocolsOf(account).join(' and ')}`
}

/** Opened on this machine it needs nothing; where the peer may be somebody else, it carries a ticket for one use. */
function loginUrl(
  url: string,
  { listen: { host } }: RelayConfig,
  { name }: Account,
  { login }: AssembledRelay,
): string {
  const isHere = host === 'localhost' || host === '::1' || (host?.startsWith('127.') ?? false)
  const query = new URLSearchParams({ account: name, ...(isHere ? {} : { ticket: login.issueTicket() }) })
  return `${url}/auth/login?${query.toString()}`
}

/** Nobody is waited for at the callback port any more; a refresh that was begun is. */
async function endSignIns({ desk, keeper }: AssembledRelay, clock: Clock): Promise<void> {
  await Promise.all([desk.stop(), atMost(REFRESH_PATIENCE_MS, keeper.stop(), clock)])
}

/** The first signal drains, the second one ends at once. */
function untilToldToStop(
  log: Log,
  server: RelayServer,
  clock: Clock,
  reload: () => void,
  finish: () => Promise<void>,
): Promise<void> {
  return new Promise((resolve) => {
    let isStopping = false
    const stop = (signal: NodeJS.Signals): void => {
      if (isStopping) {
        server.close()
        resolve()
        return
      }
      isStopping = true
      log.info('server.draining', { signal, patience: formatDuration(DRAIN_MS) })
      void server.drain(DRAIN_MS).then((cutOff) => {
        log.info('server.stopped', { answers_cut_off: cutOff })
        void finish().then(resolve)
      })
    }
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop)
    watchParent(clock, () => stop('SIGTERM'))
    // The signal says two things: that the terminal is gone, and to daemons, that they should read their config again.
    process.on('SIGHUP', () => (hasLostTerminal() ? stop('SIGHUP') : reload()))
  })
}

function hasLostTerminal(): boolean {
  if (!process.stdin.isTTY && !process.stderr.isTTY) return false
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return false
  } catch {
    return true
  }
}

/**
 * `npm start` and `npx` hand a SIGTERM to the shell between them and us, and the shell dies of it without a word: the relay
 * would go on for nobody and keep the port.
 */
function watchParent(clock: Clock, onOrphaned: () => void): void {
  if (process.env['npm_lifecycle_event'] === undefined) return
  const parent = process.ppid
  const watch = clock.every(PARENT_CHECK_MS, () => {
    if (process.ppid === parent) return
    watch.cancel()
    onOrphaned()
  })
}

const PARENT_CHECK_MS = 500

/** A closed pipe behind stdout is no reason to stop serving. */
function surviveClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // EIO: the terminal was closed.
      if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
    })
  }
}

function listenAdvice(config: RelayConfig, error: NodeJS.ErrnoException): string {
  const address = `${config.listen.host ?? ''}:${config.listen.port}`
  switch (error.code) {
    case 'EADDRINUSE':
      return `cannot listen on ${address}: the port is taken, perhaps by another relay. Set another listen_addr or stop the other program.`
    case 'EACCES':
      return `cannot listen on ${address}: ports below 1024 need special rights. Set a higher port in listen_addr.`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `cannot listen on ${address}: this machine has no such address. Set 127.0.0.1 in listen_addr, or no host for all addresses.`
    default:
      return `cannot listen on ${address}: ${error.message}`
  }
}
