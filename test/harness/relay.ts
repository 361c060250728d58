/**
 * A whole relay in this process: a config as the user writes it, real sockets, and a clock that the test moves. Or, when a
 * program was chosen to be tested, that program with the same config.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { assembleRelay, type AssembledRelay, type AssembleOptions } from '../../src/cli/assemble.ts'
import { secretsOf } from '../../src/cli/config-secrets.ts'
import { type LoadedConfig, loadConfig } from '../../src/config/load.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { createLog } from '../../src/io/log.ts'
import { listen, type RelayServer } from '../../src/io/serve.ts'
import { binary } from './chosen-program.ts'
import { createVirtualClock, settle, type VirtualClock } from './clock.ts'
import { watchHealth } from './health-watch.ts'
import { assertNothingSecret } from './nothing-secret.ts'
import { rawRequest, type RawExchange, type RawRequest } from './raw-client.ts'
import { isInStory, skipForProgram, startProgramRelay } from './relay-program.ts'

export const TOKEN = 'a-client-token-for-tests'

export interface TestRelay {
  readonly port: number
  readonly url: string
  readonly clock: VirtualClock
  readonly configPath: string
  readonly parts: AssembledRelay
  readonly server: RelayServer
  /** Every log line so far, parsed. */
  readonly log: ReadonlyArray<Record<string, unknown>>
  /** One request on a connection of its own, with the client's token unless the headers say otherwise. */
  post(path: string, body: unknown, request?: RawRequest): RawExchange
  get(path: string, headers?: Record<string, string>): RawExchange
  /** Requests in flight per account, as the pool counts them. */
  inFlight(): Record<string, number>
  /** Lets `ms` pass and tells what is under way then: all zero when every request is over. */
  settled(ms: number): Promise<Record<string, number>>
  stop(): Promise<void>
}

/**
 * `settings` are the config's top-level members; listen address and token have defaults. A story that brings a clock of its
 * own or parts of the relay is played in this process or not at all; the system's clock is any program's.
 */
export async function startRelay(
  settings: JsonObject,
  clock?: VirtualClock,
  options: AssembleOptions = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<TestRelay> {
  const folder = await mkdtemp(join(tmpdir(), 'relay-'))
  // After the story's own end, which may write there once more.
  if (isInStory()) onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'config.json')
  const whole = { listen_addr: '127.0.0.1:0', auth_tokens: [TOKEN], ...settings }
  if (binary !== undefined && isInStory()) {
    const isForThisProcess = [options, environment].some((given) => Object.keys(given).length > 0)
    if (isForThisProcess || (clock !== undefined && 'advance' in clock)) {
      skipForProgram('a clock, parts or an environment of its own')
    }
    await writeFile(path, JSON.stringify({ log: { format: 'json', level: 'debug' }, ...whole }), { mode: 0o600 })
    const { config } = await loadConfig(path, {})
    // Stories call an account by its key, and the program greets with the names of its accounts.
    const secrets = secretsOf(config).filter((secret) => config.accounts.every(({ name }) => name !== secret))
    return startProgramRelay({ program: binary, configPath: path, folder, secrets, speak: speakTo })
  }
  await writeFile(path, JSON.stringify(whole), { mode: 0o600 })
  const load = (): Promise<LoadedConfig> => loadConfig(path, environment)
  return startInThisProcess({ path, folder, load }, clock ?? createVirtualClock(), options)
}

interface Place {
  readonly path: string
  /** Removed when the relay stops. */
  readonly folder: string
  readonly load: () => Promise<LoadedConfig>
}

async function startInThisProcess(
  { path, folder, load }: Place,
  clock: VirtualClock,
  options: AssembleOptions,
): Promise<TestRelay> {
  const { config, outline } = await load()
  const log: Array<Record<string, unknown>> = []
  const secrets = secretsOf(config)
  const lines: string[] = []
  const parts = assembleRelay(
    config,
    clock,
    createLog({
      format: 'json',
      level: 'debug',
      clock,
      secrets,
      hasColours: false,
      write(line) {
        lines.push(line)
        log.push(JSON.parse(line) as Record<string, unknown>)
      },
    }),
    { load, outline, ...options },
  )
  await parts.keeper.start()
  const server = await listen({ ...config.listen, clock, listener: parts.listener })
  if (isInStory()) watchHealth(server.port)
  return {
    port: server.port,
    url: `http://127.0.0.1:${server.port}`,
    clock,
    configPath: path,
    parts,
    server,
    log,
    ...speakTo(server.port),
    inFlight: () => Object.fromEntries(parts.pool.states.map(({ account, inFlight }) => [account.name, inFlight])),
    async settled(ms) {
      if (ms > 0) await clock.advance(ms)
      else await settle()
      // A body that nobody waits for any more may still be unpacked beside the event loop; that its client has left is
      // found out then, a few milliseconds later.
      for (let tries = 0; tries < 400 && parts.recorder.live().length > 0; tries++) {
        await new Promise<void>((resolve) => void setTimeout(resolve, 5))
        if ('advance' in clock) await clock.advance(5)
      }
      return {
        live: parts.recorder.live().length,
        leases: parts.pool.states.reduce((sum, { inFlight }) => sum + inFlight, 0),
        waiting: parts.pool.waiting,
        watched: parts.heartbeat.watched,
        // A finished answer may wait a second for its connection to end.
        ...(ms > 0 ? { timers: clock.pending, calls: parts.client.active } : {}),
      }
    },
    async stop() {
      server.close()
      await parts.keeper.stop()
      await parts.client.close()
      await parts.journal?.close()
      await rm(folder, { recursive: true, force: true })
      // Whatever a test is about: nothing secret was written on the way.
      assertNothingSecret(lines.join(''), secrets)
    },
  }
}

function speakTo(port: number): Pick<TestRelay, 'post' | 'get'> {
  return {
    post: (target, body, request = {}) =>
      rawRequest(port, {
        method: 'POST',
        path: target,
        ...request,
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...request.headers },
        body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
      }),
    get: (target, headers = {}) =>
      rawRequest(port, { path: target, headers: { authorization: `Bearer ${TOKEN}`, ...headers } }),
  }
}
