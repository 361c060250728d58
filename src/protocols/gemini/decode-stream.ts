/**
 * Reads the chunks of a Gemini answer. Every chunk is a whole response object that holds only what is new.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { Frame } from '../../core/sse.ts'
import { decodeUtf8 } from '../../core/utf8.ts'
import type { UpstreamError } from '../contract.ts'
import type { StreamDecoder, Target } from '../hub-contract.ts'
import type { Delta } from '../hub.ts'
import { objectAt, objectsAt, objectsIn, textAt } from '../members.ts'
import { readUpstreamError } from '../upstream-error.ts'
import { createPartReader } from './part-reader.ts'
import { readFinishReason } from './stop-reasons.ts'
import { readUsage } from './upstream.ts'

export function createStreamDecoder(target: Target): StreamDecoder {
  const parts = createPartReader(target)
  let hasStarted = false
  let isOver = false
  let finishReason = ''
  let blockReason = ''
  let grounding: JsonObject | null = null

  function readChunk(chunk: JsonObject, out: Delta[]): void {
    if (!hasStarted) {
      hasStarted = true
      const id = textAt(chunk, 'responseId')
      parts.begin(id)
      out.push({ type: 'start', id, model: textAt(chunk, 'modelVersion') || target.model })
    }
    const feedback = objectAt(chunk, 'promptFeedback')
    if (feedback !== null) blockReason ||= textAt(feedback, 'blockReason')
    const candidate = objectsAt(chunk, 'candidates').find(({ index }) => index === undefined || index === 0)
    if (candidate !== undefined) readCandidate(candidate, out)
    const usage = readUsage(chunk['usageMetadata'] ?? null)
    if (usage === null) return
    out.push({ type: 'usage', usage })
    // The counts may come in a chunk of their own, after the reason.
    if (isComplete()) finish(out)
  }

  function readCandidate(candidate: JsonObject, out: Delta[]): void {
    const content = objectAt(candidate, 'content')
    for (const part of content === null ? [] : objectsAt(content, 'parts')) parts.read(part, out)
    const found = objectAt(candidate, 'groundingMetadata')
    if (found !== null) grounding = { ...grounding, ...found }
    const reason = textAt(candidate, 'finishReason')
    if (reason !== 'FINISH_REASON_UNSPECIFIED') finishReason ||= reason
  }

  function isComplete(): boolean {
    return finishReason !== '' || blockReason !== ''
  }

  function finish(out: Delta[]): void {
    isOver = true
    parts.end(grounding, out)
    const reason = finishReason === '' ? 'refusal' : readFinishReason(finishReason, parts.hasCalls())
    const word = blockReason || (reason === 'content_filter' ? finishReason : '')
    out.push({ type: 'finish', reason, ...(word === '' ? {} : { details: { reason: word } }) })
  }

  function fail(error: UpstreamError): Delta[] {
    isOver = true
    return [{ type: 'error', error }]
  }

  return {
    decode(frame) {
      if (isOver) return []
      const chunks = parseChunks(frame)
      if (chunks === null) return fail(readUpstreamError(frame.data) ?? UNREADABLE)
      const out: Delta[] = []
      for (const chunk of chunks) {
        if (isOver) break
        if (isAnswer(chunk) && frame.event !== 'error') {
          readChunk(chunk, out)
          continue
        }
        const told = readUpstreamError(Buffer.from(JSON.stringify(chunk)))
        // What is neither is news that this version does not know.
        if (told !== null || frame.event === 'error') out.push(...fail(told ?? UNEXPLAINED))
      }
      return out
    },
    end() {
      if (isOver) return []
      if (!isComplete()) return fail(BROKEN_OFF)
      const out: Delta[] = []
      finish(out)
      return out
    },
    isComplete: () => !isOver && isComplete(),
  }
}

const UNREADABLE = failure('the upstream sent an event that is not JSON')
const UNEXPLAINED = failure('the upstream reported a failure without a text')
const BROKEN_OFF = failure('the stream ended without a finish reason')

function failure(message: string): UpstreamError {
  return { type: '', code: '', message, status: 502 }
}

/** An answer has candidates, feedback or counts; a failure has none of them. */
function isAnswer(chunk: JsonObject): boolean {
  if (isJsonObject(chunk['error'])) return false
  return ['candidates', 'promptFeedback', 'usageMetadata', 'responseId'].some((name) => chunk[name] !== undefined)
}

/** One chunk, or a list of them: what a server sends that was not asked for events. Null for what is neither. */
function parseChunks({ data }: Frame): JsonObject[] | null {
  try {
    const value = JSON.parse(decodeUtf8(data)) as JsonValue
    if (Array.isArray(value)) return objectsIn(value)
    return isJsonObject(value) ? [value] : null
  } catch {
    return null
  }
}
