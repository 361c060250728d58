/**
 * Calls and their results in a Gemini request. Ids are optional there: without them the name and the order tell which
 * result belongs to which call.
 */
import { digest } from '../../core/digest.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import type { DocumentPart, ImagePart, Ledger, ToolCallPart, ToolResultPart } from '../hub.ts'
import { objectAt, objectsAt, textAt } from '../members.ts'
import { decodeFile, decodeMedia } from './decode-media.ts'

/** A call that waits for its result. */
export interface OpenCall {
  readonly id: string
  readonly name: string
  /** False when the id was made here. */
  readonly isNamed: boolean
}

/** `place` in the history makes the id of a call that has none: the same on every turn. The call is added to `open`. */
export function decodeCall(call: JsonObject, open: OpenCall[], place: string): ToolCallPart {
  const name = textAt(call, 'name')
  const given = textAt(call, 'id')
  const id = given || idOf(place, name)
  open.push({ id, name, isNamed: given !== '' })
  return { type: 'tool-call', id, name, kind: 'function', input: JSON.stringify(objectAt(call, 'args') ?? {}) }
}

/** Belongs to the call with its id, or else to the oldest call of its name that has neither id nor result. */
export function decodeResult(response: JsonObject, open: OpenCall[], place: string, ledger: Ledger): ToolResultPart {
  const name = textAt(response, 'name')
  const id = textAt(response, 'id')
  const byId = open.findIndex((call) => id !== '' && call.id === id)
  const index = byId >= 0 ? byId : open.findIndex((call) => call.name === name && (id === '' || !call.isNamed))
  const call = index < 0 ? undefined : open.splice(index, 1)[0]
  const told = objectAt(response, 'response') ?? {}
  const isError = told['error'] !== undefined && told['output'] === undefined
  const text = wordsOf(isError ? told['error'] : told['output'], told)
  return {
    type: 'tool-result',
    callId: call?.id ?? (id || idOf(place, name)),
    name,
    parts: [{ type: 'text', text }, ...decodeResultMedia(response, ledger)],
    isError,
    isCustom: false,
  }
}

function idOf(place: string, name: string): string {
  return `call_${digest(`${place} ${name}`, 24)}`
}

/** `output` and `error` are Google's names for the plain result; any other object is the result itself. */
function wordsOf(value: JsonValue | undefined, whole: JsonObject): string {
  if (typeof value === 'string') return value
  return JSON.stringify(value === undefined ? whole : value)
}

function decodeResultMedia(response: JsonObject, ledger: Ledger): (ImagePart | DocumentPart)[] {
  return objectsAt(response, 'parts').flatMap((part) => {
    const media = objectAt(part, 'inlineData')
    const file = objectAt(part, 'fileData')
    const decoded = media === null ? file && decodeFile(file) : decodeMedia(media)
    if (decoded !== null && decoded.type !== 'audio') return [decoded]
    ledger.note('dropped', 'part of a result')
    return []
  })
}
