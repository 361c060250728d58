/**
 * Reads the events of a Responses answer. Items are told apart by their place, because some servers change ids on the way,
 * and whatever was not told by deltas is taken from the item's end or from the final response.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { Frame } from '../../core/sse.ts'
import { decodeUtf8 } from '../../core/utf8.ts'
import type { UpstreamError } from '../contract.ts'
import type { StreamDecoder, Target } from '../hub-contract.ts'
import type { Delta, FinishReason } from '../hub.ts'
import { numberAt, objectAt, objectsAt, textAt } from '../members.ts'
import { readUpstreamError } from '../upstream-error.ts'
import { createItemReader, isCall, type ItemReader } from './item-reader.ts'
import { readUsage } from './upstream.ts'

export function createStreamDecoder(target: Target): StreamDecoder {
  const items = new Map<number, ItemReader>()
  let responseId = ''
  let hasStarted = false
  let isOver = false
  /** Where an event without a place belongs. */
  let lastPlace = 0

  function readEvent(event: JsonObject, frame: Frame): Delta[] {
    const type = textAt(event, 'type') || frame.event
    const response = objectAt(event, 'response')
    switch (type) {
      case 'response.created':
      case 'response.queued':
      case 'response.in_progress':
        return start(response)
      case 'response.completed':
      case 'response.done':
      case 'response.incomplete':
        return [...start(response), ...finish(response ?? {}, type)]
      case 'response.cancelled':
        return fail(CANCELLED)
      case 'response.failed':
      case 'error':
        return fail(readUpstreamError(frame.data) ?? UNEXPLAINED)
      default:
    }
    // Signs of life and news about limits belong to no answer.
    if (!type.startsWith('response.')) return []
    lastPlace = numberAt(event, 'output_index') ?? lastPlace
    return [...start(null), ...itemAt(lastPlace).read(type, event)]
  }

  function start(response: JsonObject | null): Delta[] {
    if (hasStarted) return []
    hasStarted = true
    responseId = response === null ? '' : textAt(response, 'id')
    const model = response === null ? '' : textAt(response, 'model')
    return [{ type: 'start', id: responseId, model: model || target.model }]
  }

  function itemAt(place: number): ItemReader {
    const known = items.get(place)
    if (known !== undefined) return known
    const item = createItemReader(place, responseId, target)
    items.set(place, item)
    return item
  }

  function finish(response: JsonObject, type: string): Delta[] {
    const status = textAt(response, 'status')
    if (status === 'failed' || status === 'cancelled') return fail(errorOf(response) ?? CANCELLED)
    isOver = true
    const out: Delta[] = []
    const final = objectsAt(response, 'output')
    const readers = matchItems(final, [...items.values()], () => itemAt(Math.max(-1, ...items.keys()) + 1))
    // An item that was told already adds only what is missing.
    for (const [index, reader] of readers.entries()) out.push(...reader.end(final[index] ?? null))
    for (const reader of items.values()) out.push(...reader.end(null))
    const usage = readUsage(response['usage'] ?? null)
    if (usage !== null) out.push({ type: 'usage', usage })
    const details = objectAt(response, 'incomplete_details')
    const isCut = type === 'response.incomplete' || status === 'incomplete' || details !== null
    const reason = isCut ? reasonOf(details) : completed()
    out.push({ type: 'finish', reason, ...(details === null ? {} : { details }) })
    return out
  }

  function completed(): FinishReason {
    const readers = [...items.values()]
    if (readers.some(({ item }) => isCall(item()))) return 'tool_calls'
    return readers.some(({ isRefusal }) => isRefusal()) ? 'refusal' : 'stop'
  }

  function fail(error: UpstreamError): Delta[] {
    isOver = true
    return [{ type: 'error', error }]
  }

  return {
    decode(frame) {
      if (isOver) return []
      const event = parseEvent(frame)
      if (event === 'done') return []
      return event === null ? fail(UNREADABLE) : readEvent(event, frame)
    },
    end() {
      return isOver ? [] : fail(BROKEN_OFF)
    },
    // The terminal event repeats the answer, and with it what no other event has told.
    isComplete: () => false,
  }
}

const UNEXPLAINED: UpstreamError = failure('the upstream reported a failure without a text')
const UNREADABLE: UpstreamError = failure('the upstream sent an event that is not JSON')
const BROKEN_OFF: UpstreamError = failure('the stream ended without its terminal event')
const CANCELLED: UpstreamError = failure('the upstream cancelled the answer')

function failure(message: string): UpstreamError {
  return { type: '', code: '', message, status: 502 }
}

function errorOf(response: JsonObject): UpstreamError | null {
  return readUpstreamError(Buffer.from(JSON.stringify({ type: 'response.failed', response })))
}

/**
 * The reader of each final item. Places in the final list can differ from those in the stream, and so can ids: an item is
 * the one with its id, or else the next one of its type; `create` makes the reader of one that was never told.
 */
function matchItems(final: readonly JsonObject[], told: ItemReader[], create: () => ItemReader): ItemReader[] {
  const byId = final.map((item) => told.find((reader) => isSame(reader.item(), item)))
  const rest = told.filter((reader) => !byId.includes(reader))
  return final.map((item, index) => {
    const same = byId[index]
    if (same !== undefined) return same
    const next = rest.findIndex((reader) => isSameType(reader.item(), item))
    return next < 0 ? create() : (rest.splice(next, 1)[0] as ItemReader)
  })
}

function isSame(told: JsonObject, final: JsonObject): boolean {
  const name = isCall(final) ? 'call_id' : 'id'
  return textAt(final, name) !== '' && told[name] === final[name]
}

/** An item that was never announced can be any. */
function isSameType(told: JsonObject, final: JsonObject): boolean {
  return told['type'] === undefined || told['type'] === final['type']
}

function reasonOf(details: JsonObject | null): FinishReason {
  switch (details === null ? '' : textAt(details, 'reason')) {
    case '':
    case 'max_output_tokens':
      return 'max_tokens'
    case 'content_filter':
      return 'content_filter'
    default:
      return 'other'
  }
}

/** `done` for the mark that some servers put behind the terminal event; null for what is no event at all. */
function parseEvent(frame: Frame): JsonObject | 'done' | null {
  const text = decodeUtf8(frame.data)
  if (text === '' || text === '[DONE]') return 'done'
  try {
    const value = JSON.parse(text) as JsonValue
    return isJsonObject(value) ? value : null
  } catch {
    return null
  }
}
