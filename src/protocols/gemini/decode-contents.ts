/**
 * Gemini's `contents` as neutral turns. The SDK's chat replays every chunk of an answer as a content of its own, so
 * neighbours of one role are one turn.
 */
import { invalidRequest } from '../../core/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import { unwrapCarrier } from '../carrier.ts'
import type { Carrier, Ledger, Part, TextPart, Turn } from '../hub.ts'
import { objectAt, objectsAt, objectsIn, textAt } from '../members.ts'
import { decodeCall, decodeResult, type OpenCall } from './decode-calls.ts'
import { decodeFile, decodeMedia } from './decode-media.ts'

/** The text of a `systemInstruction`: a content, a part, or plain text. */
export function decodeText(value: JsonValue | undefined): TextPart[] {
  if (typeof value === 'string') return value === '' ? [] : [{ type: 'text', text: value }]
  if (Array.isArray(value)) return value.flatMap((each) => decodeText(each))
  if (!isJsonObject(value)) return []
  const texts =
    value['parts'] === undefined
      ? [textAt(value, 'text')]
      : objectsAt(value, 'parts').map((part) => textAt(part, 'text'))
  return texts.filter((text) => text !== '').map((text) => ({ type: 'text', text }))
}

/** Results of functions came under a role of their own once; a content without a role is the user's. */
const ROLES = new Set(['user', 'model', 'function', 'tool', ''])

/** Throws `invalid_request` when there is nothing to answer, or nobody knows who said it. */
export function decodeContents(value: JsonValue | undefined, ledger: Ledger): Turn[] {
  const contents =
    typeof value === 'string' ? [{ parts: [{ text: value }] }] : objectsIn(isJsonObject(value) ? [value] : value)
  if (contents.length === 0) throw invalidRequest('contents: at least one content is required', 'contents')
  const turns: { role: 'user' | 'assistant'; parts: Part[] }[] = []
  const open: OpenCall[] = []
  for (const [position, content] of contents.entries()) {
    const named = textAt(content, 'role')
    const at = `contents.${position}.role`
    if (!ROLES.has(named)) throw invalidRequest(`${at}: "${named.slice(0, 40)}" is no role of this protocol`, at)
    const role = named === 'model' ? ('assistant' as const) : ('user' as const)
    const parts = objectsAt(content, 'parts').flatMap((part, index) =>
      decodePart(part, { open, place: `${position}.${index}`, ledger }),
    )
    const last = turns.at(-1)
    if (last?.role === role) last.parts.push(...parts)
    else turns.push({ role, parts })
  }
  return turns.map((turn) => ({ ...turn, parts: joinPieces(turn.parts) }))
}

interface Place {
  readonly open: OpenCall[]
  readonly place: string
  readonly ledger: Ledger
}

/** State stands on the part behind the reasoning that it belongs to. Only Gemini's own is tied to the very call. */
function decodePart(part: JsonObject, at: Place): Part[] {
  const carrier = carrierOf(part)
  const call = objectAt(part, 'functionCall')
  if (call !== null) {
    if (carrier?.family === 'gemini') return [{ ...decodeCall(call, at.open, at.place), carrier }]
    return [...reasoningOf('', carrier), decodeCall(call, at.open, at.place)]
  }
  const response = objectAt(part, 'functionResponse')
  if (response !== null) return [decodeResult(response, at.open, at.place, at.ledger)]
  if (part['thought'] === true) return reasoningOf(textAt(part, 'text'), carrier)
  return [...reasoningOf('', carrier), ...decodeContent(part, at.ledger)]
}

/** What Google documents for histories without state stands for none. */
const NO_STATE = new Set(['', 'skip_thought_signature_validator', 'context_engineering_is_the_way_to_go'])

function carrierOf(part: JsonObject): Carrier | null {
  const signature = textAt(part, 'thoughtSignature')
  return NO_STATE.has(signature) ? null : unwrapCarrier(signature, 'gemini')
}

function reasoningOf(text: string, carrier: Carrier | null): Part[] {
  return text === '' && carrier === null ? [] : [{ type: 'reasoning', text, carrier }]
}

function decodeContent(part: JsonObject, ledger: Ledger): Part[] {
  const text = part['text']
  if (typeof text === 'string') return text === '' ? [] : [{ type: 'text', text }]
  const media = objectAt(part, 'inlineData')
  if (media !== null) return [decodeMedia(media)]
  const file = objectAt(part, 'fileData')
  if (file !== null) return [decodeFile(file)]
  const code = objectAt(part, 'executableCode')
  if (code !== null) return [fenced(textAt(code, 'language').toLowerCase(), textAt(code, 'code'))]
  const printed = objectAt(part, 'codeExecutionResult')
  if (printed !== null) return [fenced('', textAt(printed, 'output'))]
  const name = Object.keys(part).find((each) => each !== 'thoughtSignature' && each !== 'thought')
  if (name !== undefined) ledger.note('dropped', name)
  return []
}

function fenced(language: string, code: string): TextPart {
  return { type: 'text', text: `\n\`\`\`${language}\n${code}\n\`\`\`\n` }
}

/** Pieces of one text, or of one thought and its state, that stood in several contents are one again. */
function joinPieces(parts: readonly Part[]): Part[] {
  const joined: Part[] = []
  for (const part of parts) {
    const last = joined.at(-1)
    if (part.type === 'text' && last?.type === 'text') {
      joined[joined.length - 1] = { ...last, text: last.text + part.text }
    } else if (part.type === 'reasoning' && last?.type === 'reasoning' && last.carrier === null) {
      joined[joined.length - 1] = { ...part, text: last.text + part.text }
    } else joined.push(part)
  }
  return joined
}
