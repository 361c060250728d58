/**
 * The content of a Chat message: a text, or a list of parts.
 */
import { invalidRequest } from '../../core/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { AudioPart, DocumentPart, ImagePart, Ledger, MediaSource, RefusalPart, TextPart } from '../hub.ts'
import { objectAt, textAt } from '../members.ts'
import { parseDataUrl } from '../parts.ts'

export type ContentPart = TextPart | ImagePart | DocumentPart | AudioPart | RefusalPart

/** No parts for a content that is null or missing. Throws `invalid_request` for parts that nobody could answer to. */
export function decodeContent(content: JsonValue | undefined, at: string, ledger: Ledger): ContentPart[] {
  if (content === undefined || content === null) return []
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }]
  if (!Array.isArray(content)) throw invalidRequest(`${at}: text or a list is required`, at)
  return content.flatMap((part, i) => {
    if (typeof part === 'string') return [{ type: 'text' as const, text: part }]
    if (!isJsonObject(part)) throw invalidRequest(`${at}.${i}: an object is required`, `${at}.${i}`)
    return decodePart(part, `${at}.${i}`, ledger)
  })
}

function decodePart(part: JsonObject, at: string, ledger: Ledger): ContentPart[] {
  const cacheControl = objectAt(part, 'cache_control')
  const cache = cacheControl === null ? {} : { cacheControl }
  const type = textAt(part, 'type')
  switch (type) {
    case 'text':
    case 'input_text':
    case 'output_text':
      return [{ type: 'text', text: textAt(part, 'text'), ...cache }]
    case 'refusal':
      return [{ type: 'refusal', text: textAt(part, 'refusal') }]
    case 'image_url':
    case 'input_image':
      return [{ ...decodeImage(part, at), ...cache }]
    case 'input_audio': {
      const audio = objectAt(part, 'input_audio') ?? {}
      return [{ type: 'audio', format: textAt(audio, 'format') || 'wav', data: textAt(audio, 'data') }]
    }
    case 'file':
      return [{ ...decodeFile(objectAt(part, 'file') ?? part, at), ...cache }]
    // Reasoning in a list (Mistral) says no more than the text beside it; its own host is reached without the hub.
    case 'thinking':
    case 'reasoning':
      ledger.note('dropped', `content.${type}`)
      return []
    default:
      throw invalidRequest(`${at}.type: "${type}" cannot be passed on to this model`, at)
  }
}

/** `{image_url: {url, detail}}`; some clients write the URL in its place. */
function decodeImage(part: JsonObject, at: string): ImagePart {
  const image = objectAt(part, 'image_url') ?? { url: textAt(part, 'image_url'), detail: textAt(part, 'detail') }
  const url = textAt(image, 'url')
  if (url === '') throw invalidRequest(`${at}.image_url: a url is required`, at)
  const detail = textAt(image, 'detail')
  return { type: 'image', source: sourceOf(url), ...(detail === '' ? {} : { detail }) }
}

/** The bytes as a data URL or bare; elsewhere as a URL (OpenRouter) or as the id of an uploaded file. */
function decodeFile(file: JsonObject, at: string): DocumentPart | ImagePart {
  const filename = textAt(file, 'filename')
  const id = textAt(file, 'file_id')
  const data = textAt(file, 'file_data') || textAt(file, 'file_url')
  if (id === '' && data === '') throw invalidRequest(`${at}.file: file_data or file_id is required`, at)
  const source: MediaSource = data === '' ? { kind: 'file', id } : sourceOf(data, 'application/pdf')
  if (source.kind === 'base64' && source.mediaType.startsWith('image/')) return { type: 'image', source }
  const named = filename === '' ? {} : { filename, title: filename }
  if (source.kind === 'base64' && source.mediaType.startsWith('text/')) {
    return { type: 'document', source: { kind: 'text', text: Buffer.from(source.data, 'base64').toString() }, ...named }
  }
  return { type: 'document', source, ...named }
}

/** Without `bareMediaType` everything that is no data URL is a URL; with it, what is no URL either is base64. */
function sourceOf(url: string, bareMediaType?: string): MediaSource {
  const inline = parseDataUrl(url)
  if (inline !== null) return inline
  if (bareMediaType === undefined || /^https?:\/\//i.test(url)) return { kind: 'url', url }
  return { kind: 'base64', mediaType: bareMediaType, data: url }
}
