import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import { wrapCarrier } from '../../../src/protocols/carrier.ts'
import { hubDownstream } from '../../../src/protocols/gemini/hub-downstream.ts'
import type { Carrier, Conversation } from '../../../src/protocols/hub.ts'
import { createLedger } from '../../../src/protocols/ledger.ts'

const decode = (body: JsonObject, ledger = createLedger()): Conversation =>
  hubDownstream.decodeRequest(
    { contents: [{ parts: [{ text: 'Hi' }] }], ...body },
    { model: 'm', stream: true },
    ledger,
  )
const turnsOf = (...contents: JsonObject[]) => decode({ contents }).turns
const user = (...parts: JsonObject[]): JsonObject => ({ role: 'user', parts })
const model = (...parts: JsonObject[]): JsonObject => ({ role: 'model', parts })
const call = (name: string, members: JsonObject = {}): JsonObject => ({ functionCall: { name, args: {}, ...members } })
const answer = (name: string, response: JsonObject, members: JsonObject = {}): JsonObject => ({
  functionResponse: { name, response, ...members },
})

describe('a Gemini request', () => {
  it('as Gemini CLI sends it', () => {
    const conversation = decode({
      systemInstruction: { role: 'user', parts: [{ text: 'You are an agent.' }] },
      contents: [
        user({ text: 'Hi' }),
        model(
          { text: 'Let me' },
          { functionCall: { id: 'c1', name: 'read_file', args: { path: 'a' } }, thoughtSignature: 'c2lnbmF0dXJl' },
        ),
        user(answer('read_file', { output: 'ok' }, { id: 'c1' })),
      ],
      tools: [
        { functionDeclarations: [{ name: 'read_file', description: 'd', parametersJsonSchema: { type: 'object' } }] },
      ],
      generationConfig: {
        temperature: 1,
        topP: 0.9,
        topK: 64,
        maxOutputTokens: 9,
        stopSequences: ['x'],
        thinkingConfig: { includeThoughts: true, thinkingBudget: -1 },
      },
    })
    expect(conversation).toMatchObject({
      source: 'gemini',
      model: 'm',
      stream: true,
      system: [{ type: 'text', text: 'You are an agent.' }],
      tools: [{ kind: 'function', name: 'read_file', description: 'd', schema: { type: 'object' }, strict: null }],
      sampling: { temperature: 1, topP: 0.9, topK: 64 },
      maxOutputTokens: 9,
      stop: ['x'],
      reasoning: { effort: null, budget: null, mode: 'adaptive', isShown: true },
    })
    const carrier: Carrier = { family: 'gemini', account: null, model: null, data: 'c2lnbmF0dXJl' }
    expect(conversation.turns.slice(1)).toEqual([
      {
        role: 'assistant',
        parts: [
          { type: 'text', text: 'Let me' },
          { type: 'tool-call', id: 'c1', name: 'read_file', kind: 'function', input: '{"path":"a"}', carrier },
        ],
      },
      {
        role: 'user',
        parts: [
          {
            type: 'tool-result',
            callId: 'c1',
            name: 'read_file',
            parts: [{ type: 'text', text: 'ok' }],
            isError: false,
            isCustom: false,
          },
        ],
      },
    ])
  })

  it('in snake_case means the same, but for what is the user’s own', () => {
    const camel = decode({
      systemInstruction: { parts: [{ text: 's' }] },
      contents: [
        user({ inlineData: { mimeType: 'image/png', data: 'AAAA' } }),
        model(call('f', { args: { my_arg: 1 } })),
      ],
      toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['f'] } },
      generationConfig: { maxOutputTokens: 5, responseMimeType: 'application/json' },
    })
    const snake = decode({
      system_instruction: { parts: [{ text: 's' }] },
      contents: [
        user({ inline_data: { mime_type: 'image/png', data: 'AAAA' } }),
        model({ function_call: { name: 'f', args: { my_arg: 1 } } }),
      ],
      tool_config: { function_calling_config: { mode: 'ANY', allowed_function_names: ['f'] } },
      generation_config: { max_output_tokens: 5, response_mime_type: 'application/json' },
    })
    expect(snake).toEqual(camel)
    expect(snake.turns[1]?.parts).toMatchObject([{ input: '{"my_arg":1}' }])
  })

  it('whose chat replays every chunk is one turn with one text', () => {
    expect(turnsOf(user({ text: 'Hi' }), model({ text: 'He' }), model({ text: 'llo' }), model({ text: '' }))).toEqual([
      { role: 'user', parts: [{ type: 'text', text: 'Hi' }] },
      { role: 'assistant', parts: [{ type: 'text', text: 'Hello' }] },
    ])
  })

  it('6.25: state of another vendor is reasoning again, with the thoughts that stood before it', () => {
    const carrier: Carrier = { family: 'openai', account: 'acct1', model: 'gpt', data: { type: 'reasoning' } }
    const [turn] = turnsOf(
      model(
        { text: 'h', thought: true },
        { text: 'm', thought: true },
        { ...call('f', { id: 'c' }), thoughtSignature: wrapCarrier(carrier) },
      ),
    )
    expect(turn?.parts).toEqual([
      { type: 'reasoning', text: 'hm', carrier },
      { type: 'tool-call', id: 'c', name: 'f', kind: 'function', input: '{}' },
    ])
  })

  it('the word for a lost signature is no signature', () => {
    const [turn] = turnsOf(model({ ...call('f'), thoughtSignature: 'skip_thought_signature_validator' }))
    expect(turn?.parts[0]).not.toHaveProperty('carrier')
  })

  it('6.24: results without ids belong to the calls of their name, in order', () => {
    const [, calls, results] = turnsOf(
      user({ text: 'Hi' }),
      model(call('f'), call('g'), call('f')),
      user(answer('f', { output: '1' }), answer('f', { output: '2' }), answer('g', { output: '3' }, { id: 'own' })),
    )
    const idsOf = (turn: typeof calls) =>
      turn?.parts.map((part) => (part.type === 'tool-call' ? part.id : part.type === 'tool-result' && part.callId))
    const [first, second, third] = idsOf(calls) as string[]
    expect(new Set([first, second, third]).size).toBe(3)
    expect(idsOf(results)).toEqual([first, third, second])
  })

  it.each<[JsonObject, object]>([
    [{ output: 'ok' }, { parts: [{ text: 'ok' }], isError: false }],
    [{ output: { a: 1 } }, { parts: [{ text: '{"a":1}' }], isError: false }],
    [{ a: 1 }, { parts: [{ text: '{"a":1}' }], isError: false }],
    [{ error: 'no' }, { parts: [{ text: 'no' }], isError: true }],
    [
      { output: 'ok', error: null },
      { parts: [{ text: 'ok' }], isError: false },
    ],
  ])('the result %j', (response, expected) => {
    const [, turn] = turnsOf(model(call('f')), user(answer('f', response)))
    expect(turn?.parts).toMatchObject([expected])
  })

  it('6.29: pictures in results stay', () => {
    const parts = [
      { inlineData: { mimeType: 'image/png', data: 'AAAA' } },
      { inlineData: { mimeType: 'application/pdf', data: 'BBBB' } },
    ]
    const [, turn] = turnsOf(model(call('f')), user(answer('f', { output: 'see' }, { parts })))
    expect(turn?.parts).toMatchObject([{ parts: [{ text: 'see' }, { type: 'image' }, { type: 'document' }] }])
  })

  it('pictures, sounds and files are told by their media type', () => {
    const inline = (mimeType: string, data: string): JsonObject => ({ inlineData: { mimeType, data } })
    const file = (mimeType: string): JsonObject => ({ fileData: { mimeType, fileUri: 'https://a/b' } })
    const [turn] = turnsOf(
      user(
        inline('image/png', 'A'),
        inline('audio/mpeg', 'B'),
        inline('application/pdf', 'C'),
        inline('text/plain', 'w7w='),
        file('image/png'),
        file('application/pdf'),
      ),
    )
    expect(turn?.parts).toEqual([
      { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'A' } },
      { type: 'audio', format: 'mp3', data: 'B' },
      { type: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: 'C' } },
      { type: 'document', source: { kind: 'text', text: 'ü' } },
      { type: 'image', source: { kind: 'url', url: 'https://a/b' } },
      { type: 'document', source: { kind: 'url', url: 'https://a/b' } },
    ])
  })

  it('old schemas become JSON Schema', () => {
    const parameters = {
      type: 'OBJECT',
      properties: {
        type: { type: 'STRING', nullable: true, enum: ['STRING'] },
        list: { type: 'ARRAY', items: { type: 'INTEGER' }, minItems: '1' },
      },
      required: ['type'],
      propertyOrdering: ['type'],
    }
    const { tools } = decode({
      tools: [{ functionDeclarations: [{ name: 'f', parameters }] }, { googleSearch: {} }, { codeExecution: {} }],
    })
    expect(tools).toMatchObject([
      {
        schema: {
          type: 'object',
          properties: {
            type: { type: ['string', 'null'], enum: ['STRING'] },
            list: { type: 'array', items: { type: 'integer' }, minItems: 1 },
          },
          required: ['type'],
        },
      },
      { kind: 'web-search' },
      { kind: 'hosted', protocol: 'gemini', name: 'codeExecution' },
    ])
    expect((tools[0] as { schema: JsonObject }).schema).not.toHaveProperty('propertyOrdering')
  })

  it.each<[JsonObject, Conversation['toolChoice']]>([
    [{ mode: 'AUTO' }, { mode: 'auto' }],
    [{ mode: 'VALIDATED' }, { mode: 'auto' }],
    [{ mode: 'NONE' }, { mode: 'none' }],
    [{ mode: 'ANY' }, { mode: 'required' }],
    [
      { mode: 'ANY', allowedFunctionNames: ['f'] },
      { mode: 'named', name: 'f' },
    ],
    [
      { mode: 'ANY', allowedFunctionNames: ['f', 'g'] },
      { mode: 'allowed', names: ['f', 'g'], isRequired: true },
    ],
    [
      { mode: 'VALIDATED', allowedFunctionNames: ['f'] },
      { mode: 'allowed', names: ['f'], isRequired: false },
    ],
  ])('the choice %j', (functionCallingConfig, expected) => {
    expect(decode({ toolConfig: { functionCallingConfig } }).toolChoice).toEqual(expected)
  })

  it.each<[JsonObject, Conversation['reasoning']]>([
    [{ thinkingBudget: 0 }, { effort: null, budget: null, mode: 'disabled', isShown: false }],
    [
      { thinkingBudget: 2000, includeThoughts: true },
      { effort: null, budget: 2000, mode: 'enabled', isShown: true },
    ],
    [{ thinkingLevel: 'LOW' }, { effort: 'low', budget: null, mode: null, isShown: false }],
  ])('the wish for thoughts %j', (thinkingConfig, expected) => {
    expect(decode({ generationConfig: { thinkingConfig } }).reasoning).toEqual(expected)
  })

  it.each<[JsonObject, object]>([
    [{ responseMimeType: 'application/json' }, { type: 'json' }],
    [{ responseMimeType: 'text/plain' }, { type: 'text' }],
    [
      { responseMimeType: 'application/json', responseSchema: { type: 'OBJECT' } },
      { type: 'schema', schema: { type: 'object' } },
    ],
    [
      { responseMimeType: 'application/json', responseJsonSchema: { type: 'array' } },
      { type: 'schema', schema: { type: 'array' } },
    ],
  ])('6.28: the format %j', (generationConfig, expected) => {
    expect(decode({ generationConfig }).format).toMatchObject(expected)
  })

  it.each<[string, JsonObject, string]>([
    ['several candidates', { generationConfig: { candidateCount: 2 } }, 'candidateCount'],
    ['cached content', { cachedContent: 'c' }, 'cachedContent'],
    ['pictures for an answer', { generationConfig: { responseModalities: ['TEXT', 'IMAGE'] } }, 'responseModalities'],
    ['speech', { generationConfig: { speechConfig: {} } }, 'speechConfig'],
    ['a file that Google keeps', { contents: [user({ fileData: { fileUri: 'gs://a/b' } })] }, 'fileData'],
    ['no contents', { contents: [] }, 'contents'],
  ])('%s is refused with the member at fault', (_, body, param) => {
    expect(() => decode(body)).toThrow(expect.objectContaining({ kind: 'invalid_request', param }) as Error)
  })

  it('tells what is lost', () => {
    const ledger = createLedger()
    decode(
      {
        safetySettings: [],
        labels: {},
        generationConfig: { mediaResolution: 'LOW', temperature: 1 },
        contents: [user({ toolCall: {} })],
        serviceTier: 'standard',
      },
      ledger,
    )
    expect(ledger.entries).toEqual([
      'dropped:safetySettings',
      'dropped:labels',
      'dropped:mediaResolution',
      'dropped:toolCall',
    ])
  })
})
