/**
 * A long text in several deltas: in every dialect a part may come in as many as one likes.
 */
import type { Delta } from './hub.ts'

const PIECE_CHARACTERS = 256 * 1024

/** Deltas of at most 256 Ki UTF-16 units (one more, rather than half a character) that together say what `delta` says. */
export function piecesOf(delta: Delta): Delta[] {
  if (!('text' in delta) || delta.text.length <= PIECE_CHARACTERS) return [delta]
  const { text } = delta
  const pieces: Delta[] = []
  for (let start = 0; start < text.length;) {
    let end = Math.min(start + PIECE_CHARACTERS, text.length)
    if (end < text.length && isFirstHalf(text.charCodeAt(end - 1))) end++
    pieces.push({ ...delta, text: text.slice(start, end) })
    start = end
  }
  return pieces
}

function isFirstHalf(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00
}
