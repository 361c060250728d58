/**
 * Servers of another dialect that answer whole although a stream was asked for.
 */
import { expect, test } from 'vitest'
import { raw } from '../harness/reactions.ts'
import { setStage } from '../http/stage.ts'

const HOST = { name: 'host', platform: 'openai', wire_api: 'chat', api_key: 'key-of-host', models: ['a-model'] }
const message = { role: 'assistant', content: 'hello' }
const completion = { id: 'c1', model: 'a-model', choices: [{ index: 0, message, finish_reason: 'stop' }] }
const headers = { 'content-type': 'application/json' }

test.each([
  [true, '{"type":"text_delta","text":"hello"}'],
  [false, '"content":[{"type":"text","text":"hello"'],
])('the client gets its answer (stream: %s), and nothing waits for an end that has come', async (stream, words) => {
  const { vendor, relay } = await setStage({ accounts: [HOST] })
  vendor.script(raw({ headers, pieces: [JSON.stringify(completion)] }))
  const body = { model: 'a-model', max_tokens: 9, stream, messages: [{ role: 'user', content: 'hi' }] }
  const answer = await relay.post('/v1/messages', body)
  expect([answer.status, answer.body.toString()]).toEqual([200, expect.stringContaining(words)])
  expect(vendor.requests[0]?.body).toMatchObject({ stream: true })
  // The heartbeat ends with its first beat for nobody.
  await relay.clock.advance(250)
  expect(relay.clock.pending).toBe(0)
})
