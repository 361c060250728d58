/**
 * What a running relay would tell of itself, and a stand-in that tells it, for tests of the verbs that ask.
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import type { AccountView, StatusView, TotalsView } from '../../src/http/views.ts'
import { TOKEN, writeConfig } from '../config/load-text.ts'

/** The moment the views are of. */
export const NOW = Date.parse('2026-11-20T12:00:00Z')

export function later(seconds: number): string {
  return new Date(NOW + seconds * 1000).toISOString()
}

export function accountView(facts: Partial<AccountView> = {}): AccountView {
  return {
    name: 'claude',
    platform: 'anthropic',
    type: 'api_key',
    protocols: ['anthropic'],
    tags: [],
    priority: 50,
    concurrency: 3,
    in_flight: 0,
    state: 'ok',
    reason: null,
    until: null,
    mend: null,
    cooldowns: [],
    windows: {},
    sign_in: null,
    sessions: 0,
    requests: 0,
    failures: 0,
    cache_hit_percent: null,
    last_error: null,
    ...facts,
  }
}

export function statusView(facts: Partial<StatusView> = {}): StatusView {
  return {
    version: '0.1.0',
    started_at: later(-7800),
    uptime_seconds: 7800,
    config: { path: '/etc/relay.json', loaded_at: later(-7800), generation: 1, rejected: null },
    accounts: [accountView()],
    tokens: [],
    sessions: 0,
    waiting: 0,
    live: [],
    errors: [],
    today: '2026-11-21',
    days: [],
    ...facts,
  }
}

export function totalsView(key: string, facts: Partial<TotalsView> = {}): TotalsView {
  return {
    key,
    requests: 10,
    failures: 0,
    input: 1200,
    cached: 40_000,
    cache_write: 300,
    output: 5000,
    reasoning: 0,
    cost: 0.5,
    unpriced: 0,
    ...facts,
  }
}

export interface StandIn {
  readonly port: number
  readonly configPath: string
  /** Method and path of every request with the right token. */
  readonly asked: readonly string[]
  /** Leaves the port, and comes back to it. */
  down(): Promise<void>
  up(): Promise<void>
}

/** Answers each path with what `routes` has for it; a function is asked anew each time. Unknown paths get a 404 of the relay. */
export async function standIn(routes: Record<string, unknown>, config: object = {}): Promise<StandIn> {
  const asked: string[] = []
  const answer = ({ method, url = '', headers }: IncomingMessage): [status: number, body: unknown] => {
    if (headers.authorization !== `Bearer ${TOKEN}`) return [401, refusal('sub2api-simple: no such token')]
    asked.push(`${method} ${url}`)
    const route = routes[url.split('?')[0] ?? '']
    return route === undefined
      ? [404, refusal('sub2api-simple: there is no such account')]
      : [200, typeof route === 'function' ? (route as () => unknown)() : route]
  }
  const server = createServer((incoming, outgoing) => {
    const [status, body] = answer(incoming)
    outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  const listenAt = (wanted: number) => new Promise<void>((resolve) => server.listen(wanted, '127.0.0.1', resolve))
  await listenAt(0)
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const accounts = [{ name: 'claude', api_key: 'k' }]
  const configPath = writeConfig({ listen_addr: `127.0.0.1:${port}`, auth_tokens: [TOKEN], accounts, ...config })
  const down = () => new Promise<void>((resolve) => server.close(() => resolve()))
  return { port, configPath, asked, down, up: () => listenAt(port) }
}

function refusal(message: string): object {
  return { error: { message, type: 'not_found' } }
}
