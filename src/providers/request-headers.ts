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
  const isOwn = (name: string): boolean => own.some(([ownName]) => ownName === name)
  // The body has proved to be JSON, whatever the client calls it: `curl -d` says a form, a bare `fetch` plain text.
  const headers = fromClient.filter(([name]) => name !== 'content-type' && !isOwn(name))
  if (!isOwn('content-type')) headers.push(['content-type', 'application/json'])
  if (!headers.some(([name]) => name === 'user-agent')) headers.push(['user-agent', userAgent])
  headers.push(...own)
  return headers
}
