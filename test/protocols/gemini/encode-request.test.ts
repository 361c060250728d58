import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import { hubDownstream } from '../../../src/protocols/gemini/hub-downstream.ts'
import { hubUpstream } from '../../../src/protocols/gemini/hub-upstream.ts'
import type {
  Carrier,
  Conversation,
  Part,
  Tool,
  ToolCallPart,
  ToolResultPart,
  Turn,
} from '../../../src/protocols/hub.ts'
import { createLedger } from '../../../src/protocols/ledger.ts'
import { conversationOf, targetOf, userSays } from '../hub-stage.ts'

const encodeFor = (
  name: string,
  members: Partial<Conversation> = {},
): { body: JsonObject; losses: readonly string[] } => {
  const conversation = conversationOf(members)
  const target = targetOf('gemini', { model: name, conversation, isVendorHost: true })
  return { body: hubUpstream.encodeRequest(conversation, target), losses: target.ledger.entries }
}
const encode = (members: Partial<Conversation> = {}): JsonObject => encodeFor('gemini-3-flash', members).body
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
const tool = (schema: JsonObject, members: object = {}): Tool => ({
  kind: 'function',
  name: 'f',
  description: 'd',
  schema,
  strict: null,
  isDeferred: false,
  ...members,
})
const PNG: Part = { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } }
const GEMINI: Carrier = { family: 'gemini', account: 'acct1', model: 'g', data: 'c2lnbmF0dXJl' }

describe('a request for a Gemini server', () => {
  it('says no more than is asked for', () => {
    expect(encode()).toEqual({ contents: [{ role: 'user', parts: [{ text: 'Hi' }] }] })
  })

  it('system text; 6.30: later system text is marked in the user’s turn', () => {
    const turns: Turn[] = [userSays('Hi'), { role: 'system', parts: [{ type: 'text', text: 'now' }] }, userSays('Go')]
    expect(encode({ system: [{ type: 'text', text: 's' }], turns })).toEqual({
      systemInstruction: { parts: [{ text: 's' }] },
      contents: [
        {
          role: 'user',
          parts: [{ text: 'Hi' }, { text: '<system-reminder>\nnow\n</system-reminder>' }, { text: 'Go' }],
        },
      ],
    })
  })

  it('6.26: schemas hold only what the vendor knows', () => {
    const schema = {
      $schema: 'x',
      type: 'object',
      properties: {
        a: { const: 'x', default: 'x' },
        b: { type: ['string', 'null'], pattern: 'x' },
        c: { type: 'number', exclusiveMinimum: 0 },
        d: { $ref: '#/$defs/D', description: 'x' },
      },
      propertyNames: { pattern: 'x' },
      $defs: { D: { type: 'string' } },
    }
    const [entry] = encode({ tools: [tool(schema)] })['tools'] as { functionDeclarations: JsonObject[] }[]
    const cleaned = JSON.stringify(entry?.functionDeclarations[0]?.['parametersJsonSchema'])
    expect(cleaned).not.toMatch(/\$schema|propertyNames|exclusiveMinimum|"const"|"default"|"pattern"/)
    expect(cleaned).toContain('"enum":["x"]')
    expect(entry?.functionDeclarations[0]).not.toHaveProperty('parameters')
  })

  it('custom tools take their text in one member, and give it back so', () => {
    const custom: Tool = {
      kind: 'custom',
      name: 'apply_patch',
      description: 'Patches',
      format: { type: 'grammar', syntax: 'lark', definition: 'x' },
    }
    const patch = call('c', { kind: 'custom', name: 'apply_patch', input: '*** "x"' })
    const body = encode({
      tools: [custom],
      turns: [userSays('Hi'), assistant(patch), results(resultOf('c', 'ok', { isCustom: true }))],
    })
    expect(body['tools']).toMatchObject([
      { functionDeclarations: [{ name: 'apply_patch', parametersJsonSchema: { required: ['input'] } }] },
    ])
    expect((body['contents'] as JsonObject[])[1]).toMatchObject({
      parts: [{ functionCall: { args: { input: '*** "x"' } } }],
    })
  })

  it('tools that run at a vendor run at this one where it has them, and beside functions where the model can', () => {
    const search: Tool = {
      kind: 'web-search',
      name: 'WebSearch',
      allowedDomains: [],
      blockedDomains: ['b.com'],
      userLocation: null,
      contextSize: null,
      maxUses: null,
    }
    const hosted = (name: string): Tool => ({ kind: 'hosted', protocol: 'anthropic', name, raw: {} })
    const tools = [
      search,
      search,
      hosted('web_fetch'),
      hosted('code_execution'),
      hosted('mcp'),
      tool({ type: 'object' }),
    ]
    const { body, losses } = encodeFor('gemini-3-flash', { tools })
    expect(body['tools']).toEqual([
      { functionDeclarations: [expect.anything()] },
      { googleSearch: {} },
      { urlContext: {} },
      { codeExecution: {} },
    ])
    expect(losses).toEqual(['dropped:blocked_domains', 'dropped:tool_mcp'])
    expect(encodeFor('gemini-2.5-flash', { tools }).body['tools']).toEqual([
      { functionDeclarations: [expect.anything()] },
    ])
    expect(() => encode({ tools, toolChoice: { mode: 'named', name: 'mcp' } })).toThrow('forced')
  })

  it.each<[Conversation['toolChoice'], JsonObject | undefined]>([
    [{ mode: 'auto' }, { mode: 'AUTO' }],
    [{ mode: 'none' }, { mode: 'NONE' }],
    [{ mode: 'required' }, { mode: 'ANY' }],
    [
      { mode: 'named', name: 'f' },
      { mode: 'ANY', allowedFunctionNames: ['ns__f'] },
    ],
    [
      { mode: 'allowed', names: ['f'], isRequired: false },
      { mode: 'VALIDATED', allowedFunctionNames: ['ns__f'] },
    ],
  ])('the choice %j', (toolChoice, expected) => {
    const body = encode({ tools: [tool({ type: 'object' }, { namespace: 'ns' })], toolChoice })
    expect(body['toolConfig']).toEqual({ functionCallingConfig: expected })
  })

  it.each<[string, Partial<NonNullable<Conversation['reasoning']>>, JsonObject | undefined]>([
    ['gemini-3-flash', { effort: 'xhigh' }, { thinkingLevel: 'HIGH', includeThoughts: true }],
    ['gemini-3-flash', { mode: 'disabled' }, { thinkingLevel: 'MINIMAL' }],
    ['gemini-3-pro', { effort: 'none' }, { thinkingLevel: 'LOW' }],
    ['gemini-3-flash', { mode: 'enabled', budget: 1000, isShown: false }, { thinkingLevel: 'LOW' }],
    ['gemini-3-flash', { mode: 'adaptive', isShown: false }, undefined],
    ['gemini-2.5-flash', { effort: 'medium' }, { thinkingBudget: 8192, includeThoughts: true }],
    ['gemini-2.5-flash', { effort: 'max' }, { thinkingBudget: 24_576, includeThoughts: true }],
    ['gemini-2.5-flash', { mode: 'disabled' }, { thinkingBudget: 0 }],
    ['gemini-2.5-pro', { mode: 'disabled' }, { thinkingBudget: 128 }],
    ['gemini-2.0-flash', { effort: 'high' }, undefined],
  ])('6.34: %s thinks as hard as it can when asked for %j', (name, wish, expected) => {
    const reasoning = { effort: null, budget: null, mode: null, isShown: null, ...wish }
    const config = encodeFor(name, { reasoning }).body['generationConfig'] as JsonObject | undefined
    expect(config?.['thinkingConfig']).toEqual(expected)
  })

  it('no more tokens and stops than the vendor takes', () => {
    const { body, losses } = encodeFor('gemini-3-flash', {
      maxOutputTokens: 128_000,
      stop: ['1', '2', '3', '4', '5', '6'],
      sampling: { temperature: 0.5, topK: 3, seed: 1, topLogprobs: 2 },
      serviceTier: 'fast',
    })
    expect(body['generationConfig']).toEqual({
      maxOutputTokens: 65_536,
      stopSequences: ['1', '2', '3', '4', '5'],
      temperature: 0.5,
      topK: 3,
      seed: 1,
      responseLogprobs: true,
      logprobs: 2,
    })
    expect(body['serviceTier']).toBe('priority')
    expect(losses).toEqual(['dropped:stop_sequences_beyond_the_fifth', 'weakened:max_tokens'])
  })

  it.each<[Conversation['format'], JsonObject]>([
    [{ type: 'json' }, { responseMimeType: 'application/json' }],
    [
      { type: 'schema', name: 'n', description: null, schema: { type: 'array' }, strict: true },
      { responseMimeType: 'application/json', responseJsonSchema: { type: 'array' } },
    ],
  ])('6.28: the format %j arrives', (format, expected) => {
    expect(encode({ format })['generationConfig']).toEqual(expected)
  })
})

it('what Gemini can say comes back as it was', () => {
  const conversation = conversationOf({
    source: 'gemini',
    model: 'gemini-3-flash',
    system: [{ type: 'text', text: 'Be kind.' }],
    turns: [
      { role: 'user', parts: [{ type: 'text', text: 'Hi 😀' }, PNG] },
      assistant({ type: 'text', text: 'Let me' }, call('c1', { carrier: { ...GEMINI, account: null, model: null } })),
      results(resultOf('c1', 'ok', { name: 'f' }), { type: 'text', text: 'Go' }),
    ],
    tools: [tool({ type: 'object', properties: { a: { type: 'string' } } })],
    toolChoice: { mode: 'named', name: 'f' },
    maxOutputTokens: 100,
    stop: ['x'],
    sampling: { temperature: 0.5, topP: 0.9, topK: 3, seed: 1, presencePenalty: 1, frequencyPenalty: 1 },
    reasoning: { effort: 'high', budget: null, mode: null, isShown: true },
    format: {
      type: 'schema',
      name: null,
      description: null,
      schema: { type: 'array', items: { type: 'string' } },
      strict: null,
    },
    serviceTier: 'default',
  })
  const target = targetOf('gemini', { model: 'gemini-3-flash', conversation, isVendorHost: true })
  const body = hubUpstream.encodeRequest(conversation, target)
  const ledger = createLedger()
  expect(hubDownstream.decodeRequest(body, { model: 'gemini-3-flash', stream: true }, ledger)).toEqual(conversation)
  expect([...target.ledger.entries, ...ledger.entries]).toEqual([])
})
