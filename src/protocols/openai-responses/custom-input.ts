/**
 * Free text for a tool, unwrapped while it comes: vendors without such tools send it as `{"input": "…"}`.
 */

export interface InputUnwrapper {
  /** The text that a piece of the wrapping JSON adds. Pieces may be cut anywhere, also inside an escape. */
  push(piece: string): string
  /** The whole text of the whole JSON; the JSON itself when it is not wrapped in that form. */
  end(json: string): { readonly text: string; readonly isComplete: boolean }
}

const OPENING = /^\s*\{\s*"input"\s*:\s*"/
/** What has not opened by then is something else, and is not searched again with every piece. */
const LONGEST_OPENING = 256

export function createInputUnwrapper(): InputUnwrapper {
  let state: 'opening' | 'inside' | 'over' = 'opening'
  /** What is not understood yet: the opening, or half an escape. */
  let rest = ''
  return {
    push(piece) {
      if (state === 'over') return ''
      rest += piece
      if (state === 'opening') {
        const opening = OPENING.exec(rest)
        if (opening === null) {
          if (rest.length > LONGEST_OPENING) state = 'over'
          return ''
        }
        rest = rest.slice(opening[0].length)
        state = 'inside'
      }
      const { text, used, isClosed } = unescape(rest)
      rest = rest.slice(used)
      if (isClosed) state = 'over'
      return text
    },
    end: unwrapInput,
  }
}

function unwrapInput(json: string): { text: string; isComplete: boolean } {
  try {
    const value = JSON.parse(json) as { input?: unknown } | null
    return { text: typeof value?.input === 'string' ? value.input : json, isComplete: true }
  } catch {
    const opening = OPENING.exec(json)
    const text = opening === null ? json : unescape(json.slice(opening[0].length)).text
    return { text, isComplete: false }
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' }

/** As much of a JSON string's inside as is complete; `used` counts the characters read, the closing quote included. */
function unescape(inside: string): { text: string; used: number; isClosed: boolean } {
  const special = /["\\]/g
  const pieces: string[] = []
  let at = 0
  for (;;) {
    special.lastIndex = at
    const found = special.exec(inside)
    pieces.push(inside.slice(at, found?.index))
    if (found === null) return { text: pieces.join(''), used: inside.length, isClosed: false }
    at = found.index
    if (found[0] === '"') return { text: pieces.join(''), used: at + 1, isClosed: true }
    const mark = inside[at + 1]
    if (mark === undefined || (mark === 'u' && inside.length < at + 6)) {
      return { text: pieces.join(''), used: at, isClosed: false }
    }
    pieces.push(mark === 'u' ? readUnicode(inside.slice(at + 2, at + 6)) : (ESCAPES[mark] ?? mark))
    at += mark === 'u' ? 6 : 2
  }
}

/** A pair of surrogates that is cut in two is whole again where the texts are joined. */
function readUnicode(digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 16))
}
