/**
 * Anthropic Messages as the vendor speaks it: one open block at a time, usage at the start and again at the end.
 */
import type { JsonObject } from '../../../src/core/json.ts'
import type { Usage } from '../../../src/protocols/contract.ts'
import {
  argumentDeltas,
  argumentsObject,
  DEFAULT_USAGE,
  deltasOf,
  stopOf,
  textOf,
  type Answer,
  type Dialect,
  type Failure,
  type RenderContext,
  type StopReason,
  type StreamEvent,
  type ToolCall,
} from './dialect.ts'

const PING: StreamEvent = { event: 'ping', kind: 'other', data: { type: 'ping' } }

export const anthropic: Dialect = {
  stream: renderStream,
  whole: (answer, context) => ({
    ...messageShell(context),
    content: [
      ...(hasThinking(answer) ? [thinkingBlock(textOf(answer.thinking), answer.signature ?? '')] : []),
      ...(textOf(answer.text) === '' ? [] : [textBlock(textOf(answer.text))]),
      ...(answer.toolCalls ?? []).map((call, i) => toolBlock(call, i, context, argumentsObject(call))),
    ],
    ...stopMembers(stopOf(answer)),
    usage: { ...startUsage(answer.usage), ...endUsage(answer.usage) },
  }),
  failureBody: (failure, context) => ({
    type: 'error',
    error: { type: failure.type ?? typeOfStatus(failure.status), message: messageOf(failure), ...failure.extra },
    request_id: `req_${context.attemptId}`,
  }),
  failureEvents: (failure, context) => [
    { event: 'error', kind: 'error', data: anthropic.failureBody(failure, context) },
  ],
  ping: PING,
  tokenCount: (tokens) => ({ input_tokens: tokens }),
  modelList: (ids) => ({
    data: ids.map((id) => ({ type: 'model', id, display_name: id, created_at: '2026-09-01T00:00:00Z' })),
    has_more: false,
    first_id: ids[0] ?? null,
    last_id: ids.at(-1) ?? null,
  }),
  lineEnd: '\n',
  streamContentType: 'text/event-stream; charset=utf-8',
  wholeContentType: 'application/json',
  requestIdHeader: 'request-id',
}

function renderStream(answer: Answer, context: RenderContext): StreamEvent[] {
  const blocks: Array<[empty: JsonObject, deltas: JsonObject[]]> = []
  if (hasThinking(answer)) {
    const told = deltasOf(answer.thinking).map((thinking) => ({ type: 'thinking_delta', thinking }))
    const sealed = answer.signature === undefined ? [] : [{ type: 'signature_delta', signature: answer.signature }]
    blocks.push([thinkingBlock('', ''), [...told, ...sealed]])
  }
  const text = deltasOf(answer.text)
  if (text.length > 0) blocks.push([textBlock(''), text.map((delta) => ({ type: 'text_delta', text: delta }))])
  for (const [i, call] of (answer.toolCalls ?? []).entries()) {
    // The vendor opens the arguments with an empty piece.
    const pieces = ['', ...argumentDeltas(call)]
    blocks.push([
      toolBlock(call, i, context, {}),
      pieces.map((piece) => ({ type: 'input_json_delta', partial_json: piece })),
    ])
  }
  const start = { ...messageShell(context), content: [], ...stopMembers(null), usage: startUsage(answer.usage) }
  return [
    typed('start', { type: 'message_start', message: start }),
    ...blocks.flatMap(([shell, deltas], index) => tellBlock(shell, deltas, index)),
    typed('finish', {
      type: 'message_delta',
      delta: { ...stopMembers(stopOf(answer)), container: null },
      usage: endUsage(answer.usage),
    }),
    typed('terminal', { type: 'message_stop' }),
  ]
}

function tellBlock(shell: JsonObject, deltas: readonly JsonObject[], index: number): StreamEvent[] {
  return [
    typed('other', { type: 'content_block_start', index, content_block: shell }),
    // The vendor sends one ping, just when the first block has been opened.
    ...(index === 0 ? [PING] : []),
    ...deltas.map((delta) => typed('content', { type: 'content_block_delta', index, delta })),
    typed('other', { type: 'content_block_stop', index }),
  ]
}

function typed(kind: StreamEvent['kind'], data: JsonObject & { type: string }): StreamEvent {
  return { event: data.type, kind, data }
}

function hasThinking(answer: Answer): boolean {
  return answer.thinking !== undefined || answer.signature !== undefined
}

function messageShell({ attemptId, model }: RenderContext): JsonObject {
  return { model, id: `msg_${attemptId}`, type: 'message', role: 'assistant', container: null, diagnostics: null }
}

function thinkingBlock(thinking: string, signature: string): JsonObject {
  return { type: 'thinking', thinking, signature }
}

function textBlock(text: string): JsonObject {
  return { type: 'text', text, citations: null }
}

function toolBlock(call: ToolCall, index: number, { attemptId }: RenderContext, input: JsonObject): JsonObject {
  const id = call.id ?? `toolu_${attemptId}_${index}`
  return { type: 'tool_use', id, name: call.name, input, caller: { type: 'direct' } }
}

function stopMembers(stop: StopReason | null): JsonObject {
  const names = { stop: 'end_turn', max_tokens: 'max_tokens', tool_call: 'tool_use', refusal: 'refusal' }
  return {
    stop_reason: stop === null || stop === 'stop_sequence' ? stop : names[stop],
    stop_sequence: stop === 'stop_sequence' ? '\n\nHuman:' : null,
    stop_details: stop === 'refusal' ? { type: 'refusal', category: 'cyber', explanation: null } : null,
  }
}

/** The types demand numbers even of a host that counts nothing: such hosts send zeros. */
function startUsage(usage: Usage | null = DEFAULT_USAGE): JsonObject {
  return { ...inputUsage(usage), output_tokens: usage === null ? 0 : 1, service_tier: 'standard', inference_geo: null }
}

/** The last word on usage: all counts again, cumulative. */
function endUsage(usage: Usage | null = DEFAULT_USAGE): JsonObject {
  return {
    ...inputUsage(usage),
    output_tokens: usage?.output ?? 0,
    output_tokens_details: { thinking_tokens: usage?.reasoning ?? 0 },
    server_tool_use: null,
  }
}

function inputUsage(usage: Usage | null): JsonObject {
  const written = usage?.cacheWrite ?? 0
  const writtenFor1h = usage?.cacheWrite1h ?? 0
  return {
    input_tokens: usage?.input ?? 0,
    cache_creation_input_tokens: written,
    cache_read_input_tokens: usage?.cached ?? 0,
    cache_creation: { ephemeral_5m_input_tokens: written - writtenFor1h, ephemeral_1h_input_tokens: writtenFor1h },
  }
}

function messageOf(failure: Failure): string {
  return failure.message ?? `The vendor refused with ${failure.status}`
}

function typeOfStatus(status: number): string {
  const types: Record<number, string> = {
    400: 'invalid_request_error',
    401: 'authentication_error',
    402: 'billing_error',
    403: 'permission_error',
    404: 'not_found_error',
    409: 'conflict_error',
    413: 'request_too_large',
    429: 'rate_limit_error',
    504: 'timeout_error',
    529: 'overloaded_error',
  }
  return types[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error')
}
