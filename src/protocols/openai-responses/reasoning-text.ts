/**
 * The words of a reasoning item: several parts, each told by deltas, by its end, or only by the item's, become one text.
 */

export interface ReasoningText {
  /** What a piece of part `index` adds to the text. */
  add(source: ReasoningSource, index: number, piece: string): string
  /** What is missing of part `index`, now that it is known as a whole. */
  complete(source: ReasoningSource, index: number, whole: string): string
}

/** OpenAI tells summaries, open models what they really thought; some servers tell both. */
type ReasoningSource = 'summary' | 'content'

/** Of two sources the first that tells anything counts. */
export function createReasoningText(): ReasoningText {
  /** Characters of each part that have been told. */
  const lengths = new Map<number, number>()
  let source: ReasoningSource | null = null

  function add(from: ReasoningSource, index: number, piece: string): string {
    if (piece === '') return ''
    source ??= from
    if (source !== from) return ''
    const known = lengths.get(index)
    const isNextParagraph = known === undefined && lengths.size > 0
    lengths.set(index, (known ?? 0) + piece.length)
    return isNextParagraph ? `\n\n${piece}` : piece
  }

  return {
    add,
    complete: (from, index, whole) => add(from, index, whole.slice(source === from ? (lengths.get(index) ?? 0) : 0)),
  }
}
