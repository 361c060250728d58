/**
 * A neutral conversation as a Messages request, in the members that the target's model takes.
 */
import { digest } from '../../core/digest.ts'
import type { JsonObject, JsonValue } from '../../core/json.ts'
import type { Target } from '../hub-contract.ts'
import type { Conversation, Format } from '../hub.ts'
import { repairConversation } from '../repair.ts'
import { cleanSchema } from '../schema-subset.ts'
import { markCache } from './cache-marks.ts'
import { encodeToolChoice, encodeTools } from './encode-tools.ts'
import { encodeTurns, tellSystemTurns } from './encode-turns.ts'
import { chooseThinking, type Thinking } from './thinking.ts'

/** What a model is asked for that nothing is known of; the member is mandatory. */
const USUAL_OUTPUT_TOKENS = 8192

/**
 * In: a conversation of any client. Out: the body, always for a stream. What this vendor or model does not take is in
 * the target's ledger. Throws GatewayError `invalid_request` where the answer would be wrong without it: files of another
 * vendor, audio, formats of pictures that it cannot read, tools that were forced and are not there.
 */
export function encodeRequest(given: Conversation, target: Target): JsonObject {
  const { capabilities, ledger } = target
  const rules = {
    mergesNeighbours: true,
    allowsPrefill: capabilities.allowsPrefill,
    startsWithUser: true,
    dropsBlankText: true,
  }
  const conversation = repairConversation(tellSystemTurns(given, target), rules, ledger)
  const messages = encodeTurns(conversation, target)
  const tools = encodeTools(conversation, target)
  const toolChoice = encodeToolChoice(conversation, tools, target)
  const wantedTokens = conversation.maxOutputTokens ?? capabilities.maxOutputTokens ?? USUAL_OUTPUT_TOKENS
  const thinking = chooseThinking(conversation, messages, wantedTokens, target)
  const schema = schemaOf(conversation.format, target)
  const system = encodeSystem(conversation, schema)
  const stops = stopsOf(conversation, target)
  const request = {
    model: target.model,
    max_tokens: thinking.maxTokens,
    stream: true,
    ...(system.length === 0 ? {} : { system }),
    ...(tools.length === 0 ? {} : { tools }),
    ...(toolChoice === null ? {} : { tool_choice: toolChoice }),
    messages,
    ...(thinking.thinking === null ? {} : { thinking: thinking.thinking }),
    ...encodeOutputConfig(thinking, schema),
    ...encodeSampling(conversation, thinking, target),
    ...(stops.length === 0 ? {} : { stop_sequences: stops }),
    // The vendor refuses e-mail addresses, and need not know who it is, only that it is the same person again.
    ...(conversation.user === null ? {} : { metadata: { user_id: digest(conversation.user, 32) } }),
    ...encodeServiceTier(conversation, target),
  }
  if (conversation.verbosity !== null) ledger.note('dropped', 'verbosity')
  return conversation.marksCache ? request : markCache(request, target.isVendorHost)
}

/** The schema in the form that the vendor enforces; null when there is none or it does not fit. */
function schemaOf(format: Format | null, { capabilities, ledger }: Target): JsonObject | null {
  if (format === null || format.type === 'text') return null
  const strict = format.type === 'schema' ? cleanSchema(format.schema, 'anthropic-strict') : null
  if (strict?.fits === true && capabilities.structuredOutput) return strict.schema
  ledger.note('weakened', 'format')
  return null
}

/** The dialect has no mode for JSON without a schema, and older models none with one: then words must do. */
function encodeSystem({ system, format }: Conversation, schema: JsonObject | null): JsonObject[] {
  const blocks = system.filter(({ text }) => text.trim() !== '')
  const encoded = blocks.map(({ text, cacheControl }): JsonObject => ({
    type: 'text',
    text,
    ...(cacheControl === undefined ? {} : { cache_control: cacheControl }),
  }))
  if (schema !== null || format === null || format.type === 'text') return encoded
  const demand = 'Answer with one JSON object and nothing else'
  const text =
    format.type === 'json' ? `${demand}.` : `${demand}. It must fit this JSON schema:\n${JSON.stringify(format.schema)}`
  return [...encoded, { type: 'text', text }]
}

function encodeOutputConfig({ effort }: Thinking, schema: JsonObject | null): JsonObject {
  if (effort === null && schema === null) return {}
  return {
    output_config: {
      ...(effort === null ? {} : { effort }),
      ...(schema === null ? {} : { format: { type: 'json_schema', schema } }),
    },
  }
}

function encodeSampling({ sampling }: Conversation, { isOn }: Thinking, { capabilities, ledger }: Target): JsonObject {
  const { temperature, topP, topK, ...others } = sampling
  const dropped = Object.keys(others)
  const members: Record<string, JsonValue> = {}
  const offer = (name: string, value: number | undefined, isTaken: boolean): void => {
    if (value === undefined) return
    if (isTaken) members[name] = value
    else dropped.push(name)
  }
  // While it thinks, a model samples in its own way.
  const isTaken = capabilities.sampling !== 'none' && !isOn
  const clamped = temperature === undefined ? undefined : Math.min(1, Math.max(0, temperature))
  if (isTaken && clamped !== temperature) ledger.note('weakened', 'temperature')
  offer('temperature', clamped, isTaken)
  offer('top_p', topP, isTaken && (capabilities.sampling === 'all' || temperature === undefined))
  offer('top_k', topK, isTaken)
  for (const name of dropped) ledger.note('dropped', name)
  return members
}

function stopsOf({ stop }: Conversation, { ledger }: Target): string[] {
  const stops = stop.filter((text) => text.trim() !== '')
  if (stops.length < stop.length) ledger.note('dropped', 'blank-stop')
  return stops
}

/** The faster tiers are a matter of model and contract; `auto` takes them where the contract has them. */
function encodeServiceTier({ serviceTier }: Conversation, { ledger }: Target): JsonObject {
  if (serviceTier === null) return {}
  if (serviceTier === 'default' || serviceTier === 'flex') return { service_tier: 'standard_only' }
  if (serviceTier !== 'auto') ledger.note('weakened', 'service_tier')
  return { service_tier: 'auto' }
}
