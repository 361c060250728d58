import { describe, expect, it } from 'vitest'
import type { JsonObject, JsonValue } from '../../../src/core/json.ts'
import { decodeRequest } from '../../../src/protocols/anthropic/decode-request.ts'
import { wrapCarrier } from '../../../src/protocols/carrier.ts'
import type { Carrier, Conversation, Part, Tool } from '../../../src/protocols/hub.ts'
import { createLedger } from '../../../src/protocols/ledger.ts'

interface Decoded extends Conversation {
  readonly ledger: readonly string[]
}

function decode(members: JsonObject): Decoded {
  const ledger = createLedger()
  const body = { model: 'm', max_tokens: 100, messages: [{ role: 'user', content: 'Hi' }], ...members }
  return { ...decodeRequest(body, { model: 'claude-opus-5-5', stream: true }, ledger), ledger: ledger.entries }
}

function partsOf(content: JsonValue, role = 'user'): readonly Part[] {
  return decode({ messages: [{ role, content }] }).turns.flatMap((turn) => turn.parts)
}

const ephemeral = { type: 'ephemeral' }

describe('what Claude Code sends', () => {
  const request = (nonce: string): JsonObject => ({
    system: [
      { type: 'text', text: `x-anthropic-billing-header: cc_version=2.1; cch=${nonce};` },
      { type: 'text', text: 'You are Claude Code', cache_control: ephemeral },
    ],
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'List files' }] },
      { role: 'system', content: 'The date is today' },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: 'EqQBCkYIBR' },
          { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: { command: 'ls' } },
        ],
      },
      {
        role: 'user',
        content: [
          {
            type: 'tool_result',
            tool_use_id: 'toolu_1',
            content: [{ type: 'text', text: 'a.ts' }],
            cache_control: ephemeral,
          },
        ],
      },
    ],
    tools: [{ name: 'Bash', description: 'Runs', input_schema: { type: 'object' }, eager_input_streaming: true }],
    thinking: { type: 'adaptive', display: 'omitted' },
    output_config: { effort: 'xhigh' },
    context_management: { edits: [] },
    metadata: { user_id: '{"device_id":"d1","account_uuid":"","session_id":"s1"}' },
  })

  it('is understood in full, and what is not is noted', () => {
    const { ledger, ...conversation } = decode(request('1'))
    expect(conversation).toEqual({
      source: 'anthropic',
      model: 'claude-opus-5-5',
      stream: true,
      system: [{ type: 'text', text: 'You are Claude Code', cacheControl: ephemeral }],
      turns: [
        { role: 'user', parts: [{ type: 'text', text: 'List files' }] },
        { role: 'system', parts: [{ type: 'text', text: 'The date is today' }] },
        {
          role: 'assistant',
          parts: [
            {
              type: 'reasoning',
              text: 'hm',
              carrier: { family: 'anthropic', account: null, model: null, data: 'EqQBCkYIBR' },
            },
            { type: 'tool-call', id: 'toolu_1', name: 'Bash', kind: 'function', input: '{"command":"ls"}' },
          ],
        },
        {
          role: 'user',
          parts: [
            {
              type: 'tool-result',
              callId: 'toolu_1',
              name: null,
              parts: [{ type: 'text', text: 'a.ts' }],
              isError: false,
              isCustom: false,
              cacheControl: ephemeral,
            },
          ],
        },
      ],
      tools: [
        {
          kind: 'function',
          name: 'Bash',
          description: 'Runs',
          schema: { type: 'object' },
          strict: null,
          isDeferred: false,
        },
      ],
      toolChoice: null,
      parallelTools: null,
      maxOutputTokens: 100,
      stop: [],
      sampling: {},
      reasoning: { effort: 'xhigh', budget: null, mode: 'adaptive', isShown: false },
      format: null,
      verbosity: null,
      cacheKey: 's1',
      marksCache: true,
      user: 'd1',
      serviceTier: null,
      previousResponseId: null,
      wantsUsage: true,
      extras: {},
    })
    expect(ledger).toEqual(['dropped:context_management'])
  })

  it('6.31: is the same on every turn, although its first line changes', () => {
    const [first, second] = [decode(request('1')), decode(request('2'))]
    expect([second.system, second.cacheKey]).toEqual([first.system, first.cacheKey])
  })

  it('6.30: keeps system messages where they stand, and those at the beginning with the system text', () => {
    const { system, turns } = decode({
      system: 'One',
      messages: [
        { role: 'system', content: 'Two' },
        { role: 'user', content: 'Hi' },
        { role: 'system', content: [{ type: 'text', text: 'Three' }] },
      ],
    })
    expect(system.map(({ text }) => text)).toEqual(['One', 'Two'])
    expect(turns.map(({ role }) => role)).toEqual(['user', 'system'])
  })
})

describe('blocks', () => {
  it.each<[string, JsonObject, Part[]]>([
    [
      'a picture',
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } },
      [{ type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AA==' } }],
    ],
    [
      'a picture by its address',
      { type: 'image', source: { type: 'url', url: 'https://x/y.png' } },
      [{ type: 'image', source: { kind: 'url', url: 'https://x/y.png' } }],
    ],
    [
      'a document with its title',
      { type: 'document', source: { type: 'file', file_id: 'file_1' }, title: 'T', context: 'C' },
      [{ type: 'document', source: { kind: 'file', id: 'file_1' }, title: 'T', context: 'C' }],
    ],
    [
      'a document made of blocks',
      {
        type: 'document',
        source: {
          type: 'content',
          content: [
            { type: 'text', text: 'one' },
            { type: 'image', source: { type: 'url', url: 'https://x/y.png' } },
            { type: 'text', text: 'two' },
          ],
        },
      },
      [
        { type: 'document', source: { kind: 'text', text: 'one\n\ntwo' } },
        { type: 'image', source: { kind: 'url', url: 'https://x/y.png' } },
      ],
    ],
    [
      'a result of the client’s own search',
      { type: 'search_result', title: 'T', source: 'https://x', content: [{ type: 'text', text: 'found' }] },
      [{ type: 'text', text: 'T\nhttps://x\nfound' }],
    ],
    [
      'redacted thinking',
      { type: 'redacted_thinking', data: 'Eabc' },
      [
        {
          type: 'reasoning',
          text: '',
          carrier: {
            family: 'anthropic',
            account: null,
            model: null,
            data: { type: 'redacted_thinking', data: 'Eabc' },
          },
        },
      ],
    ],
    [
      'a tool call without input',
      { type: 'tool_use', id: 'a', name: 'f' },
      [{ type: 'tool-call', id: 'a', name: 'f', kind: 'function', input: '{}' }],
    ],
    [
      'anything unknown',
      { type: 'container_upload', file_id: 'f' },
      [{ type: 'opaque', protocol: 'anthropic', raw: { type: 'container_upload', file_id: 'f' } }],
    ],
  ])('%s', (_, block, parts) => expect(partsOf([block])).toEqual(parts))

  it('6.29: keep the pictures in a tool’s result', () => {
    const png = { type: 'base64', media_type: 'image/png', data: 'AA==' }
    const content = [
      { type: 'text', text: 'see' },
      { type: 'image', source: png },
    ]
    expect(partsOf([{ type: 'tool_result', tool_use_id: 'a', content, is_error: true }])).toMatchObject([
      {
        isError: true,
        parts: [
          { type: 'text', text: 'see' },
          { type: 'image', source: { kind: 'base64', data: 'AA==' } },
        ],
      },
    ])
  })

  it('tell a search of the web together with its pages', () => {
    const use = { type: 'server_tool_use', id: 'srvtoolu_ws_7', name: 'web_search', input: { query: 'cats' } }
    const page = { type: 'web_search_result', url: 'https://a', title: 'A', encrypted_content: '' }
    const result = { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_ws_7', content: [page] }
    expect(partsOf([use, result], 'assistant')).toEqual([
      { type: 'web-search', id: 'ws_7', query: 'cats', sources: [{ url: 'https://a', title: 'A' }] },
    ])
  })

  it('6.20: bring back the state of another vendor’s reasoning byte for byte', () => {
    const carrier: Carrier = {
      family: 'openai',
      account: 'a1',
      model: 'gpt-5.5',
      data: { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAAAé' },
    }
    expect(partsOf([{ type: 'thinking', thinking: 'hm', signature: wrapCarrier(carrier) }], 'assistant')).toEqual([
      { type: 'reasoning', text: 'hm', carrier },
    ])
  })

  it('6.25: give a Gemini signature back to the call that it came with', () => {
    const carrier: Carrier = { family: 'gemini', account: 'a1', model: 'g', data: 'c2ln' }
    const seal = { type: 'thinking', thinking: '', signature: wrapCarrier(carrier) }
    const call = { type: 'tool_use', id: 'a', name: 'f', input: {} }
    expect(partsOf([seal, call, { ...call, id: 'b' }], 'assistant')).toMatchObject([
      { type: 'tool-call', id: 'a', carrier },
      { type: 'tool-call', id: 'b' },
    ])
  })

  it('stand before and after a compaction, whose summary nobody said', () => {
    const { turns } = decode({
      messages: [
        { role: 'user', content: 'Hi' },
        {
          role: 'assistant',
          content: [
            { type: 'compaction', content: 'So far: hi' },
            { type: 'text', text: 'Yes' },
          ],
        },
      ],
    })
    expect(turns.slice(1)).toEqual([
      { role: 'system', parts: [{ type: 'text', text: 'So far: hi' }] },
      { role: 'assistant', parts: [{ type: 'text', text: 'Yes' }] },
    ])
  })

  it.each<[string, JsonValue, string]>([
    ['no messages', null, 'messages'],
    ['a message that is no object', ['Hi'], 'messages.0'],
    ['an unknown role', [{ role: 'tool', content: 'x' }], 'messages.0.role'],
    ['content of another type', [{ role: 'user', content: 1 }], 'messages.0.content'],
    ['a block that is no object', [{ role: 'user', content: ['x'] }], 'messages.0.content.0'],
    ['a picture from nowhere', [{ role: 'user', content: [{ type: 'image' }] }], 'messages.0.content.0.source'],
  ])('are refused with the member at fault: %s', (_, messages, param) => {
    expect(() => decode({ messages })).toThrow(expect.objectContaining({ kind: 'invalid_request', param }))
  })
})

describe('tools', () => {
  const custom = (name: string, members: JsonObject = {}): JsonObject => ({ name, input_schema: {}, ...members })
  const namesOf = ({ tools }: Conversation): string[] =>
    tools.filter((tool) => !('isDeferred' in tool && tool.isDeferred)).map(({ name }) => name)

  it.each<[string, JsonObject, Partial<Tool>]>([
    ['a strict function', custom('f', { strict: true }), { kind: 'function', name: 'f', strict: true }],
    [
      'a search',
      { type: 'web_search_20250305', name: 'web_search', allowed_domains: ['a.example'], max_uses: 8 },
      { kind: 'web-search', allowedDomains: ['a.example'], blockedDomains: [], maxUses: 8 },
    ],
    ['a tool that Claude knows by heart', { type: 'bash_20250124', name: 'bash' }, { kind: 'function', name: 'bash' }],
    [
      'a tool that runs at the vendor',
      { type: 'code_execution_20260521', name: 'code_execution' },
      { kind: 'hosted', protocol: 'anthropic', name: 'code_execution' },
    ],
  ])('%s', (_, tool, decoded) => expect(decode({ tools: [tool] }).tools).toMatchObject([decoded]))

  it('that are deferred wait for the client’s own search to find them', () => {
    const tools = [custom('ToolSearch'), custom('a', { defer_loading: true }), custom('b', { defer_loading: true })]
    const found = [{ type: 'tool_reference', tool_name: 'b' }]
    const messages = [
      { role: 'user', content: 'Hi' },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'x', content: found }] },
    ]
    expect(namesOf(decode({ tools }))).toEqual(['ToolSearch'])
    expect(namesOf(decode({ tools, messages }))).toEqual(['ToolSearch', 'b'])
    expect(namesOf(decode({ tools, tool_choice: { type: 'tool', name: 'a' } }))).toEqual(['ToolSearch', 'a'])
  })

  it('that are deferred are all there when nobody here could search for them', () => {
    const hosted = { type: 'tool_search_tool_regex_20251119', name: 'tool_search_tool_regex' }
    const deferred = custom('a', { defer_loading: true })
    expect(namesOf(decode({ tools: [deferred] }))).toEqual(['a'])
    const searched = decode({ tools: [hosted, deferred] })
    expect([namesOf(searched), searched.ledger]).toEqual([['a'], ['dropped:tools.tool_search']])
  })

  it('that act on a screen are refused', () => {
    expect(() => decode({ tools: [{ type: 'computer_20250124', name: 'computer' }] })).toThrow(
      expect.objectContaining({ kind: 'invalid_request', param: 'tools.0' }),
    )
  })

  it('show short examples in their description', () => {
    const tool = custom('f', { description: 'D', input_examples: [{ a: 1 }] })
    expect(decode({ tools: [tool] }).tools).toMatchObject([{ description: 'D\n\nExamples of input: [{"a":1}]' }])
  })

  it.each<[JsonObject, Pick<Conversation, 'toolChoice' | 'parallelTools'>]>([
    [{ type: 'auto' }, { toolChoice: { mode: 'auto' }, parallelTools: null }],
    [
      { type: 'any', disable_parallel_tool_use: true },
      { toolChoice: { mode: 'required' }, parallelTools: false },
    ],
    [{ type: 'none' }, { toolChoice: { mode: 'none' }, parallelTools: null }],
    [
      { type: 'tool', name: 'f' },
      { toolChoice: { mode: 'named', name: 'f' }, parallelTools: null },
    ],
  ])('are chosen among: %o', (choice, decoded) => expect(decode({ tool_choice: choice })).toMatchObject(decoded))
})

describe('wishes', () => {
  it.each<[string, JsonObject, Conversation['reasoning']]>([
    ['none', {}, null],
    [
      'a budget',
      { thinking: { type: 'enabled', budget_tokens: 2048 } },
      { effort: null, budget: 2048, mode: 'enabled', isShown: null },
    ],
    [
      'no thinking',
      { thinking: { type: 'disabled' } },
      { effort: null, budget: null, mode: 'disabled', isShown: null },
    ],
    [
      'an effort alone',
      { output_config: { effort: 'max' } },
      { effort: 'max', budget: null, mode: null, isShown: null },
    ],
    [
      'thinking that is shown',
      { thinking: { type: 'adaptive', display: 'summarized' } },
      { effort: null, budget: null, mode: 'adaptive', isShown: true },
    ],
  ])('for thinking: %s', (_, members, reasoning) => expect(decode(members).reasoning).toEqual(reasoning))

  it.each<[string, JsonObject]>([
    ['today', { output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } }],
    ['in the old beta', { output_format: { type: 'json_schema', schema: { type: 'object' } } }],
  ])('6.28: for a format are binding, as they are told %s', (_, members) => {
    const format = { type: 'schema', name: null, description: null, schema: { type: 'object' }, strict: true }
    expect(decode(members).format).toEqual(format)
  })

  it.each([
    [{ service_tier: 'standard_only' }, 'default'],
    [{ service_tier: 'auto' }, 'auto'],
    [{ speed: 'fast' }, 'priority'],
    [{}, null],
  ])('for speed: %o is %s', (members, tier) => expect(decode(members).serviceTier).toBe(tier))

  it('for sampling and stops come as they are', () => {
    expect(decode({ temperature: 1, top_p: 0.9, top_k: 5, stop_sequences: ['END'] })).toMatchObject({
      sampling: { temperature: 1, topP: 0.9, topK: 5 },
      stop: ['END'],
    })
  })

  it('that nobody knows are noted', () => {
    const { ledger } = decode({ container: 'c', output_config: { task_budget: {} }, inference_geo: null })
    expect(ledger).toEqual(['dropped:container', 'dropped:output_config.task_budget'])
  })
})

describe('who asks', () => {
  it.each<[string, string, string | null, string | null]>([
    ['Claude Code’s JSON', '{"device_id":"d","account_uuid":"a","session_id":"s"}', 'a', 's'],
    [
      'its former form',
      'user_1_account_2_session_01234567-89ab-cdef-0123-456789abcdef',
      'user_1_account_2',
      '01234567-89ab-cdef-0123-456789abcdef',
    ],
    ['a name', 'somebody', 'somebody', null],
    ['broken JSON', '{"device', '{"device', null],
  ])('is read from %s', (_, userId, user, cacheKey) => {
    expect(decode({ metadata: { user_id: userId } })).toMatchObject({ user, cacheKey })
  })
})
