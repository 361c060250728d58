/**
 * "Did you mean": the known word nearest to a misspelt one.
 */

/** The candidate that differs from `word` by the fewest slips, or undefined when none is near. Case, `_` and `-` are ignored. */
export function closestTo(word: string, candidates: readonly string[]): string | undefined {
  const wanted = simplify(word)
  let best: string | undefined
  let fewest = Math.max(1, Math.floor(wanted.length / 3)) + 1
  for (const candidate of candidates) {
    const slips = countSlips(wanted, simplify(candidate))
    if (slips < fewest) {
      best = candidate
      fewest = slips
    }
  }
  return best
}

function simplify(word: string): string {
  return word
    .slice(0, 64)
    .toLowerCase()
    .replaceAll(/[-_\s]/g, '')
}

/** Letters added, lost, changed, or swapped with their neighbour (Damerau-Levenshtein, optimal string alignment). */
function countSlips(from: string, to: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const changed = (previous[column - 1] as number) + (from[row - 1] === to[column - 1] ? 0 : 1)
      const added = (current[column - 1] as number) + 1
      const lost = (previous[column] as number) + 1
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      const swapped = isSwap ? (beforePrevious[column - 2] as number) + 1 : Infinity
      current.push(Math.min(changed, added, lost, swapped))
    }
    beforePrevious = previous
    previous = current
  }
  return previous[to.length] as number
}
