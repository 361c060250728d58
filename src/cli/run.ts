/**
 * `run <client>`: from nothing to the first answer. Writes a config where there is none, finds a running relay or starts one
 * for this client alone, and leaves nothing behind but the config.
 */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { chooseToken, urlOf } from '../config/access.ts'
import type { RelayConfig } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import type { Environment } from '../config/secrets.ts'
import { recoverConfig } from '../config/store.ts'
import { createSystemClock } from '../core/clock.ts'
import type { Platform } from '../core/platforms.ts'
import { askRelay } from './ask-relay.ts'
import type { ClientName } from './client-names.ts'
import { findProgram, runProgram } from './client-program.ts'
import { type ClientSettings, type RelayAccess, settingsOf } from './client-settings.ts'
import { findOwnConfig, userConfigPath } from './find-config.ts'
import type { Output } from './output.ts'
import { servedBy } from './served.ts'

export interface RunOptions {
  readonly client: ClientName
  /** The client's own arguments. */
  readonly args: readonly string[]
  /** Absent for the one that is found, or written. */
  readonly configPath: string | undefined
  /** Null for no log. */
  readonly logPath: string | null
}

/** The client's exit code. Throws ConfigError, and an Error with advice when something is missing. */
export async function run(options: RunOptions, output: Output): Promise<number> {
  const { client, args } = options
  const program = findProgram(client, process.env)
  const configPath = options.configPath ?? findOwnConfig() ?? (await writeFirstConfig(client, output))
  if (configPath === null) return 1
  await recoverConfig(configPath, createSystemClock()).catch(() => {})
  const { config } = await loadConfig(configPath)
  demandAccount(config)
  const { access, trouble, stop } = (await findRelay(config)) ?? (await startRelay(config, options.logPath))
  try {
    const settings = settingsOf(client, access)
    return await runProgram(program, [...settings.args, ...args], environmentOf(settings, process.env))
  } finally {
    const why = trouble()
    if (why !== null) output.complain(`sub2api-simple: nothing was served: ${why}\nSee: sub2api-simple check --online`)
    await stop()
  }
}

/** Whose models a client asks for by itself; OpenCode asks for anybody's. */
const PLATFORM_OF: Record<ClientName, Platform | null> = {
  claude: 'anthropic',
  codex: 'openai',
  gemini: 'gemini',
  opencode: null,
}

/** The path of the new config; null when its account was not signed in, which has been said. */
async function writeFirstConfig(client: ClientName, output: Output): Promise<string | null> {
  const [{ decideFirstConfig }, { writeFreshConfig }, { openTerminal }] = await Promise.all([
    import('./first-config.ts'),
    import('./fresh-config.ts'),
    import('./question.ts'),
  ])
  const { config, said, signIn } = await decideFirstConfig({
    platform: PLATFORM_OF[client],
    environment: process.env,
    terminal: openTerminal(),
    mostQuestions: 1,
  })
  const path = userConfigPath()
  await writeFreshConfig(path, config)
  for (const line of [`Wrote ${path}, readable by you alone.`, ...said]) output.complain(line)
  if (signIn === null) return path
  const { login } = await import('./login.ts')
  const exitCode = await login({ configPath: path, account: signIn, browser: true }, output)
  return exitCode === 0 ? path : null
}

/** A client would hide behind its own words that nobody can serve it. */
function demandAccount({ accounts, path }: RelayConfig): void {
  if (accounts.some(({ enabled, problem }) => enabled && problem === null)) return
  const reasons = accounts.map(({ name, enabled, problem }) => `  ${name}: ${enabled ? problem : 'not enabled'}`)
  throw new Error(`no account can serve. Mend one of these in ${path}:\n${reasons.join('\n')}`)
}

interface UsedRelay {
  readonly access: RelayAccess
  /** Why the client got no answer at all; null when it got one, or never asked. */
  readonly trouble: () => string | null
  readonly stop: () => Promise<void>
}

/** The relay at the config's own address; null when none is there that takes the config's token. */
async function findRelay(config: RelayConfig): Promise<UsedRelay | null> {
  const { listen, tokens } = config
  if (listen.port === 0) return null
  const token = chooseToken(tokens).token.reveal()
  const ask = (path: string) => askRelay({ listen }, { path, token, timeoutMs: PROBE_MS }).catch(() => null)
  const health = (await ask('/health'))?.body
  const isRelay = typeof health === 'object' && health !== null && 'account_details' in health
  // Whoever is on this machine is told about its health; whether it is the relay of this config, the token shows.
  if (!isRelay || (await ask('/v1/models'))?.status !== 200) return null
  return { access: { url: urlOf(listen), token, ...servedBy(config) }, trouble: () => null, stop: async () => {} }
}

const PROBE_MS = 2_000

async function startRelay(config: RelayConfig, logPath: string | null): Promise<UsedRelay> {
  const file = logPath === null ? null : await openLogFile(logPath)
  const { startOwnRelay } = await import('./own-relay.ts')
  const relay = await startOwnRelay(config, (line) => void file?.write(line))
  return {
    access: { url: urlOf(relay.listen), token: relay.token, ...servedBy(config) },
    // The client may have shown its own words for it, or none.
    trouble() {
      const { recorder } = relay.parts
      const isServed = recorder.recent().some(({ outcome }) => outcome === 'served' || outcome === 'gone')
      return isServed ? null : (recorder.errors(1)[0]?.error ?? null)
    },
    async stop() {
      await relay.stop()
      file?.end()
    },
  }
}

async function openLogFile(path: string): Promise<NodeJS.WritableStream> {
  const file = createWriteStream(path, { flags: 'a', mode: 0o600 })
  await once(file, 'open').catch((error: Error) => {
    throw new Error(`the log ${path} cannot be written: ${error.message}`, { cause: error })
  })
  return file
}

/** For the child alone: nothing of it is seen by this process or by the shell that started it. */
function environmentOf({ environment, unwanted }: ClientSettings, own: Environment): Environment {
  const kept = Object.fromEntries(Object.entries(own).filter(([name]) => !unwanted.includes(name)))
  return { ...kept, ...withoutProxy(own), ...environment }
}

/** A proxy for the internet knows no way to this machine. */
function withoutProxy(own: Environment): Environment {
  const isProxied = Object.keys(own).some((name) => /^(https?|all)_proxy$/i.test(name))
  if (!isProxied) return {}
  const exceptions = [own['NO_PROXY'] ?? own['no_proxy'] ?? '', '127.0.0.1', 'localhost'].filter((each) => each !== '')
  return { NO_PROXY: exceptions.join(','), no_proxy: exceptions.join(',') }
}
