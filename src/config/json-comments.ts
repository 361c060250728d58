/**
 * Makes JSON with comments plain without moving a character, and measures nesting before any parser recurses into it.
 */
import type { Span } from './problem.ts'

/** A string of JSON, complete or up to the end of its line; the group is its closing quote. */
export const STRING = /"(?:[^"\\\n]|\\.)*("?)/g

/** Strings come first, because `"http://x"` holds no comment. */
const STRING_OR_COMMENT = new RegExp(`${STRING.source}|//[^\\n]*|/\\*[^]*?(?:\\*/|$)`, 'g')

/** The text with every comment turned into spaces; line feeds stay, so offsets and lines do too. */
export function blankComments(text: string): string {
  return text.replaceAll(STRING_OR_COMMENT, (match) => (match[0] === '"' ? match : match.replaceAll(/[^\n]/g, ' ')))
}

const STRING_OR_BRACKET = /"(?:[^"\\\n]|\\.)*"?|'[^'\n]*'?|[[\]{}]/g

/** The bracket that is open within `deepest` others, or null. Counts `[` and `{` outside of quotes. */
export function findNesting(text: string, deepest: number): Span | null {
  let depth = 0
  for (const { 0: match, index } of text.matchAll(STRING_OR_BRACKET)) {
    if (match === '[' || match === '{') depth++
    else if (match === ']' || match === '}') depth = Math.max(0, depth - 1)
    if (depth > deepest) return { start: index, end: index + 1 }
  }
  return null
}
