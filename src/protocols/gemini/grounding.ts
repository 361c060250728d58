/**
 * What Gemini's search found, as citations of the text and as the search itself, and back.
 * Source: Gemini API reference, `GroundingMetadata`; offsets are in UTF-8 bytes of the text.
 */
import { digest } from '../../core/digest.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Citation, Delta, WebSearchPart } from '../hub.ts'
import { numberAt, objectAt, objectsAt, textAt, textsAt } from '../members.ts'

/** The deltas of grounding metadata. Citations go to the part `key` with the text `text`; null leaves them out. */
export function readGrounding(
  grounding: JsonObject,
  cited: { readonly key: string; readonly text: string } | null,
): Delta[] {
  const sources = objectsAt(grounding, 'groundingChunks').map((chunk) => {
    const page = objectAt(chunk, 'web') ?? {}
    return { url: textAt(page, 'uri'), title: textAt(page, 'title') }
  })
  const supports = objectsAt(grounding, 'groundingSupports')
  const out = cited === null ? [] : readCitations(supports, sources, cited)
  const queries = textsAt(grounding, 'webSearchQueries')
  if (queries.length > 0) {
    const query = queries.join('; ')
    const found = sources.filter(({ url }) => url !== '')
    const id = `ws_${digest(query, 24)}`
    out.push({ type: 'web-search', search: { type: 'web-search', id, query, sources: found } })
  }
  return out
}

function readCitations(
  supports: readonly JsonObject[],
  sources: ReadonlyArray<{ readonly url: string; readonly title: string }>,
  { key, text }: { readonly key: string; readonly text: string },
): Delta[] {
  const bytes = Buffer.from(text)
  const offsetOf = (byteOffset: number): number => bytes.subarray(0, byteOffset).toString('utf8').length
  return supports.flatMap((support) => {
    const segment = objectAt(support, 'segment') ?? {}
    const end = numberAt(segment, 'endIndex')
    const place = end === null ? {} : { start: offsetOf(numberAt(segment, 'startIndex') ?? 0), end: offsetOf(end) }
    const indexes = support['groundingChunkIndices']
    return (Array.isArray(indexes) ? indexes : []).flatMap((index): Delta[] => {
      const source = typeof index === 'number' ? sources[index] : undefined
      if (source === undefined || source.url === '') return []
      return [{ type: 'text-citation', key, citation: { ...source, citedText: textAt(segment, 'text'), ...place } }]
    })
  })
}

/** Members of a candidate; none when nothing was searched or cited. */
export function encodeGrounding(searches: readonly WebSearchPart[], citations: readonly Citation[]): JsonObject {
  if (searches.length === 0 && citations.length === 0) return {}
  const pages = [...searches.flatMap((search) => search.sources), ...citations]
  const titles = new Map(pages.map(({ url, title }) => [url, title]))
  return {
    groundingMetadata: {
      webSearchQueries: searches.map(({ query }) => query).filter((query) => query !== ''),
      groundingChunks: [...titles].map(([uri, title]) => ({ web: { uri, title } })),
    },
  }
}
