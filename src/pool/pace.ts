/**
 * How long accounts take to their first content, to notice a home that has become far slower than its peers.
 */
import type { Account } from '../core/account.ts'

export interface Pace {
  /** Enters one measurement in milliseconds. */
  record(account: Account, firstContentMs: number): void
  /** True when `firstContentMs` is far beyond the median of the other accounts in the same priority tier. */
  isFarSlower(account: Account, firstContentMs: number): boolean
}

const SAMPLES_KEPT = 20
/** Fewer samples say nothing. */
const SAMPLES_NEEDED = 5
const FAR = 3
/** Below this nobody feels a difference worth a cold cache. */
const NOTICEABLE_MS = 2_000

export function createPace(): Pace {
  const samples = new Map<Account, number[]>()
  return {
    record(account, firstContentMs) {
      const kept = samples.get(account) ?? []
      kept.push(firstContentMs)
      if (kept.length > SAMPLES_KEPT) kept.shift()
      samples.set(account, kept)
    },
    isFarSlower(account, firstContentMs) {
      if (firstContentMs < NOTICEABLE_MS) return false
      const peers: number[] = []
      for (const [peer, kept] of samples) {
        if (peer !== account && peer.priority === account.priority) peers.push(...kept)
      }
      if (peers.length < SAMPLES_NEEDED) return false
      peers.sort((a, b) => a - b)
      return firstContentMs > FAR * (peers[Math.floor(peers.length / 2)] as number)
    },
  }
}
