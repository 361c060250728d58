/**
 * Wildcard match of model names. Linear by construction: patterns come from people, names from strangers, and a
 * pattern compiled to a RegExp can block the process for minutes.
 */

/**
 * True when `name` fits `pattern`. `*` stands for any run of characters, everything else for itself; case is ignored.
 * Two pointers: on a mismatch only the last `*` grows, so the cost is at most pattern length x name length.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  const wanted = pattern.toLowerCase()
  const given = name.toLowerCase()
  let p = 0
  let n = 0
  let starAt = -1
  let resumeAt = 0
  while (n < given.length) {
    if (p < wanted.length && wanted[p] === '*') {
      starAt = p++
      resumeAt = n
    } else if (p < wanted.length && wanted[p] === given[n]) {
      p++
      n++
    } else if (starAt >= 0) {
      p = starAt + 1
      n = ++resumeAt
    } else {
      return false
    }
  }
  while (wanted[p] === '*') p++
  return p === wanted.length
}

/**
 * The entry of `table` that fits `name` best: the exact key, else the key without regard to case, else the pattern with
 * the most literal characters, the earlier one on a tie. Undefined when none fits.
 */
export function mostSpecific<T>(table: ReadonlyMap<string, T>, name: string): T | undefined {
  const exact = table.get(name)
  if (exact !== undefined) return exact
  let best: T | undefined
  let bestLength = -1
  for (const [pattern, value] of table) {
    const literals = pattern.length - pattern.split('*').length + 1
    const rank = literals === pattern.length ? Infinity : literals
    if (rank > bestLength && matchesPattern(pattern, name)) {
      best = value
      bestLength = rank
    }
  }
  return best
}
