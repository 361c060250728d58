/**
 * OpenAI Responses as the vendor speaks it: every item is announced, told, closed, and repeated in the terminal event.
 */
import type { JsonObject, JsonValue } from '../../../src/core/json.ts'
import type { Usage } from '../../../src/protocols/contract.ts'
import {
  argumentDeltas,
  argumentsText,
  CREATED_AT_SECONDS,
  DEFAULT_USAGE,
  deltasOf,
  interleave,
  stopOf,
  textOf,
  totalInput,
  type Answer,
  type Dialect,
  type Failure,
  type RenderContext,
  type StreamEvent,
  type ToolCall,
} from './dialect.ts'
import { openaiFailure, openaiModelList } from './openai-chat.ts'

export const openaiResponses: Dialect = {
  stream: renderStream,
  whole: finalResponse,
  failureBody: openaiFailure,
  // The vendor tells a failure twice: as an event of its own, then as the end of the response.
  failureEvents: (failure, context, position) => [
    typed('error', { type: 'error', sequence_number: position, ...openaiFailure(failure) }),
    typed('error', {
      type: 'response.failed',
      sequence_number: position + 1,
      response: { ...responseShell(context, 'failed'), error: streamError(failure) },
    }),
  ],
  ping: ': keepalive',
  tokenCount: (tokens) => ({ object: 'response.input_tokens', input_tokens: tokens }),
  modelList: openaiModelList,
  lineEnd: '\n',
  streamContentType: 'text/event-stream; charset=utf-8',
  wholeContentType: 'application/json',
  requestIdHeader: 'x-request-id',
}

/** An event before it has its sequence number. */
type Draft = JsonObject & { type: string }

function renderStream(answer: Answer, context: RenderContext): StreamEvent[] {
  const begun = responseShell(context, 'in_progress')
  const final = finalResponse(answer, context)
  const items = outputItems(answer, context)
  const calls = items.filter((item) => item.final['type'] === 'function_call')
  const before = items.filter((item) => !calls.includes(item))
  const drafts: Draft[] = [
    { type: 'response.created', response: begun },
    { type: 'response.in_progress', response: begun },
    ...before.flatMap((item) => item.events),
    ...(answer.interleaved === true
      ? interleave(calls.map((item) => item.events))
      : calls.flatMap((item) => item.events)),
    { type: stopOf(answer) === 'max_tokens' ? 'response.incomplete' : 'response.completed', response: final },
  ]
  return drafts.map((draft, position) => typed(kindOf(draft.type), { ...draft, sequence_number: position }))
}

function typed(kind: StreamEvent['kind'], data: Draft): StreamEvent {
  return { event: data.type, kind, data }
}

function kindOf(type: string): StreamEvent['kind'] {
  if (type === 'response.created' || type === 'response.in_progress') return 'start'
  if (type === 'response.completed' || type === 'response.incomplete') return 'terminal'
  return type.endsWith('.delta') ? 'content' : 'other'
}

interface OutputItem {
  readonly final: JsonObject
  /** From `output_item.added` to `output_item.done`. */
  readonly events: Draft[]
}

function outputItems(answer: Answer, context: RenderContext): OutputItem[] {
  const makers: Array<(index: number) => OutputItem> = []
  if (answer.thinking !== undefined || answer.signature !== undefined) {
    makers.push((index) => reasoningItem(answer, `rs_${context.attemptId}`, index))
  }
  if (textOf(answer.text) !== '') makers.push((index) => messageItem(answer, `msg_${context.attemptId}`, index))
  for (const call of answer.toolCalls ?? []) makers.push((index) => callItem(call, context.attemptId, index))
  return makers.map((make, index) => make(index))
}

/** `told`: what happens between the announcement of the `empty` item and the `final` one. */
function createItem(index: number, empty: JsonObject, final: JsonObject, told: readonly Draft[]): OutputItem {
  const ids = { item_id: final['id'] ?? null, output_index: index }
  const events: Draft[] = [{ type: 'response.output_item.added', output_index: index, item: empty }]
  for (const draft of told) events.push({ ...draft, ...ids })
  events.push({ type: 'response.output_item.done', output_index: index, item: final })
  return { final, events }
}

function reasoningItem(answer: Answer, id: string, index: number): OutputItem {
  const text = textOf(answer.thinking)
  const part = { type: 'summary_text', text }
  // The encrypted content is known only when the item is done.
  const sealed = answer.signature === undefined ? {} : { encrypted_content: answer.signature }
  const final = { id, type: 'reasoning', summary: text === '' ? [] : [part], ...sealed }
  const told = [
    { type: 'response.reasoning_summary_part.added', summary_index: 0, part: { ...part, text: '' } },
    ...deltasOf(answer.thinking).map((delta) => ({
      type: 'response.reasoning_summary_text.delta',
      summary_index: 0,
      delta,
    })),
    { type: 'response.reasoning_summary_text.done', summary_index: 0, text },
    { type: 'response.reasoning_summary_part.done', summary_index: 0, part },
  ]
  return createItem(index, { id, type: 'reasoning', summary: [] }, final, text === '' ? [] : told)
}

function messageItem(answer: Answer, id: string, index: number): OutputItem {
  const text = textOf(answer.text)
  const { partOf, deltaOf, done } = stopOf(answer) === 'refusal' ? REFUSAL : OUTPUT_TEXT
  const status = stopOf(answer) === 'max_tokens' ? 'incomplete' : 'completed'
  const final = { id, type: 'message', status, role: 'assistant', content: [partOf(text)] }
  return createItem(index, { ...final, status: 'in_progress', content: [] }, final, [
    { type: 'response.content_part.added', content_index: 0, part: partOf('') },
    ...deltasOf(answer.text).map(deltaOf),
    done(text),
    { type: 'response.content_part.done', content_index: 0, part: partOf(text) },
  ])
}

/** The two kinds of words in a message, and how each is told. */
const OUTPUT_TEXT = {
  partOf: (text: string): JsonObject => ({ type: 'output_text', text, annotations: [], logprobs: [] }),
  deltaOf: (delta: string): Draft => ({ type: 'response.output_text.delta', content_index: 0, delta, logprobs: [] }),
  done: (text: string): Draft => ({ type: 'response.output_text.done', content_index: 0, text, logprobs: [] }),
}
const REFUSAL = {
  partOf: (refusal: string): JsonObject => ({ type: 'refusal', refusal }),
  deltaOf: (delta: string): Draft => ({ type: 'response.refusal.delta', content_index: 0, delta }),
  done: (refusal: string): Draft => ({ type: 'response.refusal.done', content_index: 0, refusal }),
}

function callItem(call: ToolCall, attemptId: string, index: number): OutputItem {
  const text = argumentsText(call)
  const final = {
    id: `fc_${attemptId}_${index}`,
    type: 'function_call',
    status: 'completed',
    call_id: call.id ?? `call_${attemptId}_${index}`,
    name: call.name,
    arguments: text,
  }
  return createItem(index, { ...final, status: 'in_progress', arguments: '' }, final, [
    ...argumentDeltas(call).map((delta) => ({ type: 'response.function_call_arguments.delta', delta })),
    { type: 'response.function_call_arguments.done', arguments: text, name: call.name },
  ])
}

function finalResponse(answer: Answer, context: RenderContext): JsonObject {
  const isCut = stopOf(answer) === 'max_tokens'
  return {
    ...responseShell(context, isCut ? 'incomplete' : 'completed'),
    completed_at: isCut ? null : CREATED_AT_SECONDS + 1,
    incomplete_details: isCut ? { reason: 'max_output_tokens' } : null,
    output: outputItems(answer, context).map((item) => item.final),
    usage: answer.usage === null ? null : usageOf(answer.usage),
  }
}

/** A response object with every required member; what the request set is repeated. Source: Open Responses. */
function responseShell({ attemptId, model, body }: RenderContext, status: string): JsonObject {
  const asked = (name: string, otherwise: JsonValue): JsonValue => body[name] ?? otherwise
  return {
    id: `resp_${attemptId}`,
    object: 'response',
    created_at: CREATED_AT_SECONDS,
    completed_at: null,
    status,
    background: false,
    error: null,
    incomplete_details: null,
    instructions: asked('instructions', null),
    max_output_tokens: asked('max_output_tokens', null),
    max_tool_calls: null,
    model,
    output: [],
    parallel_tool_calls: asked('parallel_tool_calls', true),
    previous_response_id: asked('previous_response_id', null),
    prompt_cache_key: asked('prompt_cache_key', null),
    presence_penalty: 0,
    frequency_penalty: 0,
    reasoning: asked('reasoning', { effort: null, summary: null }),
    safety_identifier: null,
    service_tier: 'default',
    store: asked('store', true),
    temperature: asked('temperature', 1),
    text: asked('text', { format: { type: 'text' }, verbosity: 'medium' }),
    tool_choice: asked('tool_choice', 'auto'),
    tools: asked('tools', []),
    top_logprobs: 0,
    top_p: asked('top_p', 1),
    truncation: 'disabled',
    usage: null,
    user: null,
    metadata: asked('metadata', {}),
  }
}

function usageOf(usage: Usage = DEFAULT_USAGE): JsonObject {
  const input = totalInput(usage)
  const output = usage.output ?? 0
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: usage.cached ?? 0, cache_write_tokens: usage.cacheWrite ?? 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: usage.reasoning ?? 0 },
    total_tokens: input + output,
  }
}

/** Inside a response object an error has a code and a message only. */
function streamError(failure: Failure): JsonObject {
  const code = failure.code ?? (failure.status === 429 ? 'rate_limit_exceeded' : 'server_error')
  return { code, message: failure.message ?? `The vendor refused with ${failure.status}` }
}
