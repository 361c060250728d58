/**
 * How the official SDKs are pointed at the relay: every way to present the token, the commonest mistakes in the address,
 * and what of their headers the vendor gets to see.
 */
import { describe, expect, test } from 'vitest'
import { mapHeaders } from '../harness/header-list.ts'
import { TOKEN } from '../harness/relay.ts'
import { CALLS } from './calls.ts'
import { collect, connectAnthropic, connectGoogle, connectOpenai, setStage, startDirectVendor } from './stage.ts'

const messages = [{ role: 'user' as const, content: 'How big?' }]

describe('the address', () => {
  test('anthropic: a /v1 too many does not matter', async () => {
    const { relay } = await setStage()
    const client = connectAnthropic({ url: `${relay.url}/v1` })
    const ask = { model: 'claude-sonnet-5-5', messages }
    expect((await client.messages.stream({ ...ask, max_tokens: 9 }).finalMessage()).stop_reason).toBe('end_turn')
    expect((await client.messages.countTokens(ask)).input_tokens).toBeGreaterThan(0)
    expect(await collect(client.models.list())).not.toEqual([])
  })

  test('openai: a forgotten /v1 does not matter, nor one too many', async () => {
    const { relay } = await setStage()
    for (const baseURL of [relay.url, `${relay.url}/v1/v1`]) {
      const client = connectOpenai(relay).withOptions({ baseURL })
      const { output_text } = await client.responses.create({ model: 'gpt-5.5', input: 'How big?' })
      const { choices } = await client.chat.completions.create({ model: 'gpt-5.5', messages })
      expect([output_text, choices[0]?.message.content]).toEqual(['hello', 'hello'])
      expect(await collect(client.models.list())).not.toEqual([])
    }
  })

  test.each(['/v1beta', '/v1'])('genai: a %s too many does not matter', async (version) => {
    const { relay } = await setStage()
    const client = connectGoogle({ url: `${relay.url}${version}` })
    const ask = { model: 'gemini-3.5-flash', contents: 'How big?' }
    expect((await client.models.generateContent(ask)).text).toBe('hello')
    expect((await collect(await client.models.generateContentStream(ask))).map(({ text }) => text).join('')).toBe(
      'hello',
    )
    expect(await collect(await client.models.list())).not.toEqual([])
  })
})

describe('the token', () => {
  test('anthropic: as API key and as auth token', async () => {
    const { vendor, relay } = await setStage()
    const ask = { model: 'claude-sonnet-5-5', max_tokens: 9, messages }
    for (const credential of [{}, { apiKey: null, authToken: TOKEN }]) {
      await connectAnthropic(relay).withOptions(credential).messages.create(ask)
    }
    const credentials = vendor.requests.map((each) => [each.header('x-api-key'), each.header('authorization')])
    expect(credentials).toEqual([
      ['key-anthropic', undefined],
      ['key-anthropic', undefined],
    ])
  })

  test.each(Object.entries(CALLS))('%s: a wrong one is told as the relay’s refusal', async (_name, call) => {
    const { vendor, relay } = await setStage()
    await expect(call.run(relay, { apiKey: 'wrong' })).rejects.toMatchObject({
      status: 401,
      message: expect.stringContaining('sub2api-simple: the relay does not know this token'),
    })
    expect(vendor.requests).toHaveLength(0)
  })
})

describe('the headers', () => {
  /** What belongs to a connection or a credential, and what every fetch adds by itself. */
  const NOT_THE_CLIENTS = new Set([
    'accept-encoding',
    'accept-language',
    'authorization',
    'connection',
    'content-length',
    'host',
    'sec-fetch-mode',
    'x-api-key',
    'x-goog-api-key',
  ])

  test.each(Object.entries(CALLS))('%s: the vendor sees the same with and without the relay', async (_name, call) => {
    const { vendor, relay } = await setStage()
    const direct = await startDirectVendor()
    for (const at of [relay, direct]) await call.run(at)
    const [through, without] = [vendor, direct].map(({ requests }) => mapHeaders(requests[0]?.rawHeaders ?? []))
    for (const name of NOT_THE_CLIENTS) for (const headers of [through, without]) delete headers?.[name]
    expect(through).toEqual(without)
    expect(Object.keys(through ?? {})).toEqual(expect.arrayContaining(['user-agent', 'content-type']))
    expect(vendor.requests[0]?.key).toMatch(/^key-/)
  })
})
