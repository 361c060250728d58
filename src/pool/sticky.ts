/**
 * Which account a conversation is at home with. The vendor's prompt cache and signed reasoning live there, so moving
 * costs money and can fail.
 */
import type { Clock } from '../core/clock.ts'
import type { AccountState } from './select.ts'

export interface Binding {
  home: AccountState
  /** Monotonic ms of the last success at home; null until the first: an unproven binding moves freely. */
  warmAt: number | null
  /** How long the vendor keeps the cache warm. */
  cacheTtlMs: number
  lastUsedAt: number
  /** How often in a row the home was far slower than its tier. */
  slowInARow: number
}

export interface StickySessions {
  /** 0 turns stickiness off. May be changed; bindings are judged by the new one. */
  ttlMs: number
  /** The binding of the first key that has one. Keys are ordered from most to least specific. */
  find(keys: readonly string[]): Binding | null
  /** Binds the first key; replaces what was there. */
  bind(keys: readonly string[], home: AccountState): Binding
  /** Renews a binding after a success and makes it known under the first key; `atHome` keeps its cache warm. */
  confirm(keys: readonly string[], binding: Binding, facts: { atHome: boolean; wroteHourCache: boolean }): void
  /** Drops every binding, or those of one account. Returns how many there were. */
  clear(home?: AccountState): number
  /** Every binding that holds, with its newest key, the one used last first. */
  list(): Array<{ readonly key: string; readonly binding: Readonly<Binding> }>
  /** How many keys lead to a binding that holds. */
  readonly size: number
}

const MOST_BINDINGS = 10_000
/** The oldest go together: to find one in a map is to step over the places of all that went before it. */
const DROPPED_AT_ONCE = 100
const SWEEP_MS = 1_000
const WARM_CACHE_MS = 5 * 60_000
const HOUR_CACHE_MS = 60 * 60_000

export function createStickySessions(options: { ttlMs: number; clock: Clock }): StickySessions {
  const { clock } = options
  /** The one used last stands last. */
  const bindings = new Map<string, Binding>()
  let last = ''
  let sweptAt = clock.monotonic()

  function store(key: string, binding: Binding, now: number): void {
    // A conversation mostly follows itself, and then stands where it belongs.
    if (key !== last) bindings.delete(key)
    last = key
    bindings.set(key, binding)
    if (bindings.size > MOST_BINDINGS) sweep(now, MOST_BINDINGS - DROPPED_AT_ONCE)
    else if (now - sweptAt >= SWEEP_MS) sweep(now, MOST_BINDINGS)
  }

  /** Drops what nobody has used for too long, and the oldest beyond `most`. */
  function sweep(now: number, most: number): void {
    sweptAt = now
    for (const [key, { lastUsedAt }] of bindings) {
      if (bindings.size <= most && now - lastUsedAt < sessions.ttlMs) break
      bindings.delete(key)
    }
  }

  const sessions: StickySessions = {
    ttlMs: options.ttlMs,
    get size() {
      sweep(clock.monotonic(), MOST_BINDINGS)
      return bindings.size
    },
    find(keys) {
      if (sessions.ttlMs === 0) return null
      const now = clock.monotonic()
      for (const key of keys) {
        const binding = bindings.get(key)
        if (binding === undefined) continue
        if (now - binding.lastUsedAt < sessions.ttlMs) return binding
        bindings.delete(key)
      }
      return null
    },
    bind(keys, home) {
      const now = clock.monotonic()
      const binding = { home, warmAt: null, cacheTtlMs: WARM_CACHE_MS, lastUsedAt: now, slowInARow: 0 }
      const [key] = keys
      if (sessions.ttlMs > 0 && key !== undefined) store(key, binding, now)
      return binding
    },
    confirm(keys, binding, { atHome, wroteHourCache }) {
      const [key] = keys
      if (sessions.ttlMs === 0 || key === undefined) return
      binding.lastUsedAt = clock.monotonic()
      if (atHome) {
        binding.warmAt = binding.lastUsedAt
        if (wroteHourCache) binding.cacheTtlMs = HOUR_CACHE_MS
      }
      store(key, binding, binding.lastUsedAt)
    },
    clear(home) {
      const before = sessions.size
      for (const [key, binding] of bindings) {
        if (home === undefined || binding.home === home) bindings.delete(key)
      }
      return before - bindings.size
    },
    list() {
      sweep(clock.monotonic(), MOST_BINDINGS)
      const newest = new Map<Binding, string>()
      for (const [key, binding] of bindings) newest.set(binding, key)
      const listed = [...newest].map(([binding, key]) => ({ key, binding }))
      return listed.toSorted((a, b) => b.binding.lastUsedAt - a.binding.lastUsedAt)
    },
  }
  return sessions
}
