/**
 * Pictures, sounds and files in a Gemini request, by what their media type says they are.
 */
import { invalidRequest } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { AudioPart, DocumentPart, ImagePart } from '../hub.ts'
import { textAt } from '../members.ts'

/** `inlineData`: the bytes themselves, in base64. */
export function decodeMedia(media: JsonObject): ImagePart | AudioPart | DocumentPart {
  const data = textAt(media, 'data')
  const mediaType = textAt(media, 'mimeType').toLowerCase()
  const [family = '', format = ''] = mediaType.split('/')
  const name = textAt(media, 'displayName')
  const named = name === '' ? {} : { filename: name }
  switch (family) {
    case 'image':
      return { type: 'image', source: { kind: 'base64', mediaType, data } }
    case 'audio':
      return { type: 'audio', format: format === 'mpeg' ? 'mp3' : format.replace(/^x-/, ''), data }
    case 'text': {
      const text = Buffer.from(data, 'base64').toString('utf8')
      return { type: 'document', source: { kind: 'text', text }, ...named }
    }
    default:
      return { type: 'document', source: { kind: 'base64', mediaType, data }, ...named }
  }
}

/** Addresses that only Google's servers can read. */
const ONLY_GOOGLE = /^(gs:|https:\/\/(generativelanguage\.googleapis\.com|(www\.)?youtube\.com|youtu\.be)\/)/

/** `fileData`: an address. Throws `invalid_request` for one that means nothing elsewhere. */
export function decodeFile(file: JsonObject): ImagePart | DocumentPart {
  const url = textAt(file, 'fileUri')
  if (url === '' || ONLY_GOOGLE.test(url)) {
    throw invalidRequest('this file can only be read by Google; send the content itself', 'fileData')
  }
  const source = { kind: 'url' as const, url }
  return { type: textAt(file, 'mimeType').startsWith('image/') ? 'image' : 'document', source }
}
