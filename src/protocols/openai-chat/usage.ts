/**
 * Token counts as Chat Completions tells them. Source: OpenAI API reference, `CompletionUsage`: prompt includes what was
 * cached, completion includes reasoning.
 */
import type { JsonObject, JsonValue } from '../../core/json.ts'
import type { Usage } from '../contract.ts'
import { countAt, sum, usageOf, without } from '../token-counts.ts'

/**
 * DeepSeek and Kimi have names of their own for cached tokens; xAI and others leave reasoning out of the completion. Null
 * when nothing is told.
 */
export function readUsage(usage: JsonValue | undefined): Usage | null {
  const prompt = countAt(usage, 'prompt_tokens')
  const completion = countAt(usage, 'completion_tokens')
  const reasoning = countAt(usage, 'completion_tokens_details', 'reasoning_tokens')
  const total = countAt(usage, 'total_tokens')
  const cached =
    countAt(usage, 'prompt_tokens_details', 'cached_tokens') ??
    countAt(usage, 'prompt_cache_hit_tokens') ??
    countAt(usage, 'cached_tokens')
  const cacheWrite = countAt(usage, 'prompt_tokens_details', 'cache_write_tokens')
  const isReasoningApart = (reasoning ?? 0) > 0 && total === sum(prompt, completion, reasoning)
  return usageOf({
    input: without(prompt, cached, cacheWrite),
    cached,
    cacheWrite,
    output: isReasoningApart || (reasoning ?? 0) > (completion ?? 0) ? sum(completion, reasoning) : completion,
    reasoning,
  })
}

/** The `usage` member; null when nothing is known, for zeros would be a claim. */
export function writeUsage(usage: Usage): JsonObject | null {
  if (usage.input === undefined && usage.output === undefined) return null
  const prompt = (usage.input ?? 0) + (usage.cached ?? 0) + (usage.cacheWrite ?? 0)
  const completion = usage.output ?? 0
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: {
      cached_tokens: usage.cached ?? 0,
      ...(usage.cacheWrite === undefined ? {} : { cache_write_tokens: usage.cacheWrite }),
    },
    completion_tokens_details: { reasoning_tokens: usage.reasoning ?? 0 },
  }
}
