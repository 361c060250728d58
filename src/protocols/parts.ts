/**
 * What several dialects need to read or write parts: data URLs, the plain text of parts, and the form in which a system
 * message stands in a user turn where it cannot stand alone.
 */
import type { MediaSource, Part, TextPart } from './hub.ts'

/**
 * The bytes in a data URL, as base64; null for any other URL. Linear also for one of many megabytes. Source: RFC 2397;
 * vendors know `image/jpeg` only by its proper name.
 */
export function parseDataUrl(url: string): Extract<MediaSource, { kind: 'base64' }> | null {
  if (!url.startsWith('data:')) return null
  const comma = url.indexOf(',')
  if (comma < 0) return null
  const [mediaType = '', ...parameters] = url.slice('data:'.length, comma).split(';')
  const body = url.slice(comma + 1)
  const data = parameters.includes('base64') ? body : Buffer.from(decodePercents(body)).toString('base64')
  return { kind: 'base64', mediaType: properMediaType(mediaType), data }
}

/** The same bytes as a URL. */
export function toDataUrl(source: Extract<MediaSource, { kind: 'base64' }>): string {
  return `data:${source.mediaType};base64,${source.data}`
}

/** The words of the text parts, one paragraph for each. */
export function textOfParts(parts: readonly Part[]): string {
  return parts
    .filter((part): part is TextPart => part.type === 'text')
    .map((part) => part.text)
    .join('\n\n')
}

/** A system message as a user's text: models are trained to take this form for instructions, not for the user's words. */
export function wrapReminder(text: string): string {
  return `<system-reminder>\n${text}\n</system-reminder>`
}

function properMediaType(mediaType: string): string {
  const lower = mediaType.trim().toLowerCase()
  if (lower === '') return 'text/plain'
  return lower === 'image/jpg' ? 'image/jpeg' : lower
}

/** A stray percent sign stands for itself. */
function decodePercents(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
