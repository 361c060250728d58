/**
 * The default verb: reads the config, opens the port, says what to do next, and ends without cutting anybody off.
 */
import { dirname, join } from 'node:path'
import type { RelayConfig } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { formatProblem } from '../config/problem.ts'
import type { Account } from '../core/account.ts'
import { type Clock, createSystemClock } from '../core/clock.ts'
import { formatDuration } from '../core/duration.ts'
import { version } from '../core/version.ts'
import type { DebugLog } from '../io/debug-log.ts'
import { createLog, type Log } from '../io/log.ts'
import { listen, type RelayServer } from '../io/serve.ts'
import { assertRealUndici } from '../io/upstream.ts'
import { providerOf } from '../providers/index.ts'
import { assembleRelay } from './assemble.ts'

const DRAIN_MS = 30_000

/** Runs the relay until it is told to stop; resolves when it has drained. Throws ConfigError or a listening error. */
export async function serve(options: { configPath: string }): Promise<void> {
  assertRealUndici()
  const { config, warnings } = await loadConfig(options.configPath)
  const clock = createSystemClock()
  surviveClosedOutput()
  const log = createLog({
    ...config.log,
    clock,
    secrets: secretsOf(config),
    write: (line) => process.stdout.write(line),
    hasColours: process.stdout.isTTY && process.env['NO_COLOR'] === undefined,
  })
  for (const warning of warnings) process.stderr.write(`${formatProblem(warning)}\n`)
  const debug = await openDebugLog(config, clock, log)
  const relay = assembleRelay(config, clock, log, { debug })
  const server = await listen({ ...config.listen, clock, listener: relay.listener }).catch(
    (error: NodeJS.ErrnoException) => {
      throw new Error(listenAdvice(config, error), { cause: error })
    },
  )
  introduce(config, server)
  process.on('unhandledRejection', (error) => log.error('promise.unhandled', { error: String(error) }))
  await untilToldToStop(log, server)
  await relay.client.close()
  await debug?.close()
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

function introduce(config: RelayConfig, server: RelayServer): void {
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  const url = `http://${config.listen.host === null ? 'localhost' : hostForUrl(config.listen.host)}:${server.port}`
  say(`sub2api-simple ${version}: listening on ${server.addresses.join(' and ')}`)
  if (config.listen.host === null)
    say('  reachable from other machines, as listen_addr asks: every caller needs a token')
  if (server.missing !== null)
    say(`  IPv6 loopback is not available (${server.missing}); clients reach it at 127.0.0.1 alone`)
  const width = Math.max(...config.accounts.map(({ name }) => name.length))
  for (const account of config.accounts) say(`  ${account.name.padEnd(width)}  ${describeAccount(account)}`)
  say('Point a client here with one of your auth_tokens:')
  say(`  Claude Code   ANTHROPIC_BASE_URL=${url} ANTHROPIC_AUTH_TOKEN=<token> claude`)
  say(`  OpenAI SDKs   OPENAI_BASE_URL=${url}/v1 OPENAI_API_KEY=<token>`)
  say(`  Gemini CLI    GOOGLE_GEMINI_BASE_URL=${url} GEMINI_API_KEY=<token> gemini`)
}

function describeAccount(account: Account): string {
  const facts = `${account.platform.padEnd(9)}  priority ${account.priority}`
  if (!account.enabled) return `${facts}  disabled`
  if (account.problem !== null) return `${facts}  needs attention: ${account.problem}`
  return `${facts}  ready, serves ${providerOf(account).protocolsOf(account).join(' and ')}`
}

function hostForUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}

/** The first signal drains, the second one ends at once. */
function untilToldToStop(log: Log, server: RelayServer): Promise<void> {
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
        resolve()
      })
    }
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop)
  })
}

/** A closed pipe behind stdout is no reason to stop serving. */
function surviveClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
}

function secretsOf(config: RelayConfig): string[] {
  const ofAccounts = config.accounts.flatMap(({ credential, proxy }) => {
    switch (credential.type) {
      case 'api_key':
        return [credential.key, proxy]
      case 'bearer':
        return [credential.token, proxy]
      case 'oauth':
        return [credential.accessToken, credential.refreshToken, proxy]
    }
  })
  return [...config.tokens.map(({ token }) => token), ...ofAccounts].flatMap((secret) => secret?.reveal() ?? [])
}

function listenAdvice(config: RelayConfig, error: NodeJS.ErrnoException): string {
  const address = `${config.listen.host ?? ''}:${config.listen.port}`
  switch (error.code) {
    case 'EADDRINUSE':
      return `cannot listen on ${address}: the port is taken, perhaps by another relay. Set another listen_addr or stop the other program.`
    case 'EACCES':
      return `cannot listen on ${address}: ports below 1024 need special rights. Set a higher port in listen_addr.`
    default:
      return `cannot listen on ${address}: ${error.message}`
  }
}
