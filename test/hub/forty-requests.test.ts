import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import type { JsonObject, JsonValue } from '../../src/core/json.ts'
import { chatgpt, chatgptAccount } from '../harness/chatgpt.ts'
import { DIRECTIONS, othersOf, start, toolsOf } from './forty-stage.ts'

interface Any {
  [name: string]: any
}

const PNG = 'iVBORw0KGgo='
const use = (id: string, name = 'look_up'): JsonObject => ({ type: 'tool_use', id, name, input: {} })
const result = (id: string, content: JsonValue): JsonObject => ({ type: 'tool_result', tool_use_id: id, content })
const user = (...content: JsonValue[]): JsonObject => ({ role: 'user', content })
const assistant = (...content: JsonValue[]): JsonObject => ({ role: 'assistant', content })
const text = (words: string): JsonObject => ({ type: 'text', text: words })
const png: JsonObject = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } }

describe('a history', () => {
  /** A result of no call, and a call without a result. */
  const ORPHANS: Partial<Record<Protocol, JsonObject>> = {
    anthropic: {
      messages: [user(result('gone', 'lost words')), assistant(use('call_1')), user(text('go on'))],
    },
    'openai-responses': {
      input: [
        { type: 'function_call_output', call_id: 'gone', output: 'lost words' },
        { type: 'function_call', call_id: 'call_1', name: 'look_up', arguments: '{}' },
        { role: 'user', content: 'go on' },
      ],
    },
    'openai-chat': {
      messages: [
        { role: 'user', content: 'hello' },
        { role: 'tool', tool_call_id: 'gone', content: 'lost words' },
        {
          role: 'assistant',
          tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'look_up', arguments: '{}' } }],
        },
        { role: 'user', content: 'go on' },
      ],
    },
  }

  /** The ids of calls and of results in a body, in its own words. */
  function pairsIn(protocol: Protocol, body: JsonObject): { calls: string[]; results: string[] } {
    const json = JSON.stringify(body)
    const all = (pattern: RegExp): string[] => [...json.matchAll(pattern)].map((match) => match[1] ?? '')
    switch (protocol) {
      case 'anthropic':
        return { calls: all(/"tool_use","id":"(\w+)"/g), results: all(/"tool_use_id":"(\w+)"/g) }
      case 'openai-responses':
        return { calls: all(/"function_call","call_id":"(\w+)"/g), results: all(/_output","call_id":"(\w+)"/g) }
      case 'openai-chat':
        return { calls: all(/"id":"(\w+)"/g), results: all(/"tool_call_id":"(\w+)"/g) }
      case 'gemini':
        return { calls: all(/"functionCall":\{"id":"(\w+)"/g), results: all(/"functionResponse":\{"id":"(\w+)"/g) }
    }
  }

  test.each(DIRECTIONS.filter(([client]) => client !== 'gemini'))(
    '6.23: of a %s client with orphans is whole for a %s server, and no words are lost',
    async (client, upstream) => {
      const { ask, sent } = await start(upstream)
      const answer = await ask(client, { tools: toolsOf(client), ...ORPHANS[client] })
      expect(answer.status).toBe(200)
      expect(pairsIn(upstream, sent())).toEqual({ calls: ['call_1'], results: ['call_1'] })
      expect(JSON.stringify(sent())).toContain('lost words')
    },
  )

  test('6.24: has all results of a turn in one content for Gemini, as many as calls, the image behind them', async () => {
    const { ask, sent } = await start('gemini')
    const calls = ['a', 'b', 'c'].map((id) => use(id))
    const results = [result('a', 'one'), result('b', [text('two'), png]), result('c', 'three')]
    await ask('anthropic', {
      model: 'gemini-2.5-pro',
      tools: toolsOf('anthropic'),
      messages: [user(text('hello')), assistant(...calls), user(...results)],
    })
    const contents = sent()['contents'] as Any[]
    const kinds = contents.map(({ role, parts }) => [role, ...(parts as Any[]).map((part) => Object.keys(part)[0])])
    expect(kinds).toEqual([
      ['user', 'text'],
      ['model', 'functionCall', 'functionCall', 'functionCall'],
      ['user', 'functionResponse', 'functionResponse', 'functionResponse', 'inlineData'],
    ])
  })

  test('6.29: keeps the picture in a tool’s result', async () => {
    const shows = async (upstream: Protocol): Promise<JsonObject> => {
      const { ask, sent } = await start(upstream)
      const messages = [user(text('hello')), assistant(use('call_1')), user(result('call_1', [text('see'), png]))]
      await ask('anthropic', { tools: toolsOf('anthropic'), messages })
      return sent()
    }
    const url = `data:image/png;base64,${PNG}`
    const responses = (await shows('openai-responses'))['input'] as Any[]
    expect(responses.at(-1)).toMatchObject({
      type: 'function_call_output',
      output: [
        { type: 'input_text', text: 'see' },
        { type: 'input_image', image_url: url },
      ],
    })
    const chat = (await shows('openai-chat'))['messages'] as Any[]
    expect(chat.slice(-2)).toMatchObject([
      { role: 'tool', tool_call_id: 'call_1' },
      { role: 'user', content: expect.arrayContaining([{ type: 'image_url', image_url: { url } }]) },
    ])
    const gemini = (await shows('gemini'))['contents'] as Any[]
    expect(JSON.stringify(gemini.at(-1))).toContain(`{"inlineData":{"mimeType":"image/png","data":"${PNG}"}}`)
  })

  test.each(othersOf('anthropic'))('6.30: has its system message in its place for a %s server', async (upstream) => {
    const { ask, sent } = await start(upstream)
    const messages = [
      user(text('first words')),
      assistant(text('second words')),
      user(text('third words')),
      { role: 'system', content: 'the new rule' },
      assistant(text('fourth words')),
      user(text('fifth words')),
    ]
    expect((await ask('anthropic', { messages })).status).toBe(200)
    const order = JSON.stringify(sent()).match(/(first|second|third|fourth|fifth) words|the new rule/g)
    expect(order).toEqual(
      ['first', 'second', 'third', 'rule', 'fourth', 'fifth'].map((word) =>
        word === 'rule' ? 'the new rule' : `${word} words`,
      ),
    )
    if (upstream === 'openai-chat') {
      expect((sent()['messages'] as Any[]).map(({ role }) => role)).not.toContain('system')
    }
  })

  test('6.31: whose first line is a nonce keeps the cache of a server, and its bytes for Anthropic', async () => {
    const turn = (nonce: string, ...more: JsonValue[]): JsonObject => ({
      model: 'gpt-5.5',
      stream: true,
      max_tokens: 64,
      system: [text(`x-anthropic-billing-header: cc_version=2.1; cch=${nonce};`), text('You are careful.')],
      messages: [user(text('hello')), ...more],
    })
    const { ask, vendor } = await start('openai-responses')
    await ask('anthropic', turn('11111'))
    await ask('anthropic', turn('22222', assistant(text('hi')), user(text('go on'))))
    const [first, second] = vendor.requests.map(({ body }) => body)
    expect(first?.['instructions']).toBe('You are careful.')
    expect(second?.['instructions']).toBe(first?.['instructions'])
    expect(first?.['prompt_cache_key']).toMatch(/^.{8,64}$/)
    expect(second?.['prompt_cache_key']).toBe(first?.['prompt_cache_key'])

    const native = await start('anthropic')
    const body = JSON.stringify(turn('33333'))
    await native.relay.post('/v1/messages', body)
    expect(native.vendor.requests[0]?.bytes.toString()).toBe(body)
  })

  test('6.36: of an assistant is told as output, without empty texts', async () => {
    const { ask, sent } = await start('openai-responses')
    await ask('openai-chat', {
      messages: [
        { role: 'user', content: [text('hello'), text('')] },
        { role: 'assistant', content: 'hi' },
        { role: 'user', content: 'go on' },
      ],
    })
    const input = sent()['input'] as Any[]
    expect(input.map(({ role, content }) => [role, content])).toEqual([
      ['user', [{ type: 'input_text', text: 'hello' }]],
      ['assistant', [expect.objectContaining({ type: 'output_text', text: 'hi' })]],
      ['user', [{ type: 'input_text', text: 'go on' }]],
    ])
  })
})

describe('a tool', () => {
  /** What Gemini knows, as its reference lists it. */
  const KNOWN = new Set(
    (
      '$id $defs $ref $anchor type format title description enum items prefixItems minItems maxItems minimum maximum ' +
      'anyOf oneOf properties additionalProperties required propertyOrdering'
    ).split(' '),
  )
  const unknownIn = (schema: JsonValue): string[] => {
    if (Array.isArray(schema)) return schema.flatMap(unknownIn)
    if (typeof schema !== 'object' || schema === null) return []
    return Object.entries(schema).flatMap(([name, value]) => {
      if (name === 'properties' || name === '$defs') return Object.values(value as JsonObject).flatMap(unknownIn)
      return KNOWN.has(name) ? unknownIn(value) : [name]
    })
  }

  test.each(othersOf('gemini'))('6.26: of a %s client has only words that Gemini knows', async (client) => {
    const { ask, sent } = await start('gemini')
    const schema = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
      properties: {
        map: { type: 'object', propertyNames: { pattern: '^x' }, additionalProperties: { type: 'string' } },
        size: { type: ['number', 'null'], exclusiveMinimum: 0 },
        kind: { const: 'fixed' },
        node: { $ref: '#/$defs/node' },
      },
      required: ['kind'],
      $defs: { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } } } },
    }
    expect((await ask(client, { tools: toolsOf(client, 'look_up', schema) })).status).toBe(200)
    const [{ functionDeclarations }] = sent()['tools'] as [Any]
    const { parameters, parametersJsonSchema } = functionDeclarations[0]
    expect([parameters, unknownIn(parametersJsonSchema)]).toEqual([undefined, []])
    expect(parametersJsonSchema.properties.kind).toEqual({ enum: ['fixed'] })
  })

  test.each(othersOf('openai-responses'))(
    '6.27: of a %s client that says nothing of strictness is not strict',
    async (client) => {
      const { ask, sent } = await start('openai-responses')
      const schema = { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } }, required: ['a'] }
      await ask(client, { tools: toolsOf(client, 'look_up', schema) })
      expect(sent()['tools']).toEqual([
        { type: 'function', name: 'look_up', description: 'looks up', parameters: schema, strict: false },
      ])
    },
  )
})

describe('the form of an answer', () => {
  const schema: JsonObject = {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  }
  const asked: Record<Protocol, JsonObject> = {
    anthropic: { output_config: { format: { type: 'json_schema', schema } } },
    'openai-responses': { text: { format: { type: 'json_schema', name: 'place', schema } } },
    'openai-chat': { response_format: { type: 'json_schema', json_schema: { name: 'place', schema } } },
    gemini: { generationConfig: { responseMimeType: 'application/json', responseJsonSchema: schema } },
  }
  const name = expect.any(String)
  const arrives: Record<Protocol, JsonObject> = {
    ...asked,
    'openai-responses': { text: { format: { type: 'json_schema', name, schema } } },
    'openai-chat': { response_format: { type: 'json_schema', json_schema: { name, schema } } },
  }

  test.each(DIRECTIONS)(
    '6.28: that a %s client asks for reaches a %s server in its words',
    async (client, upstream) => {
      const { ask, sent } = await start(upstream)
      expect((await ask(client, asked[client])).status).toBe(200)
      expect(sent()).toMatchObject(arrives[upstream])
    },
  )
})

describe('the ChatGPT backend', () => {
  test('6.32: gets nothing that it refuses, whatever a Chat client asks for', async () => {
    const { vendor, ask } = await start('openai-responses', (url) => [chatgptAccount(url)])
    vendor.always(chatgpt('done'))
    const answer = await ask('openai-chat', {
      temperature: 0.5,
      top_p: 0.9,
      presence_penalty: 1,
      frequency_penalty: 1,
      seed: 7,
      logit_bias: {},
      max_tokens: 100,
      max_completion_tokens: 100,
      stop: ['END'],
      user: 'me',
      metadata: { a: 'b' },
      safety_identifier: 'me',
      prompt_cache_retention: '24h',
      service_tier: 'auto',
      store: true,
      stream_options: { include_usage: true },
    })
    // The fake backend answers 400 to every member that the real one does not take.
    expect([answer.status, vendor.requests.length]).toEqual([200, 1])
  })
})
