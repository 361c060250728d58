/**
 * What a user says and shows, as the content of a Chat message: a plain text wherever there is nothing but text, because
 * many hosts refuse a list.
 */
import { invalidRequest } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Target } from '../hub-contract.ts'
import type { DocumentPart, ImagePart, Part } from '../hub.ts'
import { textOfParts, toDataUrl } from '../parts.ts'

/** Null when there is nothing to say. Throws `invalid_request` for files that only another vendor has. */
export function encodeContent(parts: readonly Part[], target: Target): string | JsonObject[] | null {
  if (parts.every((part) => part.type === 'text')) return parts.length === 0 ? null : textOfParts(parts)
  const content = parts.flatMap((part) => encodePart(part, target))
  return content.length === 0 ? null : content
}

function encodePart(part: Part, target: Target): JsonObject[] {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return [{ type: 'text', text: part.text }]
    case 'image':
      return [encodeImage(part)]
    case 'document':
      return [encodeDocument(part, target)]
    case 'audio':
      return [{ type: 'input_audio', input_audio: { data: part.data, format: part.format } }]
    default:
      target.ledger.note('dropped', part.type)
      return []
  }
}

export function encodeImage({ source, detail }: ImagePart): JsonObject {
  if (source.kind === 'file') throw invalidRequest('an uploaded image cannot be passed on to this model', 'messages')
  const url = source.kind === 'url' ? source.url : toDataUrl(source)
  return { type: 'image_url', image_url: { url, ...(detail === undefined ? {} : { detail }) } }
}

function encodeDocument(part: DocumentPart, { isVendorHost }: Target): JsonObject {
  const { source, title, context } = part
  switch (source.kind) {
    case 'text': {
      const lead = [title, context].filter((words) => words !== undefined && words !== '')
      return { type: 'text', text: [...lead, source.text].join('\n\n') }
    }
    case 'base64': {
      const filename = part.filename ?? title ?? 'document.pdf'
      return { type: 'file', file: { filename, file_data: toDataUrl(source) } }
    }
    case 'url':
      if (isVendorHost) throw invalidRequest('a document by URL cannot be passed on to this model', 'messages')
      return { type: 'file', file: { filename: part.filename ?? title ?? 'document.pdf', file_data: source.url } }
    case 'file':
      throw invalidRequest('an uploaded document cannot be passed on to this model', 'messages')
  }
}
