/**
 * Text as a terminal shows it: how wide it is, cut and padded to a width.
 */

/** Source: Unicode Standard Annex 11, its blocks of wide and fullwidth characters, and pictures as terminals draw them. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const ASCII = /^[\u0020-\u007e]*$/

/** Columns that `text` takes. Sequences that colour it must not be in it. */
export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length
  let width = 0
  for (const cluster of clustersOf(text)) width += WIDE.test(cluster) ? 2 : 1
  return width
}

/** At most `width` columns of it; what is cut off is told by an ellipsis. */
export function fit(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let kept = ''
  let used = 1
  for (const cluster of clustersOf(text)) {
    used += WIDE.test(cluster) ? 2 : 1
    if (used > width) break
    kept += cluster
  }
  return width < 1 ? '' : `${kept}…`
}

/** Spaces behind it up to `width` columns. */
export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)))
}

/** Spaces before it up to `width` columns. */
export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - widthOf(text))) + text
}

function clustersOf(text: string): string[] {
  return Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment)
}
