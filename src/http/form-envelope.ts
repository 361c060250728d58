/**
 * Reads from a multipart form what routing needs: the model, in a small field among pictures that stay bytes.
 * Source: RFC 7578.
 */
import { invalidRequest } from '../core/errors.ts'
import { NO_OUTLINE } from '../core/json.ts'
import type { Envelope } from '../protocols/contract.ts'

const LONGEST_MODEL = 256
const LONGEST_HEAD = 4_096
const BLANK_LINE = Buffer.from('\r\n\r\n')

export function isForm(contentType: string | undefined): boolean {
  return /^\s*multipart\/form-data\b/i.test(contentType ?? '')
}

/** Throws `invalid_request` when it is no form, or names no model. */
export function readFormEnvelope(body: Buffer, contentType: string): Envelope {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;]{1,70}))/i.exec(contentType) ?? []
  const boundary = quoted ?? plain
  if (boundary === undefined) throw invalidRequest('the content-type of the form names no boundary')
  for (const part of partsOf(body, Buffer.from(`--${boundary}`))) {
    if (nameOf(part.head) !== 'model') continue
    const model = body.toString('utf8', part.start, Math.min(part.end, part.start + LONGEST_MODEL + 1))
    if (model.trim() === '') throw invalidRequest('"model" is empty', 'model')
    if (model.length > LONGEST_MODEL) {
      throw invalidRequest(`"model" is longer than ${LONGEST_MODEL} characters`, 'model')
    }
    return { model, stream: false, modelRange: { start: part.start, end: part.end }, outline: NO_OUTLINE }
  }
  throw invalidRequest('the form names no model: its field "model" is missing', 'model')
}

interface Part {
  readonly head: string
  /** Where its content stands in the body. */
  readonly start: number
  readonly end: number
}

/** A search for bytes, so that pictures cost nothing but the looking. */
function* partsOf(body: Buffer, delimiter: Buffer): Generator<Part> {
  for (let at = body.indexOf(delimiter); at >= 0;) {
    const headAt = at + delimiter.length + 2
    const headEnd = body.indexOf(BLANK_LINE, headAt - 2)
    const next = body.indexOf(delimiter, headAt)
    if (next < 0 || headEnd < 0) return
    if (headEnd < next && headEnd - headAt <= LONGEST_HEAD) {
      yield { head: body.toString('latin1', headAt, headEnd), start: headEnd + BLANK_LINE.length, end: next - 2 }
    }
    at = next
  }
}

function nameOf(head: string): string | undefined {
  const line = head.split('\r\n').find((each) => /^content-disposition:/i.test(each)) ?? ''
  const [, quoted, plain] = /;\s*name=(?:"([^"]*)"|([^\s;]+))/i.exec(line) ?? []
  return quoted ?? plain
}
