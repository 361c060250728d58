/**
 * What a frame calls itself, for the dialects whose events have names.
 */
import { peekValue } from '../core/json.ts'
import type { Frame } from '../core/sse.ts'

/** Long enough for the longest name of an event. */
const HEAD_BYTES = 96
const TYPE_FIRST = /^\s*\{\s*"type"\s*:\s*"([^"\\]+)"/

/** The name in the `event:` field, else the member `type` of the data, which some servers send alone; '' for neither. */
export function typeOf(frame: Frame): string {
  if (frame.event !== '') return frame.event
  const { data } = frame
  const first = TYPE_FIRST.exec(data.toString('latin1', 0, HEAD_BYTES))?.[1]
  if (first !== undefined) return first
  const type = peekValue(data, ['type'])
  return typeof type === 'string' ? type : ''
}
