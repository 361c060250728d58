import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import type { Conversation, ImagePart, Part, ReasoningWish, Tool, Turn } from '../../../src/protocols/hub.ts'
import { encodeRequest } from '../../../src/protocols/openai-chat/encode-request.ts'
import type { Target } from '../../../src/protocols/hub-contract.ts'
import { conversationOf, targetOf, userSays } from '../hub-stage.ts'

const VENDOR = { model: 'gpt-5.5', isVendorHost: true }
const OLD_VENDOR = { model: 'gpt-4o', isVendorHost: true }
const LOCAL = { model: 'llama-4', isVendorHost: false }
const DEEPSEEK = { model: 'deepseek-v4', isVendorHost: false }

function encode(
  members: Partial<Conversation>,
  where: Partial<Target> = LOCAL,
): JsonObject & { messages: JsonObject[] } {
  const conversation = conversationOf(members)
  return encodeRequest(conversation, targetOf('openai-chat', { ...where, conversation })) as ReturnType<typeof encode>
}

function lossesOf(members: Partial<Conversation>, where: Partial<Target> = LOCAL): readonly string[] {
  const conversation = conversationOf(members)
  const target = targetOf('openai-chat', { ...where, conversation })
  encodeRequest(conversation, target)
  return target.ledger.entries
}

const say = (text: string): Part => ({ type: 'text', text })
const call = (id: string, members: Partial<Extract<Part, { type: 'tool-call' }>> = {}): Part => ({
  type: 'tool-call',
  id,
  name: 'f',
  kind: 'function',
  input: '{}',
  ...members,
})
const result = (callId: string, members: Partial<Extract<Part, { type: 'tool-result' }>> = {}): Part => ({
  type: 'tool-result',
  callId,
  name: null,
  parts: [{ type: 'text', text: 'done' }],
  isError: false,
  isCustom: false,
  ...members,
})
const wish = (members: Partial<ReasoningWish>): ReasoningWish => ({
  effort: null,
  budget: null,
  mode: null,
  isShown: null,
  ...members,
})
const TOOL: Tool = {
  kind: 'function',
  name: 'f',
  description: 'd',
  schema: { type: 'object', properties: { a: { type: 'string' } } },
  strict: null,
  isDeferred: false,
}
const PATCH: Tool = {
  kind: 'custom',
  name: 'apply_patch',
  description: 'Patches.',
  format: { type: 'grammar', syntax: 'lark', definition: 'start: x' },
}
const PNG: ImagePart = { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AA==' } }

describe('a request for a Chat server', () => {
  it('asks for a stream with usage, and for no more than is wanted', () => {
    expect(encode({})).toEqual({
      model: 'llama-4',
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
      stream_options: { include_usage: true },
    })
  })

  it('6.30: a system turn keeps its role where it may, and is a reminder elsewhere', () => {
    const turns: Turn[] = [userSays('Hi'), { role: 'system', parts: [say('be brief')] }, userSays('go')]
    const members = {
      system: [
        { type: 'text' as const, text: 'a' },
        { type: 'text' as const, text: 'b' },
      ],
      turns,
    }
    expect(encode(members, VENDOR).messages).toEqual([
      { role: 'developer', content: 'a\n\nb' },
      { role: 'user', content: 'Hi' },
      { role: 'developer', content: 'be brief' },
      { role: 'user', content: 'go' },
    ])
    expect(encode(members).messages).toEqual([
      { role: 'system', content: 'a\n\nb' },
      { role: 'user', content: 'Hi\n\n<system-reminder>\nbe brief\n</system-reminder>\n\ngo' },
    ])
  })

  it('6.29: images of results follow all results of the turn', () => {
    const turns: Turn[] = [
      userSays('look'),
      { role: 'assistant', parts: [say('ok'), call('a'), call('b')] },
      {
        role: 'user',
        parts: [
          result('a', { parts: [{ type: 'text', text: 'see' }, PNG] }),
          result('b', { isError: true }),
          say('and?'),
        ],
      },
    ]
    expect(encode({ turns }).messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: 'ok',
        tool_calls: ['a', 'b'].map((id) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })),
      },
      { role: 'tool', tool_call_id: 'a', content: 'see\n\n[image: shown below]' },
      { role: 'tool', tool_call_id: 'b', content: 'Error: done' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'The images of the results above:' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
          { type: 'text', text: 'and?' },
        ],
      },
    ])
  })

  it('an assistant that only calls has no content: null for the vendor, empty for hosts that trip over null', () => {
    const turns: Turn[] = [
      userSays('go'),
      { role: 'assistant', parts: [call('a')] },
      { role: 'user', parts: [result('a')] },
    ]
    expect(encode({ turns }, VENDOR).messages[1]).toMatchObject({ content: null })
    expect(encode({ turns }, LOCAL).messages[1]).toMatchObject({ content: '' })
  })

  it('6.35: reasoning goes back inside the tool loop, to models that need it, and only there', () => {
    const thought = (text: string): Part => ({ type: 'reasoning', text, carrier: null })
    const turns: Turn[] = [
      userSays('first'),
      { role: 'assistant', parts: [thought('old'), say('done')] },
      userSays('second'),
      { role: 'assistant', parts: [thought('new'), call('a')] },
      { role: 'user', parts: [result('a'), say('<system-reminder>x</system-reminder>')] },
    ]
    const told = encode({ turns }, DEEPSEEK).messages.map((message) => message['reasoning_content'])
    expect(told.filter((text) => text !== undefined)).toEqual(['new'])
    expect(JSON.stringify(encode({ turns }, LOCAL))).not.toContain('new')
    expect(lossesOf({ turns }, LOCAL)).toContain('dropped:reasoning')
  })

  it('details of reasoning go back to the account that made them as they were', () => {
    const data = [{ type: 'reasoning.encrypted', data: 'x', index: 0 }]
    const turn = (account: string): Turn => ({
      role: 'assistant',
      parts: [{ type: 'reasoning', text: '', carrier: { family: 'other', account, model: null, data } }, say('ok')],
    })
    const told = (account: string): unknown =>
      encode({ turns: [userSays('go'), turn(account), userSays('on')] }).messages[1]?.['reasoning_details']
    expect(told('acct1')).toEqual(data)
    expect(told('acct2')).toBeUndefined()
  })

  it('6.19: foreign state is never sent', () => {
    const carrier = { family: 'anthropic', account: 'acct1', model: null, data: 'EqSecret' } as const
    const turns: Turn[] = [
      userSays('go'),
      { role: 'assistant', parts: [{ type: 'reasoning', text: 'hm', carrier }, call('a', { carrier })] },
      { role: 'user', parts: [result('a')] },
    ]
    expect(JSON.stringify(encode({ turns }))).not.toContain('EqSecret')
    expect(lossesOf({ turns })).toEqual(['dropped:signature', 'dropped:reasoning'])
  })

  it('6.27: strictness is written for the vendor when it was asked for, and nowhere else', () => {
    const strict = { ...TOOL, strict: true, schema: { ...TOOL.schema, required: ['a'] } }
    const declared = (tool: Tool, where: Partial<Target>): unknown => encode({ tools: [tool] }, where)['tools']
    expect(declared(strict, VENDOR)).toMatchObject([
      { function: { strict: true, parameters: { additionalProperties: false } } },
    ])
    expect(declared({ ...TOOL, strict: true }, VENDOR)).toMatchObject([{ function: { strict: false } }])
    expect(JSON.stringify(declared(TOOL, VENDOR))).not.toContain('strict')
    expect(JSON.stringify(declared(strict, LOCAL))).not.toContain('strict')
  })

  it('6.39: a tool with free text stays one where it can, and becomes a function with one text elsewhere', () => {
    const turns: Turn[] = [
      userSays('go'),
      { role: 'assistant', parts: [call('a', { name: 'apply_patch', kind: 'custom', input: '*** "x"\n' })] },
      { role: 'user', parts: [result('a', { isCustom: true })] },
    ]
    const vendor = encode({ tools: [PATCH], turns }, VENDOR)
    expect(vendor['tools']).toEqual([
      {
        type: 'custom',
        custom: {
          name: 'apply_patch',
          description: 'Patches.',
          format: { type: 'grammar', grammar: { syntax: 'lark', definition: 'start: x' } },
        },
      },
    ])
    expect(vendor.messages[1]).toMatchObject({ tool_calls: [{ type: 'custom', custom: { input: '*** "x"\n' } }] })
    const local = encode({ tools: [PATCH], turns }, LOCAL)
    expect(local['tools']).toMatchObject([{ type: 'function', function: { parameters: { required: ['input'] } } }])
    expect(JSON.stringify(local['tools'])).toContain('start: x')
    expect(local.messages[1]).toMatchObject({ tool_calls: [{ function: { arguments: '{"input":"*** \\"x\\"\\n"}' } }] })
  })

  it.each<[string, Partial<Conversation>, Partial<Target>, JsonObject]>([
    ['the limit of third parties', { maxOutputTokens: 9 }, LOCAL, { max_tokens: 9 }],
    ['the limit of the vendor', { maxOutputTokens: 9 }, VENDOR, { max_completion_tokens: 9 }],
    ['stops', { stop: ['a', 'b'] }, LOCAL, { stop: ['a', 'b'] }],
    ['6.33: sampling', { sampling: { temperature: 0.2, topK: 5 } }, LOCAL, { temperature: 0.2, top_k: 5 }],
    [
      '6.33: sampling without effort',
      { sampling: { temperature: 0.2 }, reasoning: wish({ mode: 'disabled' }) },
      VENDOR,
      { temperature: 0.2, reasoning_effort: 'none' },
    ],
    ['effort', { reasoning: wish({ effort: 'xhigh' }) }, LOCAL, { reasoning_effort: 'high' }],
    [
      'a budget as effort',
      { reasoning: wish({ mode: 'enabled', budget: 8192 }) },
      LOCAL,
      { reasoning_effort: 'medium' },
    ],
    [
      'a user as a hash',
      { user: 'ann@example.org' },
      VENDOR,
      { safety_identifier: expect.stringMatching(/^[0-9a-f]{32}$/) as string },
    ],
    ['verbosity', { verbosity: 'low' }, VENDOR, { verbosity: 'low' }],
    ['6.28: JSON', { format: { type: 'json' } }, LOCAL, { response_format: { type: 'json_object' } }],
    ['any tool', { tools: [TOOL], toolChoice: { mode: 'required' } }, LOCAL, { tool_choice: 'required' }],
    [
      'one tool',
      { tools: [TOOL], toolChoice: { mode: 'named', name: 'f' } },
      LOCAL,
      { tool_choice: { type: 'function', function: { name: 'f' } } },
    ],
    [
      '6.34: a forced tool beside thinking',
      { tools: [TOOL], toolChoice: { mode: 'required' } },
      DEEPSEEK,
      { tool_choice: 'auto' },
    ],
    [
      '6.34: a forced tool without thinking',
      { tools: [TOOL], toolChoice: { mode: 'required' }, reasoning: wish({ mode: 'disabled' }) },
      DEEPSEEK,
      { tool_choice: 'required' },
    ],
    ['calls one at a time', { tools: [TOOL], parallelTools: false }, LOCAL, { parallel_tool_calls: false }],
  ])('%s', (_, members, where, expected) => {
    expect(encode(members, where)).toMatchObject(expected)
  })

  it.each<[string, Partial<Conversation>, Partial<Target>, string, string[]]>([
    [
      '6.33: sampling of a reasoning model',
      { sampling: { temperature: 0.2 } },
      VENDOR,
      'temperature',
      ['dropped:temperature'],
    ],
    ['top_k at the vendor', { sampling: { topK: 5 } }, OLD_VENDOR, 'top_k', ['dropped:top_k']],
    [
      'effort where it is unknown',
      { reasoning: wish({ effort: 'high' }) },
      DEEPSEEK,
      'reasoning_effort',
      ['dropped:effort'],
    ],
    ['a choice without tools', { toolChoice: { mode: 'auto' } }, LOCAL, 'tool_choice', []],
    ['an empty list of tools', { tools: [] }, LOCAL, 'tools', []],
    ['a user', { user: 'ann@example.org' }, LOCAL, 'safety_identifier', ['dropped:user']],
    ['verbosity', { verbosity: 'low' }, LOCAL, 'verbosity', ['dropped:verbosity']],
  ])('leaves out %s, and says so', (_, members, where, name, losses) => {
    expect(encode(members, where)).not.toHaveProperty(name)
    expect(lossesOf(members, where)).toEqual(losses)
  })

  it('6.28: a schema is told as one, or in words where the model takes none', () => {
    const format = {
      type: 'schema',
      name: null,
      description: null,
      schema: { type: 'object', properties: {} },
      strict: true,
    } as const
    expect(encode({ format }, VENDOR)['response_format']).toEqual({
      type: 'json_schema',
      json_schema: {
        name: 'output',
        schema: { type: 'object', properties: {}, required: [], additionalProperties: false },
        strict: true,
      },
    })
    const { messages, response_format } = encode({ format }, DEEPSEEK)
    expect(response_format).toEqual({ type: 'json_object' })
    expect(messages[0]).toEqual({ role: 'system', content: expect.stringContaining('"type":"object"') as string })
  })

  it.each<[string, Partial<Conversation>]>([
    [
      'a search that was forced',
      {
        tools: [
          {
            kind: 'web-search',
            name: 'web_search',
            allowedDomains: [],
            blockedDomains: [],
            userLocation: null,
            contextSize: null,
            maxUses: null,
          },
        ],
        toolChoice: { mode: 'named', name: 'web_search' },
      },
    ],
    [
      'a file that another vendor has',
      { turns: [{ role: 'user', parts: [{ type: 'image', source: { kind: 'file', id: 'file_1' } }] }] },
    ],
    ['an answer that is not remembered', { previousResponseId: 'resp_1' }],
  ])('refuses %s', (_, members) => {
    expect(() => encode(members)).toThrow(expect.objectContaining({ kind: 'invalid_request' }) as Error)
  })

  it('6.36: long names fit, and history and declaration agree on them', () => {
    const name = 'n'.repeat(100)
    const turns: Turn[] = [
      userSays('go'),
      { role: 'assistant', parts: [call('a', { name })] },
      { role: 'user', parts: [result('a')] },
    ]
    const body = encode({ tools: [{ ...TOOL, name }], turns })
    const [declared] = body['tools'] as { function: { name: string } }[]
    expect(declared?.function.name).toHaveLength(64)
    expect(body.messages[1]).toMatchObject({ tool_calls: [{ function: { name: declared?.function.name } }] })
  })
})
