/**
 * The events of a Messages stream as text. Deltas are most of every stream and are written without building objects.
 * The `event:` line is mandatory: clients do not see an event without it.
 */
import type { JsonObject } from '../../core/json.ts'
import { encodeJson } from '../error-answer.ts'

export function messageStart(message: JsonObject): string {
  return frame({ type: 'message_start', message })
}

export function blockStart(index: number, block: JsonObject): string {
  return frame({ type: 'content_block_start', index, content_block: block })
}

export function textDelta(index: number, text: string): string {
  return delta(index, `{"type":"text_delta","text":${encodeJson(text)}}`)
}

export function thinkingDelta(index: number, text: string): string {
  return delta(index, `{"type":"thinking_delta","thinking":${encodeJson(text)}}`)
}

export function signatureDelta(index: number, signature: string): string {
  return delta(index, `{"type":"signature_delta","signature":${encodeJson(signature)}}`)
}

export function inputDelta(index: number, json: string): string {
  return delta(index, `{"type":"input_json_delta","partial_json":${encodeJson(json)}}`)
}

export function citationDelta(index: number, citation: JsonObject): string {
  return delta(index, `{"type":"citations_delta","citation":${encodeJson(citation)}}`)
}

export function blockStop(index: number): string {
  return `event: content_block_stop\ndata: {"type":"content_block_stop","index":${index}}\n\n`
}

/** `usage` is demanded here: clients throw without it. */
export function messageDelta(stop: JsonObject, usage: JsonObject): string {
  return frame({ type: 'message_delta', delta: { ...stop, container: null }, usage })
}

export const MESSAGE_STOP = 'event: message_stop\ndata: {"type":"message_stop"}\n\n'

function delta(index: number, json: string): string {
  return `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},"delta":${json}}\n\n`
}

function frame(event: JsonObject & { readonly type: string }): string {
  return `event: ${event.type}\ndata: ${encodeJson(event)}\n\n`
}
