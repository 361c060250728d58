import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import { hubUpstream } from '../../../src/protocols/gemini/hub-upstream.ts'
import type { Carrier, Conversation, Part, ToolCallPart, ToolResultPart, Turn } from '../../../src/protocols/hub.ts'
import { conversationOf, targetOf, userSays } from '../hub-stage.ts'

const encodeFor = (
  name: string,
  members: Partial<Conversation> = {},
): { body: JsonObject; losses: readonly string[] } => {
  const conversation = conversationOf(members)
  const target = targetOf('gemini', { model: name, conversation, isVendorHost: true })
  return { body: hubUpstream.encodeRequest(conversation, target), losses: target.ledger.entries }
}
type Content = JsonObject & { readonly parts: JsonObject[] }

const contentsOf = (name: string, ...turns: Turn[]): Content[] =>
  encodeFor(name, { turns }).body['contents'] as Content[]

const assistant = (...parts: Part[]): Turn => ({ role: 'assistant', parts })
const results = (...parts: Part[]): Turn => ({ role: 'user', parts })
const call = (id: string, members: Partial<ToolCallPart> = {}): Part => ({
  type: 'tool-call',
  id,
  name: 'f',
  kind: 'function',
  input: '{"a":1}',
  ...members,
})
const resultOf = (callId: string, text: string, members: Partial<ToolResultPart> = {}): Part => ({
  type: 'tool-result',
  callId,
  name: null,
  parts: [{ type: 'text', text }],
  isError: false,
  isCustom: false,
  ...members,
})
const PNG: Part = { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } }
const GEMINI: Carrier = { family: 'gemini', account: 'acct1', model: 'g', data: 'c2lnbmF0dXJl' }
const SKIP = 'skip_thought_signature_validator'

describe('the contents for a Gemini server', () => {
  it.each([
    [
      'gemini-3-flash',
      [
        { functionResponse: { id: 'c1', parts: [{ inlineData: { mimeType: 'image/png', data: 'AAAA' } }] } },
        { functionResponse: { id: 'c2' } },
        { functionResponse: { id: 'c3' } },
        { text: 'Go' },
      ],
    ],
    [
      'gemini-2.5-flash',
      [
        { functionResponse: { id: 'c1' } },
        { functionResponse: { id: 'c2' } },
        { functionResponse: { id: 'c3' } },
        { inlineData: { mimeType: 'image/png', data: 'AAAA' } },
        { text: 'Go' },
      ],
    ],
  ])('6.24: %s gets all results of a turn in one content, as many as the calls', (name, expected) => {
    const seen = resultOf('c1', '', { parts: [{ type: 'text', text: 'see' }, PNG] })
    const turns = [
      userSays('Hi'),
      assistant(call('c1'), call('c2'), call('c3')),
      results({ type: 'text', text: 'Go' }, resultOf('c3', '3')),
      results(seen, resultOf('c2', '2')),
    ]
    const contents = contentsOf(name, ...turns)
    expect(contents.map(({ role }) => role)).toEqual(['user', 'model', 'user'])
    expect(contents[2]?.['parts']).toMatchObject(expected)
    expect(contents[2]?.parts).toHaveLength(expected.length)
  })

  it('a result bears the name of its call, group included', () => {
    const [, calls, answers] = contentsOf(
      'gemini-3-flash',
      userSays('Hi'),
      assistant(call('c1', { namespace: 'ns' })),
      results(resultOf('c1', 'ok')),
    )
    expect(calls?.['parts']).toMatchObject([{ functionCall: { name: 'ns__f' } }])
    expect(answers?.['parts']).toMatchObject([{ functionResponse: { name: 'ns__f', response: { output: 'ok' } } }])
  })

  it.each<[string, boolean, JsonObject]>([
    ['ok', false, { output: 'ok' }],
    ['{"a":1}', false, { a: 1 }],
    ['[1]', false, { output: '[1]' }],
    ['no', true, { error: 'no' }],
  ])('the result %s (error: %s)', (text, isError, expected) => {
    const [, , answers] = contentsOf(
      'gemini-3-flash',
      userSays('Hi'),
      assistant(call('c')),
      results(resultOf('c', text, { isError })),
    )
    expect(answers?.['parts']).toMatchObject([{ functionResponse: { response: expected } }])
  })

  it.each<[string, Part[], JsonObject[]]>([
    ['its own signature', [call('c1', { carrier: GEMINI }), call('c2')], [{ thoughtSignature: 'c2lnbmF0dXJl' }, {}]],
    [
      'the one of the reasoning before it',
      [{ type: 'reasoning', text: '', carrier: GEMINI }, call('c1'), call('c2')],
      [{ thoughtSignature: 'c2lnbmF0dXJl' }, {}],
    ],
    ['none but the word for that', [call('c1'), call('c2')], [{ thoughtSignature: SKIP }, {}]],
    [
      'no signature of another vendor',
      [call('c1', { carrier: { ...GEMINI, family: 'anthropic' } })],
      [{ thoughtSignature: SKIP }],
    ],
    [
      'no signature of another account',
      [call('c1', { carrier: { ...GEMINI, account: 'else' } })],
      [{ thoughtSignature: SKIP }],
    ],
  ])('6.25, 6.19: the first call of a running turn carries %s', (_, parts, expected) => {
    const ids = parts.flatMap((part) => (part.type === 'tool-call' ? [resultOf(part.id, 'ok')] : []))
    const [, turn] = contentsOf('gemini-3-flash', userSays('Hi'), assistant(...parts), results(...ids))
    expect(turn?.parts.map(({ functionCall: _call, ...rest }) => rest)).toEqual(expected)
  })

  it('signatures are not asked for in turns that are over, nor by models that have none', () => {
    const turns = [userSays('Hi'), assistant(call('c1')), results(resultOf('c1', 'ok'))]
    expect(JSON.stringify(contentsOf('gemini-3-flash', ...turns, userSays('Go')))).not.toContain(SKIP)
    expect(JSON.stringify(contentsOf('gemini-2.5-flash', ...turns))).not.toContain(SKIP)
  })

  it('6.20: state on text goes back to text, or stands alone at the end', () => {
    const state: Part = { type: 'reasoning', text: 'hm', carrier: GEMINI }
    const other: Part = { type: 'reasoning', text: '', carrier: { ...GEMINI, data: 'b3Ro' } }
    const [, turn] = contentsOf(
      'gemini-3-flash',
      userSays('Hi'),
      assistant(state, { type: 'text', text: 'a' }, state, other),
      userSays('Go'),
    )
    expect(turn?.['parts']).toEqual([
      { text: 'a', thoughtSignature: 'c2lnbmF0dXJl' },
      { text: '', thoughtSignature: 'c2lnbmF0dXJl' },
      { text: '', thoughtSignature: 'b3Ro' },
    ])
  })

  it('pictures and files', () => {
    const parts: Part[] = [
      { type: 'image', source: { kind: 'url', url: 'https://a/b.png?x' } },
      { type: 'document', source: { kind: 'text', text: 'x' }, title: 'T' },
      { type: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: 'BBBB' } },
      { type: 'audio', format: 'wav', data: 'CCCC' },
    ]
    expect(contentsOf('gemini-3-flash', results(...parts))[0]?.['parts']).toEqual([
      { fileData: { mimeType: 'image/png', fileUri: 'https://a/b.png?x' } },
      { text: 'T\n\nx' },
      { inlineData: { mimeType: 'application/pdf', data: 'BBBB' } },
      { inlineData: { mimeType: 'audio/wav', data: 'CCCC' } },
    ])
  })
})
