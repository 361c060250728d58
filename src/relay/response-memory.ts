/**
 * Remembers for a while what clients may refer to as `previous_response_id`: in memory only, bounded, and for nobody but
 * the client whose response it was. A response of a vendor that keeps it itself is remembered by its account alone.
 */
import type { Account } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'

export interface RememberedResponse {
  /** Who made it: sealed reasoning can be read there alone, and a kept response is found there alone. */
  readonly account: Account
  /** What was said; null when the account keeps it. */
  readonly transcript: Transcript | null
}

export interface Transcript {
  /** A JSON list of input items: everything up to the response, and the response. */
  readonly history: Buffer
  /** The response object as the client got it. */
  readonly response: Buffer
}

export interface ResponseMemory {
  /** Null for an id that is unknown, too old, or another client's. `client` is the name of its token. */
  find(client: string, id: string): RememberedResponse | null
  remember(client: string, id: string, response: RememberedResponse): void
  /** False when there was none. */
  forget(client: string, id: string): boolean
  /** Everything of one client. */
  forgetAll(client: string): void
  readonly size: number
  readonly bytes: number
}

export interface ResponseMemoryLimits {
  readonly most: number
  readonly mostBytes: number
  readonly ttlMs: number
}

const LIMITS: ResponseMemoryLimits = { most: 2_000, mostBytes: 64 * 1024 * 1024, ttlMs: 3_600_000 }

/** An entry of the map itself: two keys and a few numbers. */
const ENTRY_BYTES = 256

interface Entry {
  readonly response: RememberedResponse
  readonly bytes: number
  readonly usedAt: number
}

/** The response used longest ago goes first. One that is larger than the whole memory is not remembered. */
export function createResponseMemory(clock: Clock, limits: ResponseMemoryLimits = LIMITS): ResponseMemory {
  /** In order of use, the oldest first. */
  const entries = new Map<string, Entry>()
  let bytes = 0

  function drop(key: string): boolean {
    const entry = entries.get(key)
    if (entry === undefined) return false
    bytes -= entry.bytes
    return entries.delete(key)
  }

  function store(key: string, response: RememberedResponse, size: number): void {
    drop(key)
    entries.set(key, { response, bytes: size, usedAt: clock.monotonic() })
    bytes += size
    for (const [oldest] of entries) {
      if (entries.size <= limits.most && bytes <= limits.mostBytes) break
      drop(oldest)
    }
  }

  return {
    get size() {
      return entries.size
    },
    get bytes() {
      return bytes
    },
    find(client, id) {
      const key = keyOf(client, id)
      const entry = entries.get(key)
      if (entry === undefined) return null
      if (clock.monotonic() - entry.usedAt < limits.ttlMs) {
        store(key, entry.response, entry.bytes)
        return entry.response
      }
      drop(key)
      return null
    },
    remember(client, id, { account, transcript }) {
      const size = ENTRY_BYTES + (transcript?.history.length ?? 0) + (transcript?.response.length ?? 0)
      if (size > limits.mostBytes || id.length > LONGEST_ID) return
      store(keyOf(client, id), { account, transcript: transcript && copyOf(transcript) }, size)
    },
    forget: (client, id) => drop(keyOf(client, id)),
    forgetAll(client) {
      for (const key of entries.keys()) if (key.startsWith(keyOf(client, ''))) drop(key)
    },
  }
}

/** In memory of its own size: a view keeps alive whatever it was cut from, a small Buffer the 8 KB that Node cuts it from. */
function copyOf({ history, response }: Transcript): Transcript {
  const bytes = Buffer.allocUnsafeSlow(history.length + response.length)
  history.copy(bytes)
  response.copy(bytes, history.length)
  return { history: bytes.subarray(0, history.length), response: bytes.subarray(history.length) }
}

/** Vendors' ids have about 60 characters. */
const LONGEST_ID = 256

/** Token names hold no zero byte. */
function keyOf(client: string, id: string): string {
  return `${client}\0${id}`
}
