/**
 * Opaque reasoning state on its way through a foreign client: wrapped together with where it came from, so that on the next
 * turn it reaches the account that made it byte for byte, and nobody else.
 *
 * `Carrier.data` is what its own vendor needs back, unchanged:
 * - anthropic: the signature, or the whole block where there is more than one (`redacted_thinking`)
 * - openai: the whole reasoning item, or its `encrypted_content` when it came without our tag
 * - gemini: the thought signature
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts'
import type { Carrier, ReasoningFamily } from './hub.ts'

/** Eight letters of base64's own alphabet: Gemini's field for signatures is checked to be base64 as a whole. */
const TAG = 'sub2api1'
/**
 * A part of every wrapped carrier: the end of `{"fam"` in base64. Node looks for needles of up to six bytes by their first
 * one, at memory speed, and a `J` is rare outside of base64: 2 µs in 200 KB of prose, 28 in an image; all 16 bytes take 45.
 */
const MARK = Buffer.from(Buffer.from('{"fam"').toString('base64').slice(-6))

/** The carrier as one text of base64 letters, fit for `signature`, `encrypted_content` and `thoughtSignature`. */
export function wrapCarrier(carrier: Carrier): string {
  const { family, account, model, data } = carrier
  return TAG + Buffer.from(JSON.stringify({ fam: family, acct: account, model, data })).toString('base64')
}

/** True for a text that `wrapCarrier` made. */
export function isWrapped(value: JsonValue): boolean {
  return typeof value === 'string' && value.startsWith(TAG)
}

/** False for a body in which nothing is wrapped; it need not be read to know. Rarely true without cause. */
export function mayHoldWrapped(body: Buffer): boolean {
  return body.includes(MARK)
}

/**
 * What `wrapCarrier` wrapped. A text without our tag came from a vendor by another way (the client used to talk to it
 * directly): its family is told by its shape, and where shapes are alike by `home`, the family of the dialect it stood in.
 */
export function unwrapCarrier(text: string, home: ReasoningFamily | null = null): Carrier {
  if (!text.startsWith(TAG)) return { family: guessFamily(text, home), account: null, model: null, data: text }
  const wrapped = parseWrapped(text.slice(TAG.length))
  if (wrapped === null) return { family: 'other', account: null, model: null, data: text }
  return {
    family: familyOf(wrapped['fam']),
    account: textOrNull(wrapped['acct']),
    model: textOrNull(wrapped['model']),
    data: wrapped['data'] ?? null,
  }
}

/**
 * Whether a carrier may go to an account of `family`. State of another family or another account is refused with 400 by
 * every vendor, and is never turned into something else.
 */
export function fitsTarget(carrier: Carrier, family: ReasoningFamily, account: string): 'restore' | 'drop' {
  if (carrier.family !== family || carrier.family === 'other') return 'drop'
  return carrier.account === null || carrier.account === account ? 'restore' : 'drop'
}

/** A Fernet token with version 0x80 and a date of this century. */
const OPENAI_SHAPE = /^gAAAA/
const BASE64_SHAPE = /^[A-Za-z0-9+/_-]{8,}={0,2}$/
/** The first letters of Claude's protobuf envelope in base64; Gemini's can look alike. */
const ANTHROPIC_SHAPE = /^[ERC]/

function guessFamily(text: string, home: ReasoningFamily | null): ReasoningFamily {
  if (OPENAI_SHAPE.test(text)) return 'openai'
  if (home === 'openai' || !BASE64_SHAPE.test(text)) return 'other'
  return home ?? (ANTHROPIC_SHAPE.test(text) ? 'anthropic' : 'gemini')
}

function parseWrapped(base64: string): JsonObject | null {
  try {
    const value = JSON.parse(Buffer.from(base64, 'base64').toString()) as JsonValue
    return isJsonObject(value) ? value : null
  } catch {
    return null
  }
}

function familyOf(value: JsonValue | undefined): ReasoningFamily {
  return value === 'anthropic' || value === 'openai' || value === 'gemini' ? value : 'other'
}

function textOrNull(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value : null
}
