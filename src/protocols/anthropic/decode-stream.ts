/**
 * A Messages answer, streamed or whole, in neutral steps.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { Frame } from '../../core/sse.ts'
import { decodeUtf8 } from '../../core/utf8.ts'
import type { StreamDecoder, Target } from '../hub-contract.ts'
import type { Delta } from '../hub.ts'
import { objectsAt, textAt } from '../members.ts'
import { readUpstreamError } from '../upstream-error.ts'
import { decodeCitations } from './citations.ts'
import { MessageReader } from './message-reader.ts'

/** A decoder for one answer. Nothing follows the first `finish` or `error`. */
export function createStreamDecoder(target: Target): StreamDecoder {
  const reader = new MessageReader(target)
  let isOver = false

  function fail(error: Extract<Delta, { type: 'error' }>['error'], out: Delta[]): void {
    isOver = true
    out.push({ type: 'error', error })
  }

  function finish(out: Delta[]): void {
    isOver = true
    reader.finish(out)
  }

  return {
    decode(frame) {
      const out: Delta[] = []
      if (isOver || frame.data.length === 0 || isDoneMark(frame)) return out
      const event = parseEvent(frame)
      if (event === null) {
        fail(UNREADABLE, out)
        return out
      }
      const type = textAt(event, 'type') || frame.event
      if (type === 'error') fail(readUpstreamError(frame.data) ?? UNEXPLAINED, out)
      else if (type === 'message_stop') finish(out)
      else reader.read(type, event, out)
      return out
    },
    end() {
      const out: Delta[] = []
      if (isOver) return out
      if (reader.isComplete) finish(out)
      else fail(BROKEN_OFF, out)
      return out
    },
    isComplete: () => !isOver && reader.isComplete,
  }
}

/** A whole message. One that is a failure is a single `error`. */
export function decodeWhole(body: JsonObject, target: Target): Delta[] {
  if (body['type'] === 'error') {
    return [{ type: 'error', error: readUpstreamError(Buffer.from(JSON.stringify(body))) ?? UNEXPLAINED }]
  }
  const reader = new MessageReader(target)
  const out: Delta[] = []
  reader.read('message_start', { message: body }, out)
  for (const [index, block] of objectsAt(body, 'content').entries()) {
    reader.beginBlock(index, block, out)
    for (const citation of decodeCitations(block['citations'], target.ledger)) {
      const last = out.at(-1)
      if (last?.type === 'text-delta' || last?.type === 'text-citation') {
        out.push({ type: 'text-citation', key: last.key, citation })
      }
    }
    reader.endBlock(index, out)
  }
  reader.read('message_delta', { delta: body }, out)
  reader.finish(out)
  return out
}

const UNEXPLAINED = { type: '', code: '', message: 'the upstream reported a failure without a text' }
const UNREADABLE = { type: '', code: '', message: 'the upstream sent an event that is not JSON' }
const BROKEN_OFF = { type: '', code: '', message: 'the stream ended before the answer was complete' }

/** Some servers end every stream in the way of Chat. */
function isDoneMark({ data }: Frame): boolean {
  return data.length === DONE.length && data.equals(DONE)
}

const DONE = Buffer.from('[DONE]')

function parseEvent({ data }: Frame): JsonObject | null {
  try {
    const value = JSON.parse(decodeUtf8(data)) as JsonValue
    return isJsonObject(value) ? value : null
  } catch {
    return null
  }
}
