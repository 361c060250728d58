/**
 * Reads from a request body what routing needs, and refuses in plain words a body that no vendor could read either.
 */
import { isUtf8 } from 'node:buffer'
import { invalidRequest } from '../core/errors.ts'
import { JsonSyntaxError, outlineObject, parseValue, type Outline, type Range } from '../core/json.ts'
import type { Envelope } from './contract.ts'

/** No vendor's names come near; logs, maps and matchers behind this need a bound. */
const LONGEST_MODEL = 256

/**
 * The envelope of a dialect that has `model` and `stream` at the top of its body, with an outline of the members named in
 * `outlined`. Throws `invalid_request`.
 */
export function readBodyEnvelope(body: Buffer, outlined: readonly string[]): Envelope {
  const { found, outline } = readMembers(body, ['model', 'stream'], outlined)
  const modelRange = found.get('model')
  if (modelRange === undefined) throw invalidRequest('the request names no model: "model" is missing', 'model')
  return { model: readModel(body, modelRange), stream: readStream(body, found.get('stream')), modelRange, outline }
}

/** Checks that the body is one JSON object in UTF-8 and finds its members. Throws `invalid_request` with the place. */
export function readMembers(
  body: Buffer,
  wanted: readonly string[],
  outlined: readonly string[],
): { readonly found: ReadonlyMap<string, Range>; readonly outline: Outline } {
  if (body.length === 0) throw invalidRequest('the request body is empty; a JSON object is expected')
  if (isUtf16(body)) throw invalidRequest('the request body is encoded as UTF-16; JSON is sent as UTF-8')
  if (!isUtf8(body)) throw invalidRequest('the request body is not valid UTF-8')
  try {
    return outlineObject(body, wanted, outlined)
  } catch (error) {
    throw inPlainWords(error)
  }
}

function readModel(body: Buffer, range: Range): string {
  const model = readValue(body, range)
  if (typeof model !== 'string') throw invalidRequest('"model" must be a text', 'model')
  if (model.trim() === '') throw invalidRequest('"model" is empty', 'model')
  if (model.length > LONGEST_MODEL) throw invalidRequest(`"model" is longer than ${LONGEST_MODEL} characters`, 'model')
  return model
}

function readStream(body: Buffer, range: Range | undefined): boolean {
  const stream = range === undefined ? null : readValue(body, range)
  if (stream !== null && typeof stream !== 'boolean') throw invalidRequest('"stream" must be true or false', 'stream')
  return stream ?? false
}

function readValue(body: Buffer, range: Range): unknown {
  try {
    return parseValue(body, range)
  } catch (error) {
    throw inPlainWords(error)
  }
}

/** Either byte order mark, or the zero byte that every ASCII character has in UTF-16. */
function isUtf16(body: Buffer): boolean {
  const mark = body.length < 2 ? 0 : body.readUInt16BE(0)
  return mark === 0xfeff || mark === 0xfffe || body[0] === 0 || body[1] === 0
}

function inPlainWords(error: unknown): unknown {
  if (!(error instanceof JsonSyntaxError)) return error
  return invalidRequest(`the request body must be a JSON object: ${error.message}`)
}
