/**
 * Reads a finished body as server-sent events, so that tests assert on events instead of text. Stricter than a browser:
 * what a client would silently ignore is an error here.
 * Source: WHATWG HTML, section 9.2.6.
 */
import type { JsonObject } from '../../src/core/json.ts'

export interface SseEvent {
  /** The `event:` field, or an empty string. */
  readonly event: string
  /** The `data:` lines, joined by line feeds. */
  readonly data: string
}

export interface SseBody {
  readonly events: readonly SseEvent[]
  readonly comments: readonly string[]
  /** What stands behind the last blank line: an event that no client would see. Empty for a complete body. */
  readonly rest: string
}

/** Throws on broken UTF-8, on a line that is no known field, and on an event without data. */
export function readSse(body: Buffer | string): SseBody {
  const text = typeof body === 'string' ? body.replace(/^\uFEFF/, '') : decodeUtf8(body)
  const blocks = text.split(/(?<=(?:^|\r\n|\n|\r(?!\n)))(?:\r\n|\n|\r)/)
  const rest = blocks.pop() ?? ''
  const comments: string[] = []
  const events = blocks.flatMap((block) => readBlock(block, comments))
  return { events, comments, rest }
}

/** The events of a complete body. Throws also when something stands behind the last blank line. */
export function readEvents(body: Buffer | string): readonly SseEvent[] {
  const { events, rest } = readSse(body)
  if (rest !== '') throw new Error(`the body ends inside an event: ${JSON.stringify(rest.slice(0, 200))}`)
  return events
}

/** The data of every event as JSON, `[DONE]` left out. */
export function readJsonEvents(body: Buffer | string): JsonObject[] {
  return readEvents(body)
    .filter((event) => event.data !== '[DONE]')
    .map((event) => JSON.parse(event.data) as JsonObject)
}

/** The visible text that a streamed answer tells, whatever its dialect; unfinished bodies give what they have. */
export function readText(body: Buffer | string): string {
  return readSse(body)
    .events.filter((event) => event.data !== '[DONE]')
    .map((event) => textIn(JSON.parse(event.data)))
    .join('')
}

/** A character that the end of the body cuts in two is left out; any other broken one is an error. */
function decodeUtf8(body: Buffer): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(body, { stream: true })
}

function readBlock(block: string, comments: string[]): SseEvent[] {
  let event = ''
  const data: string[] = []
  for (const line of block.split(/\r\n|\n|\r/)) {
    const [, field, value] = /^([^:]*):? ?(.*)$/su.exec(line) ?? []
    if (line === '') continue
    else if (field === '') comments.push(value ?? '')
    else if (field === 'data') data.push(value ?? '')
    else if (field === 'event') event = value ?? ''
    else if (field !== 'id' && field !== 'retry') throw new Error(`not a field of an event: ${JSON.stringify(line)}`)
  }
  if (data.length > 0) return [{ event, data: data.join('\n') }]
  if (event !== '') throw new Error(`event ${event} has no data`)
  return []
}

/** The members in which the four dialects carry a text delta; reasoning is not text. */
interface AnyTextEvent {
  type?: string
  delta?: string | { type?: string; text?: string }
  choices?: Array<{ delta?: { content?: string | null } }>
  candidates?: Array<{ content?: { parts?: Array<{ text?: string; thought?: boolean }> } }>
}

function textIn(data: AnyTextEvent): string {
  if (typeof data.delta === 'string') return data.type === 'response.output_text.delta' ? data.delta : ''
  if (data.delta?.type === 'text_delta') return data.delta.text ?? ''
  const parts = data.candidates?.[0]?.content?.parts ?? []
  return (
    data.choices?.[0]?.delta?.content ?? parts.map((part) => (part.thought === true ? '' : (part.text ?? ''))).join('')
  )
}
