import { afterEach, describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { answerWith, fail } from '../harness/reactions.ts'
import { startRelay, type TestRelay } from '../harness/relay.ts'
import { readText } from '../harness/sse.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'

const running: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const stop of running.splice(0).toReversed()) await stop()
})

const MODELS: Record<Protocol, string> = {
  anthropic: 'claude-sonnet-5-5',
  'openai-responses': 'gpt-5.5',
  'openai-chat': 'qwen3',
  gemini: 'gemini-3-pro',
}

async function start(upstream: Protocol): Promise<{ vendor: Vendor; relay: TestRelay }> {
  const vendor = await startVendor()
  const platform = upstream === 'anthropic' || upstream === 'gemini' ? upstream : 'openai'
  const wire =
    upstream === 'openai-chat' ? { wire_api: 'chat' } : platform === 'openai' ? { wire_api: 'responses' } : {}
  const account: JsonObject = { name: 'only', platform, api_key: 'k', base_url: vendor.url, models: ['*'], ...wire }
  const relay = await startRelay({ accounts: [account] })
  running.push(vendor.close, relay.stop)
  return { vendor, relay }
}

function ask(relay: TestRelay, client: Protocol, model: string, stream: boolean) {
  const messages = [{ role: 'user', content: 'hello' }]
  switch (client) {
    case 'anthropic':
      return relay.post('/v1/messages', { model, stream, max_tokens: 64, messages })
    case 'openai-responses':
      return relay.post('/v1/responses', { model, stream, input: 'hello' })
    case 'openai-chat':
      return relay.post('/v1/chat/completions', { model, stream, messages })
    case 'gemini': {
      const verb = stream ? 'streamGenerateContent?alt=sse' : 'generateContent'
      return relay.post(`/v1beta/models/${model}:${verb}`, { contents: [{ role: 'user', parts: [{ text: 'hello' }] }] })
    }
  }
}

const PROTOCOLS = Object.keys(MODELS) as Protocol[]
const DIRECTIONS = PROTOCOLS.flatMap((client) =>
  PROTOCOLS.filter((upstream) => upstream !== client).map((upstream) => [client, upstream] as const),
)

describe.each(DIRECTIONS)('a %s client on a %s account', (client, upstream) => {
  test('reads a streamed answer', async () => {
    const { vendor, relay } = await start(upstream)
    vendor.script(answerWith({ text: 'Ein schöner Tag 🌞' }))
    const answer = await ask(relay, client, MODELS[upstream], true)
    expect(answer.body.toString()).toContain('Tag')
    expect([answer.status, readText(answer.body)]).toEqual([200, 'Ein schöner Tag 🌞'])
    expect(relay.log.at(-1)).toMatchObject({ outcome: 'served', attempts: 1 })
  })

  test('reads a whole answer', async () => {
    const { vendor, relay } = await start(upstream)
    vendor.script(answerWith({ text: 'hello back' }))
    const answer = await ask(relay, client, MODELS[upstream], false)
    expect([answer.status, answer.body.toString()]).toEqual([200, expect.stringContaining('hello back')])
    expect(answer.headers['content-type']).toMatch('application/json')
  })

  test("hears of a refusal in its own words, with the upstream's status", async () => {
    const { vendor, relay } = await start(upstream)
    vendor.script(fail(400, { message: 'the prompt is not to my taste' }))
    const answer = await ask(relay, client, MODELS[upstream], true)
    expect(answer.status).toBe(400)
    expect(answer.body.toString()).toContain('the prompt is not to my taste')
  })
})
