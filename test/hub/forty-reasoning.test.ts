import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { answerText, answerWith, fail } from '../harness/reactions.ts'
import { readJsonEvents } from '../harness/sse.ts'
import { accountOf, MODELS, othersOf, PROTOCOLS, start, toolsOf } from './forty-stage.ts'

/** Opaque state as each vendor writes it. */
const STATE = { anthropic: 'EqQBCkYIBxgCKkA=', 'openai-responses': 'gAAAAABo-sealed', gemini: 'CiQBVKhc7nQ=' } as const

const thought = (upstream: keyof typeof STATE) =>
  answerWith({ thinking: 'hm', signature: STATE[upstream], toolCalls: [{ name: 'look_up', arguments: { n: 1 } }] })

/** The next request of a client that sends a whole answer back with the result of its call. */
function followUp(client: Protocol, body: Buffer): JsonObject {
  const answer = JSON.parse(body.toString()) as Record<string, any>
  const first = { role: 'user', content: 'hello' }
  const tools = toolsOf(client)
  switch (client) {
    case 'anthropic': {
      const content = answer['content'] as JsonObject[]
      const id = content.find(({ type }) => type === 'tool_use')?.['id'] ?? null
      const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'found' }] }
      return { tools, messages: [first, { role: 'assistant', content }, result] }
    }
    case 'openai-responses': {
      const output = answer['output'] as JsonObject[]
      const id = output.find(({ type }) => type === 'function_call')?.['call_id'] ?? null
      return { tools, input: [first, ...output, { type: 'function_call_output', call_id: id, output: 'found' }] }
    }
    case 'openai-chat': {
      const message = answer['choices'][0].message as JsonObject
      const [call] = message['tool_calls'] as JsonObject[]
      const result = { role: 'tool', tool_call_id: call?.['id'] ?? null, content: 'found' }
      return { tools, messages: [first, message, result] }
    }
    case 'gemini': {
      const content = answer['candidates'][0].content as JsonObject
      const response = { functionResponse: { name: 'look_up', response: { output: 'found' } } }
      const said = { role: 'user', parts: [{ text: 'hello' }] }
      return { tools, contents: [said, content, { role: 'user', parts: [response] }] }
    }
  }
}

describe('the state of reasoning', () => {
  test.each(othersOf('anthropic'))(
    '6.19: of an OpenAI model never reaches Claude through a %s client',
    async (client) => {
      const { vendor, ask, sent } = await start('anthropic', twoVendors)
      vendor.script(thought('openai-responses'), answerText('done'))
      const { body } = await ask(client, { model: 'gpt-5.5', stream: false })
      const answer = await ask(client, { model: 'claude-sonnet-5-5', ...followUp(client, body) })
      expect([answer.status, vendor.requests.at(-1)?.protocol]).toEqual([200, 'anthropic'])
      expect(JSON.stringify(sent()['messages'])).not.toMatch(/"thinking"|redacted_thinking|sealed|sub2api1/)
    },
  )

  test('6.19: of an OpenAI model is taken out for a Messages client that goes on with Claude', async () => {
    const { vendor, ask, sent } = await start('anthropic', twoVendors)
    vendor.script(thought('openai-responses'))
    const { body } = await ask('anthropic', { model: 'gpt-5.5', stream: false })
    vendor.always((request) =>
      request.bytes.includes('sub2api1') ? refusesState(request) : answerText('done')(request),
    )
    const answer = await ask('anthropic', { model: 'claude-sonnet-5-5', ...followUp('anthropic', body) })
    expect(answer.status).toBe(200)
    expect(JSON.stringify(sent()['messages'])).not.toMatch(/"thinking"|sub2api1/)
  })

  const refusesState = fail(400, { message: 'messages.1.content.0: Invalid `signature` in `thinking` block' })

  test.each(['openai-responses', 'gemini'] as const)(
    '6.20: of a %s server closes its block in a Messages stream',
    async (upstream) => {
      const { vendor, ask } = await start(upstream)
      vendor.script(thought(upstream))
      const told = readJsonEvents((await ask('anthropic')).body) as Array<Record<string, any>>
      const kinds = told.flatMap((event) => event['delta']?.type ?? event['content_block']?.type ?? [])
      const seals = kinds.lastIndexOf('signature_delta')
      expect(seals).toBeGreaterThan(-1)
      expect(kinds[seals + 1]).toBe('tool_use')
    },
  )

  const SEALERS = ['anthropic', 'openai-responses'] as const
  test.each(SEALERS.flatMap((upstream) => othersOf(upstream).map((client) => [client, upstream] as const)))(
    '6.20: comes back through a %s client to its %s server as it was',
    async (client, upstream) => {
      const { vendor, ask, sent } = await start(upstream)
      vendor.script(thought(upstream), answerText('done'))
      const { body } = await ask(client, { stream: false })
      await ask(client, followUp(client, body))
      if (upstream === 'anthropic') {
        const block = { type: 'thinking', thinking: 'hm', signature: STATE.anthropic }
        expect((sent()['messages'] as Any[])[1]?.['content'][0]).toEqual(block)
      } else {
        const item = { type: 'reasoning', summary: [{ type: 'summary_text', text: 'hm' }] }
        expect(sent()['input']).toContainEqual({ ...item, encrypted_content: STATE['openai-responses'] })
      }
    },
  )

  test.each(PROTOCOLS)('6.25: stands on the first call again when a %s client goes on with Gemini', async (client) => {
    const { vendor, ask, sent } = await start('gemini')
    vendor.script(thought('gemini'), answerText('done'))
    const { body } = await ask(client, { stream: false })
    await ask(client, followUp(client, body))
    const parts = (sent()['contents'] as Any[]).flatMap((content) => content['parts'] as Any[])
    const call = parts.find((part) => part['functionCall'] !== undefined)
    expect(call).toMatchObject({ functionCall: { name: 'look_up' }, thoughtSignature: STATE.gemini })
  })

  test.each(PROTOCOLS)(
    '6.21: that its server refuses is taken out once, and a %s client sees success',
    async (client) => {
      const { vendor, ask, sent } = await start('openai-responses')
      vendor.script(thought('openai-responses'))
      const { body } = await ask(client, { stream: false })
      const message = 'The encrypted content could not be verified.'
      vendor.script(fail(400, { code: 'invalid_encrypted_content', message }), answerText('done'))
      const answer = await ask(client, followUp(client, body))
      expect([answer.status, vendor.requests.length]).toEqual([200, 3])
      expect(JSON.stringify(sent())).not.toContain(STATE['openai-responses'])
      expect(sent()['input']).toContainEqual(expect.objectContaining({ type: 'function_call', name: 'look_up' }))
    },
  )

  test.each(othersOf('openai-responses'))(
    '6.22: brings no ids along to a server that keeps nothing (%s)',
    async (client) => {
      const { vendor, ask, sent } = await start('openai-responses')
      vendor.script(thought('openai-responses'), answerText('done'))
      const { body } = await ask(client, { stream: false })
      await ask(client, followUp(client, body))
      expect(sent()['store']).toBe(false)
      const input = sent()['input'] as JsonObject[]
      expect(input.map(({ type }) => type)).toEqual(expect.arrayContaining(['reasoning', 'function_call']))
      expect(input.filter(({ id, type }) => id !== undefined || type === 'item_reference')).toEqual([])
    },
  )

  test('6.35: in the open goes back to a model that wants it in a tool loop', async () => {
    const { vendor, ask, sent } = await start('openai-chat')
    vendor.script(
      answerWith({ thinking: 'I should look', toolCalls: [{ name: 'look_up', arguments: {} }] }),
      answerText('done'),
    )
    const { body } = await ask('anthropic', { model: 'deepseek-reasoner', stream: false })
    await ask('anthropic', { model: 'deepseek-reasoner', ...followUp('anthropic', body) })
    const [, assistant] = sent()['messages'] as JsonObject[]
    expect(assistant).toMatchObject({ role: 'assistant', reasoning_content: 'I should look' })
  })
})

describe('what a model takes', () => {
  test.each([
    ['claude-opus-4-7', undefined],
    ['claude-sonnet-5-5', undefined],
    ['claude-sonnet-4-5', 0.2],
  ])('6.33: %s gets the temperature %s', async (model, temperature) => {
    const { ask, sent } = await start('anthropic')
    await ask('openai-chat', { model, temperature: 0.2 })
    expect(sent()['temperature']).toBe(temperature)
  })

  const forced = (client: Protocol): JsonObject => ({
    tools: toolsOf(client),
    tool_choice: client === 'anthropic' ? { type: 'any' } : 'required',
  })
  const thinks = { thinking: { type: 'enabled', budget_tokens: 2048 } }

  test.each<[what: string, client: Protocol, model: string, asked: JsonObject, gets: object]>([
    [
      'no tool by force beside a budget',
      'openai-chat',
      'claude-sonnet-4-5',
      { ...forced('openai-chat'), reasoning_effort: 'high' },
      { tool_choice: { type: 'any' }, thinking: undefined },
    ],
    [
      'a tool by force beside adaptive thinking',
      'openai-responses',
      'claude-sonnet-5-5',
      { ...forced('openai-responses'), reasoning: { effort: 'high' } },
      { tool_choice: { type: 'any' }, output_config: { effort: 'high' } },
    ],
    [
      'no more effort than high without thinking',
      'openai-responses',
      'claude-opus-5-5',
      { reasoning: { effort: 'none' } },
      { thinking: { type: 'disabled' }, output_config: undefined },
    ],
    [
      'no tool by force while it thinks',
      'anthropic',
      'qwen3-max',
      { ...forced('anthropic'), ...thinks },
      { tool_choice: 'auto' },
    ],
    [
      'no effort when thinking is off',
      'anthropic',
      'gpt-5.5',
      { thinking: { type: 'disabled' }, output_config: { effort: 'max' } },
      { reasoning: { effort: 'none' } },
    ],
    [
      'its lowest level where thinking cannot be off',
      'anthropic',
      'gemini-3-pro',
      { thinking: { type: 'disabled' } },
      { generationConfig: { maxOutputTokens: 4096, thinkingConfig: { thinkingLevel: 'LOW' } } },
    ],
  ])('6.34: %s (%s client, %s)', async (_what, client, model, asked, gets) => {
    const upstream = PROTOCOLS.find((protocol) => MODELS[protocol].slice(0, 3) === model.slice(0, 3)) ?? 'anthropic'
    const { ask, sent } = await start(upstream)
    expect((await ask(client, { model, ...asked })).status).toBe(200)
    const body = sent()
    expect(Object.fromEntries(Object.keys(gets).map((name) => [name, body[name]]))).toEqual(gets)
  })
})

interface Any {
  [name: string]: any
}

function twoVendors(url: string): JsonObject[] {
  return [
    accountOf('anthropic', url, { name: 'claude', models: ['claude-*'] }),
    accountOf('openai-responses', url, { name: 'gpt', models: ['gpt-*'] }),
  ]
}
