/**
 * Citations between Anthropic's words and neutral ones. Only those of web pages mean something outside of Anthropic;
 * the others point into documents by ways that no other vendor has.
 */
import type { JsonObject, JsonValue } from '../../core/json.ts'
import type { Citation, Ledger } from '../hub.ts'
import { objectsIn, textAt } from '../members.ts'

/** The citations of a text block. */
export function decodeCitations(citations: JsonValue | undefined, ledger: Ledger): Citation[] {
  const decoded: Citation[] = []
  for (const citation of objectsIn(citations)) {
    const known = decodeCitation(citation, ledger)
    if (known !== null) decoded.push(known)
  }
  return decoded
}

/** Null for a citation that nobody else understands; it is noted. */
export function decodeCitation(citation: JsonObject, ledger: Ledger): Citation | null {
  if (citation['type'] !== 'web_search_result_location') {
    ledger.note('dropped', `citation.${textAt(citation, 'type')}`)
    return null
  }
  return {
    url: textAt(citation, 'url'),
    title: textAt(citation, 'title'),
    citedText: textAt(citation, 'cited_text'),
  }
}

/** `encrypted_index` leads into Anthropic's own search results; there is none for anybody else's. */
export function encodeCitation(citation: Citation): JsonObject {
  return {
    type: 'web_search_result_location',
    url: citation.url,
    title: citation.title,
    cited_text: citation.citedText,
    encrypted_index: '',
  }
}
