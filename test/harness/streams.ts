/**
 * The four dialects as text: one description of an answer, rendered as the vendors stream it, in every form that the
 * event stream format allows.
 */
import type { Protocol } from '../../src/core/account.ts'
import type { FrameKind } from '../../src/protocols/contract.ts'
import { anthropic } from './dialects/anthropic.ts'
import type { Answer, Dialect, RenderContext, StreamEvent } from './dialects/dialect.ts'
import { gemini } from './dialects/gemini.ts'
import { openaiChat } from './dialects/openai-chat.ts'
import { openaiResponses } from './dialects/openai-responses.ts'

export type { Answer, Failure, RenderContext, StopReason, StreamEvent, ToolCall } from './dialects/dialect.ts'

export const dialects: Readonly<Record<Protocol, Dialect>> = {
  anthropic,
  'openai-responses': openaiResponses,
  'openai-chat': openaiChat,
  gemini,
}

/** Legal ways to write the same events. Source: WHATWG HTML, section 9.2. */
export interface StreamFormat {
  lineEnd?: '\n' | '\r\n' | '\r'
  /** False leaves the `event:` lines out. Messages clients then see nothing; the others do not mind. */
  eventNames?: boolean
  /** The JSON indented, a `data:` line for each of its lines. */
  multiLineData?: boolean
  /** False writes `data:x` instead of `data: x`. */
  spaceAfterColon?: boolean
  /** Spaces behind the JSON, as Anthropic sends them. */
  paddingBytes?: number
  /** A comment block before every event. */
  comments?: boolean
  /** A byte order mark before the first event. */
  bom?: boolean
  /** False leaves out the blank line behind the last event. */
  finalBlankLine?: boolean
  /** One JSON array instead of events: what Gemini answers without `?alt=sse`. */
  jsonArray?: boolean
}

/** A piece of a body and what it means to a reader of the dialect. */
export interface Fragment {
  readonly text: string
  readonly kind: FrameKind
}

/** A streamed answer, one fragment per event. */
export function renderStream(
  protocol: Protocol,
  answer: Answer,
  format: StreamFormat = {},
  context: RenderContext = SAMPLE_CONTEXT,
): Fragment[] {
  const dialect = dialects[protocol]
  const events = dialect.stream(answer, context)
  if (format.jsonArray === true) return events.map((event, i) => encodeElement(event, i, events.length))
  const complete: StreamFormat = { lineEnd: dialect.lineEnd, ...format }
  return events.map((event, i) => {
    const mark = format.bom === true && i === 0 ? '\uFEFF' : ''
    const text = encodeEvent(event, complete)
    const isBare = format.finalBlankLine === false && i === events.length - 1
    return { text: mark + (isBare ? text.slice(0, -lineEndOf(complete).length) : text), kind: event.kind }
  })
}

/** The same as one text, for tests that feed a decoder and need no vendor. */
export function streamText(protocol: Protocol, answer: Answer, format: StreamFormat = {}): string {
  return renderStream(protocol, answer, format)
    .map((fragment) => fragment.text)
    .join('')
}

/** A whole (not streamed) answer as JSON text. */
export function renderWhole(protocol: Protocol, answer: Answer, context: RenderContext = SAMPLE_CONTEXT): string {
  return JSON.stringify(dialects[protocol].whole(answer, context))
}

/** One event with its closing blank line. */
export function encodeEvent(event: StreamEvent | string, format: StreamFormat): string {
  const lineEnd = lineEndOf(format)
  if (typeof event === 'string') return `${event}${lineEnd}${lineEnd}`
  const colon = format.spaceAfterColon === false ? ':' : ': '
  const lines = [
    ...(format.comments === true ? [': a comment', ''] : []),
    ...(event.event === undefined || format.eventNames === false ? [] : [`event${colon}${event.event}`]),
    ...dataLines(event, format).map((line) => `data${colon}${line}`),
  ]
  return `${lines.join(lineEnd)}${lineEnd}${lineEnd}`
}

const SAMPLE_CONTEXT: RenderContext = { attemptId: 'att_1', model: 'test-model', body: {} }

function encodeElement(event: StreamEvent, position: number, count: number): Fragment {
  const text = JSON.stringify(event.data, null, 2)
  return {
    text: `${position === 0 ? '[' : ',\r\n'}${text}${position === count - 1 ? '\n]\n' : '\n'}`,
    kind: event.kind,
  }
}

function dataLines(event: StreamEvent, format: StreamFormat): string[] {
  if (typeof event.data === 'string') return [event.data]
  const json = JSON.stringify(event.data, null, format.multiLineData === true ? 1 : 0)
  return `${json}${' '.repeat(format.paddingBytes ?? 0)}`.split('\n')
}

function lineEndOf(format: StreamFormat): string {
  return format.lineEnd ?? '\n'
}
