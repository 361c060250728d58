/**
 * Reads a server that speaks OpenAI's Responses protocol.
 */
import { extractLast, peekValue, type JsonValue } from '../../core/json.ts'
import type { Frame } from '../../core/sse.ts'
import type { AnswerStart, FrameKind, Upstream, Usage } from '../contract.ts'
import { typeOf } from '../frame-type.ts'
import { countAt, usageOf, without } from '../token-counts.ts'
import { readUpstreamError } from '../upstream-error.ts'

export const upstream: Upstream = {
  protocol: 'openai-responses',
  inspect,
  usageOfFrame,
  usageOfBody: (body) => readUsage(peekValue(body, ['usage'])),
  decodeError: readUpstreamError,
  readStart,
  // No event says that the answer is complete before the terminal one says it.
  missingEnd: '',
}

function inspect(frame: Frame): FrameKind {
  const type = typeOf(frame)
  switch (type) {
    case 'response.created':
    case 'response.queued':
    case 'response.in_progress':
    case 'response.content_part.added':
    case 'response.reasoning_summary_part.added':
      return 'start'
    case 'response.output_item.added':
      return isEmptyItem(frame.data) ? 'start' : 'content'
    case 'response.completed':
    case 'response.incomplete':
    case 'response.cancelled':
    case 'response.done':
      return 'terminal'
    case 'response.failed':
    case 'error':
      return 'error'
    default:
      // An event of the answer that is not known yet carries some of it; anything else (keepalive, codex.*) does not.
      return type.startsWith('response.') ? 'content' : 'other'
  }
}

/** Messages and reasoning are added empty and filled by deltas; other items name a tool at once. */
function isEmptyItem(data: Buffer): boolean {
  const type = peekValue(data, ['item', 'type'])
  return type === 'message' || type === 'reasoning'
}

const TELLS_USAGE = new Set([
  'response.completed',
  'response.incomplete',
  'response.failed',
  'response.cancelled',
  'response.done',
])

/** The terminal event repeats the whole answer, so it is the one most likely to be cut; usage stands near its end. */
function usageOfFrame(frame: Frame): Usage | null {
  if (!TELLS_USAGE.has(typeOf(frame))) return null
  const { data } = frame
  return readUsage(frame.cut ? extractLast(data, 'usage') : peekValue(data, ['response', 'usage']))
}

/** Source: OpenAI API reference, `ResponseUsage`: input includes what was cached, output includes reasoning. */
export function readUsage(usage: JsonValue): Usage | null {
  const cached = countAt(usage, 'input_tokens_details', 'cached_tokens')
  const cacheWrite = countAt(usage, 'input_tokens_details', 'cache_write_tokens')
  return usageOf({
    input: without(countAt(usage, 'input_tokens'), cached, cacheWrite),
    cached,
    cacheWrite,
    output: countAt(usage, 'output_tokens'),
    reasoning: countAt(usage, 'output_tokens_details', 'reasoning_tokens'),
  })
}

function readStart(json: Buffer): AnswerStart | null {
  const path = peekValue(json, ['object']) === 'response' ? [] : ['response']
  const id = peekValue(json, [...path, 'id'])
  if (typeof id !== 'string') return null
  const model = peekValue(json, [...path, 'model'])
  const createdAt = peekValue(json, [...path, 'created_at'])
  return {
    id,
    model: typeof model === 'string' ? model : '',
    createdAt: typeof createdAt === 'number' ? createdAt : 0,
  }
}
