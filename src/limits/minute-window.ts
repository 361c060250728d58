/**
 * How many there were in the last minute, of two things at once: requests, and tokens. Counted by the second, so that the
 * cost does not grow with the number.
 */

export interface MinuteWindow {
  add(atMs: number, requests: number, tokens: number): void
  requests(atMs: number): number
  tokens(atMs: number): number
  /** How long until no more than `most` of them are left, in ms; 0 when that is so now. */
  msUntil(kind: 'requests' | 'tokens', most: number, atMs: number): number
}

/** The one that has begun is one of them, so that nobody is told to wait for more than a minute. */
const SECONDS = 60

/** Times are monotonic ms. */
export function createMinuteWindow(): MinuteWindow {
  const counts = { requests: new Float64Array(SECONDS), tokens: new Float64Array(SECONDS) }
  const sums = { requests: 0, tokens: 0 }
  let newest = 0

  function moveTo(atMs: number): number {
    const second = Math.floor(atMs / 1000)
    const passed = Math.min(SECONDS, Math.max(0, second - newest))
    for (let step = 1; step <= passed; step++) {
      const slot = (second - passed + step) % SECONDS
      sums.requests -= counts.requests[slot] as number
      sums.tokens -= counts.tokens[slot] as number
      counts.requests[slot] = 0
      counts.tokens[slot] = 0
    }
    newest = Math.max(newest, second)
    return newest % SECONDS
  }

  return {
    add(atMs, requests, tokens) {
      const slot = moveTo(atMs)
      counts.requests[slot] = (counts.requests[slot] as number) + requests
      counts.tokens[slot] = (counts.tokens[slot] as number) + tokens
      sums.requests += requests
      sums.tokens += tokens
    },
    requests(atMs) {
      moveTo(atMs)
      return sums.requests
    },
    tokens(atMs) {
      moveTo(atMs)
      return sums.tokens
    },
    msUntil(kind, most, atMs) {
      moveTo(atMs)
      let left = sums[kind]
      for (let age = SECONDS - 1; age >= 0 && left > most; age--) {
        left -= counts[kind][(newest - age + SECONDS) % SECONDS] as number
        if (left <= most) return (newest - age + SECONDS) * 1000 - atMs
      }
      return left > most ? SECONDS * 1000 : 0
    },
  }
}
