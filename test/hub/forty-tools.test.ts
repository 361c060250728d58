import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { answerText, answerWith, slice } from '../harness/reactions.ts'
import { chatgptAccount } from '../harness/chatgpt.ts'
import { readJsonEvents } from '../harness/sse.ts'
import { DIRECTIONS, othersOf, readAnswer, start, toolsOf } from './forty-stage.ts'

describe('a tool with a long name', () => {
  const name = `${'a'.repeat(60)}.${'b'.repeat(39)}`

  test.each(DIRECTIONS)('6.36: is called by it by a %s client, and fits for a %s server', async (client, upstream) => {
    const { vendor, ask, sent } = await start(upstream)
    const told = (): string => JSON.stringify(sent()['tools']).match(/"name":"([^"]*)"/)?.[1] ?? ''
    vendor.always((request) => answerWith({ toolCalls: [{ name: told(), arguments: { a: 1 } }] })(request))
    const { body } = await ask(client, { tools: toolsOf(client, name) })
    expect(told()).toMatch(upstream.startsWith('openai') ? /^[\w-]{1,64}$/ : /^[\w.:-]{1,128}$/)
    expect(readAnswer(client, body).calls).toEqual([{ name, input: { a: 1 } }])
  })
})

describe('a tool with free text', () => {
  const PATCH = '*** Begin Patch\n*** Update File: a.txt\n@@\n-say "no"\n+sag „ja“ \\ \t🌞\n*** End Patch\n'
  const apply = { type: 'custom', name: 'apply_patch', description: 'applies', format: { type: 'text' } }

  test.each(othersOf('openai-responses'))('6.39: reaches Codex from a %s server letter by letter', async (upstream) => {
    const { vendor, ask } = await start(upstream)
    vendor.script(answerWith({ toolCalls: [{ name: 'apply_patch', arguments: { input: PATCH } }] }, slice(3)))
    const told = readJsonEvents((await ask('openai-responses', { tools: [apply] })).body)
    const deltas = told.filter(({ type }) => type === 'response.custom_tool_call_input.delta')
    expect(deltas.map(({ delta }) => delta as string).join('')).toBe(PATCH)
    const { response } = told.at(-1) as { response?: JsonObject }
    expect(response?.['output']).toMatchObject([{ type: 'custom_tool_call', name: 'apply_patch', input: PATCH }])
  })
})

describe('a follow-up by previous_response_id', () => {
  test.each(othersOf('openai-responses'))('6.40: with an unknown id is refused on a %s account', async (upstream) => {
    const { vendor, ask } = await start(upstream)
    const answer = await ask('openai-responses', { previous_response_id: 'resp_unknown' })
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      error: { code: 'previous_response_not_found', param: 'previous_response_id' },
    })
    expect(vendor.requests).toEqual([])
  })

  test('6.40: with an unknown id is refused by a ChatGPT account', async () => {
    const { ask } = await start('openai-responses', (url) => [chatgptAccount(url)])
    const answer = await ask('openai-responses', { previous_response_id: 'resp_unknown' })
    expect([answer.status, answer.body.toString()]).toEqual([
      400,
      expect.stringContaining('previous_response_not_found'),
    ])
  })

  test.each(
    othersOf('openai-responses').flatMap((upstream) => [true, false].map((stream) => [upstream, stream] as const)),
  )('6.40: with a known id brings what was said before to a %s server (streamed: %s)', async (upstream, stream) => {
    const { vendor, ask, sent } = await start(upstream)
    vendor.script(answerText('the first answer'), answerText('done'))
    const { body } = await ask('openai-responses', { input: 'the first question', stream })
    const id = body.toString().match(/"id":"(resp_[^"]+)"/)?.[1] ?? ''
    await ask('openai-responses', { input: 'the second question', previous_response_id: id })
    const said = JSON.stringify(sent()).match(/the (first|second) (question|answer)/g)
    expect(said).toEqual(['the first question', 'the first answer', 'the second question'])
  })
})
