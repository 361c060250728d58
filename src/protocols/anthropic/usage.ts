/**
 * Token counts between Anthropic's words and the relay's. Both leave what was read from or written to the cache out of
 * the input.
 */
import type { JsonObject, JsonValue } from '../../core/json.ts'
import type { Usage } from '../contract.ts'
import { countAt, usageOf } from '../token-counts.ts'

/** Source: Anthropic API reference, `usage`. Kimi's servers call what they read from the cache `cached_tokens`. */
export function readUsage(usage: JsonValue | undefined): Usage | null {
  return usageOf({
    input: countAt(usage, 'input_tokens'),
    cached: countAt(usage, 'cache_read_input_tokens') ?? countAt(usage, 'cached_tokens'),
    cacheWrite: countAt(usage, 'cache_creation_input_tokens'),
    cacheWrite1h: countAt(usage, 'cache_creation', 'ephemeral_1h_input_tokens'),
    output: countAt(usage, 'output_tokens'),
    reasoning: countAt(usage, 'output_tokens_details', 'thinking_tokens'),
  })
}

/** The closing event counts the output; some servers fill its other members with zeros although the start knew better. */
export function withoutZeroInput(usage: Usage | null): Usage | null {
  if (usage === null) return null
  const { input, cached, cacheWrite, cacheWrite1h, output, reasoning } = usage
  return usageOf({
    input: input || undefined,
    cached: cached || undefined,
    cacheWrite: cacheWrite || undefined,
    cacheWrite1h: cacheWrite1h || undefined,
    output,
    reasoning,
  })
}

/**
 * The counts as an answer tells them at its end. The types demand numbers for input and output, null for everything else
 * that is unknown. `searches`: how often the vendor's server searched the web.
 */
export function writeUsage(usage: Usage, searches: number): JsonObject {
  return {
    input_tokens: usage.input ?? 0,
    cache_creation_input_tokens: usage.cacheWrite ?? null,
    cache_read_input_tokens: usage.cached ?? null,
    ...(usage.cacheWrite1h === undefined
      ? {}
      : { cache_creation: cacheCreation(usage.cacheWrite1h, usage.cacheWrite) }),
    output_tokens: usage.output ?? 0,
    output_tokens_details: usage.reasoning === undefined ? null : { thinking_tokens: usage.reasoning },
    server_tool_use: searches === 0 ? null : { web_search_requests: searches, web_fetch_requests: 0 },
  }
}

/** The same with the members that only a message has; what they tell is known to its own vendor alone. */
export function writeMessageUsage(usage: Usage, searches: number): JsonObject {
  const unknown = { cache_creation: null, inference_geo: null, service_tier: null, speed: null }
  return { ...unknown, ...writeUsage(usage, searches) }
}

function cacheCreation(writtenFor1h: number, written = writtenFor1h): JsonObject {
  return {
    ephemeral_5m_input_tokens: Math.max(0, written - writtenFor1h),
    ephemeral_1h_input_tokens: writtenFor1h,
  }
}
