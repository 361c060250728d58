/**
 * How a Claude model is asked to think: one wish in the client's words, three generations of models that understand
 * different ones, and combinations that the vendor refuses.
 */
import type { JsonObject } from '../../core/json.ts'
import { budgetToEffort, clampEffort, effortToBudget } from '../effort.ts'
import type { Target } from '../hub-contract.ts'
import type { Conversation, Effort, ReasoningWish } from '../hub.ts'
import { objectsAt } from '../members.ts'
import { isForced } from './encode-tools.ts'

export interface Thinking {
  /** The request's member; null leaves it out. */
  readonly thinking: JsonObject | null
  readonly effort: Effort | null
  readonly maxTokens: number
  /** Whether the model thinks because of it; then it takes no sampling. */
  readonly isOn: boolean
}

/**
 * In: the encoded messages, and the output the client wants in tokens, which is cut to what the model can. Out: what to
 * ask for; each difference from the wish is in the ledger.
 */
export function chooseThinking(
  conversation: Conversation,
  messages: readonly JsonObject[],
  wantedTokens: number,
  target: Target,
): Thinking {
  const { capabilities, ledger } = target
  const maxTokens = Math.min(wantedTokens, capabilities.maxOutputTokens ?? wantedTokens)
  if (maxTokens < wantedTokens) ledger.note('weakened', 'max_tokens')
  const nothing: Thinking = { thinking: null, effort: null, maxTokens, isOn: false }
  const wish = conversation.reasoning
  if (wish === null) return nothing
  if (wish.mode === 'disabled' || wish.effort === 'none') return { ...nothing, ...disableThinking(wish, target) }
  if (capabilities.thinking === 'none') {
    ledger.note('dropped', 'thinking')
    return nothing
  }
  const isBudget = capabilities.thinking === 'budget' || (capabilities.thinking === 'both' && asksForBudget(wish))
  const effort = clampWish(wish, isBudget, target)
  if (isForced(conversation) && !capabilities.forcesToolsWhileThinking) {
    ledger.note('weakened', 'thinking-with-forced-tool')
    return { ...nothing, effort }
  }
  if (!isBudget) return { thinking: { type: 'adaptive', ...displayOf(wish) }, effort, maxTokens, isOn: true }
  const budget = budgetOf(wish)
  if (budget === null) return nothing
  if (lacksThinking(messages)) {
    ledger.note('weakened', 'thinking-without-history')
    return { ...nothing, effort }
  }
  return { ...nothing, effort, ...fitBudget(budget, wish, maxTokens, target) }
}

function asksForBudget({ mode, budget }: ReasoningWish): boolean {
  return mode === 'enabled' && budget !== null
}

/** Null when nothing was said that asks for thinking. */
function budgetOf({ mode, effort, budget }: ReasoningWish): number | null {
  if (budget !== null) return budget
  return effort === null && mode === null ? null : effortToBudget(effort ?? 'medium')
}

/** The level that the model knows; null where it knows none, or none was asked for. */
function clampWish(wish: ReasoningWish, isBudget: boolean, { capabilities, ledger }: Target): Effort | null {
  const wanted = wish.effort ?? (wish.budget === null || isBudget ? null : budgetToEffort(wish.budget))
  const level = wanted === null ? null : clampEffort(wanted, capabilities.efforts)
  if (level !== null && level !== wanted) ledger.note('weakened', `effort.${wanted}`)
  return level
}

/** Models that cannot stop thinking are asked to do little of it. */
function disableThinking({ effort }: ReasoningWish, { capabilities, ledger }: Target): Partial<Thinking> {
  const { efforts, canDisableThinking, thinksByDefault, highestEffortWhenDisabled: highest } = capabilities
  if (!canDisableThinking) {
    ledger.note('weakened', 'thinking-disabled')
    return { effort: clampEffort(effort ?? 'none', efforts) }
  }
  const told = effort === null || effort === 'none' ? null : clampEffort(effort, efforts)
  const isTooHigh = told !== null && highest !== null && efforts.indexOf(told) > efforts.indexOf(highest)
  if (isTooHigh) ledger.note('weakened', `effort.${told}`)
  const isNeeded = thinksByDefault || capabilities.thinking === 'adaptive'
  return { thinking: isNeeded ? { type: 'disabled' } : null, effort: isTooHigh ? highest : told }
}

/** The budget is part of the output: first the limit is raised to what the model can, then the budget lowered. */
function fitBudget(
  tokens: number,
  wish: ReasoningWish,
  maxTokens: number,
  { capabilities, ledger }: Target,
): Partial<Thinking> {
  const { minBudget, maxBudget, maxOutputTokens } = capabilities
  const wanted = Math.min(Math.max(tokens, minBudget), maxBudget)
  const raised = Math.min(wanted + maxTokens, maxOutputTokens ?? Infinity)
  const limit = wanted < maxTokens ? maxTokens : Math.max(maxTokens, raised)
  const budget = Math.min(wanted, limit - 1)
  if (budget !== wish.budget && wish.budget !== null) ledger.note('weakened', 'thinking.budget_tokens')
  if (budget < minBudget) {
    ledger.note('dropped', 'thinking')
    return {}
  }
  return {
    thinking: { type: 'enabled', budget_tokens: budget, ...displayOf(wish) },
    maxTokens: limit,
    isOn: true,
  }
}

function displayOf({ isShown }: ReasoningWish): JsonObject {
  return isShown === null ? {} : { display: isShown ? 'summarized' : 'omitted' }
}

/**
 * With a budget, a running tool loop must begin with the thinking that led into it. It is lost when the client came with
 * another vendor's, or the account has changed.
 */
function lacksThinking(messages: readonly JsonObject[]): boolean {
  const loopStart = messages.findLastIndex(isUsersOwn) + 1
  const first = messages.slice(loopStart).find(({ role }) => role === 'assistant')
  if (first === undefined) return false
  const blocks = objectsAt(first, 'content')
  const type = blocks[0]?.['type']
  return blocks.some((block) => block['type'] === 'tool_use') && type !== 'thinking' && type !== 'redacted_thinking'
}

/** A message of the user that is more than the results of tools. */
function isUsersOwn(message: JsonObject): boolean {
  return message['role'] === 'user' && !objectsAt(message, 'content').some(({ type }) => type === 'tool_result')
}
