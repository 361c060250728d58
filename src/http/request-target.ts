/**
 * The two halves of what a client asks for: the path as it wrote it, and the query behind it.
 */
import type { IncomingMessage } from 'node:http'

/** What stands before the query, as the client wrote it. */
export function pathOf({ url = '' }: IncomingMessage): string {
  const at = url.indexOf('?')
  return at < 0 ? url : url.slice(0, at)
}

/** Nobody writes into a query, so that all requests without one can share this. */
const NO_QUERY = new URLSearchParams()

export function queryOf({ url = '' }: IncomingMessage): URLSearchParams {
  const at = url.indexOf('?')
  return at < 0 ? NO_QUERY : new URLSearchParams(url.slice(at + 1))
}
