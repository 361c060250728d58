/**
 * The relay that runs with a config, as the verbs speak with it: over its admin routes, with the config's own credential.
 */
import { loadAddress, urlOf } from '../config/access.ts'
import { askRelay, type RelayAnswer, Unreachable } from './ask-relay.ts'

export interface RunningRelay {
  readonly url: string
  /** What a route answers. Rejects with an Error for people: why there is no answer, and what to do. */
  get<Answer>(path: string, timeoutMs?: number): Promise<Answer>
  post<Answer>(path: string, timeoutMs?: number): Promise<Answer>
}

/** Throws ConfigError, and an Error when the config does not tell where the relay is. */
export async function findRunningRelay(configPath: string): Promise<RunningRelay> {
  const { listen, token, adminToken } = await loadAddress(configPath)
  if (listen.port === 0)
    throw new Error(`listen_addr in ${configPath} lets the system choose a port, so nobody can tell where the relay is`)
  const url = urlOf(listen)
  const ask = async <Answer>(method: 'GET' | 'POST', path: string, timeoutMs: number): Promise<Answer> => {
    try {
      const presented = adminToken ?? token.token.reveal()
      return read(await askRelay({ listen }, { method, path, token: presented, timeoutMs }), url, configPath) as Answer
    } catch (error) {
      throw error instanceof Unreachable ? new Error(explain(error, url, configPath), { cause: error }) : error
    }
  }
  return {
    url,
    get: (path, timeoutMs = USUAL_MS) => ask('GET', path, timeoutMs),
    post: (path, timeoutMs = USUAL_MS) => ask('POST', path, timeoutMs),
  }
}

const USUAL_MS = 5_000

function read({ status, body }: RelayAnswer, url: string, configPath: string): unknown {
  const message = messageOf(body)
  if (status === 200 && message === null && typeof body === 'object' && body !== null) return body
  if (status === 401 || status === 403) {
    throw new Error(`the relay at ${url} does not take the token of ${configPath}: it runs with another config`)
  }
  throw new Error(message ?? `${url} answers ${status}, but not as this relay does; another program may have the port`)
}

function messageOf(body: unknown): string | null {
  const error = (body as { error?: { message?: unknown } } | null)?.error
  return typeof error?.message === 'string' ? error.message.replace(/^sub2api-simple: /, '') : null
}

function explain({ code }: Unreachable, url: string, configPath: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return `no relay runs at ${url}. Start it with: sub2api-simple -config ${configPath}`
    case 'TIMEOUT':
      return `the relay at ${url} does not answer in time`
    case 'ENOTFOUND':
    case 'EADDRNOTAVAIL':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `${url} cannot be reached from here (${code}); listen_addr in ${configPath} must be an address of this machine`
    case undefined:
    default:
      return `${url} does not answer as this relay does (${code}); another program may have the port`
  }
}
