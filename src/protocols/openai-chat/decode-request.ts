/**
 * A Chat Completions request in neutral words: the vendor's own members, and those that compatible hosts have taught to
 * clients.
 */
import { invalidRequest } from '../../core/errors.ts'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import { budgetToEffort, isEffort } from '../effort.ts'
import type { Conversation, Format, Ledger, ReasoningWish, Sampling } from '../hub.ts'
import { tokenLimitAt } from '../judge-request.ts'
import { flagAt, numberAt, objectAt, textAt, textsAt } from '../members.ts'
import { decodeMessages } from './decode-messages.ts'
import { decodeToolChoice, decodeTools } from './decode-tools.ts'

/**
 * In: the parsed body. Throws GatewayError `invalid_request` for what is no Chat request, and for what no other dialect can
 * answer (several choices, spoken answers). What is lost otherwise is in the ledger.
 */
export function decodeRequest(
  body: JsonObject,
  envelope: { readonly model: string; readonly stream: boolean },
  ledger: Ledger,
): Conversation {
  refuseUnanswerable(body)
  for (const name of Object.keys(body)) {
    if (!KNOWN_MEMBERS.has(name) && body[name] !== null) ledger.note('dropped', name)
  }
  const { system, turns, marksCache } = decodeMessages(body['messages'], ledger)
  const options = objectAt(body, 'stream_options')
  return {
    source: 'openai-chat',
    model: envelope.model,
    stream: envelope.stream,
    system,
    turns,
    tools: decodeTools(body),
    toolChoice: decodeToolChoice(body),
    parallelTools: flagAt(body, 'parallel_tool_calls'),
    maxOutputTokens: tokenLimitAt(body, 'max_completion_tokens') ?? tokenLimitAt(body, 'max_tokens'),
    stop: decodeStop(body),
    sampling: decodeSampling(body),
    reasoning: decodeReasoning(body),
    format: decodeFormat(body),
    verbosity: textAt(body, 'verbosity') || null,
    cacheKey: textAt(body, 'prompt_cache_key') || null,
    marksCache,
    user: textAt(body, 'safety_identifier') || textAt(body, 'user') || null,
    serviceTier: textAt(body, 'service_tier') || null,
    previousResponseId: null,
    wantsUsage: !envelope.stream || options?.['include_usage'] === true,
    extras: {},
  }
}

/** Members that are read somewhere here, or that ask for what every answer has. */
const KNOWN_MEMBERS: ReadonlySet<string> = new Set(
  (
    'model messages stream stream_options tools tool_choice functions function_call parallel_tool_calls ' +
    'max_completion_tokens max_tokens stop temperature top_p top_k seed presence_penalty frequency_penalty logprobs ' +
    'top_logprobs reasoning_effort reasoning thinking extra_body google response_format verbosity prompt_cache_key ' +
    'safety_identifier user service_tier web_search_options n modalities audio'
  ).split(' '),
)

function refuseUnanswerable(body: JsonObject): void {
  const count = numberAt(body, 'n')
  if (count !== null && count !== 1) throw invalidRequest('n: one choice per request is supported', 'n')
  if (textsAt(body, 'modalities').includes('audio') || objectAt(body, 'audio') !== null) {
    throw invalidRequest('modalities: spoken answers are not supported by this model', 'modalities')
  }
}

function decodeStop(body: JsonObject): string[] {
  const { stop } = body
  return (typeof stop === 'string' ? [stop] : textsAt(body, 'stop')).filter((sequence) => sequence !== '')
}

function decodeSampling(body: JsonObject): Sampling {
  const numbers = {
    temperature: numberAt(body, 'temperature'),
    topP: numberAt(body, 'top_p'),
    topK: numberAt(body, 'top_k'),
    seed: numberAt(body, 'seed'),
    presencePenalty: numberAt(body, 'presence_penalty'),
    frequencyPenalty: numberAt(body, 'frequency_penalty'),
    topLogprobs: body['logprobs'] === true ? (numberAt(body, 'top_logprobs') ?? 0) : null,
  }
  return Object.fromEntries(Object.entries(numbers).filter(([, number]) => number !== null))
}

/**
 * OpenAI's `reasoning_effort`, or what hosts have beside it: OpenRouter's `reasoning`, Anthropic's `thinking`, Google's
 * `thinking_config`. Null when nothing is said. Whoever asks for reasoning is shown it, as these hosts do.
 */
function decodeReasoning(body: JsonObject): ReasoningWish | null {
  const { reasoning_effort: told } = body
  const router = objectAt(body, 'reasoning')
  const thinking = objectAt(body, 'thinking')
  const google = objectAt(objectAt(objectAt(body, 'extra_body') ?? body, 'google') ?? {}, 'thinking_config')
  if (told === undefined && router === null && thinking === null && google === null) return null
  const level = textAt(google ?? {}, 'thinking_level').toLowerCase()
  const effort = [told, router?.['effort'], level].find(isEffort) ?? null
  const budget =
    numberAt(router ?? {}, 'max_tokens') ??
    numberAt(thinking ?? {}, 'budget_tokens') ??
    numberAt(google ?? {}, 'thinking_budget')
  const isOff = effort === 'none' || router?.['enabled'] === false || thinking?.['type'] === 'disabled' || budget === 0
  const isHidden = router?.['exclude'] === true || google?.['include_thoughts'] === false
  return {
    effort: effort ?? (budget !== null && budget > 0 ? budgetToEffort(budget) : null),
    budget: budget !== null && budget > 0 ? budget : null,
    mode: isOff ? 'disabled' : null,
    isShown: !isOff && !isHidden,
  }
}

/** Throws `invalid_request` for a schema that is none. */
function decodeFormat(body: JsonObject): Format | null {
  const format = objectAt(body, 'response_format')
  switch (format?.['type']) {
    case 'text':
      return { type: 'text' }
    case 'json_object':
      return { type: 'json' }
    case 'json_schema': {
      const described = objectAt(format, 'json_schema')
      const schema = described?.['schema']
      if (described === null || !isJsonObject(schema)) {
        throw invalidRequest('response_format.json_schema.schema: an object is required', 'response_format')
      }
      return {
        type: 'schema',
        name: textAt(described, 'name') || null,
        description: textAt(described, 'description') || null,
        schema,
        strict: flagAt(described, 'strict'),
      }
    }
    default:
      return null
  }
}
