import { describe, expect, it } from 'vitest'
import { createFold, unfold } from '../../src/protocols/fold.ts'
import type { Delta, Result } from '../../src/protocols/hub.ts'
import { foldOf } from './hub-stage.ts'

const RESULT: Result = {
  id: 'msg_1',
  model: 'm',
  parts: [
    { type: 'reasoning', text: 'hm', carrier: { family: 'gemini', account: 'a', model: 'm', data: 'sig' } },
    { type: 'text', text: 'Hello', citations: [{ url: 'u', title: 't', citedText: 'c' }], phase: 'commentary' },
    { type: 'web-search', id: 'ws_1', query: 'q', sources: [{ url: 'u', title: 't' }] },
    { type: 'tool-call', id: 'c1', name: 'f', namespace: 'n', kind: 'function', input: '{"a":1}' },
    { type: 'tool-call', id: 'c2', name: 'g', kind: 'custom', input: '' },
    { type: 'refusal', text: 'no' },
  ],
  usage: { input: 3, output: 4 },
  finish: { reason: 'tool_calls' },
}

describe('a whole answer', () => {
  it('is what its deltas fold into', () => {
    expect(foldOf(unfold(RESULT))).toEqual(RESULT)
  })

  it('keeps the order of beginnings when parts grow at the same time', () => {
    const start = (key: string): Delta => ({ type: 'tool-input-start', key, id: key, name: key, kind: 'function' })
    const piece = (key: string, text: string): Delta => ({ type: 'tool-input-delta', key, text })
    const { parts } = foldOf([
      { type: 'start', id: 'x', model: 'm' },
      start('a'),
      start('b'),
      piece('b', '{"b"'),
      piece('a', '{"a"'),
      piece('b', ':1}'),
      piece('a', ':1}'),
      { type: 'tool-input-end', key: 'b', input: '{"b":1}' },
      { type: 'tool-input-end', key: 'a', input: '{"a":1}' },
      { type: 'finish', reason: 'tool_calls' },
    ])
    expect(parts.map((part) => part.type === 'tool-call' && part.input)).toEqual(['{"a":1}', '{"b":1}'])
  })

  it('6.7: a function call without arguments has an empty object', () => {
    const { parts } = foldOf([
      { type: 'start', id: 'x', model: 'm' },
      { type: 'tool-input-start', key: 'a', id: 'a', name: 'f', kind: 'function' },
      { type: 'finish', reason: 'tool_calls' },
    ])
    expect(parts).toMatchObject([{ input: '{}' }])
  })

  it('takes the last word on usage, member by member', () => {
    const { usage } = foldOf([
      { type: 'start', id: 'x', model: 'm' },
      { type: 'usage', usage: { input: 1, output: 1 } },
      { type: 'usage', usage: { output: 9 } },
      { type: 'finish', reason: 'stop' },
    ])
    expect(usage).toEqual({ input: 1, output: 9 })
  })

  it('6.10: is no answer without its end, or after an error', () => {
    const broken = createFold()
    broken.push({ type: 'start', id: 'x', model: 'm' })
    expect(() => broken.result()).toThrow('no end')
    broken.push({ type: 'error', error: { type: 'overloaded_error', code: '', message: 'busy' } })
    expect(() => broken.result()).toThrow('busy')
  })

  it('of many megabytes in small pieces is put together in linear time', () => {
    const fold = createFold()
    fold.push({ type: 'start', id: 'x', model: 'm' })
    fold.push({ type: 'tool-input-start', key: 'a', id: 'a', name: 'f', kind: 'custom' })
    const startedAt = performance.now()
    for (let i = 0; i < 800_000; i++) fold.push({ type: 'tool-input-delta', key: 'a', text: '0123456789' })
    fold.push({ type: 'finish', reason: 'stop' })
    expect(fold.result().parts).toMatchObject([{ type: 'tool-call' }])
    expect(performance.now() - startedAt).toBeLessThan(1000)
  })
})
