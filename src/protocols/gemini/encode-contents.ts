/**
 * Turns as Gemini's `contents`: all calls of a turn in one content, all their results in the next one, in the same number.
 */
import { invalidRequest } from '../../core/errors.ts'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import { fitsTarget } from '../carrier.ts'
import type { Target } from '../hub-contract.ts'
import type {
  Carrier,
  Conversation,
  DocumentPart,
  MediaSource,
  Part,
  ToolCallPart,
  ToolResultPart,
  Turn,
} from '../hub.ts'

/** What Google documents for histories whose signatures are lost. It claims nothing: it asks not to be checked. */
export const NO_SIGNATURE = 'skip_thought_signature_validator'

export function encodeContents(conversation: Conversation, target: Target): JsonObject[] {
  const lastUserText = conversation.turns.findLastIndex(
    ({ role, parts }) => role === 'user' && parts.some((part) => part.type !== 'tool-result'),
  )
  const callNames = namesOfCalls(conversation, target)
  return conversation.turns
    .map((turn, index) => ({
      role: turn.role === 'assistant' ? 'model' : 'user',
      // Signatures are demanded for the turn that is still running: the calls since the user last said something.
      parts: encodeTurn(turn, target, callNames, index > lastUserText),
    }))
    .filter(({ parts }) => parts.length > 0)
}

/** A result bears the very name of its call. */
function namesOfCalls({ turns }: Conversation, target: Target): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const { parts } of turns) {
    for (const part of parts) {
      if (part.type === 'tool-call') names.set(part.id, target.toolName(part.name, part.namespace))
    }
  }
  return names
}

function encodeTurn(
  turn: Turn,
  target: Target,
  callNames: ReadonlyMap<string, string>,
  isRunning: boolean,
): JsonObject[] {
  const results: JsonObject[] = []
  const media: JsonObject[] = []
  const parts: JsonObject[] = []
  /** State of reasoning goes with the next call or text; two states need two parts. */
  let carried: string | null = null
  let hasCall = false
  const release = (): void => {
    if (carried !== null) parts.push({ text: '', thoughtSignature: carried })
    carried = null
  }
  for (const part of turn.parts) {
    if (part.type === 'reasoning') {
      const signature = signatureOf(part.carrier, target)
      if (signature === null) continue
      release()
      carried = signature
    } else if (part.type === 'tool-call') {
      const own = signatureOf(part.carrier ?? null, target)
      if (own !== null) release()
      const isBare = own === null && carried === null && !hasCall && isRunning && target.capabilities.needsSignatures
      if (isBare) target.ledger.note('weakened', 'thought-signature-missing')
      const signature: string | null = own ?? carried ?? (isBare ? NO_SIGNATURE : null)
      parts.push({ ...encodeCall(part, target), ...(signature === null ? {} : { thoughtSignature: signature }) })
      carried = null
      hasCall = true
    } else if (part.type === 'tool-result') {
      const encoded = encodeResult(part, callNames.get(part.callId) ?? part.callId, target)
      results.push(encoded.response)
      media.push(...encoded.media)
    } else {
      const encoded = encodePart(part, target)
      if (encoded === null) continue
      parts.push(carried === null ? encoded : { ...encoded, thoughtSignature: carried })
      carried = null
    }
  }
  release()
  // Results stand first and together, so that their number is the number of the calls.
  return [...results, ...media, ...parts]
}

function signatureOf(carrier: Carrier | null, target: Target): string | null {
  if (carrier === null) return null
  const fits = fitsTarget(carrier, 'gemini', target.account) === 'restore'
  if (fits && typeof carrier.data === 'string') return carrier.data
  target.ledger.note('dropped', `reasoning of ${carrier.family}`)
  return null
}

function encodePart(part: Exclude<Part, ToolCallPart | ToolResultPart>, target: Target): JsonObject | null {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return part.text === '' ? null : { text: part.text }
    case 'image':
      return encodeMedia(part.source, 'image/jpeg')
    case 'document':
      return encodeDocument(part)
    case 'audio':
      return { inlineData: { mimeType: `audio/${part.format}`, data: part.data } }
    case 'opaque':
      if (part.protocol === 'gemini') return part.raw
      target.ledger.note('dropped', typeof part.raw['type'] === 'string' ? part.raw['type'] : 'unknown part')
      return null
    case 'web-search':
      target.ledger.note('dropped', 'web_search')
      return null
    case 'reasoning':
      return null
  }
}

function encodeDocument(part: DocumentPart): JsonObject {
  return part.source.kind === 'text' ? { text: wordsOfDocument(part) } : encodeMedia(part.source, 'application/pdf')
}

function wordsOfDocument({ source, title, context }: DocumentPart): string {
  const text = source.kind === 'text' ? source.text : ''
  return [title, context, text].filter((each) => each !== undefined && each !== '').join('\n\n')
}

function encodeMedia(source: MediaSource, typeOfUrl: string): JsonObject {
  switch (source.kind) {
    case 'base64':
      return { inlineData: { mimeType: source.mediaType, data: source.data } }
    case 'url':
      return { fileData: { mimeType: mediaTypeOf(source.url) ?? typeOfUrl, fileUri: source.url } }
    case 'file':
      throw invalidRequest('a file id is only known to the vendor that gave it; send the content itself', 'file_id')
  }
}

const MEDIA_TYPES: Record<string, string> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  pdf: 'application/pdf',
}

function mediaTypeOf(url: string): string | undefined {
  const extension = /\.([a-z0-9]+)(?:[?#]|$)/i.exec(url)?.[1]?.toLowerCase() ?? ''
  return Object.hasOwn(MEDIA_TYPES, extension) ? MEDIA_TYPES[extension] : undefined
}

function encodeCall(call: ToolCallPart, target: Target): JsonObject {
  const name = target.toolName(call.name, call.namespace)
  return { functionCall: { id: target.callId(call.id), name, args: argumentsOf(call) } }
}

/** Free text of a custom tool stands in the one property that its declaration has. */
function argumentsOf({ kind, input }: ToolCallPart): JsonObject {
  if (kind === 'custom') return { input }
  try {
    const value: unknown = JSON.parse(input === '' ? '{}' : input)
    return isJsonObject(value as JsonObject) ? (value as JsonObject) : { _raw: input }
  } catch {
    return { _raw: input }
  }
}

/** `media` is what must follow the results of the turn, because the model takes none inside of them. */
function encodeResult(
  result: ToolResultPart,
  name: string,
  target: Target,
): { response: JsonObject; media: JsonObject[] } {
  const texts: string[] = []
  const media: JsonObject[] = []
  for (const part of result.parts) {
    if (part.type === 'text') texts.push(part.text)
    else if (part.type === 'image') media.push(encodeMedia(part.source, 'image/jpeg'))
    else if (part.source.kind === 'text') texts.push(wordsOfDocument(part))
    else media.push(encodeMedia(part.source, 'application/pdf'))
  }
  const text = texts.join('\n')
  const inside = target.capabilities.takesResultImages && media.length > 0
  const response = result.isError ? { error: text } : (objectOf(text) ?? { output: text })
  const members = { id: target.callId(result.callId), name, response, ...(inside ? { parts: media } : {}) }
  return { response: { functionResponse: members }, media: inside ? [] : media }
}

/** A result that is a JSON object may stand as it is. */
function objectOf(text: string): JsonObject | null {
  if (!text.startsWith('{')) return null
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value as JsonObject) ? (value as JsonObject) : null
  } catch {
    return null
  }
}
