/**
 * The only place that opens upstream sockets: one connection pool per origin and proxy, one call in, events out.
 * undici's dispatch handlers are used directly because a stream object per answer costs more than the relaying itself;
 * the old handler form gets raw header buffers and skips a compatibility wrapper.
 */
import type { Dispatcher } from 'undici'
import connectApi from 'undici/lib/api/api-connect.js'
import DispatcherBase from 'undici/lib/dispatcher/dispatcher.js'
import Pool from 'undici/lib/dispatcher/pool.js'
import ProxyAgent from 'undici/lib/dispatcher/proxy-agent.js'
import Socks5ProxyAgent from 'undici/lib/dispatcher/socks5-proxy-agent.js'
import { type Bag, createBag } from '../core/bag.ts'
import type { HeaderList } from '../core/headers.ts'
import type { Clock } from '../core/clock.ts'
import type { TransportFailure, UpstreamCall } from '../core/upstream-call.ts'
import { decodeFailure } from './transport-failure.ts'

export interface UpstreamListener {
  /** The final response head; informational ones (1xx) are swallowed. `rawHeaders` is name, value, name, value … */
  onHead(status: number, rawHeaders: string[]): void
  /** Returns false to stop reading until `resume()`. */
  onData(chunk: Buffer): boolean
  onEnd(): void
  /** The call failed; not called after `abort()`. */
  onFailure(failure: TransportFailure): void
}

export interface UpstreamExchange {
  /** Drops the connection at once, whatever the state; no further events. */
  abort(): void
  /** Reads on after `onData` returned false. */
  resume(): void
}

export interface UpstreamClient {
  send(call: UpstreamCall, listener: UpstreamListener): UpstreamExchange
  /** Calls that have not ended yet. */
  readonly active: number
  /** For connections from now on; calls that are under way go on as they began. */
  update(options: UpstreamOptions): void
  /** Drops every connection. */
  close(): Promise<void>
}

/** A little shorter than the shortest idle limit seen at vendors; a server's own keep-alive hint lowers it further. */
const IDLE_SOCKET_MS = 30_000
/** As many as clients may open: a request that was let in never waits for a socket. */
const MOST_SOCKETS_PER_ORIGIN = 8_192
const MOST_RESPONSE_HEADER_BYTES = 64 * 1024

/** Throws when the bundle runs with a stand-in for undici, whose missing proxies would send traffic out directly. */
export function assertRealUndici(): void {
  if (typeof Socks5ProxyAgent !== 'function' || typeof Pool.prototype.dispatch !== 'function') {
    throw new Error('the HTTP client was replaced by the runtime: run the bundled dist/cli.js, not the sources')
  }
}

export interface UpstreamOptions {
  /** Covers name lookup, TCP and TLS of one connection. */
  readonly connectTimeoutMs: number
}

export function createUpstreamClient(initial: UpstreamOptions, clock: Clock): UpstreamClient {
  let options = initial
  const dispatchers = new Map<string, Dispatcher>()
  const active = createBag<UpstreamExchange>()

  function dispatcherFor(call: UpstreamCall): Dispatcher {
    const proxy = call.proxy?.reveal() ?? ''
    const key = `${call.origin} ${proxy}`
    let dispatcher = dispatchers.get(key)
    if (dispatcher === undefined) {
      dispatcher = createDispatcher(call.origin, proxy, options.connectTimeoutMs)
      dispatchers.set(key, dispatcher)
    }
    return dispatcher
  }

  return {
    get active() {
      return active.size
    },
    send(call, listener) {
      const exchange = new Call(listener, call.proxy !== null, active, clock)
      dispatcherFor(call).dispatch(
        {
          origin: call.origin,
          path: call.path,
          method: call.method,
          headers: call.proxy === null ? flatten(call.headers) : groupHeaders(call.headers),
          body: call.body,
          headersTimeout: 0,
          bodyTimeout: 0,
        },
        exchange,
      )
      return exchange
    },
    update(next) {
      if (next.connectTimeoutMs === options.connectTimeoutMs) return
      options = next
      // They close when their last call has ended.
      for (const dispatcher of dispatchers.values()) dispatcher.close().catch(() => {})
      dispatchers.clear()
    },
    async close() {
      active.forEach((exchange) => exchange.abort())
      await Promise.allSettled([...dispatchers.values()].map((dispatcher) => dispatcher.destroy()))
      dispatchers.clear()
    },
  }
}

function flatten(headers: HeaderList): string[] {
  const flat: string[] = []
  for (const [name, value] of headers) flat.push(name, value)
  return flat
}

/** By name, the values of equal names in a list: undici's proxy agents keep only the last of equal names in a flat list. */
function groupHeaders(headers: HeaderList): Record<string, string | string[]> {
  const grouped: Record<string, string | string[]> = {}
  for (const [name, value] of headers) {
    const before = grouped[name]
    grouped[name] = before === undefined ? value : [before, value].flat()
  }
  return grouped
}

/** Timeouts of the answer are off: the relay keeps its own, on its own clock, and tells upstream silence from its own. */
function createDispatcher(origin: string, proxy: string, connectTimeoutMs: number): Dispatcher {
  const limits = {
    connections: MOST_SOCKETS_PER_ORIGIN,
    pipelining: 1,
    keepAliveTimeout: IDLE_SOCKET_MS,
    keepAliveMaxTimeout: IDLE_SOCKET_MS,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: MOST_RESPONSE_HEADER_BYTES,
    allowH2: false,
  }
  const connect = { timeout: connectTimeoutMs }
  if (proxy === '') return new Pool(origin, { ...limits, connect })
  const url = new URL(proxy)
  if (url.protocol.startsWith('socks')) return new Socks5ProxyAgent(url, limits)
  // The whole of undici hangs its methods onto dispatchers when it is loaded; tunnels need this one.
  DispatcherBase.prototype.connect = connectApi
  const user = decodeURIComponent(url.username)
  const token = `Basic ${Buffer.from(`${user}:${decodeURIComponent(url.password)}`).toString('base64')}`
  url.username = ''
  url.password = ''
  return new ProxyAgent({
    ...limits,
    uri: url.href,
    requestTls: connect,
    proxyTls: connect,
    // A proxy that takes the connection must also answer: the tunnel is part of connecting.
    clientFactory: (proxyOrigin, proxyLimits) =>
      new Pool(proxyOrigin, { ...proxyLimits, headersTimeout: connectTimeoutMs }),
    ...(user === '' ? {} : { token }),
  })
}

/**
 * One read may bring thousands of chunks: Node reads 64 KB at once, Bun half a megabyte. After this time the others have
 * their turn.
 */
const LONGEST_SPELL_MS = 5
/** From one look at the clock to the next, in chunks and 16 KiB together: a look costs a tenth of what a short event does. */
const LOOK_EVERY = 16
/** As many chunks in a longer time are no flood. */
const STEADY_MS = 100

/** undici's handler and our exchange in one object: one allocation per call instead of three. */
class Call implements UpstreamExchange {
  readonly #listener: UpstreamListener
  readonly #viaProxy: boolean
  readonly #forget: () => void
  readonly #clock: Clock
  #unlooked = 0
  #lookedAt = -Infinity
  #spellMs = 0
  #abortCall: ((reason?: Error) => void) | null = null
  #resumeReading: (() => void) | null = null
  #isOver = false

  constructor(listener: UpstreamListener, viaProxy: boolean, active: Bag<UpstreamExchange>, clock: Clock) {
    this.#listener = listener
    this.#clock = clock
    this.#viaProxy = viaProxy
    this.#forget = active.add(this)
  }

  abort(): void {
    if (this.#finish()) this.#abortCall?.()
  }

  resume(): void {
    this.#resumeReading?.()
  }

  onConnect(abort: (reason?: Error) => void): void {
    // The client may have left while the connection was being made: nothing is sent for nobody.
    if (this.#isOver) abort()
    else this.#abortCall = abort
  }

  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void): boolean {
    if (this.#isOver || status < 200) return true
    this.#resumeReading = resume
    this.#listener.onHead(
      status,
      rawHeaders.map((part) => part.toString('latin1')),
    )
    return true
  }

  onData(chunk: Buffer): boolean {
    if (this.#isOver) return true
    const goesOn = this.#listener.onData(chunk)
    this.#unlooked += 1 + (chunk.length >> 14)
    return goesOn && (this.#unlooked < LOOK_EVERY || this.#mayGoOn())
  }

  /** False when this call has had its turn; it goes on in the next one. */
  #mayGoOn(): boolean {
    this.#unlooked = 0
    const now = this.#clock.monotonic()
    const elapsedMs = now - this.#lookedAt
    this.#lookedAt = now
    this.#spellMs = elapsedMs < STEADY_MS ? this.#spellMs + elapsedMs : 0
    if (this.#spellMs < LONGEST_SPELL_MS) return true
    this.#spellMs = 0
    setImmediate(() => this.resume())
    return false
  }

  onComplete(): void {
    if (this.#finish()) this.#listener.onEnd()
  }

  onError(error: Error): void {
    if (this.#finish()) this.#listener.onFailure(decodeFailure(error, this.#viaProxy))
  }

  #finish(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#forget()
    return true
  }
}
