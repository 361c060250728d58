/**
 * The question "how many tokens would this be" and its answer in each dialect's shape. Sources: the vendors' API references,
 * `count_tokens`, `input_tokens`, `countTokens`.
 */
import type { Protocol } from '../core/account.ts'
import { isJsonObject, type JsonObject } from '../core/json.ts'

/** Members that change the size of the prompt; the vendors refuse those that only concern the answer. */
const COUNTED = {
  anthropic: ['model', 'system', 'messages', 'tools', 'tool_choice', 'thinking'],
  'openai-responses': ['model', 'instructions', 'input', 'tools', 'tool_choice', 'text', 'reasoning'],
} as const

/** The question made of a request that was meant to be answered; null where the dialect has no such question. */
export function countRequest(protocol: Protocol, request: JsonObject, model: string): JsonObject | null {
  switch (protocol) {
    case 'anthropic':
    case 'openai-responses':
      return Object.fromEntries(
        COUNTED[protocol].flatMap((name) => (name in request ? [[name, request[name]]] : [])),
      ) as JsonObject
    case 'gemini':
      return { generateContentRequest: { model: `models/${model}`, ...request } }
    case 'openai-chat':
      return null
  }
}

/** The request that a question is about: Gemini's clients may wrap the one that they mean to send. */
export function countedRequest(question: JsonObject): JsonObject {
  const wrapped = question['generateContentRequest']
  return isJsonObject(wrapped) ? wrapped : question
}

/** The number in an answer; null when there is none. */
export function readTokenCount(answer: JsonObject): number | null {
  const count = answer['input_tokens'] ?? answer['totalTokens']
  return typeof count === 'number' ? count : null
}

export function encodeTokenCount(protocol: Protocol, tokens: number): JsonObject {
  switch (protocol) {
    case 'anthropic':
      return { input_tokens: tokens }
    case 'openai-responses':
    case 'openai-chat':
      return { object: 'response.input_tokens', input_tokens: tokens }
    case 'gemini':
      return { totalTokens: tokens }
  }
}
