/**
 * One call to an upstream as plain data, and the ways the transport can fail it. Providers make calls, `io/upstream.ts`
 * sends them.
 */
import type { HeaderList } from './headers.ts'
import type { Secret } from './secret.ts'

export interface UpstreamCall {
  readonly method: 'POST' | 'GET'
  /** Scheme, host and port; comes from the config alone. */
  readonly origin: string
  /** Path and query, made of constants and validated parts. */
  readonly path: string
  readonly headers: HeaderList
  readonly body: Buffer | null
  /** Proxy URL; null is a direct connection. A call with a proxy never goes out directly. */
  readonly proxy: Secret | null
}

/**
 * - `connect`: no connection came about; nothing was sent
 * - `proxy`: the proxy refused or could not be reached; nothing was sent
 * - `tls`: the server's certificate or handshake is not acceptable; nothing was sent
 * - `reset`: the connection broke
 * - `malformed`: the answer is not HTTP, or is framed wrongly
 */
export type TransportFailureKind = 'connect' | 'proxy' | 'tls' | 'reset' | 'malformed'

export interface TransportFailure {
  readonly kind: TransportFailureKind
  /** The stable code of Node or undici, e.g. `ECONNREFUSED`. */
  readonly code: string
  readonly message: string
}
