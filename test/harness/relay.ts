/**
 * A whole relay in this process: a config as the user writes it, real sockets, and a clock that the test moves.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assembleRelay, type AssembledRelay, type AssembleOptions } from '../../src/cli/assemble.ts'
import { secretsOf } from '../../src/cli/config-secrets.ts'
import { type LoadedConfig, loadConfig } from '../../src/config/load.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { createLog } from '../../src/io/log.ts'
import { listen, type RelayServer } from '../../src/io/serve.ts'
import { createVirtualClock, type VirtualClock } from './clock.ts'
import { assertNothingSecret } from './nothing-secret.ts'
import { rawRequest, type RawExchange, type RawRequest } from './raw-client.ts'

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
  stop(): Promise<void>
}

/** `settings` are the config's top-level members; listen address and token have defaults. */
export async function startRelay(
  settings: JsonObject,
  clock = createVirtualClock(),
  options: AssembleOptions = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<TestRelay> {
  const folder = await mkdtemp(join(tmpdir(), 'relay-'))
  const path = join(folder, 'config.json')
  const whole = { listen_addr: '127.0.0.1:0', auth_tokens: [TOKEN], ...settings }
  await writeFile(path, JSON.stringify(whole), { mode: 0o600 })
  const load = (): Promise<LoadedConfig> => loadConfig(path, environment)
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
  return {
    port: server.port,
    url: `http://127.0.0.1:${server.port}`,
    clock,
    configPath: path,
    parts,
    server,
    log,
    post: (target, body, request = {}) =>
      rawRequest(server.port, {
        method: 'POST',
        path: target,
        ...request,
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...request.headers },
        body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
      }),
    get: (target, headers = {}) =>
      rawRequest(server.port, { path: target, headers: { authorization: `Bearer ${TOKEN}`, ...headers } }),
    inFlight: () => Object.fromEntries(parts.pool.states.map(({ account, inFlight }) => [account.name, inFlight])),
    async stop() {
      server.close()
      await parts.keeper.stop()
      await parts.client.close()
      await rm(folder, { recursive: true, force: true })
      // Whatever a test is about: nothing secret was written on the way.
      assertNothingSecret(lines.join(''), secrets)
    },
  }
}
