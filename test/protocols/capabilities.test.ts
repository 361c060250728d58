import { describe, expect, it } from 'vitest'
import { capabilitiesOf } from '../../src/protocols/capabilities.ts'
import { budgetToEffort, clampEffort, effortToBudget } from '../../src/protocols/effort.ts'

const claude = (model: string) => capabilitiesOf(model, 'anthropic', true)
const openai = (model: string) => capabilitiesOf(model, 'openai-responses', true)
const gemini = (model: string) => capabilitiesOf(model, 'gemini', true)

describe('the table of models', () => {
  it.each([
    ['claude-opus-5-5', 'none', 'adaptive', 'max', true, false],
    ['claude-haiku-5', 'none', 'adaptive', 'max', true, false],
    ['claude-sonnet-5-5', 'none', 'adaptive', 'max', true, false],
    ['claude-opus-4-8', 'none', 'adaptive', 'max', true, false],
    ['claude-opus-4-7', 'none', 'adaptive', 'max', false, false],
    ['anthropic/claude-opus-4.6', 'one', 'both', 'max', false, false],
    ['claude-opus-4-5-20251101', 'one', 'budget', 'high', false, true],
    ['claude-sonnet-4-5-20250929', 'one', 'budget', undefined, false, true],
    ['claude-sonnet-4-20250514', 'one', 'budget', undefined, false, true],
    ['claude-3-7-sonnet-20250219', 'one', 'budget', undefined, false, true],
    ['claude-3-5-haiku-20241022', 'all', 'none', undefined, false, true],
    ['claude-something-new', 'none', 'adaptive', 'max', true, false],
  ] as const)('%s: sampling %s, thinking %s, effort to %s', (model, sampling, thinking, effort, system, prefill) => {
    const known = claude(model)
    expect([known.sampling, known.thinking, known.efforts.at(-1)]).toEqual([sampling, thinking, effort])
    expect([known.takesSystemTurns, known.allowsPrefill]).toEqual([system, prefill])
  })

  it('6.34: with thinking disabled Claude Opus 5 takes no more effort than high', () => {
    expect(claude('claude-opus-5').highestEffortWhenDisabled).toBe('high')
    expect(claude('claude-opus-4-8').highestEffortWhenDisabled).toBeNull()
  })

  it.each([
    ['o3', 'none', ['low', 'medium', 'high'], false],
    ['gpt-5', 'none', ['minimal', 'low', 'medium', 'high'], false],
    ['gpt-5-codex', 'none', ['low', 'medium', 'high'], false],
    ['gpt-5.1', 'none', ['none', 'low', 'medium', 'high'], true],
    ['gpt-5.4', 'none', ['none', 'low', 'medium', 'high', 'xhigh'], true],
    ['gpt-5.5', 'none', ['none', 'low', 'medium', 'high', 'xhigh', 'max'], true],
    ['gpt-6.1-sol', 'none', ['none', 'low', 'medium', 'high', 'xhigh', 'max'], true],
    ['gpt-5-chat-latest', 'all', [], false],
    ['gpt-4o', 'all', [], false],
  ] as const)('%s: sampling %s, efforts %j', (model, sampling, efforts, samplesWithoutReasoning) => {
    expect(openai(model)).toMatchObject({ sampling, efforts, samplesWithoutReasoning })
  })

  it.each([
    ['gemini-3-pro-preview', 'level', 'low', true],
    ['gemini-3.5-flash', 'level', 'minimal', true],
    ['gemini-3.7-flash', 'level', 'low', true],
    ['gemini-2.5-pro', 'budget', 'low', false],
    ['gemini-2.0-flash', 'none', undefined, false],
  ] as const)('%s: thinking by %s from %s up', (model, thinking, weakest, needsSignatures) => {
    const known = gemini(model)
    expect([known.thinking, known.efforts[0], known.needsSignatures]).toEqual([thinking, weakest, needsSignatures])
  })

  it.each(['deepseek-v4', 'qwen3-coder', 'moonshotai/kimi-k2', 'glm-5'])('%s needs its reasoning back', (model) => {
    expect(capabilitiesOf(model, 'openai-chat', false)).toMatchObject({
      needsReasoningBack: true,
      forcesToolsWhileThinking: false,
      thinking: 'none',
    })
  })
})

describe('effort', () => {
  it.each([
    ['max', ['low', 'medium', 'high'], 'high'],
    ['xhigh', ['low', 'medium', 'high', 'max'], 'high'],
    ['minimal', ['none', 'low', 'high'], 'low'],
    ['none', ['low', 'high'], 'low'],
    ['none', ['none', 'low'], 'none'],
    ['high', [], null],
  ] as const)('%s becomes the nearest of %j: %s', (effort, efforts, nearest) => {
    expect(clampEffort(effort, efforts)).toBe(nearest)
  })

  it.each(['none', 'minimal', 'low', 'medium', 'high', 'xhigh'] as const)(
    '%s survives the way over a budget',
    (effort) => {
      expect(budgetToEffort(effortToBudget(effort))).toBe(effort)
    },
  )
})
