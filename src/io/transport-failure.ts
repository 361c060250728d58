/**
 * What went wrong with a call below HTTP, in words that do not depend on the client that made it.
 */
import type { TransportFailure, TransportFailureKind } from '../core/upstream-call.ts'

const CONNECT_CODES = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** Names a failure by its code alone: class names do not survive minifying. */
export function decodeFailure(error: Error & { code?: unknown }, viaProxy: boolean): TransportFailure {
  const nested = error instanceof AggregateError ? (error.errors[0] as { code?: unknown } | undefined) : undefined
  const code = (error.code ?? nested?.code ?? 'UNKNOWN') as string
  return { kind: failureKind(code, error.message, viaProxy), code, message: error.message || code }
}

function failureKind(code: string, message: string, viaProxy: boolean): TransportFailureKind {
  // Our own calls have no limit for their headers, so the one that ran out was that of the tunnel.
  if (viaProxy && (/proxy|socks/i.test(message + code) || code === 'UND_ERR_HEADERS_TIMEOUT')) return 'proxy'
  if (CONNECT_CODES.has(code)) return viaProxy ? 'proxy' : 'connect'
  if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|EPROTO)/.test(code)) return 'tls'
  if (code.startsWith('HPE_') || code.startsWith('UND_ERR_RE') || code.startsWith('UND_ERR_HEADERS')) return 'malformed'
  return 'reset'
}
