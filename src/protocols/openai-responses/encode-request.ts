/**
 * A neutral conversation as a Responses request.
 */
import type { JsonObject, JsonValue } from '../../core/json.ts'
import { digest } from '../../core/digest.ts'
import { budgetToEffort, clampEffort } from '../effort.ts'
import type { Target } from '../hub-contract.ts'
import type { Conversation, Effort } from '../hub.ts'
import { repairConversation } from '../repair.ts'
import { cleanSchema } from '../schema-subset.ts'
import { encodeInput } from './encode-input.ts'
import { encodeToolChoice, encodeTools, searches } from './encode-tools.ts'

/** The platform refuses less. */
const FEWEST_OUTPUT_TOKENS = 16

/**
 * Nothing is stored at the vendor: the client brings its history along, and reasoning travels sealed. `strict` is always
 * written out, because the vendor takes its absence for yes.
 */
export function encodeRequest(given: Conversation, target: Target): JsonObject {
  const conversation = repairConversation(given, RULES, target.ledger)
  const tools = encodeTools(conversation, target)
  const choice = tools.length === 0 ? null : encodeToolChoice(conversation, target)
  const reasoning = encodeReasoning(conversation, target)
  const format = encodeFormat(conversation, target)
  const include = ['reasoning.encrypted_content']
  if (searches(conversation)) include.push('web_search_call.action.sources')
  const body: Record<string, JsonValue | undefined> = {
    model: target.model,
    instructions: joinTexts([...conversation.system.map((part) => part.text), format.instruction]),
    input: encodeInput(conversation, target),
    stream: true,
    store: false,
    include,
    ...encodeSampling(conversation, reasoning, target),
    max_output_tokens: outputTokens(conversation, target),
    reasoning,
    text: encodeText(format.format, conversation.verbosity),
    tools: tools.length === 0 ? undefined : tools,
    tool_choice: choice ?? undefined,
    parallel_tool_calls: tools.length === 0 ? undefined : (conversation.parallelTools ?? true),
    prompt_cache_key: target.cacheKey ?? cacheKeyOf(conversation),
    // Another vendor need not learn who the user is, only that it is the same one.
    safety_identifier: conversation.user === null ? undefined : digest(conversation.user, 32),
    service_tier: conversation.serviceTier ?? undefined,
  }
  if (conversation.stop.length > 0) target.ledger.note('emulated', 'stop')
  return Object.fromEntries(
    Object.entries(body).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined),
  )
}

const RULES = { mergesNeighbours: false, allowsPrefill: true, startsWithUser: false, dropsBlankText: false }

function joinTexts(texts: readonly string[]): string | undefined {
  const text = texts.filter((each) => each !== '').join('\n\n')
  return text === '' ? undefined : text
}

/** The vendor takes 64 characters; a longer key is told by its hash. */
function cacheKeyOf({ cacheKey }: Conversation): string | undefined {
  if (cacheKey === null) return undefined
  return cacheKey.length <= 64 ? cacheKey : digest(cacheKey, 32)
}

function outputTokens({ maxOutputTokens }: Conversation, { capabilities, ledger }: Target): number | undefined {
  if (maxOutputTokens === null) return undefined
  const clamped = Math.max(FEWEST_OUTPUT_TOKENS, Math.min(maxOutputTokens, capabilities.maxOutputTokens ?? Infinity))
  if (clamped !== maxOutputTokens) ledger.note('weakened', 'max_tokens')
  return clamped
}

function encodeSampling(
  conversation: Conversation,
  reasoning: JsonObject | undefined,
  { capabilities, ledger }: Target,
): JsonObject {
  const { temperature, topP, ...others } = conversation.sampling
  // Log probabilities have no place among the neutral deltas, so that asking for them would be in vain.
  for (const name of Object.keys(others)) ledger.note('dropped', name)
  const isUnreasoned = reasoning?.['effort'] === 'none' && capabilities.samplesWithoutReasoning
  if (capabilities.sampling === 'none' && !isUnreasoned) {
    if (temperature !== undefined) ledger.note('dropped', 'temperature')
    if (topP !== undefined) ledger.note('dropped', 'top_p')
    return {}
  }
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
  }
}

function encodeReasoning({ reasoning }: Conversation, { capabilities, ledger }: Target): JsonObject | undefined {
  if (reasoning === null) return undefined
  const wanted = wantedEffort(reasoning)
  if (capabilities.thinking === 'none') {
    if (wanted !== null && wanted !== 'none') ledger.note('dropped', 'reasoning')
    return undefined
  }
  const effort = wanted === null ? null : clampEffort(wanted, capabilities.efforts)
  if (effort !== wanted) ledger.note('weakened', `effort ${String(wanted)}`)
  const isHidden = reasoning.isShown === false || effort === 'none'
  if (effort === null && isHidden) return undefined
  return { ...(effort === null ? {} : { effort }), ...(isHidden ? {} : { summary: 'auto' }) }
}

function wantedEffort({ effort, mode, budget }: NonNullable<Conversation['reasoning']>): Effort | null {
  if (mode === 'disabled') return 'none'
  if (effort !== null) return effort
  return mode === 'adaptive' || budget === null ? null : budgetToEffort(budget)
}

function encodeText(format: JsonObject | null, verbosity: string | null): JsonObject | undefined {
  if (format === null && verbosity === null) return undefined
  return { ...(format === null ? {} : { format }), ...(verbosity === null ? {} : { verbosity }) }
}

/** The vendor refuses its JSON mode when no message speaks of JSON. */
const ASK_FOR_JSON = 'Answer with a single JSON object.'

/** The format, or words that ask for it where it cannot be told otherwise. */
function encodeFormat({ format, source }: Conversation, { ledger }: Target): EncodedFormat {
  if (format === null) return { format: null, instruction: '' }
  if (format.type === 'text') return { format: { type: 'text' }, instruction: '' }
  // A client of OpenAI's dialects has kept that rule itself.
  const isWarned = source === 'openai-chat' || source === 'openai-responses'
  if (format.type === 'json') return { format: { type: 'json_object' }, instruction: isWarned ? '' : ASK_FOR_JSON }
  const strict = format.strict === true ? cleanSchema(format.schema, 'openai-strict') : null
  if (strict !== null && !strict.fits) ledger.note('weakened', 'strict format')
  const isStrict = strict?.fits === true
  const { schema, fits } = isStrict ? strict : cleanSchema(format.schema, 'function')
  if (!fits) {
    // Lists and plain values: the vendor's formats are objects.
    ledger.note('weakened', 'format')
    return { format: null, instruction: `Answer with JSON alone, of this schema: ${JSON.stringify(format.schema)}` }
  }
  const described = format.description === null ? {} : { description: format.description }
  return {
    format: { type: 'json_schema', name: format.name ?? 'output', ...described, schema, strict: isStrict },
    instruction: '',
  }
}

interface EncodedFormat {
  readonly format: JsonObject | null
  readonly instruction: string
}
