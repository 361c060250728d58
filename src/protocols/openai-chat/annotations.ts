/**
 * Citations as Chat's `url_citation` annotations, and back.
 */
import type { JsonObject } from '../../core/json.ts'
import type { Citation } from '../hub.ts'
import { numberAt, objectAt, textAt } from '../members.ts'

/** Offsets count from the beginning of the message; `length` is where its text has come to. */
export function encodeCitation(citation: Citation, length: number): JsonObject {
  const { url, title, start, end } = citation
  return {
    type: 'url_citation',
    url_citation: { url, title, start_index: start ?? Math.max(0, length - 1), end_index: end ?? length },
  }
}

/** Null for an annotation of another kind. */
export function decodeCitation(annotation: JsonObject): Citation | null {
  const cited = objectAt(annotation, 'url_citation')
  if (cited === null) return null
  const start = numberAt(cited, 'start_index')
  const end = numberAt(cited, 'end_index')
  return {
    url: textAt(cited, 'url'),
    title: textAt(cited, 'title'),
    citedText: textAt(cited, 'content'),
    ...(start === null ? {} : { start }),
    ...(end === null ? {} : { end }),
  }
}
