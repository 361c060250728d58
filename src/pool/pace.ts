/**
 * How long accounts take to their first content, to notice a home that has become far slower than its peers.
 */
import type { AccountState } from './select.ts'

export interface Pace {
  /** Enters one measurement in milliseconds. */
  record(state: AccountState, firstContentMs: number): void
  /** True when `firstContentMs` is far beyond the median of the other accounts in the same priority tier. */
  isFarSlower(state: AccountState, firstContentMs: number): boolean
  /** An account is gone, or is not what it was. */
  forget(state: AccountState): void
}

const SAMPLES_KEPT = 20
/** Fewer samples say nothing. */
const SAMPLES_NEEDED = 5
const FAR = 3
/** Below this nobody feels a difference worth a cold cache. */
const NOTICEABLE_MS = 2_000

export function createPace(): Pace {
  const samples = new Map<AccountState, number[]>()
  return {
    record(state, firstContentMs) {
      const kept = samples.get(state) ?? []
      kept.push(firstContentMs)
      if (kept.length > SAMPLES_KEPT) kept.shift()
      samples.set(state, kept)
    },
    isFarSlower(state, firstContentMs) {
      if (firstContentMs < NOTICEABLE_MS) return false
      const peers: number[] = []
      for (const [peer, kept] of samples) {
        if (peer !== state && peer.account.priority === state.account.priority) peers.push(...kept)
      }
      if (peers.length < SAMPLES_NEEDED) return false
      peers.sort((a, b) => a - b)
      return firstContentMs > FAR * (peers[Math.floor(peers.length / 2)] as number)
    },
    forget: (state) => void samples.delete(state),
  }
}
