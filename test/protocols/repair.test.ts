import { describe, expect, it } from 'vitest'
import type { Part, Turn } from '../../src/protocols/hub.ts'
import { createLedger } from '../../src/protocols/ledger.ts'
import { repairConversation, type RepairRules } from '../../src/protocols/repair.ts'
import { conversationOf, userSays } from './hub-stage.ts'

const CHAT: RepairRules = { mergesNeighbours: false, allowsPrefill: true, startsWithUser: false, dropsBlankText: false }
const MESSAGES: RepairRules = {
  mergesNeighbours: true,
  allowsPrefill: false,
  startsWithUser: true,
  dropsBlankText: true,
}

const say = (text: string): Part => ({ type: 'text', text })
const call = (id: string): Part => ({ type: 'tool-call', id, name: `tool_${id}`, kind: 'function', input: '{}' })
const result = (callId: string, text = 'done'): Part => ({
  type: 'tool-result',
  callId,
  name: null,
  parts: [{ type: 'text', text }],
  isError: false,
  isCustom: false,
})

function repair(turns: Turn[], rules = CHAT): { lines: string[]; entries: readonly string[]; turns: readonly Turn[] } {
  const ledger = createLedger()
  const repaired = repairConversation(conversationOf({ turns }), rules, ledger).turns
  return { lines: repaired.map(describeTurn), entries: ledger.entries, turns: repaired }
}

function describeTurn({ role, parts }: Turn): string {
  const words = parts.map((part) => {
    if (part.type === 'text') return `"${part.text}"`
    if (part.type === 'tool-call') return `call ${part.id}`
    return part.type === 'tool-result'
      ? `result ${part.callId} ${part.parts.map((each) => ('text' in each ? each.text : '')).join()}`
      : part.type
  })
  return `${role}: ${words.join(', ')}`
}

describe('the repair of a conversation', () => {
  it('leaves a sound one alone', () => {
    const turns: Turn[] = [
      userSays('go'),
      { role: 'assistant', parts: [say('ok'), call('a'), call('b')] },
      { role: 'user', parts: [result('a'), result('b')] },
      { role: 'assistant', parts: [say('finished')] },
      userSays('thanks'),
    ]
    for (const rules of [CHAT, MESSAGES]) {
      const { lines, entries } = repair(turns, rules)
      expect(lines).toEqual([
        'user: "go"',
        'assistant: "ok", call a, call b',
        'user: result a done, result b done',
        'assistant: "finished"',
        'user: "thanks"',
      ])
      expect(entries).toEqual([])
    }
  })

  it('6.23: a result without a call becomes text, a call without a result gets one', () => {
    const { lines, entries } = repair([
      userSays('go'),
      { role: 'assistant', parts: [call('a')] },
      { role: 'user', parts: [result('lost', '42'), say('and now?')] },
    ])
    expect(lines).toEqual([
      'user: "go"',
      'assistant: call a',
      'user: result a no output',
      'user: "[result of lost] 42", "and now?"',
    ])
    expect(entries).toEqual(['orphan-tool-output:lost', 'missing-tool-output:tool_a'])
  })

  it('puts results right behind their calls and before the words of the user', () => {
    const { lines } = repair(
      [
        userSays('go'),
        { role: 'assistant', parts: [call('a')] },
        { role: 'system', parts: [say('be brief')] },
        { role: 'user', parts: [say('here'), result('a')] },
      ],
      MESSAGES,
    )
    expect(lines).toEqual([
      'user: "go"',
      'assistant: call a',
      'user: result a done',
      'system: "be brief"',
      'user: "here"',
    ])
  })

  it('keeps the last of several results for a call', () => {
    const { lines, entries } = repair([
      { role: 'assistant', parts: [call('a')] },
      { role: 'user', parts: [result('a', 'first'), result('a', 'second')] },
    ])
    expect(lines).toEqual(['assistant: call a', 'user: result a second'])
    expect(entries).toEqual(['duplicate-tool-output:a'])
  })

  it('tells calls apart that a model gave the same id in every turn', () => {
    const { lines } = repair([
      { role: 'assistant', parts: [call('0')] },
      { role: 'user', parts: [result('0', 'one')] },
      { role: 'assistant', parts: [call('0')] },
      { role: 'user', parts: [result('0', 'two')] },
    ])
    expect(lines).toEqual(['assistant: call 0', 'user: result 0 one', 'assistant: call 0_2', 'user: result 0_2 two'])
  })

  it('merges neighbours for dialects where turns alternate, and only there', () => {
    const turns = [userSays('one'), userSays('two')]
    expect(repair(turns, MESSAGES).lines).toEqual(['user: "one", "two"'])
    expect(repair(turns, CHAT).lines).toEqual(['user: "one"', 'user: "two"'])
  })

  it('6.36: drops empty texts and the turns that held nothing else', () => {
    const { lines } = repair([
      userSays('go'),
      { role: 'assistant', parts: [say('')] },
      { role: 'user', parts: [say(''), say('x')] },
    ])
    expect(lines).toEqual(['user: "go"', 'user: "x"'])
  })

  it('gives a conversation without a user one that says next to nothing', () => {
    expect(repair([]).lines).toEqual(['user: "."'])
    expect(repair([{ role: 'assistant', parts: [say('hello')] }, userSays('hi')], MESSAGES).lines[0]).toBe('user: "."')
  })

  it('continues an answer that was begun for a model which refuses that, and says so', () => {
    const turns: Turn[] = [userSays('go'), { role: 'assistant', parts: [say('Sure: \n')] }]
    expect(repair(turns, CHAT).lines).toEqual(['user: "go"', 'assistant: "Sure:"'])
    const { lines, entries } = repair(turns, MESSAGES)
    expect(lines).toEqual(['user: "go"', 'assistant: "Sure:"', 'user: "Continue."'])
    expect(entries).toEqual(['prefill-continued'])
  })

  it('tells results the name of their call, which some dialects need', () => {
    const { turns } = repair([
      { role: 'assistant', parts: [call('a')] },
      { role: 'user', parts: [result('a')] },
    ])
    expect(turns[1]?.parts[0]).toMatchObject({ name: 'tool_a', callId: 'a' })
  })
})
