import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import { encodeRequest } from '../../../src/protocols/anthropic/encode-request.ts'
import type { Conversation, Part, ReasoningWish } from '../../../src/protocols/hub.ts'
import { conversationOf, targetOf, userSays } from '../hub-stage.ts'

const wish = (members: Partial<ReasoningWish>): ReasoningWish => ({
  effort: null,
  budget: null,
  mode: null,
  isShown: null,
  ...members,
})

function encode(
  model: string,
  members: Partial<Conversation>,
): { told: Partial<Record<'thinking' | 'output_config' | 'max_tokens', unknown>>; ledger: readonly string[] } {
  const conversation = conversationOf({ source: 'openai-responses', maxOutputTokens: 32_000, ...members })
  const target = targetOf('anthropic', { model, isVendorHost: true, conversation })
  const { thinking, output_config, max_tokens } = encodeRequest(conversation, target)
  const told = {
    ...(thinking === undefined ? {} : { thinking }),
    ...(output_config === undefined ? {} : { output_config }),
    ...(max_tokens === 32_000 ? {} : { max_tokens }),
  }
  return { told, ledger: target.ledger.entries }
}

const ADAPTIVE = { type: 'adaptive' }
const DISABLED = { type: 'disabled' }
const budget = (tokens: number): JsonObject => ({ type: 'enabled', budget_tokens: tokens })

describe('thinking', () => {
  it.each<[model: string, string, Partial<ReasoningWish>, told: JsonObject, entries: string[]]>([
    [
      'claude-opus-5-5',
      'an effort',
      { effort: 'xhigh' },
      { thinking: ADAPTIVE, output_config: { effort: 'xhigh' } },
      [],
    ],
    [
      'claude-opus-5-5',
      'too little effort',
      { effort: 'minimal' },
      { thinking: ADAPTIVE, output_config: { effort: 'low' } },
      ['weakened:effort.minimal'],
    ],
    ['claude-opus-5-5', 'none', { effort: 'none' }, { thinking: DISABLED }, []],
    [
      'claude-opus-5-5',
      'none, and much effort (6.34)',
      { mode: 'disabled', effort: 'max' },
      { thinking: DISABLED, output_config: { effort: 'high' } },
      ['weakened:effort.max'],
    ],
    [
      'claude-opus-4-8',
      'a budget',
      { mode: 'enabled', budget: 9000 },
      { thinking: ADAPTIVE, output_config: { effort: 'high' } },
      [],
    ],
    [
      'claude-mythos-5',
      'none, which it cannot',
      { mode: 'disabled' },
      { output_config: { effort: 'low' } },
      ['weakened:thinking-disabled'],
    ],
    [
      'claude-sonnet-4-6',
      'an effort it lacks',
      { effort: 'xhigh' },
      { thinking: ADAPTIVE, output_config: { effort: 'high' } },
      ['weakened:effort.xhigh'],
    ],
    [
      'claude-sonnet-4-6',
      'a budget, which it takes',
      { mode: 'enabled', budget: 9000 },
      { thinking: budget(9000) },
      [],
    ],
    ['claude-sonnet-4-5', 'an effort', { effort: 'medium' }, { thinking: budget(8192) }, []],
    ['claude-sonnet-4-5', 'thinking without a number', { mode: 'adaptive' }, { thinking: budget(8192) }, []],
    ['claude-sonnet-4-5', 'less than the least', { effort: 'minimal' }, { thinking: budget(1024) }, []],
    ['claude-sonnet-4-5', 'none', { effort: 'none' }, {}, []],
    [
      'claude-sonnet-4-5',
      'more than the output may have',
      { effort: 'max' },
      { thinking: budget(63_999), max_tokens: 64_000 },
      [],
    ],
    [
      'claude-opus-4-5',
      'an effort, which it takes beside the budget',
      { effort: 'high' },
      { thinking: budget(24_576), output_config: { effort: 'high' } },
      [],
    ],
    [
      'claude-3-5-haiku',
      'an effort',
      { effort: 'high' },
      { max_tokens: 8192 },
      ['weakened:max_tokens', 'dropped:thinking'],
    ],
    [
      'claude-opus-5-5',
      'words of it',
      { effort: 'low', isShown: true },
      { thinking: { ...ADAPTIVE, display: 'summarized' }, output_config: { effort: 'low' } },
      [],
    ],
    [
      'claude-opus-5-5',
      'no words of it',
      { effort: 'low', isShown: false },
      { thinking: { ...ADAPTIVE, display: 'omitted' }, output_config: { effort: 'low' } },
      [],
    ],
  ])('%s is asked for %s', (model, _, members, told, entries) => {
    expect(encode(model, { reasoning: wish(members) })).toEqual({ told, ledger: entries })
  })

  it('is left to the model when the client says nothing', () => {
    expect(encode('claude-opus-5-5', {}).told).toEqual({})
  })

  it('6.34: gives way to a forced tool where the model cannot do both', () => {
    const tools: Conversation['tools'] = [
      { kind: 'function', name: 'f', description: '', schema: {}, strict: null, isDeferred: false },
    ]
    const forced = { reasoning: wish({ effort: 'high' }), tools, toolChoice: { mode: 'required' } as const }
    expect(encode('claude-sonnet-4-5', forced)).toEqual({ told: {}, ledger: ['weakened:thinking-with-forced-tool'] })
    expect(encode('claude-opus-5-5', forced).told).toMatchObject({ thinking: ADAPTIVE })
  })

  const reasoned: Part = {
    type: 'reasoning',
    text: 'hm',
    carrier: { family: 'anthropic', account: null, model: null, data: 'EqQB' },
  }
  const call = (id: string): Part => ({ type: 'tool-call', id, name: 'f', kind: 'function', input: '{}' })
  const result = (callId: string): Part => ({
    type: 'tool-result',
    callId,
    name: 'f',
    parts: [{ type: 'text', text: 'x' }],
    isError: false,
    isCustom: false,
  })
  const loop = (...first: Part[]): Conversation['turns'] => [
    userSays('Hi'),
    { role: 'assistant', parts: [...first, call('a')] },
    { role: 'user', parts: [result('a')] },
    { role: 'assistant', parts: [call('b')] },
    { role: 'user', parts: [result('b')] },
  ]

  it.each<[string, Conversation['turns'], boolean]>([
    ['whose first thought is there', loop(reasoned), true],
    ['whose first thought is lost', loop(), false],
    ['that is over', [...loop(), { role: 'assistant', parts: [{ type: 'text', text: 'ok' }] }, userSays('?')], true],
  ])('with a budget needs a tool loop %s', (_, turns, isOn) => {
    const { told, ledger } = encode('claude-sonnet-4-5', { reasoning: wish({ effort: 'low' }), turns })
    expect(told).toEqual(isOn ? { thinking: budget(1024) } : {})
    expect(ledger).toEqual(isOn ? [] : ['weakened:thinking-without-history'])
  })

  it('takes the place of the client’s temperature', () => {
    const conversation = conversationOf({ reasoning: wish({ effort: 'low' }), sampling: { temperature: 0.5 } })
    const target = targetOf('anthropic', { model: 'claude-sonnet-4-5', isVendorHost: true, conversation })
    expect(encodeRequest(conversation, target)).not.toHaveProperty('temperature')
    expect(target.ledger.entries).toEqual(['dropped:temperature'])
  })
})
