import { describe, expect, it } from 'vitest'
import type { JsonObject, JsonValue } from '../../../src/core/json.ts'
import { wrapCarrier } from '../../../src/protocols/carrier.ts'
import type { Conversation } from '../../../src/protocols/hub.ts'
import { createLedger } from '../../../src/protocols/ledger.ts'
import { decodeRequest } from '../../../src/protocols/openai-chat/decode-request.ts'

const decode = (body: JsonObject, ledger = createLedger()): Conversation =>
  decodeRequest({ messages: [{ role: 'user', content: 'Hi' }], ...body }, { model: 'm', stream: true }, ledger)
const turnsOf = (...messages: JsonObject[]): Conversation['turns'] => decode({ messages }).turns
const PNG = 'data:image/png;base64,iVBORw0='

describe('messages of a Chat client', () => {
  it('6.30: leading system text is apart, later system messages keep their place', () => {
    const { system, turns } = decode({
      messages: [
        { role: 'system', content: 'a' },
        { role: 'developer', content: [{ type: 'text', text: 'b' }] },
        { role: 'user', content: 'Hi' },
        { role: 'system', content: 'c' },
      ],
    })
    expect(system.map((part) => part.text)).toEqual(['a', 'b'])
    expect(turns.map((turn) => turn.role)).toEqual(['user', 'system'])
  })

  it.each<[string, JsonObject, unknown]>([
    [
      'a picture',
      { type: 'image_url', image_url: { url: PNG, detail: 'low' } },
      { type: 'image', detail: 'low', source: { kind: 'base64', mediaType: 'image/png', data: 'iVBORw0=' } },
    ],
    [
      'a picture by a nickname',
      { type: 'image_url', image_url: { url: 'data:image/jpg;base64,AA==' } },
      { source: { mediaType: 'image/jpeg' } },
    ],
    [
      'a picture by URL',
      { type: 'image_url', image_url: { url: 'https://x/y.png' } },
      { source: { kind: 'url', url: 'https://x/y.png' } },
    ],
    [
      'a PDF',
      { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBE' } },
      { type: 'document', filename: 'a.pdf', source: { kind: 'base64', mediaType: 'application/pdf' } },
    ],
    [
      'a text file',
      { type: 'file', file: { filename: 'a.txt', file_data: 'data:text/plain;base64,SGk=' } },
      { type: 'document', source: { kind: 'text', text: 'Hi' } },
    ],
    ['an uploaded file', { type: 'file', file: { file_id: 'file-1' } }, { source: { kind: 'file', id: 'file-1' } }],
    [
      'sound',
      { type: 'input_audio', input_audio: { format: 'mp3', data: 'AA==' } },
      { type: 'audio', format: 'mp3', data: 'AA==' },
    ],
  ])('%s arrives', (_, part, expected) => {
    expect(turnsOf({ role: 'user', content: [part] })[0]?.parts).toMatchObject([expected])
  })

  it('an assistant says, then calls; results follow in one turn', () => {
    const turns = turnsOf(
      {
        role: 'assistant',
        content: 'ok',
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'f', arguments: '' } },
          { id: 'b', type: 'custom', custom: { name: 'patch', input: '*** x' } },
        ],
      },
      { role: 'tool', tool_call_id: 'a', content: '1' },
      { role: 'tool', tool_call_id: 'b', content: [{ type: 'text', text: '2' }] },
      { role: 'user', content: 'go on' },
    )
    expect(turns).toMatchObject([
      {
        role: 'assistant',
        parts: [
          { type: 'text', text: 'ok' },
          { type: 'tool-call', id: 'a', kind: 'function', input: '{}' },
          { type: 'tool-call', id: 'b', kind: 'custom', name: 'patch', input: '*** x' },
        ],
      },
      {
        role: 'user',
        parts: [
          { type: 'tool-result', callId: 'a', name: 'f', isCustom: false },
          { type: 'tool-result', callId: 'b', name: 'patch', isCustom: true, parts: [{ text: '2' }] },
        ],
      },
      { role: 'user', parts: [{ text: 'go on' }] },
    ])
  })

  it('6.23: results without an id answer the calls in their order, the same on every turn', () => {
    const messages: JsonObject[] = [
      { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
      { role: 'function', name: 'f', content: 'done' },
    ]
    const [assistant, results] = turnsOf(...messages)
    const [called] = assistant?.parts ?? []
    expect(called).toMatchObject({ name: 'f', id: expect.stringMatching(/^call_[0-9a-f]{24}$/) as string })
    expect(results?.parts).toMatchObject([{ callId: called?.type === 'tool-call' && called.id, name: 'f' }])
    expect(turnsOf(...messages, { role: 'user', content: 'more' })[0]).toEqual(assistant)
  })

  it('6.20: state that the client brings back is unwrapped, with its text', () => {
    const carrier = { family: 'anthropic', account: 'acct1', model: 'm', data: 'EqSig' } as const
    const [turn] = turnsOf({
      role: 'assistant',
      content: 'Hi',
      reasoning_content: 'hm',
      reasoning_details: [{ type: 'reasoning.text', text: 'hm', signature: wrapCarrier(carrier), index: 0 }],
    })
    expect(turn?.parts).toEqual([
      { type: 'reasoning', text: 'hm', carrier },
      { type: 'text', text: 'Hi' },
    ])
  })

  it('6.35: reasoning without state is kept for hosts that need its text', () => {
    expect(turnsOf({ role: 'assistant', content: 'Hi', reasoning_content: 'hm' })[0]?.parts[0]).toEqual({
      type: 'reasoning',
      text: 'hm',
      carrier: null,
    })
  })

  it.each<[string, JsonValue, string]>([
    ['no list of messages', 'Hi', 'messages'],
    ['a message that is none', ['Hi'], 'messages.0'],
    ['an unknown role', [{ role: 'robot', content: '' }], 'messages.0.role'],
    ['an unknown part', [{ role: 'user', content: [{ type: 'hologram' }] }], 'messages.0.content.0'],
  ])('%s is refused with its place', (_, messages, param) => {
    expect(() => decode({ messages })).toThrow(expect.objectContaining({ kind: 'invalid_request', param }) as Error)
  })
})

describe('members of a Chat request', () => {
  it.each<[string, JsonObject, Partial<Conversation>]>([
    ['the newer limit first', { max_completion_tokens: 5, max_tokens: 9 }, { maxOutputTokens: 5 }],
    ['the older limit', { max_tokens: 9 }, { maxOutputTokens: 9 }],
    ['one stop', { stop: 'END' }, { stop: ['END'] }],
    ['stops', { stop: ['a', '', 'b'] }, { stop: ['a', 'b'] }],
    [
      'sampling',
      { temperature: 0, top_p: 1, seed: 7, logprobs: true, top_logprobs: 2 },
      { sampling: { temperature: 0, topP: 1, seed: 7, topLogprobs: 2 } },
    ],
    [
      'effort',
      { reasoning_effort: 'high' },
      { reasoning: { effort: 'high', budget: null, mode: null, isShown: true } },
    ],
    [
      'no effort',
      { reasoning_effort: 'none' },
      { reasoning: { effort: 'none', budget: null, mode: 'disabled', isShown: false } },
    ],
    [
      'the budget of OpenRouter',
      { reasoning: { max_tokens: 2000, exclude: true } },
      { reasoning: { effort: 'medium', budget: 2000, mode: null, isShown: false } },
    ],
    [
      'the switch of Anthropic',
      { thinking: { type: 'disabled' } },
      { reasoning: { effort: null, budget: null, mode: 'disabled', isShown: false } },
    ],
    [
      'the budget of Google',
      { extra_body: { google: { thinking_config: { thinking_budget: 512, include_thoughts: true } } } },
      { reasoning: { effort: 'minimal', budget: 512, mode: null, isShown: true } },
    ],
    ['a cache key', { prompt_cache_key: 'k', user: 'u' }, { cacheKey: 'k', user: 'u' }],
    ['usage not asked for', { stream_options: {} }, { wantsUsage: false }],
    ['usage asked for', { stream_options: { include_usage: true } }, { wantsUsage: true }],
    ['parallel calls', { parallel_tool_calls: false }, { parallelTools: false }],
    ['6.28: JSON', { response_format: { type: 'json_object' } }, { format: { type: 'json' } }],
    [
      '6.28: a schema',
      {
        response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' }, strict: true } },
      },
      { format: { type: 'schema', name: 'n', description: null, schema: { type: 'object' }, strict: true } },
    ],
    [
      'a named tool',
      { tool_choice: { type: 'function', function: { name: 'f' } } },
      { toolChoice: { mode: 'named', name: 'f' } },
    ],
    [
      'a subset of tools',
      {
        tool_choice: {
          type: 'allowed_tools',
          allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'f' } }] },
        },
      },
      { toolChoice: { mode: 'allowed', names: ['f'], isRequired: true } },
    ],
    ['any tool', { tool_choice: 'any' }, { toolChoice: { mode: 'required' } }],
  ])('%s', (_, body, expected) => {
    expect(decode(body)).toMatchObject(expected)
  })

  it('6.27: a tool that says nothing of strictness says nothing here either', () => {
    const tools = [{ type: 'function', function: { name: 'f', description: 'd' } }]
    expect(decode({ tools }).tools).toEqual([
      {
        kind: 'function',
        name: 'f',
        description: 'd',
        schema: { type: 'object', properties: {} },
        strict: null,
        isDeferred: false,
      },
    ])
  })

  it('a grammar is flat in the neutral form', () => {
    const custom = { name: 'p', format: { type: 'grammar', grammar: { syntax: 'lark', definition: 'x' } } }
    expect(decode({ tools: [{ type: 'custom', custom }] }).tools).toEqual([
      { kind: 'custom', name: 'p', description: '', format: { type: 'grammar', syntax: 'lark', definition: 'x' } },
    ])
  })

  it.each<[string, JsonObject, string]>([
    ['several choices', { n: 2 }, 'n'],
    ['a spoken answer', { modalities: ['text', 'audio'] }, 'modalities'],
    ['a schema that is none', { response_format: { type: 'json_schema' } }, 'response_format'],
    ['a tool without a name', { tools: [{ type: 'function', function: {} }] }, 'tools.0'],
    ['a choice of nothing', { tool_choice: {} }, 'tool_choice'],
  ])('%s is refused, for the answer would be wrong', (_, body, param) => {
    expect(() => decode(body)).toThrow(expect.objectContaining({ kind: 'invalid_request', param }) as Error)
  })

  it('what no other dialect has is in the ledger', () => {
    const ledger = createLedger()
    decode({ logit_bias: { 1: 2 }, prediction: {}, store: true, metadata: null }, ledger)
    expect(ledger.entries).toEqual(['dropped:logit_bias', 'dropped:prediction', 'dropped:store'])
  })
})
