/**
 * The client's own mistakes: the vendor's words come back as they are, nobody else is asked, and no account is blamed.
 */
import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import { fail, raw, type Reaction } from '../harness/reactions.ts'
import { servedBy, start } from './failover-stage.ts'
import { PROTOCOLS } from './four-dialects.ts'

const MISTAKES: ReadonlyArray<[number, string]> = [
  [400, 'messages.0.content: a text — or a “list” — is expected 🌞'],
  [400, 'prompt is too long: 200001 tokens > 200000 maximum'],
  [404, 'no file with that id'],
  [405, 'use POST'],
  [413, 'Request exceeds the maximum allowed number of bytes'],
  [415, 'application/json is expected'],
  [422, 'tools.0.input_schema: not a schema'],
]

describe.each([true, false])('with a stream asked for: %s', (stream) => {
  test.each(PROTOCOLS)(
    'rows 16 and 18: a %s mistake comes back byte for byte, asked once, blamed on nobody',
    async (protocol) => {
      const { vendor, ask, stateOf } = await start(['a', 'b'], { protocol })
      for (const [status, message] of MISTAKES) {
        const asked = vendor.requests.length
        vendor.script(fail(status, { message, headers: { 'x-should-retry': 'false' } }))
        const answer = await ask({ stream })
        expect(servedBy(answer)).toEqual([status, 'a', 1])
        expect(answer.body).toEqual(vendor.bytesSent(asked + 1))
        expect(answer.headers).toMatchObject({
          'content-type': expect.stringContaining('json'),
          'x-should-retry': 'false',
        })
        expect(answer.headers).not.toHaveProperty('retry-after')
        expect(vendor.requests).toHaveLength(asked + 1)
      }
      expect(await stateOf('a')).toMatchObject({ state: 'ok', cooldowns: [] })
    },
  )
})

test('bodies that no dialect knows come back as they are, with their own content type', async () => {
  const { vendor, ask } = await start(['a', 'b'])
  vendor.script(
    raw({ status: 404, headers: { 'content-type': 'text/plain' }, framing: 'length', pieces: ['no such path'] }),
  )
  const answer = await ask()
  expect([answer.status, answer.headers['content-type'], answer.body.toString()]).toEqual([
    404,
    'text/plain',
    'no such path',
  ])
})

test('a mistake after a failover is told as it is: nobody else would say otherwise', async () => {
  const { vendor, ask, calls } = await start(['a', 'b', 'c'])
  vendor.forKey('a').script(fail(429, { headers: { 'retry-after': '40' } }))
  vendor.forKey('b').script(fail(400, { message: 'max_tokens: required' }))
  const answer = await ask()
  expect(servedBy(answer)).toEqual([400, 'b', 2])
  expect(answer.body).toEqual(vendor.bytesSent(2))
  expect(calls()).toEqual(['a', 'b'])
})

test('a mistake does not heal: an account that was failing before it is failing after it', async () => {
  const { vendor, ask, stateOf } = await start(['a'])
  vendor.script(fail(500), fail(400, { message: 'no' }), fail(500))
  for (const status of [502, 400, 502]) expect((await ask()).status).toBe(status)
  expect((await stateOf('a')).cooldowns).toMatchObject([{ reason: 'transient' }])
})

describe('what sounds like trouble of a model and is a mistake', () => {
  test.each<[Protocol, string]>([
    ['openai-responses', "Unsupported value: 'temperature' does not support 0.2 with this model."],
    ['openai-responses', "Unsupported parameter: 'top_p' is not supported with this model."],
    ['openai-chat', "Unsupported value: 'reasoning_effort' does not support 'none' with this model."],
    ['openai-chat', "Invalid value: 'xhigh' is not supported with the 'gpt-5.1' model. Supported are: 'low'."],
    ['anthropic', 'This model does not support assistant message prefill.'],
    ['anthropic', "'claude-haiku-4-5-20251001' does not support tool types: code_execution_20250522."],
    ['anthropic', 'adaptive thinking is not supported on this model'],
    ['gemini', 'Image input modality is not enabled for models/gemini-2.5-flash'],
    ['gemini', 'Budget 0 is invalid. This model only works in thinking mode.'],
  ])('%s: %s', async (protocol, message) => {
    const { vendor, ask, stateOf } = await start(['a', 'b'], { protocol })
    vendor.always(fail(400, { message }))
    expect(servedBy(await ask())).toEqual([400, 'a', 1])
    expect((await stateOf('a')).cooldowns).toEqual([])
  })
})

describe('what has the status of a mistake and is none', () => {
  const page = (status: number): Reaction =>
    raw({ status, headers: { 'content-type': 'text/html' }, framing: 'length', pieces: ['<h1>Not here</h1>'] })
  test.each([400, 404, 405])('a page of HTML as %d comes from elsewhere: another account answers', async (status) => {
    const { vendor, ask } = await start(['a', 'b'])
    vendor.forKey('a').script(page(status))
    expect(servedBy(await ask())).toEqual([200, 'b', 2])
  })
})
