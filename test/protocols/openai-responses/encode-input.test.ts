import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import type { Conversation, Part, ToolResultPart, Turn } from '../../../src/protocols/hub.ts'
import { hubUpstream } from '../../../src/protocols/openai-responses/hub-upstream.ts'
import { conversationOf, targetOf, userSays } from '../hub-stage.ts'

interface Encoded {
  readonly body: JsonObject
  readonly losses: readonly string[]
}

const encodeFor = (model: string, members: Partial<Conversation> = {}, isVendorHost = true): Encoded => {
  const conversation = conversationOf(members)
  const target = targetOf('openai-responses', { model, conversation, isVendorHost })
  return { body: hubUpstream.encodeRequest(conversation, target), losses: target.ledger.entries }
}
const encode = (members: Partial<Conversation> = {}): JsonObject => encodeFor('gpt-5.5', members).body
const inputOf = (...turns: Turn[]): unknown => encode({ turns })['input']

const assistant = (...parts: Part[]): Turn => ({ role: 'assistant', parts })
const results = (...parts: Part[]): Turn => ({ role: 'user', parts })
const call: Part = { type: 'tool-call', id: 'call_1', name: 'f', kind: 'function', input: '{"a":1}' }
const resultOf = (members: Partial<ToolResultPart>): Part => ({
  type: 'tool-result',
  callId: 'call_1',
  name: null,
  parts: [{ type: 'text', text: 'ok' }],
  isError: false,
  isCustom: false,
  ...members,
})

describe('the input for a Responses server', () => {
  it('system text becomes the instructions; 6.30: later system text stays in its place', () => {
    const system = [
      { type: 'text' as const, text: 'a' },
      { type: 'text' as const, text: 'b' },
    ]
    const turns: Turn[] = [userSays('Hi'), { role: 'system', parts: [{ type: 'text', text: 'now' }] }, userSays('Go')]
    const body = encode({ system, turns })
    expect(body['instructions']).toBe('a\n\nb')
    expect(body['input']).toMatchObject([
      { role: 'user' },
      { role: 'developer', content: [{ type: 'input_text', text: 'now' }] },
      { role: 'user' },
    ])
  })

  it('6.36: what the assistant said is output, and which part of it was the answer', () => {
    const turns = [
      userSays('Hi'),
      assistant({ type: 'text', text: 'Let me' }, call, { type: 'text', text: '' }),
      results(resultOf({})),
      assistant({ type: 'text', text: 'Done' }),
      userSays('Go'),
    ]
    expect(inputOf(...turns)).toMatchObject([
      { role: 'user' },
      { role: 'assistant', phase: 'commentary', content: [{ type: 'output_text', text: 'Let me' }] },
      { type: 'function_call', call_id: 'call_1', name: 'f', arguments: '{"a":1}' },
      { type: 'function_call_output', call_id: 'call_1', output: 'ok' },
      { role: 'assistant', phase: 'final_answer', content: [{ type: 'output_text', text: 'Done' }] },
      { role: 'user' },
    ])
  })

  it('6.22, 6.20: reasoning goes back as it came, less its id, to the account that made it', () => {
    const data = { id: 'rs_1', type: 'reasoning', summary: [], encrypted_content: 'gAAAAx' }
    const reasoning = (account: string | null, family: 'openai' | 'anthropic' = 'openai'): Part => ({
      type: 'reasoning',
      text: '',
      carrier: { family, account, model: null, data },
    })
    const { id: _, ...restored } = data
    expect(inputOf(userSays('Hi'), assistant(reasoning('acct1'), reasoning(null)), userSays('Go'))).toMatchObject([
      {},
      restored,
      restored,
      {},
    ])
    const { body, losses } = encodeFor('gpt-5.5', {
      turns: [
        userSays('Hi'),
        assistant(reasoning('other'), reasoning('acct1', 'anthropic'), {
          type: 'reasoning',
          text: 'hm',
          carrier: null,
        }),
        userSays('Go'),
      ],
    })
    expect(JSON.stringify(body)).not.toMatch(/rs_1|gAAAAx|hm/)
    expect(losses).toEqual(['dropped:reasoning_of_openai', 'dropped:reasoning_of_anthropic', 'dropped:reasoning'])
  })

  it('6.29: pictures and files in results stay; text alone is a plain string', () => {
    const png: Part = { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } }
    const pdf: Part = {
      type: 'document',
      source: { kind: 'base64', mediaType: 'application/pdf', data: 'BBBB' },
      title: 'T',
    }
    const turns = (part: Part): Turn[] => [userSays('Hi'), assistant(call), results(part)]
    expect(inputOf(...turns(resultOf({ parts: [{ type: 'text', text: 'see' }, png, pdf] })))).toMatchObject([
      {},
      {},
      {
        output: [
          { type: 'input_text', text: 'see' },
          { type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'auto' },
          { type: 'input_file', filename: 'T', file_data: 'data:application/pdf;base64,BBBB' },
        ],
      },
    ])
    expect(inputOf(...turns(resultOf({ isError: true })))).toMatchObject([{}, {}, { output: 'Error: ok' }])
    const told = resultOf({ isError: true, parts: [{ type: 'text', text: '<error>no</error>' }] })
    expect(inputOf(...turns(told))).toMatchObject([{}, {}, { output: '<error>no</error>' }])
  })

  it('6.23: a call without a result and a result without a call are mended', () => {
    const orphan = resultOf({ callId: 'nobody', name: 'g' })
    expect(inputOf(userSays('Hi'), assistant(call), results(orphan, { type: 'text', text: 'Go' }))).toMatchObject([
      {},
      { type: 'function_call' },
      { type: 'function_call_output', call_id: 'call_1', output: 'no output' },
      { role: 'user', content: [{ text: '[result of g] ok' }, { text: 'Go' }] },
    ])
  })

  it('a file that only its own vendor knows is refused', () => {
    const image: Part = { type: 'image', source: { kind: 'file', id: 'file_1' } }
    expect(() => inputOf(results(image))).toThrow('file id')
  })
})
