/**
 * Parts as content blocks.
 */
import { invalidRequest } from '../../core/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import { fitsTarget } from '../carrier.ts'
import type { Target } from '../hub-contract.ts'
import type {
  DocumentPart,
  ImagePart,
  MediaSource,
  Part,
  ReasoningPart,
  TextPart,
  ToolCallPart,
  ToolResultPart,
  Turn,
} from '../hub.ts'

/** No block at all where the vendor has none for it; then the ledger says so. Throws `invalid_request`. */
export function encodePart(part: Part, role: Turn['role'], target: Target): JsonObject[] {
  switch (part.type) {
    case 'text':
      return encodeText(part, target)
    case 'refusal':
      return part.text.trim() === '' ? [] : [{ type: 'text', text: part.text }]
    case 'image':
    case 'document':
      return role === 'user' ? [encodeMedia(part)] : drop(part.type, target)
    case 'audio':
      throw invalidRequest('audio cannot be sent to this model', 'input_audio')
    case 'reasoning':
      return restoreReasoning(part, target)
    case 'tool-call':
      return [encodeCall(part, target)]
    case 'tool-result':
      return [encodeResult(part, target)]
    // Pages can only go back with the vendor's own encryption.
    case 'web-search':
      return drop('web_search', target)
    case 'opaque':
      return part.protocol === 'anthropic' ? [part.raw] : drop(nameOf(part.raw), target)
  }
}

function drop(name: string, { ledger }: Target): [] {
  ledger.note('dropped', name)
  return []
}

function nameOf({ type }: JsonObject): string {
  return typeof type === 'string' ? type : 'unknown-part'
}

function encodeText(part: TextPart, { ledger }: Target): JsonObject[] {
  if (part.phase !== undefined) ledger.note('dropped', 'phase')
  if (part.citations !== undefined) ledger.note('dropped', 'citation')
  return part.text.trim() === '' ? [] : [{ type: 'text', text: part.text, ...markOf(part) }]
}

function markOf({ cacheControl }: { readonly cacheControl?: JsonObject }): JsonObject {
  return cacheControl === undefined ? {} : { cache_control: cacheControl }
}

/** A signature is bound to text, account and model. Nobody else's is sent, and none is made up. */
function restoreReasoning({ text, carrier }: ReasoningPart, target: Target): JsonObject[] {
  if (carrier === null) return drop('reasoning', target)
  const isOwn = fitsTarget(carrier, 'anthropic', target.account) === 'restore'
  if (!isOwn || (carrier.model !== null && carrier.model !== target.model)) {
    return drop(`reasoning.${carrier.family}`, target)
  }
  if (isJsonObject(carrier.data)) return [carrier.data]
  return typeof carrier.data === 'string' ? [{ type: 'thinking', thinking: text, signature: carrier.data }] : []
}

function encodeMedia(part: ImagePart | DocumentPart): JsonObject {
  return part.type === 'image' ? encodeImage(part) : encodeDocument(part)
}

const IMAGE_TYPES: ReadonlySet<string> = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp'])

function encodeImage(part: ImagePart): JsonObject {
  const { source } = part
  const mediaType = source.kind === 'base64' ? source.mediaType.replace('image/jpg', 'image/jpeg') : null
  if (mediaType !== null && !IMAGE_TYPES.has(mediaType)) {
    throw invalidRequest(`this model reads pictures in jpeg, png, gif and webp, not in ${mediaType}`, 'image')
  }
  return {
    type: 'image',
    source: encodeSource(source.kind === 'base64' ? { ...source, mediaType: mediaType ?? '' } : source),
    ...markOf(part),
  }
}

function encodeDocument(part: DocumentPart): JsonObject {
  const title = part.title ?? part.filename
  return {
    type: 'document',
    source: documentSource(part.source),
    ...(title === undefined ? {} : { title }),
    ...(part.context === undefined ? {} : { context: part.context }),
    ...markOf(part),
  }
}

/** As bytes the vendor takes only PDF; a text file is told as text. */
function documentSource(source: DocumentPart['source']): JsonObject {
  if (source.kind === 'text') return plainText(source.text)
  if (source.kind !== 'base64' || source.mediaType === 'application/pdf') return encodeSource(source)
  if (!/^text\/|json$|xml$/.test(source.mediaType)) {
    throw invalidRequest(`this model reads files in PDF and plain text, not in ${source.mediaType}`, 'file')
  }
  return plainText(Buffer.from(source.data, 'base64').toString('utf8'))
}

function plainText(text: string): JsonObject {
  return { type: 'text', media_type: 'text/plain', data: text }
}

function encodeSource(source: MediaSource): JsonObject {
  switch (source.kind) {
    case 'base64':
      return { type: 'base64', media_type: source.mediaType, data: source.data }
    case 'url':
      return { type: 'url', url: source.url }
    case 'file':
      throw invalidRequest(`the file ${source.id} is only known to the vendor that stores it`, 'file_id')
  }
}

function encodeCall(call: ToolCallPart, target: Target): JsonObject {
  if (call.carrier !== undefined) target.ledger.note('dropped', `reasoning.${call.carrier.family}`)
  return {
    type: 'tool_use',
    id: target.callId(call.id),
    name: target.toolName(call.name, call.namespace),
    input: inputOf(call, target),
    ...markOf(call),
  }
}

/** The block holds an object; what is none is told as it is. */
function inputOf({ kind, input }: ToolCallPart, { ledger }: Target): JsonObject {
  if (kind === 'custom') return { input }
  try {
    const value = JSON.parse(input === '' ? '{}' : input) as JsonValue
    if (isJsonObject(value)) return value
  } catch {
    // Falls through to the text: the model wrote it, and should see what became of it.
  }
  ledger.note('weakened', 'call-input')
  return { _raw: input }
}

/** A single text goes as a string, as most clients send it. An error without a word is refused. */
function encodeResult(result: ToolResultPart, target: Target): JsonObject {
  const blocks = result.parts.flatMap((part) => encodePart(part, 'user', target))
  const [first] = blocks
  const isPlain = blocks.length === 1 && first?.['type'] === 'text' && first['cache_control'] === undefined
  const told = isPlain ? (first['text'] as string) : blocks
  const content = blocks.length === 0 && result.isError ? 'error' : told
  return {
    type: 'tool_result',
    tool_use_id: target.callId(result.callId),
    ...(content.length === 0 ? {} : { content }),
    ...(result.isError ? { is_error: true } : {}),
    ...markOf(result),
  }
}
