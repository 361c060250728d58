/**
 * What a model can do, as one table: the only place where the names of models mean anything. Sources: the vendors' model
 * pages and the 400s of November 2026.
 */
import type { Protocol } from '../core/account.ts'
import type { Effort } from './hub.ts'

export interface Capabilities {
  /** Which of temperature, top_p and top_k are taken: `one` allows temperature or top_p, and neither while it thinks. */
  readonly sampling: 'all' | 'one' | 'none'
  /** OpenAI's newer reasoning models take sampling while their effort is `none`. */
  readonly samplesWithoutReasoning: boolean
  /**
   * How reasoning is asked for: Anthropic's `adaptive` or `enabled` with a budget (`both`: either); Gemini's level, or its
   * budget (`budget`); OpenAI's `effort`. `none`: not at all, the model does as it likes.
   */
  readonly thinking: 'adaptive' | 'budget' | 'both' | 'level' | 'effort' | 'none'
  /** The levels it knows, weakest first; empty where effort cannot be told and, in Anthropic's, becomes a budget. */
  readonly efforts: readonly Effort[]
  readonly canDisableThinking: boolean
  /** Thinks unless told not to, so that a client's `disabled` must be passed on. */
  readonly thinksByDefault: boolean
  /** With thinking disabled a higher effort than this is refused; null where it is not. */
  readonly highestEffortWhenDisabled: Effort | null
  /** Bounds of a thinking budget in tokens. The lowest is not meant for 0, which is `canDisableThinking`. */
  readonly minBudget: number
  readonly maxBudget: number
  /** What the vendor allows; null when unknown. */
  readonly maxOutputTokens: number | null
  /** System messages in the middle of the conversation keep their role. */
  readonly takesSystemTurns: boolean
  /** The conversation may end with an assistant turn, which the model then continues. */
  readonly allowsPrefill: boolean
  /** A JSON schema for the answer, and strict tools. */
  readonly structuredOutput: boolean
  /** A forced tool choice is taken while the model thinks. */
  readonly forcesToolsWhileThinking: boolean
  /** Gemini 3: calls of the current turn must carry the signature they came with. */
  readonly needsSignatures: boolean
  /** Images stand inside a tool's result (elsewhere they follow it). */
  readonly takesResultImages: boolean
  /** The vendor's search can stand beside function declarations. */
  readonly mixesSearchWithFunctions: boolean
  /** Chat hosts whose models need their `reasoning_content` back while a tool loop runs. */
  readonly needsReasoningBack: boolean
  /** OpenAI's newer models tell `commentary` from `final_answer` and want it back. */
  readonly usesPhases: boolean
  /** OpenAI's reasoning models: `developer` instead of `system`, `max_completion_tokens` instead of `max_tokens`. */
  readonly isOpenaiReasoning: boolean
}

/**
 * What `model` (the name at the account) can do when it is called through `protocol`. Unknown models get what most hosts
 * of that protocol allow; the vendor's 400s teach the rest.
 */
export function capabilitiesOf(model: string, protocol: Protocol, isVendorHost: boolean): Capabilities {
  const name = model.toLowerCase()
  const row = TABLE.find(([pattern]) => pattern.test(name))?.[1]
  const known = { ...DEFAULTS[protocol], ...row }
  switch (protocol) {
    case 'anthropic':
      // Compatible servers copy the models' members long before their roles.
      return isVendorHost ? known : { ...known, takesSystemTurns: false }
    case 'openai-chat':
      // Any model behind Chat is told its effort as a level, or not at all; most templates take system text only first.
      return {
        ...known,
        thinking: known.efforts.length === 0 ? 'none' : 'effort',
        allowsPrefill: true,
        takesSystemTurns: isVendorHost,
        takesResultImages: false,
      }
    case 'openai-responses':
      return { ...known, thinking: known.efforts.length === 0 ? 'none' : 'effort', takesSystemTurns: true }
    case 'gemini':
      return known
  }
}

const EFFORTS_TO_HIGH: readonly Effort[] = ['low', 'medium', 'high']
const EFFORTS_TO_XHIGH: readonly Effort[] = ['low', 'medium', 'high', 'xhigh']
const EFFORTS_TO_MAX: readonly Effort[] = ['low', 'medium', 'high', 'xhigh', 'max']

const BASE: Capabilities = {
  sampling: 'all',
  samplesWithoutReasoning: false,
  thinking: 'none',
  efforts: [],
  canDisableThinking: true,
  thinksByDefault: false,
  highestEffortWhenDisabled: null,
  minBudget: 1024,
  maxBudget: 128_000,
  maxOutputTokens: null,
  takesSystemTurns: false,
  allowsPrefill: true,
  structuredOutput: true,
  forcesToolsWhileThinking: true,
  needsSignatures: false,
  takesResultImages: true,
  mixesSearchWithFunctions: false,
  needsReasoningBack: false,
  usesPhases: false,
  isOpenaiReasoning: false,
}

const DEFAULTS: Record<Protocol, Capabilities> = {
  anthropic: { ...BASE, thinking: 'budget', forcesToolsWhileThinking: false, structuredOutput: false },
  'openai-responses': { ...BASE, efforts: EFFORTS_TO_HIGH },
  'openai-chat': { ...BASE, efforts: EFFORTS_TO_HIGH },
  gemini: { ...BASE, takesResultImages: false },
}

/** Claude 5: adaptive thinking, no sampling, no prefill. */
const CLAUDE_5: Partial<Capabilities> = {
  sampling: 'none',
  thinking: 'adaptive',
  efforts: EFFORTS_TO_MAX,
  maxOutputTokens: 128_000,
  takesSystemTurns: true,
  allowsPrefill: false,
  structuredOutput: true,
  forcesToolsWhileThinking: true,
}

/** Claude up to 4.5: a budget, and no tool may be forced beside it. */
const CLAUDE_WITH_BUDGET: Partial<Capabilities> = {
  sampling: 'one',
  thinking: 'budget',
  forcesToolsWhileThinking: false,
  structuredOutput: false,
  maxOutputTokens: 64_000,
  maxBudget: 63_999,
}

const CLAUDE_BEFORE_THINKING: Partial<Capabilities> = { ...CLAUDE_WITH_BUDGET, sampling: 'all', thinking: 'none' }

const OPENAI_REASONING: Partial<Capabilities> = {
  sampling: 'none',
  efforts: EFFORTS_TO_HIGH,
  canDisableThinking: false,
  thinksByDefault: true,
  isOpenaiReasoning: true,
}

const GEMINI_3: Partial<Capabilities> = {
  thinking: 'level',
  efforts: ['minimal', ...EFFORTS_TO_HIGH],
  canDisableThinking: false,
  thinksByDefault: true,
  maxOutputTokens: 65_536,
  needsSignatures: true,
  takesResultImages: true,
  mixesSearchWithFunctions: true,
}

const GEMINI_25: Partial<Capabilities> = {
  thinking: 'budget',
  efforts: EFFORTS_TO_HIGH,
  thinksByDefault: true,
  minBudget: 1,
  maxBudget: 24_576,
  maxOutputTokens: 65_536,
}

/** Models of Chat hosts whose thoughts are plain text, switched by members of each vendor's own. */
const REASONS_IN_THE_OPEN: Partial<Capabilities> = {
  efforts: [],
  needsReasoningBack: true,
  forcesToolsWhileThinking: false,
}

/** The first pattern that fits counts. Names come with prefixes (`anthropic/…`), dates, and dots instead of dashes. */
const TABLE: ReadonlyArray<readonly [pattern: RegExp, row: Partial<Capabilities>]> = [
  [/claude-(opus|haiku)-[5-9]/, { ...CLAUDE_5, highestEffortWhenDisabled: 'high' }],
  [/claude-(fable|mythos)-[5-9]/, { ...CLAUDE_5, canDisableThinking: false, thinksByDefault: true }],
  [/claude-sonnet-[5-9]/, { ...CLAUDE_5, thinksByDefault: true }],
  [/claude-opus-4[.-]8/, CLAUDE_5],
  [/claude-\w+-4[.-]7/, { ...CLAUDE_5, takesSystemTurns: false }],
  [
    /claude-\w+-4[.-]6/,
    {
      sampling: 'one',
      thinking: 'both',
      efforts: ['low', 'medium', 'high', 'max'],
      maxOutputTokens: 64_000,
      maxBudget: 63_999,
      allowsPrefill: false,
      forcesToolsWhileThinking: false,
      structuredOutput: true,
    },
  ],
  [/claude-opus-4[.-]5/, { ...CLAUDE_WITH_BUDGET, efforts: EFFORTS_TO_HIGH, structuredOutput: true }],
  [/claude-\w+-4[.-]5/, { ...CLAUDE_WITH_BUDGET, structuredOutput: true }],
  [
    /claude-opus-4[.-]1(?!\d)/,
    { ...CLAUDE_WITH_BUDGET, maxOutputTokens: 32_000, maxBudget: 31_999, structuredOutput: true },
  ],
  [/claude-opus-4(?!\d)/, { ...CLAUDE_WITH_BUDGET, maxOutputTokens: 32_000, maxBudget: 31_999 }],
  [/claude-\w+-4(?!\d)|claude-3[.-]7/, CLAUDE_WITH_BUDGET],
  [/claude-3[.-]5/, { ...CLAUDE_BEFORE_THINKING, maxOutputTokens: 8192 }],
  [/claude-(3|2|instant)/, { ...CLAUDE_BEFORE_THINKING, maxOutputTokens: 4096 }],
  // A newer Claude than this table is more like the newest than like the oldest.
  [/claude-/, CLAUDE_5],

  [/gpt-oss/, { efforts: EFFORTS_TO_HIGH }],
  [/gpt-5[\d.]*-chat|chat-latest/, { efforts: [] }],
  [/gpt-5[\d.]*-pro/, { ...OPENAI_REASONING, efforts: ['high'] }],
  [
    /gpt-5\.1-codex-max/,
    { ...OPENAI_REASONING, efforts: ['none', ...EFFORTS_TO_XHIGH], samplesWithoutReasoning: true },
  ],
  [
    /gpt-5\.1/,
    {
      ...OPENAI_REASONING,
      efforts: ['none', ...EFFORTS_TO_HIGH],
      canDisableThinking: true,
      samplesWithoutReasoning: true,
    },
  ],
  [/gpt-5\.[2-4](?!\d)/, { ...modernOpenai(EFFORTS_TO_XHIGH) }],
  [/gpt-5\.\d|gpt-[6-9]/, { ...modernOpenai(EFFORTS_TO_MAX), usesPhases: true }],
  [/gpt-5-codex/, OPENAI_REASONING],
  [/gpt-5/, { ...OPENAI_REASONING, efforts: ['minimal', ...EFFORTS_TO_HIGH] }],
  [/(^|\/)o[1-9]\b|codex-mini|computer-use/, OPENAI_REASONING],
  [/gpt-[34]|chatgpt|davinci|babbage/, { efforts: [] }],

  [/gemini-3\.[7-9]-flash|gemini-[3-9][\d.]*-pro|gemini-[4-9]/, { ...GEMINI_3, efforts: EFFORTS_TO_HIGH }],
  [/gemini-3/, GEMINI_3],
  [/gemini-2\.5-pro/, { ...GEMINI_25, canDisableThinking: false, minBudget: 128, maxBudget: 32_768 }],
  [/gemini-2\.5-flash-lite/, { ...GEMINI_25, thinksByDefault: false, minBudget: 512 }],
  [/gemini-2\.5/, GEMINI_25],
  [/gemini-(1|2\.0)|gemma/, { efforts: [], maxOutputTokens: 8192 }],
  [/gemini-(flash|pro)-latest/, { ...GEMINI_3, efforts: EFFORTS_TO_HIGH }],

  [/deepseek/, { ...REASONS_IN_THE_OPEN, structuredOutput: false }],
  [/qwen|qwq|kimi|moonshot|glm-|minimax|mimo/, REASONS_IN_THE_OPEN],
  // Refuses members it does not know.
  [/mistral|ministral|codestral|devstral|pixtral/, { efforts: [] }],
]

function modernOpenai(efforts: readonly Effort[]): Partial<Capabilities> {
  return {
    ...OPENAI_REASONING,
    efforts: ['none', ...efforts],
    canDisableThinking: true,
    samplesWithoutReasoning: true,
  }
}
