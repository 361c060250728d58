/**
 * What a config adds to calls: extra headers and extra fields of the body. Neither may touch what the relay itself
 * answers for: where a call goes, who it is from, and how it is framed.
 */
import type { JsonObject } from '../core/json.ts'
import type { Path, Report } from './report.ts'

/** Routing, credentials, framing (RFC 9110 section 7.6.1, RFC 9112 section 6), and encodings the relay must not get. */
const FORBIDDEN_HEADERS: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'accept-encoding',
])

/** Members that always come from the request. */
const FIELDS_OF_THE_REQUEST = ['model', 'stream', 'messages', 'input', 'contents']

/** Names in lower case. RFC 9110 section 5.1 and 5.5 say what a name and a value may hold. */
export function readHeaders(headers: ReadonlyMap<string, string>, path: Path, report: Report): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [written, value] of headers) {
    const name = written.toLowerCase()
    if (FORBIDDEN_HEADERS.has(name)) report.error([...path, written], 'is not for a config to set')
    else if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name)) report.error([...path, written], 'is not a header name')
    else if (!/^[\t\x20-\x7e]*$/.test(value)) report.error([...path, written], 'holds characters no header can carry')
    else kept[name] = value
  }
  return Object.freeze(kept)
}

/** The same fields; warns of those that have no effect. */
export function checkExtraParams(fields: JsonObject, path: Path, report: Report): JsonObject {
  for (const field of FIELDS_OF_THE_REQUEST.filter((each) => Object.hasOwn(fields, each))) {
    report.warning([...path, field], 'has no effect; it always comes from the request')
  }
  return fields
}
