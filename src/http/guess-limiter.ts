/**
 * Slows down whoever guesses tokens over the network. Peers on this machine are exempt: a proxy in front of the relay is
 * one of them, and speaks for everybody.
 */
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { type Guard, isLoopbackPeer, presentsToken } from './guard.ts'

/** Wrong tokens at once: a fleet of clients with an old token says so at first, and then has to wait. */
const BURST = 20
/** One more wrong token for each of these: 10 a minute, 14,400 a day, are no way through a random token. */
const INTERVAL_MS = 6_000
const MOST_PEERS = 4_096

interface Peer {
  /** Monotonic ms at which all its wrong tokens are forgiven. */
  clearAt: number
  /** Names of the clients that came from there with a right token. */
  readonly proven: Set<string>
}

/** Puts a limit on the guesses that a guard is asked to look at. Remembers peers, whatever guard comes next. */
export type GuessLimiter = (guard: Guard) => Guard

/**
 * The limited guard throws `rate_limited` with the wait for a peer that has presented too many wrong tokens: for right
 * ones as well, or a guess would still be answered. Only clients that have been served at that address before go on being
 * served: behind one address there may be a whole office, and one of its programs may have an old token.
 */
export function createGuessLimiter(clock: Clock): GuessLimiter {
  /** In order of their last token, the oldest first. */
  const peers = new Map<string, Peer>()

  function peerAt(address: string): Peer {
    const key = peerKey(address)
    const peer = peers.get(key) ?? { clearAt: -Infinity, proven: new Set() }
    peers.delete(key)
    peers.set(key, peer)
    if (peers.size > MOST_PEERS) peers.delete(peers.keys().next().value as string)
    return peer
  }

  /** `name`: whom the token proved, null for a wrong one. */
  function judge(incoming: IncomingMessage, name: string | null): void {
    if (isLoopbackPeer(incoming) || (name === null && !presentsToken(incoming))) return
    const peer = peerAt(incoming.socket.remoteAddress ?? '')
    const now = clock.monotonic()
    const waitMs = peer.clearAt - now - (BURST - 1) * INTERVAL_MS
    if (waitMs > 0 && (name === null || !peer.proven.has(name))) throw tooMany(waitMs)
    if (name === null) peer.clearAt = Math.max(now, peer.clearAt) + INTERVAL_MS
    else peer.proven.add(name)
  }

  return (guard) => ({
    ...guard,
    identify(incoming) {
      const client = guard.identify(incoming)
      judge(incoming, client?.name ?? null)
      return client
    },
    identifyAdmin(incoming) {
      const name = guard.identifyAdmin(incoming)
      judge(incoming, name)
      return name
    },
  })
}

function tooMany(retryAfterMs: number): GatewayError {
  return new GatewayError({
    kind: 'rate_limited',
    source: 'gateway',
    message: 'this address has presented too many tokens that the relay does not know; it may try again later',
    retryAfterMs,
    retryable: false,
    limitedBy: 'wrong_tokens',
  })
}

/** One household, one key: of an IPv6 address the /64 network, of which a machine may have all addresses (RFC 8981). */
function peerKey(address: string): string {
  const [, mapped] = /^::ffff:([0-9.]+)$/.exec(address) ?? []
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address
  const [head = '', tail] = (address.split('%')[0] as string).split('::')
  const groups = head.split(':').filter((group) => group !== '')
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(':').filter((group) => group !== '').length
  return [...groups, ...Array.from({ length: missing }, () => '0')].slice(0, 4).join(':')
}
