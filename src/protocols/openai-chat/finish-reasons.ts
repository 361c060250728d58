/**
 * Why an answer ended, in the words of Chat Completions. Sources: OpenAI API reference, `finish_reason`; the words of its
 * imitators as DeepSeek, Mistral, vLLM and Google's compatible endpoint document them.
 */
import type { FinishReason } from '../hub.ts'

/** The word for the client. */
export const FINISH_WORDS: Record<FinishReason, string> = {
  stop: 'stop',
  stop_sequence: 'stop',
  tool_calls: 'tool_calls',
  max_tokens: 'length',
  context_full: 'length',
  refusal: 'content_filter',
  content_filter: 'content_filter',
  pause: 'stop',
  malformed_call: 'stop',
  other: 'stop',
}

/**
 * What a server's word means; `failure` where it says that the answer broke off. Words that nobody knows still end the
 * answer.
 */
export function readFinishWord(word: string): FinishReason | 'failure' {
  return MEANINGS.get(word.toLowerCase()) ?? 'other'
}

const MEANINGS: ReadonlyMap<string, FinishReason | 'failure'> = new Map([
  ['stop', 'stop'],
  ['end_turn', 'stop'],
  ['eos', 'stop'],
  ['eos_token', 'stop'],
  ['completed', 'stop'],
  ['stop_sequence', 'stop_sequence'],
  ['length', 'max_tokens'],
  ['max_tokens', 'max_tokens'],
  ['max_output_tokens', 'max_tokens'],
  ['model_length', 'context_full'],
  ['tool_calls', 'tool_calls'],
  ['tool_use', 'tool_calls'],
  ['function_call', 'tool_calls'],
  ['content_filter', 'content_filter'],
  ['safety', 'content_filter'],
  ['sensitive', 'content_filter'],
  ['refusal', 'refusal'],
  ['malformed_function_call', 'malformed_call'],
  ['insufficient_system_resource', 'failure'],
  ['network_error', 'failure'],
  ['error', 'failure'],
])
