import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { adaptChatgptBody } from '../../src/providers/chatgpt-body.ts'
import type { BodyFacts } from '../../src/providers/contract.ts'

const facts = (changes: Partial<BodyFacts> = {}): BodyFacts => ({
  operation: 'generate',
  headers: [],
  defaultInstructions: null,
  refused: new Set(),
  ...changes,
})

const LEGAL: JsonObject = {
  model: 'gpt-5.5',
  instructions: 'Be brief.',
  input: [{ type: 'message', role: 'user', content: 'hi' }],
  include: ['reasoning.encrypted_content'],
  store: false,
  stream: true,
}

function adapt(body: JsonObject, changes: Partial<BodyFacts> = {}): { body: JsonObject; dropped: readonly string[] } {
  const adapted = adaptChatgptBody(Buffer.from(JSON.stringify(body)), facts(changes))
  return { body: JSON.parse(adapted.body.toString()) as JsonObject, dropped: adapted.dropped }
}

describe('a body that is right already', () => {
  test('passes byte for byte, odd numbers and spacing included', () => {
    const text =
      '{ "model":"gpt-5.5","input":[{"type":"additional_tools","role":"developer","tools":[],"n":1.0e2}],\n' +
      '"tools":[{"type":"custom","x":12345678901234567890}],"tool_choice":"auto","parallel_tool_calls":false,' +
      '"reasoning":{"effort":"high","context":"all"},"store":false,"stream":true,' +
      '"include":["reasoning.encrypted_content"],"prompt_cache_key":"s","text":{"verbosity":"low"},"client_metadata":{} }'
    const body = Buffer.from(text)
    expect(adaptChatgptBody(body, facts())).toEqual({ body, dropped: [] })
  })

  test("keeps what only the vendor's own client knows", () => {
    const headers: BodyFacts['headers'] = [['originator', 'codex_cli_rs']]
    expect(adapt({ ...LEGAL, brand_new: 1, service_tier: 'flex' }, { headers })).toEqual({
      body: { ...LEGAL, brand_new: 1, service_tier: 'flex' },
      dropped: [],
    })
  })
})

describe('what the Go program takes out', () => {
  test.each([
    ['temperature', 0.5],
    ['top_p', 0.9],
    ['frequency_penalty', 1],
    ['presence_penalty', 1],
    ['metadata', { source: 'x' }],
    ['safety_identifier', 'u'],
    ['stream_options', { include_usage: true }],
    ['max_completion_tokens', 5],
    ['user', 'u'],
    ['prompt_cache_retention', '24h'],
    ['max_output_tokens', 5],
  ])('%s', (name, value) => {
    expect(adapt({ [name]: value, ...LEGAL })).toEqual({ body: LEGAL, dropped: [name] })
    expect(adapt({ ...LEGAL, [name]: value }, { headers: [['originator', 'codex_exec']] })).toEqual({
      body: LEGAL,
      dropped: [name],
    })
  })
})

describe('what else the backend refuses', () => {
  test.each([
    ['truncation', 'auto'],
    ['context_management', []],
    ['prompt_cache_options', {}],
    ['prompt_cache_breakpoint', {}],
    ['max_tool_calls', 3],
    ['max_tokens', 3],
    ['stop_sequences', ['x']],
    ['chat_template_kwargs', {}],
    ['top_logprobs', 2],
    ['background', false],
    ['service_tier', 'default'],
    ['anything_else', 1],
  ])('%s', (name, value) => {
    expect(adapt({ ...LEGAL, [name]: value })).toEqual({ body: LEGAL, dropped: [name] })
  })

  test('a member that says nothing goes without a word', () => {
    expect(adapt({ ...LEGAL, temperature: null, previous_response_id: null })).toEqual({ body: LEGAL, dropped: [] })
  })

  test('the priority tier is the one that stays', () => {
    expect(adapt({ ...LEGAL, service_tier: 'priority' }).body).toHaveProperty('service_tier', 'priority')
  })

  test('members that were refused before, also inside others', () => {
    const body = { ...LEGAL, reasoning: { effort: 'low', summary: 'auto' }, prompt_cache_key: 'k' }
    expect(adapt(body, { refused: new Set(['reasoning.summary', 'prompt_cache_key', 'text.format']) })).toEqual({
      body: { ...LEGAL, reasoning: { effort: 'low' } },
      dropped: ['reasoning.summary', 'prompt_cache_key'],
    })
  })
})

describe('other words for the same thing', () => {
  test.each<[string, JsonObject, JsonObject]>([
    ['effort', { reasoning_effort: 'high' }, { reasoning: { effort: 'high' } }],
    [
      'effort beside a summary',
      { reasoning: { summary: 'auto', effort: ' ' }, reasoning_effort: 'high' },
      { reasoning: { summary: 'auto', effort: 'high' } },
    ],
    ['a blank effort', { reasoning_effort: ' ' }, {}],
    [
      'an effort told twice',
      { reasoning: { effort: 'low' }, reasoning_effort: 'high' },
      { reasoning: { effort: 'low' } },
    ],
    ['minimal effort', { reasoning: { effort: 'minimal' } }, { reasoning: { effort: 'none' } }],
    ['minimal effort by its alias', { reasoning_effort: 'minimal' }, { reasoning: { effort: 'none' } }],
    ['verbosity', { verbosity: 'low' }, { text: { verbosity: 'low' } }],
    ['a format by name', { response_format: 'json_object' }, { text: { format: { type: 'json_object' } } }],
    [
      'a schema, and verbosity',
      { response_format: { type: 'json_schema', json_schema: { schema: { a: 1 }, strict: true } }, verbosity: 'low' },
      {
        text: {
          format: { name: 'output_schema', schema: { a: 1 }, strict: true, type: 'json_schema' },
          verbosity: 'low',
        },
      },
    ],
    [
      'a format that is there',
      { text: { format: { type: 'text' } }, response_format: 'json_object' },
      { text: { format: { type: 'text' } } },
    ],
  ])('%s', (_what, given, expected) => {
    expect(adapt({ ...LEGAL, ...given })).toEqual({ body: { ...LEGAL, ...expected }, dropped: [] })
  })
})

describe('what the backend insists on', () => {
  test('it streams, keeps nothing, and seals its reasoning', () => {
    const { body } = adapt({ ...LEGAL, store: true, stream: false, include: ['message.output_text.logprobs'] })
    expect(body).toEqual({ ...LEGAL, include: ['message.output_text.logprobs', 'reasoning.encrypted_content'] })
    const bare = { model: 'm', instructions: 'i', input: [] }
    expect(adapt(bare).body).toEqual({ ...bare, store: false, stream: true, include: ['reasoning.encrypted_content'] })
  })

  test('a text becomes a list of one message', () => {
    expect(adapt({ ...LEGAL, input: 'say "hi" 🌞' }).body['input']).toEqual([
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'say "hi" 🌞' }] },
    ])
  })

  test('what the system says is said by the developer', () => {
    const input = [
      { role: 'user', content: 'the "system" is down' },
      { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'x' }] },
    ]
    expect(adapt({ ...LEGAL, input }).body['input']).toEqual([input[0], { ...input[1], role: 'developer' }])
  })

  const { instructions: _left, ...SILENT } = LEGAL
  const said = (role: string): JsonObject => ({ ...SILENT, input: [{ role, content: 'x' }] })
  test.each<[string, JsonObject, string | null, string | undefined]>([
    ['the config speaks for a silent client', SILENT, 'Ours.', 'Ours.'],
    ['without a config the relay says the least', SILENT, null, 'You are a helpful assistant.'],
    ['blank instructions are none', { ...LEGAL, instructions: ' ' }, 'Ours.', 'Ours.'],
    ["the client's own instructions stay", LEGAL, 'Ours.', 'Be brief.'],
    ['a developer message is enough', said('developer'), 'Ours.', undefined],
    ['so is a system message', said('system'), 'Ours.', undefined],
  ])('%s', (_what, given, defaultInstructions, expected) => {
    expect(adapt(given, { defaultInstructions }).body['instructions']).toBe(expected)
  })

  test('compaction is asked for with what compaction takes', () => {
    const { body, dropped } = adapt({ ...LEGAL, tools: [], prompt_cache_key: 'k' }, { operation: 'compact' })
    expect(body).toEqual({ model: LEGAL['model'], instructions: 'Be brief.', input: LEGAL['input'], tools: [] })
    expect(dropped).toEqual(['include', 'prompt_cache_key'])
  })
})
