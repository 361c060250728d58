/**
 * The content of messages and of results as neutral parts.
 */
import { invalidRequest } from '../../core/errors.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import type { DocumentPart, ImagePart, Ledger, MediaSource, Part, TextPart } from '../hub.ts'
import { objectAt, objectsIn, textAt } from '../members.ts'
import { parseDataUrl } from '../parts.ts'

/** Text, or a list of parts. */
export function decodeContent(content: JsonValue | undefined, ledger: Ledger): Part[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return objectsIn(content).flatMap((part) => decodePart(part, ledger))
}

/** What a tool gave back: text, or a list that may hold images and files. */
export function decodeOutput(output: JsonValue | undefined, ledger: Ledger): (TextPart | ImagePart | DocumentPart)[] {
  if (typeof output === 'string') return [{ type: 'text', text: output }]
  if (!Array.isArray(output)) return [{ type: 'text', text: output === undefined ? '' : JSON.stringify(output) }]
  return decodeContent(output, ledger).filter(
    (part) => part.type === 'text' || part.type === 'image' || part.type === 'document',
  )
}

function decodePart(part: JsonObject, ledger: Ledger): Part[] {
  const type = textAt(part, 'type')
  switch (type) {
    case 'input_text':
    case 'output_text':
    case 'text':
    case 'summary_text':
      return [{ type: 'text', text: textAt(part, 'text') }]
    case 'refusal':
      return [{ type: 'refusal', text: textAt(part, 'refusal') }]
    case 'input_image':
    case 'computer_screenshot': {
      const detail = textAt(part, 'detail')
      const source = sourceOf(textAt(part, 'image_url'), textAt(part, 'file_id'))
      return [{ type: 'image', source, ...(detail === '' ? {} : { detail }) }]
    }
    case 'input_file':
      return [decodeFile(part)]
    case 'input_audio': {
      const audio = objectAt(part, 'input_audio') ?? part
      return [{ type: 'audio', format: textAt(audio, 'format'), data: textAt(audio, 'data') }]
    }
    default:
      ledger.note('dropped', type || 'untyped part')
      return []
  }
}

function decodeFile(part: JsonObject): DocumentPart {
  const data = textAt(part, 'file_data')
  const filename = textAt(part, 'filename')
  const named = filename === '' ? {} : { filename }
  if (data === '') {
    return { type: 'document', source: sourceOf(textAt(part, 'file_url'), textAt(part, 'file_id')), ...named }
  }
  const source = parseDataUrl(data) ?? { kind: 'base64' as const, mediaType: 'application/pdf', data }
  if (!source.mediaType.startsWith('text/')) return { type: 'document', source, ...named }
  const text = Buffer.from(source.data, 'base64').toString('utf8')
  return { type: 'document', source: { kind: 'text', text }, ...named }
}

function sourceOf(url: string, fileId: string): MediaSource {
  if (url === '' && fileId !== '') {
    throw invalidRequest('a file id is only known to the vendor that gave it; send the content itself', 'file_id')
  }
  if (url === '') throw invalidRequest('an image or file needs a URL or its content', 'input')
  return parseDataUrl(url) ?? { kind: 'url', url }
}
