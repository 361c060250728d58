/**
 * The response object that stands in events and is the whole answer. Source: Open Responses specification.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { AnswerStart, Usage } from '../contract.ts'

/** Every member that strict clients require, at its neutral value. */
export function responseObject({ id, model, createdAt }: AnswerStart, status: string): JsonObject {
  return {
    id,
    object: 'response',
    created_at: createdAt,
    completed_at: null,
    status,
    background: false,
    error: null,
    incomplete_details: null,
    instructions: null,
    max_output_tokens: null,
    max_tool_calls: null,
    model,
    output: [],
    parallel_tool_calls: true,
    previous_response_id: null,
    prompt_cache_key: null,
    reasoning: null,
    safety_identifier: null,
    service_tier: 'default',
    store: false,
    temperature: 1,
    text: { format: { type: 'text' } },
    tool_choice: 'auto',
    tools: [],
    top_logprobs: 0,
    top_p: 1,
    presence_penalty: 0,
    frequency_penalty: 0,
    truncation: 'disabled',
    usage: null,
    metadata: {},
  }
}

/** Members that an answer repeats from its request. */
const ECHOED = [
  'instructions',
  'max_output_tokens',
  'max_tool_calls',
  'metadata',
  'parallel_tool_calls',
  'previous_response_id',
  'prompt_cache_key',
  'safety_identifier',
  'temperature',
  'tool_choice',
  'top_logprobs',
  'top_p',
  'truncation',
  'user',
] as const

/** What the request said, for the members above, in the form that answers have. */
export function echoRequest(request: JsonObject): JsonObject {
  const echo: JsonObject = {}
  for (const name of ECHOED) {
    const value = request[name]
    if (value !== undefined && value !== null) echo[name] = value
  }
  const { text, reasoning, tools } = request
  if (isJsonObject(text)) echo['text'] = { ...text, format: text['format'] ?? { type: 'text' } }
  if (isJsonObject(reasoning)) echo['reasoning'] = { effort: null, summary: null, ...reasoning }
  if (Array.isArray(tools)) echo['tools'] = tools.map((tool) => echoTool(tool))
  return echo
}

/** A function shows all its members. `strict` is what the relay makes of its absence. */
function echoTool(tool: JsonValue): JsonValue {
  if (!isJsonObject(tool) || tool['type'] !== 'function') return tool
  return { description: null, parameters: null, strict: false, ...tool }
}

/** Source: OpenAI API reference, `ResponseUsage`: input includes what was cached, output includes reasoning. */
export function encodeUsage({ input = 0, cached = 0, cacheWrite = 0, output = 0, reasoning = 0 }: Usage): JsonObject {
  const inputTokens = input + cached + cacheWrite
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cached, cache_write_tokens: cacheWrite },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: inputTokens + output,
  }
}
