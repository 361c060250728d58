/**
 * Reads a server that speaks OpenAI's Chat Completions protocol, the official one or one of the many that resemble it.
 */
import { extractLast, peekObject, peekValue, type Range } from '../../core/json.ts'
import type { Frame } from '../../core/sse.ts'
import type { FrameKind, Upstream, Usage } from '../contract.ts'
import { readUpstreamError } from '../upstream-error.ts'
import { readUsage } from './usage.ts'

export const upstream: Upstream = {
  protocol: 'openai-chat',
  inspect,
  usageOfFrame,
  usageOfBody: (body) => readUsage(peekValue(body, ['usage'])),
  decodeError: readUpstreamError,
  readStart: () => null,
  missingEnd: 'data: [DONE]\n\n',
}

// Chunks are searched as text, which is the cheapest by far: 0.2 µs, where a walk over the bytes takes 0.6 and a parse 0.9;
// expressions find a quote and a name faster than indexOf does. A name between quotes that are not escaped is always a
// member, never a part of what the model wrote.
const ERROR = /"error"\s*:/
/** With several choices (`n`) the first end counts for all: a frame alone does not tell how many there are. */
const FINISH_REASON = /"finish_reason"\s*:\s*"[^"]/
const DELTA = /"delta"\s*:/
/** The delta of nearly every chunk: a piece of text or of reasoning. */
const TEXT_DELTA = /"delta":\{(?:"role":"assistant",)?"(?:content|reasoning_content|reasoning)":"[^"]/
const USAGE = /"usage"\s*:\s*\{/

function inspect(frame: Frame): FrameKind {
  const text = frame.data.toString('latin1')
  if (text.startsWith('[DONE]')) return 'terminal'
  if (frame.event === 'error' || (ERROR.test(text) && readUpstreamError(frame.data) !== null)) return 'error'
  if (FINISH_REASON.test(text)) return 'finish'
  if (TEXT_DELTA.test(text)) return 'content'
  return kindOfDelta(frame.data, DELTA.exec(text))
}

/** What a delta may hold besides its role. Servers write members they have nothing for as null, "", [] or {}. */
const CONTENT_MEMBERS = [
  'content',
  'reasoning_content',
  'reasoning',
  'reasoning_details',
  'refusal',
  'tool_calls',
  'function_call',
  'audio',
  'images',
  'annotations',
]

/** A chunk without a delta (usage, a content filter's report) is no part of the answer. */
function kindOfDelta(data: Buffer, found: RegExpExecArray | null): FrameKind {
  if (found === null) return 'other'
  const delta = { start: found.index + found[0].length, end: data.length }
  const members = peekObject(data, ['role', ...CONTENT_MEMBERS], delta)
  for (const name of CONTENT_MEMBERS) {
    const range = members.get(name)
    if (range !== undefined && !isEmpty(data, range)) return 'content'
  }
  return members.has('role') ? 'start' : 'other'
}

const EMPTY_VALUES = new Set(['null', '""', '[]', '{}'])

function isEmpty(data: Buffer, range: Range): boolean {
  return range.end - range.start <= 4 && EMPTY_VALUES.has(data.toString('latin1', range.start, range.end))
}

/** Usually a member of the last chunk; Moonshot puts it into the choice, Groq into a member of its own. */
function usageOfFrame(frame: Frame): Usage | null {
  return USAGE.test(frame.data.toString('latin1')) ? readUsage(extractLast(frame.data, 'usage')) : null
}
