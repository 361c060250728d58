/**
 * An answer as Responses events, for clients that refuse what they do not expect: every event is numbered, every part is
 * announced and closed, and the terminal event repeats the whole.
 */
import { GatewayError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Usage } from '../contract.ts'
import { unfold } from '../fold.ts'
import type { AnswerContext, StreamEncoder } from '../hub-contract.ts'
import type { FinishReason, Result } from '../hub.ts'
import { asksForCompaction, createCompactionWriter } from './compaction.ts'
import { createEventWriter } from './event-writer.ts'
import { createItemWriter } from './item-writer.ts'
import { echoRequest, encodeUsage, responseObject } from './response-object.ts'

interface Encoder extends StreamEncoder {
  /** The response as the terminal event told it; null before. */
  final(): JsonObject | null
}

export function createStreamEncoder(context: AnswerContext): Encoder {
  const { conversation, model, now, createId } = context
  const echo = conversation.source === 'openai-responses' ? echoRequest(conversation.extras) : {}
  const start = { id: createId('resp_'), model, createdAt: Math.floor(now / 1000) }
  const events = createEventWriter()
  const items = asksForCompaction(conversation.extras)
    ? createCompactionWriter(events, context)
    : createItemWriter(events, context)
  let hasStarted = false
  let usage: Usage = {}
  let final: JsonObject | null = null

  function begin(): void {
    if (hasStarted) return
    hasStarted = true
    const response = { ...responseObject(start, 'in_progress'), ...echo }
    events.write('response.created', { response })
    events.write('response.in_progress', { response })
  }

  function finish(reason: FinishReason): void {
    if (reason === 'malformed_call') {
      const message = 'the model made a call that cannot be read'
      throw new GatewayError({ kind: 'upstream_failed', source: 'upstream', message })
    }
    const { status, details } = endOf(reason, items.hasRefusal())
    items.close(status)
    final = {
      ...responseObject(start, status),
      ...echo,
      // The clock of the answer is its beginning: what came after is the client's to measure.
      completed_at: status === 'completed' ? start.createdAt : null,
      incomplete_details: details,
      output: [...events.items],
      usage: encodeUsage(usage),
    }
    events.write(`response.${status}`, { response: final })
  }

  return {
    told: () => ({ start: hasStarted ? start : null, events: events.count() }),
    final: () => final,
    encode(delta) {
      begin()
      if (delta.type === 'usage') usage = { ...usage, ...delta.usage }
      else if (delta.type === 'finish') finish(delta.reason)
      else items.write(delta)
      return events.take()
    },
  }
}

/** The same answer at once: what the terminal event carries. */
export function encodeWhole(result: Result, context: AnswerContext): string {
  const encoder = createStreamEncoder(context)
  for (const delta of unfold(result)) {
    // The end of a call brings its whole input, and with it the state that must stand in front.
    if (delta.type !== 'tool-input-delta') encoder.encode(delta)
  }
  return JSON.stringify(encoder.final())
}

/** A limit is never shown as completed, a filter never as a stop. */
function endOf(
  reason: FinishReason,
  hasRefusal: boolean,
): { status: 'completed' | 'incomplete'; details: JsonObject | null } {
  switch (reason) {
    case 'max_tokens':
    case 'context_full':
      return { status: 'incomplete', details: { reason: 'max_output_tokens' } }
    case 'content_filter':
      return { status: 'incomplete', details: { reason: 'content_filter' } }
    case 'refusal':
      return hasRefusal
        ? { status: 'completed', details: null }
        : { status: 'incomplete', details: { reason: 'content_filter' } }
    case 'stop':
    case 'stop_sequence':
    case 'tool_calls':
    case 'pause':
    case 'malformed_call':
    case 'other':
      return { status: 'completed', details: null }
  }
}
