/**
 * Gemini generateContent as the vendor speaks it: whole response objects with new parts only, CRLF, no event names.
 */
import type { JsonObject } from '../../../src/core/json.ts'
import type { Usage } from '../../../src/protocols/contract.ts'
import {
  argumentsObject,
  DEFAULT_USAGE,
  deltasOf,
  stopOf,
  textOf,
  totalInput,
  type Answer,
  type Dialect,
  type RenderContext,
  type StreamEvent,
  type ToolCall,
} from './dialect.ts'

export const gemini: Dialect = {
  stream: renderStream,
  whole: (answer, context) =>
    responseOf(
      [
        ...(answer.thinking === undefined ? [] : [thoughtPart(textOf(answer.thinking))]),
        ...(textOf(answer.text) === '' ? [] : [{ text: textOf(answer.text) }]),
        ...callParts(answer),
      ],
      context,
      { finishReason: finishReason(answer), ...usageMembers(answer.usage) },
    ),
  failureBody: (failure) => ({
    error: {
      code: failure.status,
      message: failure.message ?? `The vendor refused with ${failure.status}`,
      status: failure.type ?? nameOfStatus(failure.status),
      ...failure.extra,
    },
  }),
  failureEvents: (failure, context) => [{ kind: 'error', data: gemini.failureBody(failure, context) }],
  ping: ': keepalive',
  tokenCount: (tokens) => ({
    totalTokens: tokens,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: tokens }],
  }),
  modelList: (ids) => ({
    models: ids.map((id) => ({
      name: `models/${id}`,
      displayName: id,
      supportedGenerationMethods: ['generateContent', 'countTokens'],
    })),
  }),
  lineEnd: '\r\n',
  streamContentType: 'text/event-stream',
  wholeContentType: 'application/json; charset=UTF-8',
  requestIdHeader: null,
}

/** Everything but the last chunk is content; the last one has an empty text, the finish reason and the final usage. */
function renderStream(answer: Answer, context: RenderContext): StreamEvent[] {
  const parts = [
    ...deltasOf(answer.thinking).map(thoughtPart),
    ...deltasOf(answer.text).map((text) => ({ text })),
    ...callParts(answer),
  ]
  const interim = answer.usageAt === 'last' ? {} : interimUsage(answer.usage)
  return [
    ...parts.map((part): StreamEvent => ({ kind: 'content', data: responseOf([part], context, interim) })),
    {
      kind: 'terminal',
      data: responseOf([{ text: '' }], context, {
        finishReason: finishReason(answer),
        ...usageMembers(answer.usage),
      }),
    },
  ]
}

interface ResponseMembers extends JsonObject {
  finishReason?: string
  usageMetadata?: JsonObject
}

function responseOf(parts: JsonObject[], context: RenderContext, members: Partial<ResponseMembers>): JsonObject {
  const { finishReason, usageMetadata } = members
  const candidate = {
    content: { parts, role: 'model' },
    ...(finishReason === undefined ? {} : { finishReason }),
    index: 0,
  }
  return {
    candidates: [candidate],
    ...(usageMetadata === undefined ? {} : { usageMetadata }),
    modelVersion: context.model,
    responseId: context.attemptId,
  }
}

function thoughtPart(text: string): JsonObject {
  return { text, thought: true }
}

/** The signature stands on the first of parallel calls; without calls on an empty text part of its own. */
function callParts(answer: Answer): JsonObject[] {
  const parts = (answer.toolCalls ?? []).map(callPart)
  if (answer.signature === undefined) return parts
  const [first = { text: '' }, ...others] = parts
  return [{ ...first, thoughtSignature: answer.signature }, ...others]
}

/** A call is never told in pieces. */
function callPart(call: ToolCall): JsonObject {
  const id = call.id === undefined ? {} : { id: call.id }
  return { functionCall: { ...id, name: call.name, args: argumentsObject(call) } }
}

function finishReason(answer: Answer): string {
  const names = { stop: 'STOP', stop_sequence: 'STOP', max_tokens: 'MAX_TOKENS', tool_call: 'STOP', refusal: 'SAFETY' }
  return names[stopOf(answer)]
}

function usageMembers(usage: Usage | null = DEFAULT_USAGE): { usageMetadata?: JsonObject } {
  if (usage === null) return {}
  const input = totalInput(usage)
  const output = usage.output ?? 0
  const reasoning = usage.reasoning ?? 0
  return {
    usageMetadata: {
      promptTokenCount: input,
      ...(usage.cached === undefined ? {} : { cachedContentTokenCount: usage.cached }),
      candidatesTokenCount: output - reasoning,
      ...(reasoning === 0 ? {} : { thoughtsTokenCount: reasoning }),
      totalTokenCount: input + output,
    },
  }
}

/** Counts are cumulative; while the answer is being told the vendor knows the prompt only. */
function interimUsage(usage: Usage | null = DEFAULT_USAGE): { usageMetadata?: JsonObject } {
  return usage === null ? {} : usageMembers({ ...usage, output: 0, reasoning: 0 })
}

function nameOfStatus(status: number): string {
  const names: Record<number, string> = {
    400: 'INVALID_ARGUMENT',
    401: 'UNAUTHENTICATED',
    403: 'PERMISSION_DENIED',
    404: 'NOT_FOUND',
    409: 'ABORTED',
    429: 'RESOURCE_EXHAUSTED',
    500: 'INTERNAL',
    503: 'UNAVAILABLE',
    504: 'DEADLINE_EXCEEDED',
  }
  return names[status] ?? (status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL')
}
