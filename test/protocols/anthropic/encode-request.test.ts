import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import { encodeRequest } from '../../../src/protocols/anthropic/encode-request.ts'
import type { Carrier, Conversation, Part, Tool, ToolChoice, Turn } from '../../../src/protocols/hub.ts'
import { conversationOf, targetOf, userSays } from '../hub-stage.ts'

interface Encoded {
  readonly body: JsonObject
  readonly ledger: readonly string[]
}

/** As another dialect's client would send it, on Anthropic's own host unless the target says otherwise. */
function encode(members: Partial<Conversation>, options: Parameters<typeof targetOf>[1] = {}): Encoded {
  const conversation = conversationOf({ source: 'openai-chat', ...members })
  const target = targetOf('anthropic', { model: 'claude-opus-5-5', isVendorHost: true, conversation, ...options })
  const body = encodeRequest(conversation, target)
  return { body, ledger: target.ledger.entries }
}

const assistant = (...parts: Part[]): Turn => ({ role: 'assistant', parts })
const user = (...parts: Part[]): Turn => ({ role: 'user', parts })
const text = (words: string): Part => ({ type: 'text', text: words })
const call = (id: string, input = '{}'): Part => ({ type: 'tool-call', id, name: 'f', kind: 'function', input })
const result = (callId: string, ...parts: Extract<Part, { type: 'tool-result' }>['parts']): Part => ({
  type: 'tool-result',
  callId,
  name: null,
  parts,
  isError: false,
  isCustom: false,
})
const tool = (name: string, members: Partial<Extract<Tool, { kind: 'function' }>> = {}): Tool => ({
  kind: 'function',
  name,
  description: '',
  schema: { type: 'object', properties: {} },
  strict: null,
  isDeferred: false,
  ...members,
})
const SEARCH: Tool = {
  kind: 'web-search',
  name: 'web_search_preview',
  allowedDomains: ['a.example'],
  blockedDomains: [],
  userLocation: null,
  contextSize: 'high',
  maxUses: 3,
}
const SCHEMA = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] }

describe('a conversation', () => {
  it('becomes a request for a stream, with the output the model can give and a mark for the cache', () => {
    expect(encode({ system: [{ type: 'text', text: 'Be kind' }] }).body).toEqual({
      model: 'claude-opus-5-5',
      max_tokens: 128_000,
      stream: true,
      system: [{ type: 'text', text: 'Be kind' }],
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
      cache_control: { type: 'ephemeral' },
    })
  })

  it('marks blocks for hosts that know no mark on the request', () => {
    const turns = ['one', 'two', 'three'].flatMap((words) => [userSays(words), assistant(text('ok'))]).slice(0, 5)
    const system = [{ type: 'text' as const, text: 'S' }]
    const { body } = encode({ turns, system, tools: [tool('f')] }, { isVendorHost: false })
    const mark = { cache_control: { type: 'ephemeral' } }
    expect(body).toMatchObject({ system: [mark], tools: [mark] })
    expect(body).not.toHaveProperty('cache_control')
    const marked = (body['messages'] as Array<{ content: JsonObject[] }>).map(({ content }) => content[0])
    expect(marked.map((block) => block?.['cache_control'] !== undefined)).toEqual([false, false, true, false, true])
  })

  it('keeps the marks of a client that sets its own, and adds none', () => {
    const cacheControl = { type: 'ephemeral', ttl: '1h' }
    const { body } = encode({ turns: [user({ type: 'text', text: 'Hi', cacheControl })], marksCache: true })
    expect(body).not.toHaveProperty('cache_control')
    expect(body['messages']).toMatchObject([{ content: [{ cache_control: cacheControl }] }])
  })

  it('keeps pictures and results together and in order', () => {
    const image: Extract<Part, { type: 'image' }> = {
      type: 'image',
      source: { kind: 'base64', mediaType: 'image/jpg', data: 'AA==' },
    }
    const turns = [userSays('Go'), assistant(call('a', '{"x":1}'), call('b')), user(result('b', image), result('a'))]
    expect(encode({ turns: [...turns, userSays('and?')] }).body['messages']).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'Go' }] },
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
          { type: 'tool_use', id: 'b', name: 'f', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'a' },
          {
            type: 'tool_result',
            tool_use_id: 'b',
            content: [{ type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: 'AA==' } }],
          },
          { type: 'text', text: 'and?' },
        ],
      },
    ])
  })

  it('6.23: is valid when a call has no result, and a result no call', () => {
    const turns = [
      user(text('Hi'), result('lost', { type: 'text', text: 'kept' })),
      assistant(call('a')),
      userSays('?'),
    ]
    expect(encode({ turns }).body['messages']).toMatchObject([
      { role: 'user', content: [{ text: 'Hi' }, { text: '[result of lost] kept' }] },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'a' }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: 'no output' }, { text: '?' }] },
    ])
  })

  it('does not end with the model’s own words where the model refuses that', () => {
    const turns = [userSays('Hi'), assistant(text('Once '))]
    const last = (model: string): unknown => (encode({ turns }, { model }).body['messages'] as JsonObject[]).at(-1)
    expect(last('claude-opus-5-5')).toEqual({ role: 'user', content: [{ type: 'text', text: 'Continue.' }] })
    expect(last('claude-sonnet-4-5')).toEqual({ role: 'assistant', content: [{ type: 'text', text: 'Once' }] })
  })

  const middle: Turn[] = [
    userSays('Hi'),
    { role: 'system', parts: [text('Be brief')] },
    assistant(text('ok')),
    userSays('?'),
  ]

  it('6.30: keeps a system message behind the user’s where the model takes it there', () => {
    expect(encode({ turns: middle }).body['messages']).toMatchObject([
      { role: 'user' },
      { role: 'system', content: [{ type: 'text', text: 'Be brief' }] },
      { role: 'assistant' },
      { role: 'user' },
    ])
  })

  it.each<[string, Turn[], Parameters<typeof targetOf>[1]]>([
    ['an older model', middle, { model: 'claude-sonnet-4-5' }],
    ['a compatible host', middle, { isVendorHost: false }],
  ])('6.30: tells it as the user’s words to %s', (_, turns, options) => {
    const { body, ledger } = encode({ turns }, options)
    expect(body['messages']).toMatchObject([
      { role: 'user', content: [{ text: 'Hi' }, { text: '<system-reminder>\nBe brief\n</system-reminder>' }] },
      { role: 'assistant' },
      { role: 'user' },
    ])
    expect(ledger).toContain('weakened:system-turn')
  })

  it('6.30: and never lets it come between a call and its result', () => {
    const between: Turn = { role: 'system', parts: [text('Hurry')] }
    const turns = [userSays('Hi'), assistant(call('a')), between, user(result('a', { type: 'text', text: 'done' }))]
    for (const model of ['claude-opus-5-5', 'claude-sonnet-4-5']) {
      const messages = encode({ turns }, { model }).body['messages'] as Array<{ role: string; content: JsonObject[] }>
      expect(messages[2]?.content[0]).toMatchObject({ type: 'tool_result', tool_use_id: 'a', content: 'done' })
      expect(JSON.stringify(messages)).toContain('Hurry')
    }
  })

  it.each<[string, Part, string]>([
    ['audio', { type: 'audio', format: 'wav', data: '' }, 'input_audio'],
    ['a file of another vendor', { type: 'document', source: { kind: 'file', id: 'file-1' } }, 'file_id'],
    [
      'an unknown kind of picture',
      { type: 'image', source: { kind: 'base64', mediaType: 'image/bmp', data: '' } },
      'image',
    ],
    ['an unknown kind of file', { type: 'document', source: { kind: 'base64', mediaType: 'a/zip', data: '' } }, 'file'],
  ])('is refused with the member at fault: %s', (_, part, param) => {
    expect(() => encode({ turns: [user(part)] })).toThrow(expect.objectContaining({ kind: 'invalid_request', param }))
  })

  it('tells a text file as text and a PDF as bytes', () => {
    const data = Buffer.from('ä').toString('base64')
    const file = (mediaType: string): Part => ({
      type: 'document',
      source: { kind: 'base64', mediaType, data },
      filename: 'f',
    })
    expect(encode({ turns: [user(file('text/markdown'), file('application/pdf'))] }).body['messages']).toMatchObject([
      {
        content: [
          { type: 'document', title: 'f', source: { type: 'text', media_type: 'text/plain', data: 'ä' } },
          { type: 'document', title: 'f', source: { type: 'base64', media_type: 'application/pdf', data } },
        ],
      },
    ])
  })

  it('6.36: has only ids and names that Messages allows', () => {
    const name = 'a.b/c'
    const turns = [
      userSays('Hi'),
      assistant({ type: 'tool-call', id: 'functions.f:0', name, kind: 'function', input: '' }),
    ]
    const { body } = encode({ turns, tools: [tool(name)] })
    const [, asked] = body['messages'] as Array<{ content: JsonObject[] }>
    expect(asked?.content[0]).toMatchObject({
      name: 'a_b_c',
      input: {},
      id: expect.stringMatching(/^[\w-]+$/) as string,
    })
    expect(body['tools']).toMatchObject([{ name: 'a_b_c' }])
  })
})

describe('reasoning', () => {
  const block = { type: 'thinking', thinking: 'hm', signature: 'EqQB' }
  const own: Carrier = { family: 'anthropic', account: 'acct1', model: 'claude-opus-5-5', data: block }
  const sent = (carrier: Carrier | null): Encoded =>
    encode({
      turns: [userSays('Hi'), assistant({ type: 'reasoning', text: 'hm', carrier }, text('ok')), userSays('?')],
    })
  const blocksOf = ({ body }: Encoded): unknown => (body['messages'] as Array<{ content: unknown }>)[1]?.content

  it.each<[string, Carrier]>([
    ['a block of this account', own],
    ['a signature that the client always had', { ...own, account: null, model: null, data: 'EqQB' }],
  ])('6.20: goes back byte for byte: %s', (_, carrier) => {
    expect(blocksOf(sent(carrier))).toEqual([block, { type: 'text', text: 'ok' }])
  })

  it.each<[string, Carrier | null, string]>([
    ['another vendor’s', { ...own, family: 'openai' }, 'dropped:reasoning.openai'],
    ['another account’s', { ...own, account: 'acct2' }, 'dropped:reasoning.anthropic'],
    ['another model’s', { ...own, model: 'claude-opus-4-8' }, 'dropped:reasoning.anthropic'],
    ['nobody’s', null, 'dropped:reasoning'],
  ])('6.19: is dropped, and never told as text: %s', (_, carrier, entry) => {
    const encoded = sent(carrier)
    expect(blocksOf(encoded)).toEqual([{ type: 'text', text: 'ok' }])
    expect(encoded.ledger).toContain(entry)
  })
})

describe('tools', () => {
  it('are offered with a cleaned schema, strict only where it fits', () => {
    const { body, ledger } = encode({
      tools: [
        tool('plain', { description: 'D', schema: { $schema: 'x', type: 'object' } }),
        tool('strict', { strict: true, schema: SCHEMA }),
        tool('unfit', { strict: true, schema: { type: 'object', properties: { a: { not: {} } } } }),
      ],
    })
    expect(body['tools']).toMatchObject([
      { name: 'plain', description: 'D', input_schema: { type: 'object', properties: {} } },
      { name: 'strict', strict: true, input_schema: { ...SCHEMA, additionalProperties: false } },
      { name: 'unfit' },
    ])
    expect((body['tools'] as JsonObject[])[2]).not.toHaveProperty('strict')
    expect(ledger).toEqual(['weakened:strict.unfit'])
  })

  it('6.39: of free text take it as the one property of an object', () => {
    const patch: Tool = {
      kind: 'custom',
      name: 'apply_patch',
      description: 'Edits',
      format: { type: 'grammar', syntax: 'lark', definition: 'start: x' },
    }
    const asked: Part = { type: 'tool-call', id: 'a', name: 'apply_patch', kind: 'custom', input: '*** "Begin"\n' }
    const { body } = encode({ turns: [userSays('Hi'), assistant(asked)], tools: [patch] })
    expect(body).toMatchObject({
      tools: [
        {
          name: 'apply_patch',
          description: 'Edits\n\nThe input must follow this grammar:\nstart: x',
          input_schema: { properties: { input: { type: 'string' } }, required: ['input'] },
        },
      ],
      messages: [{}, { content: [{ type: 'tool_use', input: { input: '*** "Begin"\n' } }] }, {}],
    })
  })

  it.each<[string, Partial<Conversation>, unknown]>([
    ['nothing', {}, undefined],
    ['one call at a time', { parallelTools: false }, { type: 'auto', disable_parallel_tool_use: true }],
    ['auto', { toolChoice: { mode: 'auto' } }, { type: 'auto' }],
    ['none', { toolChoice: { mode: 'none' } }, { type: 'none' }],
    [
      'any',
      { toolChoice: { mode: 'required' }, parallelTools: false },
      { type: 'any', disable_parallel_tool_use: true },
    ],
    ['one', { toolChoice: { mode: 'named', name: 'f' } }, { type: 'tool', name: 'ns__f' }],
    ['the search', { toolChoice: { mode: 'named', name: 'web_search_preview' } }, { type: 'tool', name: 'web_search' }],
  ])('are chosen: %s', (_, members, choice) => {
    expect(encode({ tools: [tool('f', { namespace: 'ns' }), SEARCH], ...members }).body['tool_choice']).toEqual(choice)
  })

  it('are fewer when only some are allowed', () => {
    const toolChoice: ToolChoice = { mode: 'allowed', names: ['b'], isRequired: true }
    const { body } = encode({ tools: [tool('a'), tool('b')], toolChoice })
    expect(body).toMatchObject({ tools: [{ name: 'b' }], tool_choice: { type: 'any' } })
    expect(body['tools']).toHaveLength(1)
  })

  it('search the web where the host can, and what it cannot is noted', () => {
    const offered = encode({ tools: [SEARCH] })
    expect(offered.body['tools']).toEqual([
      { type: 'web_search_20250305', name: 'web_search', allowed_domains: ['a.example'], max_uses: 3 },
    ])
    expect(offered.ledger).toEqual(['dropped:search_context_size'])
    const elsewhere = encode({ tools: [SEARCH] }, { isVendorHost: false })
    expect([elsewhere.body['tools'], elsewhere.ledger]).toEqual([undefined, ['dropped:tool.web_search']])
  })

  it.each<[string, Tool, ToolChoice]>([
    [
      'that run at another vendor',
      { kind: 'hosted', protocol: 'openai-responses', name: 'image_generation', raw: {} },
      { mode: 'named', name: 'image_generation' },
    ],
    ['that nobody offers', tool('a'), { mode: 'named', name: 'b' }],
    [
      'of which none is left',
      { kind: 'hosted', protocol: 'openai-responses', name: 'mcp', raw: {} },
      { mode: 'required' },
    ],
  ])('are refused when they are demanded: those %s', (_, offered, toolChoice) => {
    expect(() => encode({ tools: [offered], toolChoice })).toThrow(
      expect.objectContaining({ kind: 'invalid_request', param: 'tool_choice' }),
    )
  })

  it('that the client has not found yet are left out', () => {
    const { body } = encode({ tools: [tool('a'), tool('b', { isDeferred: true })] })
    expect(body['tools']).toMatchObject([{ name: 'a' }])
    expect(body['tools']).toHaveLength(1)
  })
})

describe('everything else', () => {
  it.each<[string, string, JsonObject]>([
    ['opus 5', 'claude-opus-5-5', {}],
    ['opus 4.7', 'claude-opus-4-7', {}],
    ['sonnet 4.5', 'claude-sonnet-4-5', { temperature: 0.2, top_k: 5 }],
  ])('6.33: sends sampling only to models that take it: %s', (_, model, members) => {
    const { body, ledger } = encode({ sampling: { temperature: 0.2, topP: 0.9, topK: 5, seed: 1 } }, { model })
    const { temperature, top_p: topP, top_k: topK } = body
    expect(JSON.parse(JSON.stringify({ temperature, top_p: topP, top_k: topK }))).toEqual(members)
    expect(ledger).toEqual(expect.arrayContaining(['dropped:seed', 'dropped:top_p']))
  })

  it('keeps the temperature in the range of this vendor', () => {
    const { body, ledger } = encode({ sampling: { temperature: 1.5 } }, { model: 'claude-sonnet-4-5' })
    expect([body['temperature'], ledger]).toEqual([1, ['weakened:temperature']])
  })

  it('6.28: asks for a format by its schema', () => {
    const format = { type: 'schema', name: 'n', description: null, schema: SCHEMA, strict: true } as const
    expect(encode({ format }).body['output_config']).toEqual({
      format: { type: 'json_schema', schema: { ...SCHEMA, additionalProperties: false } },
    })
  })

  it.each<[string, Conversation['format'], string, string]>([
    ['JSON without a schema', { type: 'json' }, 'claude-opus-5-5', 'Answer with one JSON object and nothing else.'],
    [
      'a schema from an older model',
      { type: 'schema', name: null, description: null, schema: SCHEMA, strict: null },
      'claude-opus-4-0',
      `Answer with one JSON object and nothing else. It must fit this JSON schema:\n${JSON.stringify(SCHEMA)}`,
    ],
  ])('6.28: asks in words for %s', (_, format, model, words) => {
    const { body, ledger } = encode({ format, system: [{ type: 'text', text: 'S' }] }, { model })
    expect(body['system']).toEqual([
      { type: 'text', text: 'S' },
      { type: 'text', text: words },
    ])
    expect(ledger).toEqual(['weakened:format'])
  })

  it('names the user only by a hash', () => {
    const { metadata } = encode({ user: 'me@example.org' }).body as { metadata: { user_id: string } }
    expect(metadata.user_id).toMatch(/^[0-9a-f]{32}$/)
  })

  it.each([
    ['flex', 'standard_only', []],
    ['auto', 'auto', []],
    ['priority', 'auto', ['weakened:service_tier']],
  ])('asks for the tier %s as %s', (serviceTier, told, entries) => {
    const { body, ledger } = encode({ serviceTier })
    expect([body['service_tier'], ledger]).toEqual([told, entries])
  })

  it('stops at sequences that are more than white space', () => {
    const { body, ledger } = encode({ stop: ['END', '\n'] })
    expect([body['stop_sequences'], ledger]).toEqual([['END'], ['dropped:blank-stop']])
  })
})
