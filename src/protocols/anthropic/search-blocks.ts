/**
 * A search by a vendor's server as the two blocks in which Messages tells it.
 */
import type { JsonObject } from '../../core/json.ts'
import type { Citation, PartDelta, WebSearchPart } from '../hub.ts'

const PREFIX = 'srvtoolu_'

export interface SearchBlocks {
  readonly use: JsonObject
  readonly result: JsonObject
}

/** Pages carry no `encrypted_content`: it would be Anthropic's, and must not be made up. */
export function encodeSearch(search: WebSearchPart): SearchBlocks {
  const id = serverToolId(search.id)
  const caller = { type: 'direct' }
  return {
    use: { type: 'server_tool_use', id, name: 'web_search', input: { query: search.query }, caller },
    result: {
      type: 'web_search_tool_result',
      tool_use_id: id,
      caller,
      content: search.sources.map(({ url, title }) => ({
        type: 'web_search_result',
        url,
        title,
        encrypted_content: '',
        page_age: null,
      })),
    },
  }
}

/** The id of another vendor's search stays readable in ours, so that it can go back to that vendor. */
function serverToolId(id: string): string {
  const legal = id.replaceAll(/[^A-Za-z0-9_-]/g, '_')
  return legal.startsWith(PREFIX) ? legal : PREFIX + legal
}

/** The reverse: what the vendor called it that made the search. Ids of Responses begin with `ws_`. */
export function clientSearchId(id: string): string {
  return id.startsWith(`${PREFIX}ws_`) ? id.slice(PREFIX.length) : id
}

/**
 * The steps of an answer that was one search, in the order in which clients want them: searches first. A vendor that
 * tells the pages only as citations has told them there; they stand in the last search that has none.
 */
export function placeFoundPages(steps: readonly PartDelta[]): PartDelta[] {
  const cited = steps.flatMap((step) => (step.type === 'text-citation' ? [step.citation] : []))
  const searches = withFoundPages(
    steps.flatMap((step) => (step.type === 'web-search' ? [step.search] : [])),
    cited,
  )
  return [
    ...searches.map((search) => ({ type: 'web-search' as const, search })),
    ...steps.filter((step) => step.type !== 'web-search'),
  ]
}

/** The same searches, the last one without pages having those that were cited. */
export function withFoundPages(searches: readonly WebSearchPart[], cited: readonly Citation[]): WebSearchPart[] {
  const empty = searches.findLastIndex((search) => search.sources.length === 0)
  if (empty < 0 || searches.some((search) => search.sources.length > 0)) return [...searches]
  const pages = new Map(cited.map(({ url, title }) => [url, { url, title }]))
  return searches.map((search, i) => (i === empty ? { ...search, sources: [...pages.values()] } : search))
}
