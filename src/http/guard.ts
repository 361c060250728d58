/**
 * Who is asking, and whether the request may come in at all. Decides on the parsed request, before anything is routed.
 */
import type { IncomingMessage } from 'node:http'
import type { ClientToken } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { createTokenMatcher, type Secret } from '../core/secret.ts'
import { queryOf } from './request-target.ts'

export interface Guard {
  /**
   * The client behind a request, or null when no presented credential is valid. Every one of them is compared. Throws a
   * GatewayError for a peer that may not try now, and for a token that has expired.
   */
  identify(incoming: IncomingMessage): ClientToken | null
  /**
   * Who may see and steer the relay, as the log names them: whoever has the admin token, and clients on this machine; null
   * for everybody else. Throws as `identify` does.
   */
  identifyAdmin(incoming: IncomingMessage): string | null
  /** Throws the refusal of a request whose form alone is suspicious. */
  screen(incoming: IncomingMessage): void
}

/** More flags than this is no list that a client made. */
const MOST_BETA_FLAGS = 64
/** A token is compared by its digest; what is longer than this is not a token. */
const LONGEST_TOKEN = 4_096

export function createGuard(tokens: readonly ClientToken[], clock: Clock, adminToken: Secret | null = null): Guard {
  const matcher = createTokenMatcher(tokens.map(({ token }) => token.reveal()))
  const admins = createTokenMatcher(adminToken === null ? [] : [adminToken.reveal()])
  const guard: Guard = {
    identify(incoming) {
      let client: ClientToken | null = null
      for (const candidate of presentedTokens(incoming)) {
        const found = tokens[matcher.find(candidate)]
        if (found !== undefined && (!found.loopbackOnly || isLoopbackPeer(incoming))) client ??= found
      }
      const { expiresAt = null } = client?.limits ?? {}
      if (expiresAt !== null && clock.now() >= expiresAt) throw expired(expiresAt)
      return client
    },
    identifyAdmin(incoming) {
      const client = guard.identify(incoming)
      // Every one is compared, so that the time tells nothing.
      const found = presentedTokens(incoming).map((candidate) => admins.find(candidate))
      if (found.some((position) => position >= 0)) return 'admin_token'
      return client !== null && isLocalUser(incoming) && !isForwarded(incoming) ? client.name : null
    },
    screen,
  }
  return guard
}

/** The refusal of a request without a valid token; the text is the same for a wrong one, so that nothing is learnt. */
export function unauthorized(): GatewayError {
  return new GatewayError({
    kind: 'unauthorized',
    source: 'gateway',
    message:
      'the relay does not know this token; send one of its auth_tokens as "Authorization: Bearer …", "x-api-key" or "x-goog-api-key"',
    // Without this Claude Code repeats the request in silence for minutes.
    retryable: false,
  })
}

/** Whoever presents it knows it, so nothing is given away by saying why it works no more. */
function expired(at: number): GatewayError {
  return new GatewayError({
    kind: 'unauthorized',
    source: 'gateway',
    message: `this token expired at ${new Date(at).toISOString()}; ask the owner of the relay for another one`,
    limitedBy: 'token',
    retryable: false,
  })
}

/** Peers on this machine. IPv4 addresses also come in their IPv6-mapped form. */
export function isLoopbackPeer(incoming: IncomingMessage): boolean {
  const address = incoming.socket.remoteAddress ?? ''
  return address === '::1' || /^(::ffff:)?127\./.test(address)
}

/**
 * True when a request without a token comes from this machine and is not a web page's doing: loopback peer, a Host that
 * names this machine (a rebound DNS name does not), and not cross-site.
 */
export function isLocalUser(incoming: IncomingMessage): boolean {
  const host = (incoming.headers.host ?? '').replace(/:[0-9]+$/, '').toLowerCase()
  const isLocalHost = host === 'localhost' || host === '[::1]' || /^127(\.[0-9]{1,3}){3}$/.test(host)
  const site = incoming.headers['sec-fetch-site']
  return isLoopbackPeer(incoming) && isLocalHost && (site === undefined || site === 'none' || site === 'same-origin')
}

/** A proxy on this machine speaks for others, who are not on it. */
function isForwarded({ headers }: IncomingMessage): boolean {
  return ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some((name) => headers[name] !== undefined)
}

/** A web page of another origin: it has no business with what steers the relay, whatever it knows. */
export function isForeignPage({ headers }: IncomingMessage): boolean {
  const { origin, host } = headers
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'none' && site !== 'same-origin') return true
  return origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`
}

/** True when a request comes with anything that could be meant as a token. */
export function presentsToken(incoming: IncomingMessage): boolean {
  return presentedTokens(incoming).length > 0
}

function presentedTokens(incoming: IncomingMessage): string[] {
  const { headers } = incoming
  const found: string[] = []
  const bearer = /^bearer\s+(.*)$/i.exec(headers.authorization ?? '')?.[1]
  for (const value of [bearer, headers['x-api-key'], headers['x-goog-api-key'], ...queryKeys(incoming)]) {
    const text = (Array.isArray(value) ? value[0] : value)?.trim() ?? ''
    if (text !== '' && text.length <= LONGEST_TOKEN) found.push(text)
  }
  return found
}

/** `?key=` is how Google's clients present a key, on their own paths alone; two of them are a trick. */
function queryKeys(incoming: IncomingMessage): string[] {
  if (!/^\/(v1beta|v1\/models)\//.test(incoming.url ?? '')) return []
  const keys = queryOf(incoming).getAll('key')
  return keys.length === 1 ? keys : []
}

function screen(incoming: IncomingMessage): void {
  const { rawHeaders, url = '' } = incoming
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]?.toLowerCase() === 'host') hosts++
  if (hosts > 1)
    throw new GatewayError({ kind: 'invalid_request', message: 'the request has more than one Host header' })
  if (!url.startsWith('/')) refuseForeignTarget(incoming, url)
  const flags = String(incoming.headers['anthropic-beta'] ?? '').split(',').length
  if (flags > MOST_BETA_FLAGS) {
    throw new GatewayError({
      kind: 'invalid_request',
      message: `anthropic-beta names more than ${MOST_BETA_FLAGS} flags`,
    })
  }
}

/** The absolute form is for proxies (RFC 9112 section 3.2.2); it is taken only when it means this very server. */
function refuseForeignTarget(incoming: IncomingMessage, url: string): void {
  const authority = /^https?:\/\/([^/?#]*)/i.exec(url)?.[1]
  if (authority !== undefined && authority.toLowerCase() === incoming.headers.host?.toLowerCase()) return
  throw new GatewayError({
    kind: 'misdirected',
    message: 'the request is addressed to another server; the relay is no forward proxy',
  })
}
