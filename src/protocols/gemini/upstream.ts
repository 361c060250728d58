/**
 * Reads a server that speaks Google's Gemini protocol.
 */
import { extractLast, peekValue, scanArray, type JsonValue, type Range } from '../../core/json.ts'
import type { Frame } from '../../core/sse.ts'
import type { FrameKind, Upstream, Usage } from '../contract.ts'
import { countAt, sum, usageOf, without } from '../token-counts.ts'
import { readUpstreamError } from '../upstream-error.ts'

export const upstream: Upstream = {
  protocol: 'gemini',
  inspect,
  usageOfFrame,
  usageOfBody,
  decodeError: readUpstreamError,
  readStart: () => null,
  // The chunk with the finish reason is the end; there is no event after it.
  missingEnd: '',
}

// Searched as text: a name between quotes that are not escaped is always a member, never what the model wrote.
const ERROR = /"error"\s*:/
/** A prompt that is blocked gets no candidate, only the reason. */
const FINISHED = /"(?:finishReason|blockReason)"\s*:\s*"(?!FINISH_REASON_UNSPECIFIED")[^"]/
const TEXT = /"text"\s*:\s*"[^"]/
const OTHER_PARTS =
  /"(?:functionCall|functionResponse|inlineData|fileData|executableCode|codeExecutionResult|toolCall|toolResponse|thoughtSignature)"\s*:/
const CANDIDATES = '"candidates"'

function inspect(frame: Frame): FrameKind {
  const text = frame.data.toString('latin1')
  if (frame.event === 'error' || (ERROR.test(text) && readUpstreamError(frame.data) !== null)) return 'error'
  if (FINISHED.test(text)) return 'finish'
  if (TEXT.test(text) || OTHER_PARTS.test(text)) return 'content'
  return text.includes(CANDIDATES) ? 'start' : 'other'
}

function usageOfFrame({ data }: Frame): Usage | null {
  return readUsage(extractLast(data, 'usageMetadata'))
}

/** Without `alt=sse` a stream is one list of chunks; the last one counts for all. */
function usageOfBody(body: Buffer): Usage | null {
  return readUsage(peekValue(body, ['usageMetadata'], body[0] === OPEN_BRACKET ? lastElement(body) : undefined))
}

const OPEN_BRACKET = 0x5b

function lastElement(body: Buffer): Range | undefined {
  try {
    return scanArray(body, { start: 0, end: body.length }).at(-1)
  } catch {
    return undefined
  }
}

/** Source: Gemini API reference, `UsageMetadata`: the prompt includes what was cached, candidates exclude thoughts. */
export function readUsage(usage: JsonValue): Usage | null {
  const cached = countAt(usage, 'cachedContentTokenCount')
  const reasoning = countAt(usage, 'thoughtsTokenCount')
  return usageOf({
    input: without(sum(countAt(usage, 'promptTokenCount'), countAt(usage, 'toolUsePromptTokenCount')), cached),
    cached,
    output: sum(countAt(usage, 'candidatesTokenCount'), reasoning),
    reasoning,
  })
}
