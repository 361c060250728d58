import { describe, expect, it } from 'vitest'
import type { Tool } from '../../src/protocols/hub.ts'
import { createNameMap } from '../../src/protocols/names.ts'
import { conversationOf } from './hub-stage.ts'

const declare = (name: string, namespace?: string): Tool => ({
  kind: 'function',
  name,
  ...(namespace === undefined ? {} : { namespace }),
  description: '',
  schema: {},
  strict: null,
  isDeferred: false,
})

describe('names of tools', () => {
  it('6.36: a name of 100 characters fits and finds its way back', () => {
    const name = 'mcp__very_long_server_name__'.repeat(4).slice(0, 100)
    const names = createNameMap(conversationOf({ tools: [declare(name)] }), 'openai-responses')
    const short = names.toolName(name)
    expect(short).toMatch(/^[A-Za-z0-9_-]{64}$/)
    expect(names.originalName(short)).toEqual({ name, kind: 'function' })
  })

  it('are the same on every turn, whatever was called before', () => {
    const before = createNameMap(conversationOf({ tools: [declare('a.b')] }), 'anthropic')
    const after = createNameMap(
      conversationOf({
        tools: [declare('a.b')],
        turns: [
          { role: 'assistant', parts: [{ type: 'tool-call', id: '1', name: 'x', kind: 'function', input: '{}' }] },
        ],
      }),
      'anthropic',
    )
    expect(after.toolName('a.b')).toBe(before.toolName('a.b'))
  })

  it('stay apart when the allowed letters would make them one', () => {
    const names = createNameMap(conversationOf({ tools: [declare('a.b'), declare('a_b')] }), 'anthropic')
    expect(names.toolName('a_b')).toBe('a_b')
    expect(names.toolName('a.b')).not.toBe('a_b')
    expect(names.originalName(names.toolName('a.b')).name).toBe('a.b')
  })

  it('of a group carry it and come back without it', () => {
    const names = createNameMap(conversationOf({ tools: [declare('exec', 'functions')] }), 'anthropic')
    expect(names.toolName('exec', 'functions')).toBe('functions__exec')
    expect(names.originalName('functions__exec')).toEqual({ name: 'exec', namespace: 'functions', kind: 'function' })
  })

  it('that nobody declared stay what they are', () => {
    const names = createNameMap(conversationOf(), 'anthropic')
    expect(names.originalName('invented')).toEqual({ name: 'invented', kind: null })
  })

  it.each([
    ['gemini', 'a.b:c-d', 'a.b:c-d'],
    ['gemini', '1st', '_1st'],
    ['anthropic', 'a.b', 'a_b'],
    ['openai-chat', 'ein schönes', 'ein_sch_nes'],
  ] as const)('fit %s: %s becomes %s', (protocol, name, fitting) => {
    expect(createNameMap(conversationOf(), protocol).toolName(name)).toBe(fitting)
  })
})

describe('ids of calls', () => {
  const { callId } = createNameMap(conversationOf(), 'openai-responses')

  it.each(['functions.name:0', 'call_1|fc_2', 'x'.repeat(65), '', 'ä'])('%j becomes an id that is allowed', (id) => {
    expect(callId(id)).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
    expect(callId(id)).toBe(callId(id))
  })

  it('never become the same id', () => {
    expect(new Set(['a|b', 'a_b', 'a:b', 'a.b'].map((id) => callId(id))).size).toBe(4)
  })
})
