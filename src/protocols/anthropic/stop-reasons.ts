/**
 * Why an answer ended, in Anthropic's words and in neutral ones.
 */
import { GatewayError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { FinishReason, Result } from '../hub.ts'

const NEUTRAL: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop_sequence',
  tool_use: 'tool_calls',
  max_tokens: 'max_tokens',
  model_context_window_exceeded: 'context_full',
  refusal: 'refusal',
  pause_turn: 'pause',
}

const ANTHROPIC: Record<FinishReason, string> = {
  stop: 'end_turn',
  stop_sequence: 'stop_sequence',
  tool_calls: 'tool_use',
  max_tokens: 'max_tokens',
  context_full: 'model_context_window_exceeded',
  refusal: 'refusal',
  content_filter: 'refusal',
  pause: 'pause_turn',
  malformed_call: 'end_turn',
  other: 'end_turn',
}

/** What the client can see of an answer, where that decides how its end is told. */
export interface Shown {
  readonly text: boolean
  readonly calls: boolean
  readonly refusal: boolean
}

/** In: `stop_reason` as the server told it, and whether a tool call came, which wins over a plain end. */
export function decodeStopReason(stopReason: string, hasCalls: boolean): FinishReason {
  const reason = Object.hasOwn(NEUTRAL, stopReason) ? (NEUTRAL[stopReason] as FinishReason) : 'other'
  return hasCalls && (reason === 'stop' || reason === 'other') ? 'tool_calls' : reason
}

/**
 * The three members that tell the end. Clients wait for a tool's result after `tool_use`, so it is told exactly when
 * there is a call. Throws GatewayError `upstream_failed` when the model failed to write a call and said nothing else.
 */
export function encodeStop(finish: Result['finish'], shown: Shown): JsonObject {
  if (finish.reason === 'malformed_call' && !shown.text && !shown.calls) {
    const message = 'the model wrote a tool call that cannot be read'
    throw new GatewayError({ kind: 'upstream_failed', source: 'upstream', message })
  }
  const reason = stopReasonOf(finish.reason, shown)
  return {
    stop_reason: reason,
    stop_sequence: reason === 'stop_sequence' ? (finish.stopSequence ?? null) : null,
    stop_details: reason === 'refusal' ? refusalDetails(finish.details) : null,
  }
}

function stopReasonOf(reason: FinishReason, shown: Shown): string {
  switch (reason) {
    case 'stop':
    case 'other':
      if (shown.calls) return 'tool_use'
      return shown.refusal ? 'refusal' : 'end_turn'
    case 'tool_calls':
      return shown.calls ? 'tool_use' : 'end_turn'
    default:
      return ANTHROPIC[reason]
  }
}

/** A category only where the vendor that refused gave one of Anthropic's. */
function refusalDetails(details: JsonObject = {}): JsonObject {
  const { category, explanation } = details
  return {
    type: 'refusal',
    category: typeof category === 'string' ? category : null,
    explanation: typeof explanation === 'string' ? explanation : null,
  }
}
