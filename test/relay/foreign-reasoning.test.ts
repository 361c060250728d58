import { describe, expect, onTestFinished, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { wrapCarrier } from '../../src/protocols/carrier.ts'
import { dropForeignReasoning, dropSealedReasoning } from '../../src/relay/foreign-reasoning.ts'
import { answerText, fail } from '../harness/reactions.ts'
import { accountFor, MODELS, openHub } from '../hub/stage.ts'

const FOREIGN = wrapCarrier({ family: 'other', account: 'a', model: 'm', data: 'seal' })
const CALL = { functionCall: { name: 'look', args: {} } }
const QUESTION = { role: 'user', content: 'How big?' }

const read = (body: Buffer): JsonObject => JSON.parse(body.toString()) as JsonObject
const bytes = (body: JsonObject): Buffer => Buffer.from(JSON.stringify(body))

/** A conversation with a foreign seal beside one of the vendor's own; the same without the foreign one, and without both. */
const CASES: Record<Protocol, [before: JsonObject, own: JsonObject, bare: JsonObject]> = {
  anthropic: [
    {
      messages: [
        QUESTION,
        { role: 'assistant', content: [{ type: 'thinking', thinking: 'hm', signature: FOREIGN }] },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'hm', signature: '' },
            { type: 'redacted_thinking', data: 'EqQBown=' },
            { type: 'text', text: 'So.' },
          ],
        },
      ],
    },
    {
      messages: [
        QUESTION,
        {
          role: 'assistant',
          content: [
            { type: 'redacted_thinking', data: 'EqQBown=' },
            { type: 'text', text: 'So.' },
          ],
        },
      ],
    },
    { messages: [QUESTION, { role: 'assistant', content: [{ type: 'text', text: 'So.' }] }] },
  ],
  'openai-responses': [
    {
      input: [
        QUESTION,
        { type: 'reasoning', summary: [], encrypted_content: FOREIGN },
        { type: 'reasoning', summary: [], id: 'rs_of_the_relay' },
        { type: 'reasoning', summary: [], encrypted_content: 'gAAAAown' },
      ],
    },
    { input: [QUESTION, { type: 'reasoning', summary: [], encrypted_content: 'gAAAAown' }] },
    { input: [QUESTION] },
  ],
  'openai-chat': [
    {
      messages: [
        {
          role: 'assistant',
          reasoning_details: [{ type: 'reasoning.text', text: 'hm', signature: FOREIGN }],
          tool_calls: [
            { id: 'call_1', extra_content: { google: { thought_signature: FOREIGN } } },
            { id: 'call_2', extra_content: { google: { thought_signature: 'own' } } },
          ],
        },
      ],
    },
    {
      messages: [
        {
          role: 'assistant',
          tool_calls: [{ id: 'call_1' }, { id: 'call_2', extra_content: { google: { thought_signature: 'own' } } }],
        },
      ],
    },
    { messages: [{ role: 'assistant', tool_calls: [{ id: 'call_1' }, { id: 'call_2' }] }] },
  ],
  gemini: [
    {
      contents: [
        {
          role: 'model',
          parts: [
            { text: 'So.', thoughtSignature: FOREIGN },
            { ...CALL, thoughtSignature: FOREIGN },
            { text: '', thought_signature: 'own' },
          ],
        },
      ],
    },
    {
      contents: [
        {
          role: 'model',
          parts: [
            { text: 'So.' },
            { ...CALL, thoughtSignature: 'skip_thought_signature_validator' },
            { text: '', thought_signature: 'own' },
          ],
        },
      ],
    },
    {
      contents: [
        {
          role: 'model',
          parts: [{ text: 'So.' }, { ...CALL, thoughtSignature: 'skip_thought_signature_validator' }, { text: '' }],
        },
      ],
    },
  ],
}

describe.each(Object.entries(CASES))('a request of %s', (name, [before, own, bare]) => {
  const protocol = name as Protocol

  test('loses what another vendor sealed and keeps what its own did', () => {
    expect(read(dropForeignReasoning(bytes(before), protocol))).toEqual(own)
  })

  test('loses every seal after a refusal', () => {
    expect(read(dropSealedReasoning(bytes(before), protocol))).toEqual(bare)
  })

  test('is not touched when nothing in it is foreign, even if somebody speaks of the tag', () => {
    for (const body of [bytes(own), bytes({ ...own, note: FOREIGN })]) {
      expect(dropForeignReasoning(body, protocol)).toBe(body)
    }
  })
})

test('turns that hold nothing foreign keep their bytes', () => {
  const kept = '{"role":"user" , "content":[{"type":"text","text":"1.0"}],"n":1.0}'
  const foreign = `{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"${FOREIGN}"}]}`
  const body = Buffer.from(`{"messages":[${kept}, ${foreign}, ${kept}],"model":"m"}`)
  expect(dropForeignReasoning(body, 'anthropic').toString()).toBe(`{"messages":[${kept},${kept}],"model":"m"}`)
})

test('a summary that the relay made of a Responses conversation is told in words', () => {
  const sealed = wrapCarrier({ family: 'other', account: 'relay', model: 'm', data: 'They measured it.' })
  const body = bytes({ input: [{ type: 'compaction', id: 'cmp_1', encrypted_content: sealed }, QUESTION] })
  expect(read(dropForeignReasoning(body, 'openai-responses'))).toEqual({
    input: [{ type: 'message', role: 'user', content: expect.stringContaining('They measured it.') }, QUESTION],
  })
})

describe('a vendor that refuses the reasoning of its own dialect', () => {
  const thought = { type: 'thinking', thinking: 'A long thought.', signature: 'EqQBsomebody+else==' }
  const messages = [QUESTION, { role: 'assistant', content: [thought, { type: 'text', text: 'Big.' }] }, QUESTION]
  const part = { ...CALL, thoughtSignature: 'CpEDsomebodyelse' }
  const result = { functionResponse: { name: 'look', response: { output: 'big' } } }
  const contents = [
    { role: 'user', parts: [{ text: 'How big?' }] },
    { role: 'model', parts: [part] },
    { role: 'user', parts: [result] },
  ]

  test.each<[Protocol, string, JsonObject, string]>([
    [
      'anthropic',
      '/v1/messages',
      { messages, max_tokens: 9, model: 'house' },
      'Invalid `signature` in `thinking` block',
    ],
    ['gemini', '/v1beta/models/house:generateContent', { contents }, 'Corrupted thought signature.'],
  ])('%s is asked once more without it, under the right model', async (protocol, path, body, message) => {
    const mapped = { models: ['house'], model_map: { house: MODELS[protocol] } }
    const { relay, vendor, close } = await openHub([accountFor(protocol, 'home', mapped)])
    onTestFinished(close)
    vendor.script(fail(400, { message }), answerText('Big.'))
    const answer = await relay.post(path, body)
    expect([answer.status, answer.headers['x-relay-repaired']]).toEqual([200, 'foreign-reasoning'])
    expect(vendor.requests.map((request) => request.bytes.includes('somebody'))).toEqual([true, false])
    expect(vendor.requests.map(({ model }) => model)).toEqual([MODELS[protocol], MODELS[protocol]])
  })
})
