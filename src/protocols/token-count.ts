/**
 * The answer to "how many tokens would this be" in each dialect's shape. Sources: the vendors' API references, `count_tokens`,
 * `input_tokens`, `countTokens`.
 */
import type { Protocol } from '../core/account.ts'
import type { JsonObject } from '../core/json.ts'

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
