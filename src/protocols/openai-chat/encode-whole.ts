/**
 * A whole answer as a `chat.completion` body.
 */
import type { JsonObject } from '../../core/json.ts'
import { wrapCarrier } from '../carrier.ts'
import { encodeJson } from '../error-answer.ts'
import type { AnswerContext } from '../hub-contract.ts'
import type { Part, Result, ToolCallPart } from '../hub.ts'
import { encodeCitation } from './annotations.ts'
import { adaptCall } from './call-form.ts'
import { FINISH_WORDS } from './finish-reasons.ts'
import { encodeReasoningDetail, isReasoningHidden, writeSignature } from './reasoning-details.ts'
import { writeUsage } from './usage.ts'

/** The body as JSON text. */
export function encodeWhole(result: Result, context: AnswerContext): string {
  const message = encodeMessage(result.parts, context)
  const hasCalls = message['tool_calls'] !== undefined
  const { reason } = result.finish
  const usage = writeUsage(result.usage)
  return encodeJson({
    id: result.id.startsWith('chatcmpl') ? result.id : context.createId('chatcmpl-'),
    object: 'chat.completion',
    created: Math.floor(context.now / 1000),
    model: context.model,
    choices: [
      {
        index: 0,
        message,
        logprobs: null,
        finish_reason: hasCalls && reason === 'stop' ? 'tool_calls' : FINISH_WORDS[reason],
      },
    ],
    ...(usage === null ? {} : { usage }),
  })
}

/** Members that an answer does not have are left out, except those that the vendor always writes. */
function encodeMessage(parts: readonly Part[], context: AnswerContext): JsonObject {
  const reasoning: string[] = []
  const details: JsonObject[] = []
  const refusals: string[] = []
  const annotations: JsonObject[] = []
  const calls: JsonObject[] = []
  let content = ''
  for (const part of parts) {
    switch (part.type) {
      case 'text':
        if (part.phase !== undefined && content !== '') content += '\n\n'
        content += part.text
        for (const citation of part.citations ?? []) annotations.push(encodeCitation(citation, content.length))
        break
      case 'reasoning': {
        const thought = isReasoningHidden(context) ? '' : part.text
        if (thought !== '') reasoning.push(thought)
        if (part.carrier !== null) details.push(encodeReasoningDetail(thought, part.carrier, details.length))
        break
      }
      case 'refusal':
        refusals.push(part.text)
        break
      case 'tool-call':
        calls.push(encodeCall(part, context))
        break
      default:
        context.ledger.note('dropped', part.type)
    }
  }
  return {
    role: 'assistant',
    content: content === '' && (calls.length > 0 || refusals.length > 0) ? null : content,
    refusal: refusals.length === 0 ? null : refusals.join(''),
    ...(annotations.length === 0 ? {} : { annotations }),
    ...(reasoning.length === 0 ? {} : { reasoning_content: reasoning.join('\n\n') }),
    ...(details.length === 0 ? {} : { reasoning_details: details }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  }
}

function encodeCall(part: ToolCallPart, context: AnswerContext): JsonObject {
  const { name, kind, convert } = adaptCall(part, context)
  const input = convert === null ? part.input : convert(part.input)
  const called =
    kind === 'custom'
      ? { type: 'custom', custom: { name, input } }
      : { type: 'function', function: { name, arguments: input } }
  return { id: part.id, ...called, ...(part.carrier === undefined ? {} : writeSignature(wrapCarrier(part.carrier))) }
}
