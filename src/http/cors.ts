/**
 * Lets web pages of the configured origins call the relay (WHATWG Fetch, section 3.2 "HTTP CORS protocol"). What steers
 * the relay stays closed to them.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'

/** True when the request was a preflight, and has been answered. */
export type Cors = (incoming: IncomingMessage, outgoing: ServerResponse, path: string) => boolean

const EXPOSED = [
  'x-request-id',
  'retry-after',
  'x-should-retry',
  'x-relay-account',
  'x-relay-model',
  'x-relay-attempts',
  'x-relay-repaired',
  'x-relay-limited-by',
].join(', ')

/** `origins` as browsers write them; null when there are none. */
export function createCors(origins: readonly string[]): Cors | null {
  if (origins.length === 0) return null
  const allowed = new Set(origins)
  return (incoming, outgoing, path) => {
    if (path.startsWith('/admin/') || path.startsWith('/auth/')) return false
    outgoing.setHeader('vary', 'origin')
    const { origin } = incoming.headers
    if (origin === undefined || !allowed.has(origin)) return false
    outgoing.setHeader('access-control-allow-origin', origin)
    outgoing.setHeader('access-control-expose-headers', EXPOSED)
    if (incoming.method !== 'OPTIONS' || incoming.headers['access-control-request-method'] === undefined) return false
    answerPreflight(incoming, outgoing)
    return true
  }
}

/** SDKs send many headers of their own; the origin is trusted, so it may send them all. */
function answerPreflight({ headers }: IncomingMessage, outgoing: ServerResponse): void {
  const asked = headers['access-control-request-headers'] ?? ''
  outgoing.setHeader('access-control-allow-methods', 'GET, POST, DELETE')
  if (/^[\w\-, ]{1,2000}$/.test(asked)) outgoing.setHeader('access-control-allow-headers', asked)
  // A page on the internet that calls this machine asks for that as well (WICG Private Network Access).
  if (headers['access-control-request-private-network'] === 'true') {
    outgoing.setHeader('access-control-allow-private-network', 'true')
  }
  outgoing.setHeader('access-control-max-age', '600')
  outgoing.writeHead(204).end()
}
