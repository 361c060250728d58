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
  const replaced = new Set(own.map(([name]) => name))
  const headers = fromClient.filter(([name]) => !replaced.has(name))
  if (!headers.some(([name]) => name === 'content-type')) headers.push(['content-type', 'application/json'])
  if (!headers.some(([name]) => name === 'user-agent')) headers.push(['user-agent', userAgent])
  return [...headers, ...own]
}

/** The secret of an api key or bearer credential, as a header value. */
export function credentialText(account: Account): string {
  const { credential } = account
  switch (credential.type) {
    case 'api_key':
      return credential.key.reveal()
    case 'bearer':
      return credential.token.reveal()
    case 'oauth':
      return credential.accessToken?.reveal() ?? ''
  }
}
