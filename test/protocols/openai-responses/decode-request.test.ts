import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import { wrapCarrier } from '../../../src/protocols/carrier.ts'
import type { Carrier, Conversation } from '../../../src/protocols/hub.ts'
import { createLedger } from '../../../src/protocols/ledger.ts'
import { hubDownstream } from '../../../src/protocols/openai-responses/hub-downstream.ts'

const decode = (body: JsonObject, ledger = createLedger()): Conversation =>
  hubDownstream.decodeRequest({ input: 'Hi', ...body }, { model: 'm', stream: true }, ledger)
const turnsOf = (...input: JsonObject[]) => decode({ input }).turns
const lossesOf = (body: JsonObject): readonly string[] => {
  const ledger = createLedger()
  decode(body, ledger)
  return ledger.entries
}

const says = (role: string, text: string): JsonObject => ({
  type: 'message',
  role,
  content: [{ type: role === 'assistant' ? 'output_text' : 'input_text', text }],
})

describe('a Responses request', () => {
  it('as Codex sends it: instructions as messages, tools as an item, reasoning sealed, free text', () => {
    const exec = {
      type: 'custom',
      name: 'exec',
      description: 'Runs',
      format: { type: 'grammar', syntax: 'lark', definition: 'x' },
    }
    const sealed = {
      type: 'reasoning',
      id: 'rs_1',
      summary: [{ type: 'summary_text', text: 'hm' }],
      encrypted_content: 'gAAAAx',
    }
    const ledger = createLedger()
    const conversation = decode(
      {
        input: [
          {
            type: 'additional_tools',
            role: 'developer',
            tools: [{ type: 'namespace', name: 'functions', tools: [exec] }],
          },
          says('developer', 'You are Codex.'),
          says('developer', 'Sandbox: none.'),
          says('user', 'Fix it'),
          sealed,
          { type: 'custom_tool_call', call_id: 'call_1', namespace: 'functions', name: 'exec', input: 'ls "a"\n' },
          { type: 'custom_tool_call_output', call_id: 'call_1', output: 'ok' },
          { type: 'configuration_update' },
        ],
        reasoning: { effort: 'high', summary: 'auto', context: 'x' },
        include: ['reasoning.encrypted_content'],
        store: false,
        parallel_tool_calls: false,
        prompt_cache_key: 'thread',
        text: { verbosity: 'low' },
        client_metadata: {},
        tool_choice: 'auto',
      },
      ledger,
    )
    expect(conversation).toMatchObject({
      source: 'openai-responses',
      model: 'm',
      system: [{ text: 'You are Codex.' }, { text: 'Sandbox: none.' }],
      tools: [{ kind: 'custom', name: 'exec', namespace: 'functions', format: exec.format }],
      reasoning: { effort: 'high', isShown: true },
      parallelTools: false,
      toolChoice: { mode: 'auto' },
      cacheKey: 'thread',
      verbosity: 'low',
      maxOutputTokens: null,
    })
    const carrier: Carrier = { family: 'openai', account: null, model: null, data: sealed }
    expect(conversation.turns).toEqual([
      { role: 'user', parts: [{ type: 'text', text: 'Fix it' }] },
      {
        role: 'assistant',
        parts: [
          { type: 'reasoning', text: 'hm', carrier },
          { type: 'tool-call', id: 'call_1', name: 'exec', namespace: 'functions', kind: 'custom', input: 'ls "a"\n' },
        ],
      },
      {
        role: 'user',
        parts: [
          {
            type: 'tool-result',
            callId: 'call_1',
            name: null,
            parts: [{ type: 'text', text: 'ok' }],
            isError: false,
            isCustom: true,
          },
        ],
      },
    ])
    expect(ledger.entries).toEqual(['dropped:configuration_update'])
  })

  it('a text alone is what the user says, behind the instructions', () => {
    const { system, turns } = decode({ instructions: 'Be kind.', input: 'Hi' })
    expect(system).toEqual([{ type: 'text', text: 'Be kind.' }])
    expect(turns).toEqual([{ role: 'user', parts: [{ type: 'text', text: 'Hi' }] }])
  })

  it('6.30: a system message in the middle keeps its place', () => {
    const turns = turnsOf(says('system', 'first'), says('user', 'Hi'), says('developer', 'later'), says('user', 'Go'))
    expect(turns.map(({ role }) => role)).toEqual(['user', 'system', 'user'])
  })

  it('messages without a type, with text for content', () => {
    expect(turnsOf({ role: 'user', content: 'a' }, { role: 'assistant', content: 'b', phase: 'commentary' })).toEqual([
      { role: 'user', parts: [{ type: 'text', text: 'a' }] },
      { role: 'assistant', parts: [{ type: 'text', text: 'b', phase: 'commentary' }] },
    ])
  })

  it('pictures, files and sounds, also in results', () => {
    const content = [
      { type: 'input_image', image_url: 'data:image/jpg;base64,AAAA', detail: 'low' },
      { type: 'input_image', image_url: 'https://a/b.png' },
      { type: 'input_file', file_data: 'data:application/pdf;base64,BBBB', filename: 'b.pdf' },
      { type: 'input_file', file_data: `data:text/plain;base64,${Buffer.from('ü').toString('base64')}` },
      { type: 'input_file', file_url: 'https://a/c.pdf' },
      { type: 'input_audio', input_audio: { format: 'wav', data: 'CCCC' } },
    ]
    const [turn] = turnsOf({ role: 'user', content })
    expect(turn?.parts).toEqual([
      { type: 'image', source: { kind: 'base64', mediaType: 'image/jpeg', data: 'AAAA' }, detail: 'low' },
      { type: 'image', source: { kind: 'url', url: 'https://a/b.png' } },
      { type: 'document', source: { kind: 'base64', mediaType: 'application/pdf', data: 'BBBB' }, filename: 'b.pdf' },
      { type: 'document', source: { kind: 'text', text: 'ü' } },
      { type: 'document', source: { kind: 'url', url: 'https://a/c.pdf' } },
      { type: 'audio', format: 'wav', data: 'CCCC' },
    ])
    const output = [{ type: 'input_text', text: 'seen' }, content[0] as JsonObject]
    const [result] = turnsOf({ type: 'function_call_output', call_id: 'c', output })
    expect(result?.parts).toMatchObject([{ parts: [{ text: 'seen' }, { type: 'image' }] }])
  })

  it('6.25: state that Gemini ties to a call goes back to that call', () => {
    const carrier: Carrier = { family: 'gemini', account: 'acct1', model: 'g', data: 'c2ln' }
    const call = { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' }
    const [turn] = turnsOf({ type: 'reasoning', summary: [], encrypted_content: wrapCarrier(carrier) }, call)
    expect(turn?.parts).toEqual([{ type: 'tool-call', id: 'c', name: 'f', kind: 'function', input: '{}', carrier }])
  })

  it('words of reasoning without state stay for hosts that need them', () => {
    const [turn] = turnsOf({ type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text: 'hm' }] })
    expect(turn?.parts).toEqual([{ type: 'reasoning', text: 'hm', carrier: null }])
  })

  it('calls of built-in tools are calls of a tool with that name', () => {
    const turns = turnsOf(
      { type: 'local_shell_call', call_id: 'c', action: { type: 'exec', command: ['ls'] } },
      { type: 'local_shell_call_output', call_id: 'c', output: 'ok' },
    )
    expect(turns).toMatchObject([
      { parts: [{ type: 'tool-call', name: 'local_shell', input: '{"type":"exec","command":["ls"]}' }] },
      { parts: [{ type: 'tool-result', callId: 'c' }] },
    ])
  })

  it('tools that a search has found are tools, and the last word on a tool counts', () => {
    const f = (description: string): JsonObject => ({
      type: 'function',
      name: 'f',
      description,
      parameters: { type: 'object' },
    })
    const { tools } = decode({
      tools: [f('old'), { type: 'web_search', filters: { allowed_domains: ['a.com'] }, search_context_size: 'low' }],
      input: [says('user', 'Hi'), { type: 'tool_search_output', tools: [f('new')] }],
    })
    expect(tools).toMatchObject([
      { kind: 'function', name: 'f', description: 'new', strict: null },
      { kind: 'web-search', allowedDomains: ['a.com'], contextSize: 'low' },
    ])
  })

  it.each<[JsonObject[string], Conversation['toolChoice']]>([
    ['required', { mode: 'required' }],
    [
      { type: 'function', name: 'f' },
      { mode: 'named', name: 'f' },
    ],
    [
      { type: 'custom', name: 'c' },
      { mode: 'named', name: 'c' },
    ],
    [{ type: 'web_search_preview' }, { mode: 'named', name: 'web_search' }],
    [
      { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'f' }, { type: 'web_search' }] },
      { mode: 'allowed', names: ['f', 'web_search'], isRequired: true },
    ],
  ])('the choice %j', (choice, expected) => {
    expect(decode({ tool_choice: choice }).toolChoice).toEqual(expected)
  })

  it.each<[JsonObject, Conversation['format']]>([
    [{ type: 'text' }, { type: 'text' }],
    [{ type: 'json_object' }, { type: 'json' }],
    [
      { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true },
      { type: 'schema', name: 'n', description: null, schema: { type: 'object' }, strict: true },
    ],
  ])('6.28: the format %j', (format, expected) => {
    expect(decode({ text: { format } }).format).toEqual(expected)
  })

  it.each<[JsonObject, Partial<NonNullable<Conversation['reasoning']>>]>([
    [{ effort: 'none' }, { effort: 'none', mode: 'disabled', isShown: false }],
    [
      { effort: 'xhigh', summary: 'detailed' },
      { effort: 'xhigh', mode: null, isShown: true },
    ],
    [{ effort: 'huge' }, { effort: null }],
  ])('the wish for reasoning %j', (reasoning, expected) => {
    expect(decode({ reasoning }).reasoning).toMatchObject(expected)
  })

  it.each<[string, JsonObject, string]>([
    ['a background answer', { background: true }, 'background'],
    ['a stored prompt', { prompt: { id: 'p' } }, 'prompt'],
    ['a stored conversation', { conversation: 'c' }, 'conversation'],
    ['a reference to an item', { input: [{ type: 'item_reference', id: 'x' }] }, 'input'],
    [
      'a file of another vendor',
      { input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'f' }] }] },
      'file_id',
    ],
    ['a picture that is none', { input: [{ role: 'user', content: [{ type: 'input_image' }] }] }, 'input'],
    ['no input', { input: 5 }, 'input'],
  ])('%s is refused with the member at fault', (_, body, param) => {
    expect(() => decode(body)).toThrow(expect.objectContaining({ kind: 'invalid_request', param }) as Error)
  })

  it('tells what is lost, and nothing of what is not', () => {
    const granted = {
      store: true,
      metadata: { a: 'b' },
      truncation: 'disabled',
      include: ['reasoning.encrypted_content'],
    }
    expect(lossesOf({ ...granted, max_tool_calls: null })).toEqual([])
    const lost = { truncation: 'auto', include: ['message.output_text.logprobs'], max_tool_calls: 3 }
    expect(lossesOf({ ...lost, input: [says('user', 'Hi'), { type: 'web_search_call' }] })).toEqual([
      'dropped:truncation',
      'dropped:include',
      'dropped:max_tool_calls',
      'dropped:web_search_call',
    ])
  })
})
