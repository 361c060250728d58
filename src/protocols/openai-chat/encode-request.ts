/**
 * A request for a server that speaks Chat Completions: the vendor's own host, or one of the many that resemble it and refuse
 * what they do not know.
 */
import { invalidRequest } from '../../core/errors.ts'
import { digest } from '../../core/digest.ts'
import type { JsonObject } from '../../core/json.ts'
import { budgetToEffort, clampEffort } from '../effort.ts'
import type { Target } from '../hub-contract.ts'
import type { Conversation, Effort, Format, Sampling } from '../hub.ts'
import { cleanSchema } from '../schema-subset.ts'
import { encodeMessages } from './encode-messages.ts'
import { encodeToolChoice, encodeTools } from './encode-tools.ts'

/** Out: the body, streaming and with usage. Throws GatewayError `invalid_request` for what this dialect cannot say. */
export function encodeRequest(conversation: Conversation, target: Target): JsonObject {
  if (conversation.previousResponseId !== null) {
    throw invalidRequest('previous_response_id: this conversation is not known here', 'previous_response_id')
  }
  const effort = chooseEffort(conversation, target)
  const format = encodeFormat(conversation.format, target)
  return {
    model: target.model,
    messages: encodeMessages(conversation, target, format.instruction),
    stream: true,
    stream_options: { include_usage: true },
    ...encodeTools(conversation, target),
    ...encodeToolChoice(conversation, target),
    ...encodeLimits(conversation, target),
    ...encodeSampling(conversation.sampling, effort, target),
    ...(effort === null ? {} : { reasoning_effort: effort }),
    ...(format.member === null ? {} : { response_format: format.member }),
    ...encodeVendorMembers(conversation, target),
  }
}

/** The vendor takes no more. */
const MOST_STOPS = 4

/** Third parties know the older name of the limit only, the vendor's reasoning models only the newer one. */
function encodeLimits({ maxOutputTokens, stop }: Conversation, target: Target): JsonObject {
  const { capabilities, isVendorHost, ledger } = target
  const name = isVendorHost || capabilities.isOpenaiReasoning ? 'max_completion_tokens' : 'max_tokens'
  const highest = capabilities.maxOutputTokens ?? Infinity
  if (maxOutputTokens !== null && maxOutputTokens > highest) ledger.note('weakened', name)
  if (stop.length > MOST_STOPS) ledger.note('weakened', 'stop')
  return {
    ...(maxOutputTokens === null ? {} : { [name]: Math.min(maxOutputTokens, highest) }),
    ...(stop.length === 0 ? {} : { stop: stop.slice(0, MOST_STOPS) }),
  }
}

/** Null leaves it to the model. A wish to turn thinking off becomes the weakest level where it cannot be. */
function chooseEffort({ reasoning }: Conversation, { capabilities, ledger }: Target): Effort | null {
  if (reasoning === null) return null
  const { effort, budget, mode } = reasoning
  const wished = mode === 'disabled' ? 'none' : (effort ?? (budget === null ? null : budgetToEffort(budget)))
  if (wished === null) return null
  const chosen = clampEffort(wished, capabilities.efforts)
  if (chosen === null) ledger.note('dropped', 'effort')
  else if (chosen !== wished) ledger.note('weakened', 'effort')
  return chosen
}

function encodeSampling(sampling: Sampling, effort: Effort | null, target: Target): JsonObject {
  const { capabilities, isVendorHost, ledger } = target
  const isTaken = capabilities.sampling !== 'none' || (effort === 'none' && capabilities.samplesWithoutReasoning)
  const { topLogprobs } = sampling
  const members: JsonObject = {
    ...given('temperature', sampling.temperature),
    // Claude's hosts take one of the two.
    ...(capabilities.sampling === 'one' && sampling.temperature !== undefined ? {} : given('top_p', sampling.topP)),
    ...(isVendorHost ? {} : given('top_k', sampling.topK)),
    ...given('presence_penalty', sampling.presencePenalty),
    ...given('frequency_penalty', sampling.frequencyPenalty),
    ...(topLogprobs === undefined ? {} : { logprobs: true, ...(topLogprobs > 0 && { top_logprobs: topLogprobs }) }),
  }
  if (isVendorHost && sampling.topK !== undefined) ledger.note('dropped', 'top_k')
  if (!isTaken) for (const name of Object.keys(members)) ledger.note('dropped', name)
  return { ...(isTaken ? members : {}), ...given('seed', sampling.seed) }
}

function given(name: string, value: number | undefined): JsonObject {
  return value === undefined ? {} : { [name]: value }
}

/** Where no schema is taken, the model gets it as an instruction and is held to JSON alone. */
function encodeFormat(
  format: Format | null,
  target: Target,
): { member: JsonObject | null; instruction: string | null } {
  const { capabilities, ledger } = target
  switch (format?.type) {
    case 'json':
      return { member: { type: 'json_object' }, instruction: null }
    case 'schema': {
      if (!capabilities.structuredOutput) {
        ledger.note('weakened', 'format')
        const instruction = `Answer with one JSON object that fits this JSON schema:\n${JSON.stringify(format.schema)}`
        return { member: { type: 'json_object' }, instruction }
      }
      const clean = cleanSchema(format.schema, format.strict === true ? 'openai-strict' : 'function')
      const isStrict = format.strict === true && clean.fits
      if (format.strict === true && !isStrict) ledger.note('weakened', 'format.strict')
      const described = {
        name: format.name ?? 'output',
        ...(format.description === null ? {} : { description: format.description }),
        schema: clean.schema,
        strict: isStrict,
      }
      return { member: { type: 'json_schema', json_schema: described }, instruction: null }
    }
    default:
      return { member: null, instruction: null }
  }
}

const SERVICE_TIERS: ReadonlySet<string> = new Set(['auto', 'default', 'flex', 'priority'])

/** Members that only the vendor's own host is sure to take. A user's id leaves the relay only as a hash. */
function encodeVendorMembers(conversation: Conversation, target: Target): JsonObject {
  const { cacheKey, capabilities, isVendorHost, ledger } = target
  const { user, serviceTier, verbosity } = conversation
  const takesVerbosity = isVendorHost && capabilities.isOpenaiReasoning
  const takesTier = isVendorHost && serviceTier !== null && SERVICE_TIERS.has(serviceTier)
  if (verbosity !== null && !takesVerbosity) ledger.note('dropped', 'verbosity')
  if (serviceTier !== null && !takesTier) ledger.note('dropped', 'service_tier')
  if (user !== null && !isVendorHost) ledger.note('dropped', 'user')
  return {
    ...(verbosity !== null && takesVerbosity ? { verbosity } : {}),
    ...(takesTier ? { service_tier: serviceTier } : {}),
    ...(user !== null && isVendorHost ? { safety_identifier: digest(user, 32) } : {}),
    ...(cacheKey !== null && isVendorHost ? { prompt_cache_key: cacheKey } : {}),
  }
}
