/**
 * What OpenAI's web search found: the search itself and the citations in the text.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { Citation, Delta } from '../hub.ts'
import { numberAt, objectAt, objectsAt, textAt, textsAt } from '../members.ts'

/** Null for annotations that cite no page. */
export function readCitation(annotation: unknown): Citation | null {
  if (!isJsonObject(annotation as JsonValue)) return null
  const cited = annotation as JsonObject
  if (cited['type'] !== 'url_citation') return null
  const start = numberAt(cited, 'start_index')
  const end = numberAt(cited, 'end_index')
  const range = start === null || end === null ? {} : { start, end }
  return { url: textAt(cited, 'url'), title: textAt(cited, 'title'), citedText: '', ...range }
}

/** Opening a found page and looking for words in it are steps of a search, not searches. */
export function readSearch(item: JsonObject, place: number): Delta[] {
  const action = objectAt(item, 'action') ?? {}
  if (!['', 'search'].includes(textAt(action, 'type'))) return []
  const sources = objectsAt(action, 'sources').map((source) => ({
    url: textAt(source, 'url'),
    title: textAt(source, 'title'),
  }))
  const query = textAt(action, 'query') || textsAt(action, 'queries').join('; ')
  const id = textAt(item, 'id') || `ws_${place}`
  return [{ type: 'web-search', search: { type: 'web-search', id, query, sources } }]
}
