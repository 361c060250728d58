/**
 * OpenAI Chat Completions as the vendor and its many imitators speak it: chunks, a finish chunk, usage if asked, `[DONE]`.
 */
import type { JsonObject } from '../../../src/core/json.ts'
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

export const openaiChat: Dialect = {
  stream: renderStream,
  whole: (answer, context) => ({
    ...completionShell(context, 'chat.completion'),
    choices: [{ index: 0, message: messageOf(answer, context), logprobs: null, finish_reason: finishReason(answer) }],
    ...(answer.usage === null ? {} : { usage: usageOf(answer.usage) }),
  }),
  failureBody: openaiFailure,
  failureEvents: (failure) => [{ kind: 'error', data: openaiFailure(failure) }],
  ping: ': keepalive',
  tokenCount: (tokens) => ({ object: 'response.input_tokens', input_tokens: tokens }),
  modelList: openaiModelList,
  lineEnd: '\n',
  streamContentType: 'text/event-stream; charset=utf-8',
  wholeContentType: 'application/json',
  requestIdHeader: 'x-request-id',
}

/** `{"error": {message, type, param, code}}`, the same for both dialects of OpenAI. */
export function openaiFailure(failure: Failure): JsonObject {
  return {
    error: {
      message: failure.message ?? `The vendor refused with ${failure.status}`,
      type: failure.type ?? typeOfStatus(failure.status),
      param: null,
      code: failure.code ?? null,
      ...failure.extra,
    },
  }
}

export function openaiModelList(ids: readonly string[]): JsonObject {
  return {
    object: 'list',
    data: ids.map((id) => ({ id, object: 'model', created: CREATED_AT_SECONDS, owned_by: 'vendor' })),
  }
}

function renderStream(answer: Answer, context: RenderContext): StreamEvent[] {
  const options = context.body['stream_options']
  const isAsked =
    typeof options === 'object' && options !== null && 'include_usage' in options && options['include_usage'] === true
  const usageAt = answer.usageAt ?? 'last'
  const usage = answer.usage === null ? null : usageOf(answer.usage)
  // With include_usage every chunk has the member, and it is null in all but the last.
  const inEveryChunk = usageAt === 'every' && usage !== null ? { usage } : isAsked ? { usage: null } : {}
  const shell = completionShell(context, 'chat.completion.chunk')
  const chunk = (kind: StreamEvent['kind'], delta: JsonObject, members: JsonObject = {}): StreamEvent => ({
    kind,
    data: {
      ...shell,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: kind === 'finish' ? finishReason(answer) : null }],
      ...inEveryChunk,
      ...members,
    },
  })
  const word = stopOf(answer) === 'refusal' ? 'refusal' : 'content'
  return [
    chunk('start', { role: 'assistant', content: '', refusal: null }),
    ...deltasOf(answer.thinking).map((delta) => chunk('content', { reasoning_content: delta })),
    ...deltasOf(answer.text).map((delta) => chunk('content', { [word]: delta })),
    ...toolDeltas(answer, context).map((delta) => chunk('content', { tool_calls: [delta] })),
    chunk('finish', {}, usageAt === 'finish' && usage !== null ? { usage } : {}),
    ...(usageAt === 'last' && isAsked && usage !== null
      ? [{ kind: 'other' as const, data: { ...shell, choices: [], usage } }]
      : []),
    { kind: 'terminal', data: '[DONE]' },
  ]
}

function toolDeltas(answer: Answer, context: RenderContext): JsonObject[] {
  const perCall = (answer.toolCalls ?? []).map((call, index) => tellCall(call, index, context))
  return answer.interleaved === true ? interleave(perCall) : perCall.flat()
}

/** The first delta of a call names it; later ones carry the index and a piece of the arguments. */
function tellCall(call: ToolCall, index: number, context: RenderContext): JsonObject[] {
  return [
    { index, ...toolCallOf(call, index, context, '') },
    ...argumentDeltas(call).map((piece) => ({ index, function: { arguments: piece } })),
  ]
}

function completionShell({ attemptId, model }: RenderContext, object: string): JsonObject {
  const id = `chatcmpl-${attemptId}`
  return { id, object, created: CREATED_AT_SECONDS, model, service_tier: 'default', system_fingerprint: 'fp_vendor' }
}

function messageOf(answer: Answer, context: RenderContext): JsonObject {
  const calls = (answer.toolCalls ?? []).map((call, index) => toolCallOf(call, index, context, argumentsText(call)))
  const text = textOf(answer.text)
  const isRefusal = stopOf(answer) === 'refusal'
  return {
    role: 'assistant',
    content: isRefusal || (text === '' && calls.length > 0) ? null : text,
    refusal: isRefusal ? text : null,
    annotations: [],
    ...(answer.thinking === undefined ? {} : { reasoning_content: textOf(answer.thinking) }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  }
}

function toolCallOf(call: ToolCall, index: number, { attemptId }: RenderContext, argumentText: string): JsonObject {
  const id = call.id ?? `call_${attemptId}_${index}`
  return { id, type: 'function', function: { name: call.name, arguments: argumentText } }
}

function finishReason(answer: Answer): string {
  const names = {
    stop: 'stop',
    stop_sequence: 'stop',
    max_tokens: 'length',
    tool_call: 'tool_calls',
    refusal: 'content_filter',
  }
  return names[stopOf(answer)]
}

function usageOf(usage: Usage = DEFAULT_USAGE): JsonObject {
  const input = totalInput(usage)
  const output = usage.output ?? 0
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: usage.cached ?? 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: usage.reasoning ?? 0, audio_tokens: 0 },
  }
}

function typeOfStatus(status: number): string {
  const types: Record<number, string> = {
    403: 'permission_error',
    409: 'conflict_error',
    429: 'rate_limit_error',
  }
  return types[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error')
}
