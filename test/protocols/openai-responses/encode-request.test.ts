import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import type { Conversation, Part, Tool, ToolResultPart, Turn } from '../../../src/protocols/hub.ts'
import { createLedger } from '../../../src/protocols/ledger.ts'
import { hubDownstream } from '../../../src/protocols/openai-responses/hub-downstream.ts'
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
const tool = (members: Partial<Extract<Tool, { kind: 'function' }>> = {}): Tool => ({
  kind: 'function',
  name: 'f',
  description: 'd',
  schema: { type: 'object', properties: { a: { type: 'string' } } },
  strict: null,
  isDeferred: false,
  ...members,
})

describe('a request for a Responses server', () => {
  it('keeps nothing at the vendor, and asks for a stream and for sealed reasoning', () => {
    expect(encode({ stream: false })).toEqual({
      model: 'gpt-5.5',
      input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] }],
      stream: true,
      store: false,
      include: ['reasoning.encrypted_content'],
    })
  })

  it('6.27: strict is written out, and only where it was asked for and fits', () => {
    const closed = {
      type: 'object',
      properties: { a: { type: 'string' } },
      required: ['a'],
      additionalProperties: false,
    }
    const { body, losses } = encodeFor('gpt-5.5', {
      tools: [tool(), tool({ name: 'g', strict: true, schema: closed }), tool({ name: 'h', strict: true })],
    })
    expect(body['tools']).toMatchObject([
      { type: 'function', name: 'f', strict: false, parameters: { properties: { a: { type: 'string' } } } },
      { name: 'g', strict: true, parameters: closed },
      { name: 'h', strict: false },
    ])
    expect(losses).toEqual(['weakened:strict_h'])
    expect((body['tools'] as JsonObject[])[0]?.['parameters']).not.toHaveProperty('required')
  })

  it('6.36: a long name and a long id are cut, the same way each time', () => {
    const name = 'n'.repeat(100)
    const long: Part = { type: 'tool-call', id: 'i'.repeat(100), name, kind: 'function', input: '{}' }
    const members = {
      tools: [tool({ name })],
      turns: [userSays('Hi'), assistant(long), results(resultOf({ callId: long.id }))],
    }
    const body = encode(members)
    const [, item, output] = body['input'] as JsonObject[]
    expect(item?.['name']).toMatch(/^n{55}_[0-9a-f]{8}$/)
    expect((body['tools'] as JsonObject[])[0]?.['name']).toBe(item?.['name'])
    expect(output?.['call_id']).toBe(item?.['call_id'])
    expect(item?.['call_id']).toMatch(/^i{55}_[0-9a-f]{8}$/)
    expect(encode(members)).toEqual(body)
  })

  it('custom tools, groups, searches; a tool still to be found is left out', () => {
    const format = { type: 'grammar', syntax: 'lark', definition: 'x' }
    const search: Tool = {
      kind: 'web-search',
      name: 'WebSearch',
      allowedDomains: ['a.com'],
      blockedDomains: ['b.com'],
      userLocation: null,
      contextSize: null,
      maxUses: 5,
    }
    const { body, losses } = encodeFor('gpt-5.5', {
      tools: [
        tool({ namespace: 'ns' }),
        { kind: 'custom', name: 'c', description: 'd', format },
        tool({ name: 'later', isDeferred: true }),
        search,
      ],
      toolChoice: { mode: 'named', name: 'WebSearch' },
    })
    expect(body['tools']).toMatchObject([
      { name: 'ns__f' },
      { type: 'custom', name: 'c', format },
      { type: 'web_search', filters: { allowed_domains: ['a.com'] } },
    ])
    expect(body).toMatchObject({ tool_choice: { type: 'web_search' }, parallel_tool_calls: true })
    expect(body['include']).toContain('web_search_call.action.sources')
    expect(losses).toEqual(['dropped:blocked_domains', 'dropped:max_uses'])
  })

  it.each<[Conversation['toolChoice'], JsonObject[string]]>([
    [{ mode: 'required' }, 'required'],
    [
      { mode: 'named', name: 'f' },
      { type: 'function', name: 'f' },
    ],
    [
      { mode: 'named', name: 'c' },
      { type: 'custom', name: 'c' },
    ],
    [
      { mode: 'allowed', names: ['f', 'c'], isRequired: false },
      {
        type: 'allowed_tools',
        mode: 'auto',
        tools: [
          { type: 'function', name: 'f' },
          { type: 'custom', name: 'c' },
        ],
      },
    ],
  ])('the choice %j', (toolChoice, expected) => {
    const custom: Tool = { kind: 'custom', name: 'c', description: '', format: null }
    expect(encode({ tools: [tool(), custom], toolChoice })['tool_choice']).toEqual(expected)
  })

  it('a tool of another vendor is refused when it is forced, else left out', () => {
    const hosted: Tool = { kind: 'hosted', protocol: 'anthropic', name: 'code_execution', raw: {} }
    expect(encodeFor('gpt-5.5', { tools: [hosted] })).toMatchObject({ losses: ['dropped:tool_code_execution'] })
    expect(() => encode({ tools: [hosted], toolChoice: { mode: 'named', name: 'code_execution' } })).toThrow('forced')
  })

  it.each<[string, Partial<NonNullable<Conversation['reasoning']>>, JsonObject | undefined]>([
    ['gpt-5.5', { effort: 'max' }, { effort: 'max', summary: 'auto' }],
    ['gpt-5', { effort: 'max' }, { effort: 'high', summary: 'auto' }],
    ['gpt-5.5', { mode: 'disabled', effort: 'high' }, { effort: 'none' }],
    ['gpt-5', { mode: 'disabled' }, { effort: 'minimal', summary: 'auto' }],
    ['gpt-5.5', { mode: 'enabled', budget: 8000 }, { effort: 'medium', summary: 'auto' }],
    ['gpt-5.5', { mode: 'adaptive', isShown: false }, undefined],
    ['gpt-4o', { effort: 'high' }, undefined],
  ])('6.34: %s thinks as hard as it can when asked for %j', (model, wish, expected) => {
    const reasoning = { effort: null, budget: null, mode: null, isShown: null, ...wish }
    expect(encodeFor(model, { reasoning }).body['reasoning']).toEqual(expected)
  })

  it('6.33: sampling goes only to models that take it', () => {
    const sampling = { temperature: 0.2, topP: 0.9, seed: 1, topLogprobs: 2 }
    expect(encodeFor('gpt-4o', { sampling }).body).toMatchObject({ temperature: 0.2, top_p: 0.9 })
    const { body, losses } = encodeFor('gpt-5.5', { sampling })
    expect(body).not.toHaveProperty('temperature')
    expect(losses).toEqual(['dropped:seed', 'dropped:topLogprobs', 'dropped:temperature', 'dropped:top_p'])
    const unreasoned = { effort: 'none' as const, budget: null, mode: null, isShown: null }
    expect(encodeFor('gpt-5.5', { sampling, reasoning: unreasoned }).body).toMatchObject({ temperature: 0.2 })
  })

  it.each<[Conversation['format'], JsonObject | undefined, string | undefined]>([
    [{ type: 'text' }, { type: 'text' }, undefined],
    [{ type: 'json' }, { type: 'json_object' }, 'Answer with a single JSON object.'],
    [
      { type: 'schema', name: null, description: null, schema: { type: 'object', properties: {} }, strict: null },
      { type: 'json_schema', name: 'output', schema: { type: 'object', properties: {} }, strict: false },
      undefined,
    ],
    [
      {
        type: 'schema',
        name: null,
        description: null,
        schema: { type: 'array', items: { type: 'string' } },
        strict: null,
      },
      undefined,
      'Answer with JSON alone, of this schema: {"type":"array","items":{"type":"string"}}',
    ],
  ])('6.28: the format %j arrives', (format, expected, instructions) => {
    const body = encode({ format, source: 'gemini' })
    expect((body['text'] as JsonObject | undefined)?.['format']).toEqual(expected)
    expect(body['instructions']).toBe(instructions)
  })

  it('the smallest limit the vendor takes; the user and a long key only as hashes', () => {
    const body = encode({
      maxOutputTokens: 1,
      user: 'jo@example.com',
      cacheKey: 'k'.repeat(65),
      serviceTier: 'priority',
      verbosity: 'low',
    })
    expect(body).toMatchObject({ max_output_tokens: 16, service_tier: 'priority', text: { verbosity: 'low' } })
    expect(body['safety_identifier']).toMatch(/^[0-9a-f]{32}$/)
    expect(body['prompt_cache_key']).toMatch(/^[0-9a-f]{32}$/)
    expect(encode({ cacheKey: 'thread' })['prompt_cache_key']).toBe('thread')
  })
})

it('what Responses can say comes back as it was', () => {
  const conversation = conversationOf({
    source: 'openai-responses',
    model: 'gpt-5.5',
    system: [{ type: 'text', text: 'Be kind.' }],
    turns: [
      {
        role: 'user',
        parts: [
          { type: 'text', text: 'Hi 😀' },
          { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' }, detail: 'low' },
        ],
      },
      assistant({ type: 'text', text: 'Let me', phase: 'commentary' }, call),
      results(resultOf({})),
      { role: 'system', parts: [{ type: 'text', text: 'now' }] },
      userSays('Go'),
    ],
    tools: [tool({ strict: false }), { kind: 'custom', name: 'c', description: 'd', format: null }],
    toolChoice: { mode: 'named', name: 'f' },
    parallelTools: false,
    maxOutputTokens: 100,
    reasoning: { effort: 'high', budget: null, mode: null, isShown: true },
    format: { type: 'schema', name: 'n', description: 'd', schema: { type: 'object', properties: {} }, strict: false },
    verbosity: 'low',
    cacheKey: 'thread',
    serviceTier: 'default',
  })
  const target = targetOf('openai-responses', { model: 'gpt-5.5', conversation, isVendorHost: true })
  const body = hubUpstream.encodeRequest(conversation, target)
  const ledger = createLedger()
  const { extras: _, ...again } = hubDownstream.decodeRequest(body, { model: 'gpt-5.5', stream: true }, ledger)
  expect(again).toEqual({ ...conversation, extras: undefined })
  expect([...target.ledger.entries, ...ledger.entries]).toEqual([])
})
