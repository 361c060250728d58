/**
 * A Responses request as a neutral conversation, as Codex and OpenAI's SDKs send it.
 */
import { invalidRequest } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import { isEffort } from '../effort.ts'
import type { Conversation, Format, Ledger, ReasoningWish, Sampling, TextPart, Tool } from '../hub.ts'
import { tokenLimitAt } from '../judge-request.ts'
import { flagAt, numberAt, objectAt, textAt } from '../members.ts'
import { asksForCompaction, SUMMARY_REQUEST } from './compaction.ts'
import { decodeInput } from './decode-input.ts'
import { decodeToolChoice, decodeTools } from './decode-tools.ts'

/** What is read here or elsewhere, and what changes nothing in the answer. Of anything else the loss is noted. */
const KNOWN = new Set([
  'model',
  'stream',
  'input',
  'instructions',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'max_output_tokens',
  'temperature',
  'top_p',
  'top_logprobs',
  'reasoning',
  'text',
  'prompt_cache_key',
  'safety_identifier',
  'user',
  'service_tier',
  'previous_response_id',
  'background',
  'prompt',
  'conversation',
  // Answers repeat it, or it is about the way they come.
  'metadata',
  'store',
  'stream_options',
  'client_metadata',
])

/** Throws `invalid_request` with `param` where an answer would be wrong without a member that cannot be had. */
export function decodeRequest(
  body: JsonObject,
  envelope: { readonly model: string; readonly stream: boolean },
  ledger: Ledger,
): Conversation {
  refuseWhatCannotBe(body)
  noteLosses(body, ledger)
  const { leading, turns, tools: brought } = decodeInput(body['input'], ledger)
  const instructions = textAt(body, 'instructions')
  const system: TextPart[] = [
    ...(instructions === '' ? [] : [{ type: 'text' as const, text: instructions }]),
    ...leading,
  ]
  const text = objectAt(body, 'text')
  const isCompaction = asksForCompaction(body)
  return {
    source: 'openai-responses',
    model: envelope.model,
    stream: envelope.stream,
    system,
    turns: isCompaction ? [...turns, SUMMARY_REQUEST] : turns,
    tools: keepLatest([...decodeTools(body['tools'], ledger), ...brought]),
    toolChoice: isCompaction ? { mode: 'none' } : decodeToolChoice(body['tool_choice']),
    parallelTools: flagAt(body, 'parallel_tool_calls'),
    maxOutputTokens: tokenLimitAt(body, 'max_output_tokens'),
    stop: [],
    sampling: decodeSampling(body),
    reasoning: decodeReasoning(objectAt(body, 'reasoning')),
    format: text === null ? null : decodeFormat(objectAt(text, 'format')),
    verbosity: text === null ? null : textAt(text, 'verbosity') || null,
    cacheKey: textAt(body, 'prompt_cache_key') || null,
    marksCache: false,
    user: textAt(body, 'safety_identifier') || textAt(body, 'user') || null,
    serviceTier: textAt(body, 'service_tier') || null,
    previousResponseId: textAt(body, 'previous_response_id') || null,
    wantsUsage: true,
    // The response object repeats the request.
    extras: body,
  }
}

function noteLosses(body: JsonObject, ledger: Ledger): void {
  for (const [name, value] of Object.entries(body)) {
    if (KNOWN.has(name) || value === null || value === 'disabled') continue
    // Reasoning always travels sealed: that wish is granted.
    const isGranted = name === 'include' && Array.isArray(value) && value.every((each) => GRANTED.has(each as string))
    if (!isGranted) ledger.note('dropped', name)
  }
}

const GRANTED = new Set(['reasoning.encrypted_content', 'web_search_call.action.sources'])

/** Clients tell a tool again when it changes; vendors refuse two of one name. */
function keepLatest(tools: readonly Tool[]): Tool[] {
  const latest = new Map<string, Tool>()
  for (const tool of tools) {
    const isNamed = tool.kind === 'function' || tool.kind === 'custom'
    latest.set(isNamed ? `${tool.namespace ?? ''} ${tool.name}` : JSON.stringify(tool), tool)
  }
  return [...latest.values()]
}

function refuseWhatCannotBe(body: JsonObject): void {
  if (body['background'] === true)
    throw invalidRequest('background responses cannot be had from this account', 'background')
  if (body['prompt'] !== undefined && body['prompt'] !== null) {
    throw invalidRequest('stored prompts are only known to OpenAI', 'prompt')
  }
  if (body['conversation'] !== undefined && body['conversation'] !== null) {
    throw invalidRequest('stored conversations are only known to OpenAI; send the input itself', 'conversation')
  }
  const { input } = body
  if (Array.isArray(input) && input.length === 0 && textAt(body, 'previous_response_id') === '') {
    throw invalidRequest('input: at least one item is required', 'input')
  }
}

function decodeSampling(body: JsonObject): Sampling {
  const temperature = numberAt(body, 'temperature')
  const topP = numberAt(body, 'top_p')
  const topLogprobs = numberAt(body, 'top_logprobs')
  return {
    ...(temperature === null ? {} : { temperature }),
    ...(topP === null ? {} : { topP }),
    ...(topLogprobs === null || topLogprobs === 0 ? {} : { topLogprobs }),
  }
}

function decodeReasoning(reasoning: JsonObject | null): ReasoningWish | null {
  if (reasoning === null) return null
  const effort = reasoning['effort']
  const summary = reasoning['summary'] ?? reasoning['generate_summary']
  return {
    effort: isEffort(effort) ? effort : null,
    budget: null,
    mode: effort === 'none' ? 'disabled' : null,
    isShown: typeof summary === 'string' && summary !== 'none',
  }
}

function decodeFormat(format: JsonObject | null): Format | null {
  switch (format === null ? '' : textAt(format, 'type')) {
    case 'text':
      return { type: 'text' }
    case 'json_object':
      return { type: 'json' }
    case 'json_schema':
      return schemaFormat(format as JsonObject)
    default:
      return null
  }
}

function schemaFormat(format: JsonObject): Format {
  const name = textAt(format, 'name') || null
  const description = textAt(format, 'description') || null
  return {
    type: 'schema',
    name,
    description,
    schema: objectAt(format, 'schema') ?? {},
    strict: flagAt(format, 'strict'),
  }
}
