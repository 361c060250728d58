/**
 * A neutral conversation as a Gemini `generateContent` request.
 */
import type { JsonObject } from '../../core/json.ts'
import type { Capabilities } from '../capabilities.ts'
import { budgetToEffort, clampEffort, effortToBudget } from '../effort.ts'
import type { Target } from '../hub-contract.ts'
import type { Conversation, Effort, Format, Ledger, ReasoningWish, Sampling } from '../hub.ts'
import { wrapReminder } from '../parts.ts'
import { repairConversation } from '../repair.ts'
import { cleanSchema } from '../schema-subset.ts'
import { encodeContents } from './encode-contents.ts'
import { encodeToolConfig, encodeTools } from './encode-tools.ts'

export function encodeRequest(given: Conversation, target: Target): JsonObject {
  const conversation = repairConversation(withSystemTurnsTold(given, target.ledger), RULES, target.ledger)
  const system = conversation.system.filter(({ text }) => text !== '').map(({ text }) => ({ text }))
  const tools = encodeTools(conversation, target)
  const config = encodeGenerationConfig(conversation, target)
  noteLosses(conversation, target)
  return {
    ...(system.length === 0 ? {} : { systemInstruction: { parts: system } }),
    contents: encodeContents(conversation, target),
    ...(tools.length === 0 ? {} : { tools, ...encodeToolConfig(conversation, target) }),
    ...(Object.keys(config).length === 0 ? {} : { generationConfig: config }),
    ...encodeTier(conversation, target),
  }
}

const RULES = { mergesNeighbours: true, allowsPrefill: true, startsWithUser: true, dropsBlankText: false }

/** Gemini has no system role in between: what such a turn says is told in the user's place, marked as what it is. */
function withSystemTurnsTold(conversation: Conversation, ledger: Ledger): Conversation {
  const turns = conversation.turns.map((turn) => {
    if (turn.role !== 'system') return turn
    ledger.note('weakened', 'system-turn')
    const parts = turn.parts.map((part) => (part.type === 'text' ? { ...part, text: wrapReminder(part.text) } : part))
    return { role: 'user' as const, parts }
  })
  return { ...conversation, turns }
}

/** The vendor allows five stop sequences. */
const MOST_STOPS = 5

function encodeGenerationConfig(conversation: Conversation, target: Target): JsonObject {
  const { maxOutputTokens, stop } = conversation
  if (stop.length > MOST_STOPS) target.ledger.note('dropped', 'stop sequences beyond the fifth')
  return {
    ...(maxOutputTokens === null ? {} : { maxOutputTokens: clampOutput(maxOutputTokens, target) }),
    ...(stop.length === 0 ? {} : { stopSequences: stop.slice(0, MOST_STOPS) }),
    ...encodeSampling(conversation.sampling),
    ...encodeThinking(conversation, target),
    ...encodeFormat(conversation.format),
  }
}

/** Unlike others this vendor refuses more than the model can. */
function clampOutput(wanted: number, { capabilities, ledger }: Target): number {
  const most = capabilities.maxOutputTokens ?? Infinity
  if (wanted > most) ledger.note('weakened', 'max_tokens')
  return Math.min(wanted, most)
}

function encodeSampling(sampling: Sampling): JsonObject {
  const { temperature, topP, topK, seed, presencePenalty, frequencyPenalty, topLogprobs } = sampling
  const members: JsonObject = {}
  if (temperature !== undefined) members['temperature'] = temperature
  if (topP !== undefined) members['topP'] = topP
  if (topK !== undefined) members['topK'] = topK
  if (seed !== undefined) members['seed'] = seed
  if (presencePenalty !== undefined) members['presencePenalty'] = presencePenalty
  if (frequencyPenalty !== undefined) members['frequencyPenalty'] = frequencyPenalty
  if (topLogprobs !== undefined) Object.assign(members, { responseLogprobs: true, logprobs: topLogprobs })
  return members
}

/** A level for Gemini 3, tokens for 2.5, never both. */
function encodeThinking({ reasoning }: Conversation, { capabilities, ledger }: Target): JsonObject {
  const { thinking, canDisableThinking } = capabilities
  if (reasoning === null) return {}
  const isOff = reasoning.mode === 'disabled' || reasoning.effort === 'none'
  if (thinking === 'none') {
    if (!isOff) ledger.note('dropped', 'reasoning')
    return {}
  }
  if (isOff && !canDisableThinking) ledger.note('weakened', 'thinking cannot be disabled')
  const amount =
    thinking === 'level' ? levelOf(reasoning, isOff, capabilities, ledger) : budgetOf(reasoning, isOff, capabilities)
  const config = { ...amount, ...(reasoning.isShown === false || isOff ? {} : { includeThoughts: true }) }
  return Object.keys(config).length === 0 ? {} : { thinkingConfig: config }
}

function levelOf(wish: ReasoningWish, isOff: boolean, { efforts }: Capabilities, ledger: Ledger): JsonObject {
  const wanted = isOff ? 'none' : effortOf(wish)
  const level = wanted === null ? null : clampEffort(wanted, efforts)
  if (level === null) return {}
  if (level !== wanted && !isOff) ledger.note('weakened', `effort ${String(wanted)}`)
  return { thinkingLevel: level.toUpperCase() }
}

function effortOf({ effort, budget, mode }: ReasoningWish): Effort | null {
  if (effort !== null) return effort
  return budget === null || mode === 'adaptive' ? null : budgetToEffort(budget)
}

/** No tokens at all turn thinking off, where that can be; the model decides where nobody told a number. */
function budgetOf({ effort, budget }: ReasoningWish, isOff: boolean, capabilities: Capabilities): JsonObject {
  const { canDisableThinking, minBudget, maxBudget } = capabilities
  if (isOff) return { thinkingBudget: canDisableThinking ? 0 : minBudget }
  const wanted = budget ?? (effort === null ? null : effortToBudget(effort))
  return wanted === null ? {} : { thinkingBudget: Math.min(maxBudget, Math.max(minBudget, wanted)) }
}

function encodeFormat(format: Format | null): JsonObject {
  if (format === null || format.type === 'text') return {}
  if (format.type === 'json') return { responseMimeType: 'application/json' }
  return { responseMimeType: 'application/json', responseJsonSchema: cleanSchema(format.schema, 'gemini').schema }
}

const TIERS: Readonly<Record<string, string>> = {
  default: 'standard',
  flex: 'flex',
  priority: 'priority',
  fast: 'priority',
}

function encodeTier({ serviceTier }: Conversation, { ledger }: Target): JsonObject {
  if (serviceTier === null || serviceTier === 'auto') return {}
  const tier = TIERS[serviceTier]
  if (tier !== undefined) return { serviceTier: tier }
  ledger.note('dropped', 'service_tier')
  return {}
}

function noteLosses(conversation: Conversation, { ledger }: Target): void {
  if (conversation.verbosity !== null) ledger.note('dropped', 'verbosity')
  if (conversation.parallelTools === false) ledger.note('dropped', 'parallel_tool_calls')
  if (conversation.user !== null) ledger.note('dropped', 'user')
  if (conversation.marksCache) ledger.note('dropped', 'cache_control')
}
