/**
 * The headers of an upstream call: the client's own where it is a real client of this vendor, the account's credential,
 * and nobody's identity but our own.
 */
import type { Account } from '../core/account.ts'
import type { HeaderList } from '../core/headers.ts'
import { userAgent } from '../core/version.ts'

/**
 * The client's headers with the relay's on top. `credential` replaces whatever the client sent under that name; the
 * account's configured headers win over both. Answers are asked for unencoded, because bytes are to pass as they are.
 */
export function composeHeaders(account: Account, fromClient: HeaderList, credential: HeaderList): HeaderList {
  const own: HeaderList = [...Object.entries(account.headers), ...credential, ['accept-encoding', 'identity']]
  const headers: HeaderList = []
  for (const header of fromClient) {
    // The body has proved to be JSON, whatever the client calls it: `curl -d` says a form, a bare `fetch` plain text.
    if (header[0] !== 'content-type' && !has(own, header[0])) headers.push(header)
  }
  if (!has(own, 'content-type')) headers.push(['content-type', 'application/json'])
  if (!has(headers, 'user-agent') && !has(own, 'user-agent')) headers.push(['user-agent', userAgent])
  headers.push(...own)
  return headers
}

function has(headers: HeaderList, name: string): boolean {
  for (const header of headers) if (header[0] === name) return true
  return false
}
