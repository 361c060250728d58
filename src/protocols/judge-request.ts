/**
 * What the relay refuses itself when it translates: numbers and bytes that no vendor takes, and of which another dialect's
 * refusal would not name the member that the client wrote.
 */
import { invalidRequest } from '../core/errors.ts'
import type { JsonObject } from '../core/json.ts'
import type { Conversation, Part } from './hub.ts'

/**
 * A limit of output tokens; null when there is none. Throws `invalid_request` for text, fractions, numbers below `fewest`
 * and those that are too large for JSON (`1e400`). `place` is where the member is, if not at the top.
 */
export function tokenLimitAt(object: JsonObject, name: string, fewest = 1, place = name): number | null {
  const value = object[name]
  if (value === undefined || value === null) return null
  if (Number.isSafeInteger(value) && (value as number) >= fewest) return value as number
  throw invalidRequest(`${place}: a whole number from ${fewest} is required`, place)
}

/** Throws `invalid_request` for pictures and files that say that they are base64 and are not. */
export function requireBase64({ turns }: Conversation): void {
  for (const [position, { parts }] of turns.entries()) {
    for (const part of parts) {
      if (isReadable(part)) continue
      throw invalidRequest(`the ${part.type} in turn ${position + 1} of the conversation is not base64`)
    }
  }
}

/** Enough to tell text from bytes; the rest is for the vendor to judge, however long it is. */
const JUDGED_CHARACTERS = 4096

function isReadable(part: Part): boolean {
  if (part.type !== 'image' && part.type !== 'document') return true
  if (part.source.kind !== 'base64') return true
  return /^[A-Za-z0-9+/_=\s-]*$/.test(part.source.data.slice(0, JUDGED_CHARACTERS))
}
