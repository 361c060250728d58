/**
 * Content blocks of a request as neutral parts.
 */
import { invalidRequest } from '../../core/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import { unwrapCarrier } from '../carrier.ts'
import type {
  Carrier,
  DocumentPart,
  ImagePart,
  Ledger,
  MediaSource,
  Part,
  ReasoningPart,
  TextPart,
  ToolCallPart,
  ToolResultPart,
  WebSearchPart,
} from '../hub.ts'
import { decodeCitations } from './citations.ts'
import { objectAt, objectsAt, textAt } from '../members.ts'
import { clientSearchId } from './search-blocks.ts'

/** In: a message's list of blocks; `at` is the path of the message, for errors. Throws `invalid_request`. */
export function decodeBlocks(content: readonly JsonValue[], at: string, ledger: Ledger): Part[] {
  const blocks = content.map((block, i) => {
    if (isJsonObject(block)) return block
    throw invalidRequest(`${at}.content.${i}: an object is required`, `${at}.content.${i}`)
  })
  const parts: Part[] = []
  for (const [i, block] of blocks.entries()) {
    switch (block['type']) {
      case 'text':
      case 'search_result':
        parts.push(decodeText(block, ledger))
        break
      case 'image':
        parts.push(decodeImage(block, `${at}.content.${i}`))
        break
      case 'document':
        parts.push(...decodeDocument(block, `${at}.content.${i}`, ledger))
        break
      case 'thinking':
        parts.push(decodeThinking(block))
        break
      case 'redacted_thinking':
        parts.push({ type: 'reasoning', text: '', carrier: redactedCarrier(block) })
        break
      case 'tool_use':
        parts.push(decodeCall(block, takeCallCarrier(parts)))
        break
      case 'tool_result':
        parts.push(decodeResult(block, `${at}.content.${i}`, ledger))
        break
      case 'server_tool_use':
        if (block['name'] === 'web_search') parts.push(decodeSearch(block, blocks))
        else parts.push({ type: 'opaque', protocol: 'anthropic', raw: block })
        break
      // Told together with the call it answers.
      case 'web_search_tool_result':
        break
      default:
        parts.push({ type: 'opaque', protocol: 'anthropic', raw: block })
    }
  }
  return parts
}

/** A breakpoint of the client's own, in the form that parts carry it. */
export function cacheControlOf(block: JsonObject): { cacheControl?: JsonObject } {
  const cacheControl = objectAt(block, 'cache_control')
  return cacheControl === null ? {} : { cacheControl }
}

function decodeText(block: JsonObject, ledger: Ledger): TextPart {
  const text = block['type'] === 'search_result' ? describeSearchResult(block) : textAt(block, 'text')
  const citations = decodeCitations(block['citations'], ledger)
  return { type: 'text', text, ...(citations.length === 0 ? {} : { citations }), ...cacheControlOf(block) }
}

function describeSearchResult(block: JsonObject): string {
  const told = objectsAt(block, 'content').map((text) => textAt(text, 'text'))
  return [textAt(block, 'title'), textAt(block, 'source'), ...told].filter(Boolean).join('\n')
}

function decodeImage(block: JsonObject, at: string): ImagePart {
  return { type: 'image', source: decodeSource(objectAt(block, 'source'), at), ...cacheControlOf(block) }
}

/** A document made of blocks has no partner elsewhere: its text is one, its pictures follow. */
function decodeDocument(block: JsonObject, at: string, ledger: Ledger): Array<DocumentPart | ImagePart> {
  const source = objectAt(block, 'source')
  const about = {
    ...(textAt(block, 'title') === '' ? {} : { title: textAt(block, 'title') }),
    ...(textAt(block, 'context') === '' ? {} : { context: textAt(block, 'context') }),
    ...cacheControlOf(block),
  }
  if (objectAt(block, 'citations')?.['enabled'] === true) ledger.note('dropped', 'document.citations')
  if (source?.['type'] === 'text') {
    return [{ type: 'document', source: { kind: 'text', text: textAt(source, 'data') }, ...about }]
  }
  if (source?.['type'] !== 'content') return [{ type: 'document', source: decodeSource(source, at), ...about }]
  const inner = objectsAt(source, 'content')
  const texts = inner.filter((element) => element['type'] === 'text').map((element) => textAt(element, 'text'))
  const text = typeof source['content'] === 'string' ? source['content'] : texts.join('\n\n')
  const images = inner.filter((element) => element['type'] === 'image').map((element) => decodeImage(element, at))
  return [{ type: 'document', source: { kind: 'text', text }, ...about }, ...images]
}

function decodeSource(source: JsonObject | null, at: string): MediaSource {
  switch (source?.['type']) {
    case 'base64':
      return { kind: 'base64', mediaType: textAt(source, 'media_type'), data: textAt(source, 'data') }
    case 'url':
      return { kind: 'url', url: textAt(source, 'url') }
    case 'file':
      return { kind: 'file', id: textAt(source, 'file_id') }
    default:
      throw invalidRequest(`${at}.source: must be base64, url or file`, `${at}.source`)
  }
}

function decodeThinking(block: JsonObject): ReasoningPart {
  const signature = textAt(block, 'signature')
  const carrier = signature === '' ? null : unwrapCarrier(signature, 'anthropic')
  return { type: 'reasoning', text: textAt(block, 'thinking'), carrier }
}

function redactedCarrier(block: JsonObject): Carrier {
  return {
    family: 'anthropic',
    account: null,
    model: null,
    data: { type: 'redacted_thinking', data: textAt(block, 'data') },
  }
}

/** Gemini's signatures belong to calls, and were put into an empty thinking block before the call (`encode-stream.ts`). */
function takeCallCarrier(parts: Part[]): Carrier | null {
  const last = parts.at(-1)
  if (last?.type !== 'reasoning' || last.text !== '' || last.carrier?.family !== 'gemini') return null
  parts.pop()
  return last.carrier
}

function decodeCall(block: JsonObject, carrier: Carrier | null): ToolCallPart {
  return {
    type: 'tool-call',
    id: textAt(block, 'id'),
    name: textAt(block, 'name'),
    kind: 'function',
    input: JSON.stringify(block['input'] ?? {}),
    ...(carrier === null ? {} : { carrier }),
    ...cacheControlOf(block),
  }
}

function decodeResult(block: JsonObject, at: string, ledger: Ledger): ToolResultPart {
  return {
    type: 'tool-result',
    callId: textAt(block, 'tool_use_id'),
    name: null,
    parts: decodeResultContent(block['content'], at, ledger),
    isError: block['is_error'] === true,
    isCustom: false,
    ...cacheControlOf(block),
  }
}

function decodeResultContent(content: JsonValue | undefined, at: string, ledger: Ledger): ToolResultPart['parts'] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }]
  const parts: Array<TextPart | ImagePart | DocumentPart> = []
  for (const block of Array.isArray(content) ? content.filter((element) => isJsonObject(element)) : []) {
    switch (block['type']) {
      case 'text':
      case 'search_result':
        parts.push(decodeText(block, ledger))
        break
      case 'image':
        parts.push(decodeImage(block, at))
        break
      case 'document':
        parts.push(...decodeDocument(block, at, ledger))
        break
      // What a search for tools found; the tool itself is then in the list of tools (`decode-tools.ts`).
      case 'tool_reference':
        parts.push({ type: 'text', text: `Tool available: ${textAt(block, 'tool_name')}` })
        break
      default:
        ledger.note('dropped', `tool_result.${textAt(block, 'type')}`)
    }
  }
  return parts
}

function decodeSearch(block: JsonObject, blocks: readonly JsonObject[]): WebSearchPart {
  const id = textAt(block, 'id')
  const answer = blocks.find((other) => other['type'] === 'web_search_tool_result' && other['tool_use_id'] === id)
  const input = objectAt(block, 'input')
  return {
    type: 'web-search',
    id: clientSearchId(id),
    query: input === null ? '' : textAt(input, 'query'),
    sources: answer === undefined ? [] : sourcesOf(answer),
  }
}

/** The pages of a `web_search_tool_result`; none when it tells of an error. */
export function sourcesOf(result: JsonObject): WebSearchPart['sources'] {
  return objectsAt(result, 'content').map((page) => ({ url: textAt(page, 'url'), title: textAt(page, 'title') }))
}
