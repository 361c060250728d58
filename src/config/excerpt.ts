/**
 * The line of a config that a problem is about, with carets below the place. It ends up in logs and bug reports, so
 * every value is masked unless the shape of the config has called it harmless: a misspelt key may hold a secret too.
 */
import { locate, type Span } from './problem.ts'

/** Columns of text around the place; a config may be one line of 100 kB. */
const MARGIN = 56

/**
 * Two lines: the text and its carets. `span` is the place; `harmless` are the values that may be shown. Tabs and control
 * characters become spaces, so that the carets stand right and no terminal is told anything.
 */
export function renderExcerpt(text: string, span: Span, harmless: readonly Span[]): string {
  const lineStart = text.lastIndexOf('\n', span.start - 1) + 1
  const feed = text.indexOf('\n', span.start)
  const lineEnd = feed < 0 ? text.length : feed
  const from = Math.max(lineStart, span.start - MARGIN)
  const to = Math.min(lineEnd, Math.max(span.start + MARGIN, Math.min(span.end, span.start + 2 * MARGIN)))
  const inLine = harmless.filter((each) => each.start < to && each.end > from)
  const masked = maskValues(text.slice(lineStart, lineEnd), lineStart, inLine)
  const shown = masked.slice(from - lineStart, to - lineStart).replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ')
  const before = from > lineStart ? '…' : ''
  const after = to < lineEnd ? '…' : ''
  const gutter = String(locate(text, span.start).line)
  const carets = '^'.repeat(Math.max(1, Math.min(span.end, to) - span.start))
  return [
    `  ${gutter} | ${before}${shown}${after}`.trimEnd(),
    `  ${' '.repeat(gutter.length)} | ${' '.repeat(before.length + span.start - from)}${carets}`,
  ].join('\n')
}

/** Quoted text, complete or not, and runs of anything that is neither space nor punctuation of JSON or YAML. */
const WORD = /"(?:[^"\\]|\\.)*"?|'[^']*'?|(?:[^\s"',:{}[\]]|:(?=\S))+/g
const LITERAL = /^(?:true|false|null|-?[0-9.]{1,12})$/

function maskValues(line: string, lineStart: number, harmless: readonly Span[]): string {
  return line.replaceAll(WORD, (word, at: number) => {
    const isKey = (/^["']/.test(word) ? /^\s*:/ : /^\s*:(?:\s|$)/).test(line.slice(at + word.length))
    if (isKey || LITERAL.test(word) || isHarmless(lineStart + at, word.length, harmless)) return word
    const quote = /^["']/.test(word) ? word[0] : ''
    if (quote === '' && word.length < 6) return word
    return word.replaceAll(/[^"']/g, '*')
  })
}

function isHarmless(start: number, length: number, harmless: readonly Span[]): boolean {
  return harmless.some((span) => span.start <= start && start + length <= span.end)
}
