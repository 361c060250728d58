/**
 * Claude Code as it was recorded (2.1.329), played by a raw client: what it sends, in the order and the company in which
 * it sends it, and what it needs to hear.
 */
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { mapHeaders } from '../harness/header-list.ts'
import { rawRequest } from '../harness/raw-client.ts'
import { after, answerText, answerWith, beforeHead, fail, pause } from '../harness/reactions.ts'
import { TOKEN, type TestRelay } from '../harness/relay.ts'
import { readJsonEvents, readText } from '../harness/sse.ts'
import { setStage } from './stage.ts'

const SESSION = '7d0f6a6e-94f1-4a1f-9b3c-2f1f6a0c9d11'

/** What identifies the client and its session; all of it is the vendor's to read. */
const IDENTITY = {
  accept: 'application/json',
  'anthropic-beta': 'claude-code-20250219,context-1m-2025-08-07,interleaved-thinking-2025-05-14,effort-2025-11-24',
  'anthropic-dangerous-direct-browser-access': 'true',
  'anthropic-version': '2023-06-01',
  'content-type': 'application/json',
  'user-agent': 'claude-cli/2.1.329 (external, cli)',
  'x-app': 'cli',
  'x-claude-code-agent-id': 'a1',
  'x-claude-code-session-id': SESSION,
  'x-stainless-arch': 'x64',
  'x-stainless-lang': 'js',
  'x-stainless-os': 'Linux',
  'x-stainless-package-version': '0.70.0',
  'x-stainless-retry-count': '0',
  'x-stainless-runtime': 'node',
  'x-stainless-runtime-version': 'v24.3.0',
  'x-stainless-timeout': '600',
}

/** ANTHROPIC_AUTH_TOKEN and ANTHROPIC_API_KEY are both set: two credentials, of which one is the relay's. */
const CREDENTIALS = { authorization: `Bearer ${TOKEN}`, 'x-api-key': 'sk-ant-left-over-from-before' }

const CONNECTION = {
  'accept-encoding': 'gzip, deflate, br, zstd',
  'accept-language': '*',
  connection: 'keep-alive',
  'sec-fetch-mode': 'cors',
}

const MAIN = {
  model: 'claude-opus-5-5',
  messages: [
    { role: 'user', content: [{ type: 'text', text: 'How big?', cache_control: { type: 'ephemeral' } }] },
    { role: 'system', content: 'An entry that only newer models know.' },
  ],
  system: [
    { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.329.a1b; cc_entrypoint=cli;' },
    { type: 'text', text: 'You are Claude Code.', cache_control: { type: 'ephemeral', ttl: '1h' } },
  ],
  tools: [{ name: 'Read', input_schema: { type: 'object' }, defer_loading: true }],
  metadata: { user_id: JSON.stringify({ device_id: 'd'.repeat(64), account_uuid: '', session_id: SESSION }) },
  max_tokens: 128000,
  thinking: { type: 'adaptive', display: 'summarized' },
  context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
  output_config: { effort: 'high' },
  safeguards: { some: 'new member' },
  stream: true,
}

const TITLE = {
  model: 'claude-haiku-5-5',
  messages: [{ role: 'user', content: 'Name this session.' }],
  metadata: MAIN.metadata,
  output_config: { format: { type: 'json_schema', schema: { type: 'object' } } },
  stream: true,
}

const COUNT = { model: MAIN.model, messages: MAIN.messages, tools: MAIN.tools }

const PATH = '/v1/messages?beta=true'
const COUNT_PATH = '/v1/messages/count_tokens?beta=true'

const send = (relay: TestRelay, body: JsonObject, path = PATH) =>
  relay.post(path, body, { headers: { ...CONNECTION, ...CREDENTIALS, ...IDENTITY } })

const account = (name: string, facts: JsonObject = {}): JsonObject => ({
  name,
  platform: 'anthropic',
  api_key: `key-${name}`,
  ...facts,
})

describe('before the first turn', () => {
  test('its greeting is answered without a token, without a body, and without a line in the log', async () => {
    const { vendor, relay } = await setStage({ accounts: [account('a')] })
    const greeting = await rawRequest(relay.port, { method: 'HEAD', path: '/api/hello' })
    expect([greeting.status, greeting.body.length, greeting.ended]).toEqual([200, 0, 'clean'])
    expect([relay.log, vendor.requests]).toEqual([[], []])
  })

  test('its model discovery finds names that it keeps, in the list that it reads', async () => {
    const { relay } = await setStage({ accounts: [account('a')] })
    const answer = await relay.get('/v1/models?limit=1000', { 'anthropic-version': '2023-06-01' })
    const { data } = JSON.parse(String(answer.body)) as { data: Array<{ id: string; display_name: string }> }
    expect(data.length).toBeGreaterThan(0)
    for (const { id, display_name } of data) expect([id, display_name]).toEqual([expect.stringMatching(/claude/), id])
  })

  test('an unknown token is told at once, in its dialect, so that it does not try for minutes', async () => {
    const { relay } = await setStage({ accounts: [account('a')] })
    const answer = await rawRequest(relay.port, {
      path: PATH,
      headers: { ...IDENTITY, authorization: 'Bearer wrong' },
      body: MAIN,
    })
    expect([answer.status, answer.headers['x-should-retry']]).toEqual([401, 'false'])
    expect(JSON.parse(String(answer.body))).toMatchObject({ type: 'error', error: { type: 'authentication_error' } })
    expect(relay.log).toMatchObject([{ event: 'request.refused', path: '/v1/messages', status: 401 }])
  })

  test('its events are taken and thrown away', async () => {
    const { vendor, relay } = await setStage({ accounts: [account('a')] })
    const answer = await relay.post('/api/event_logging/batch', { events: [] })
    expect([answer.status, vendor.requests]).toEqual([200, []])
  })
})

describe('a turn', () => {
  test('the vendor gets its headers unchanged, the account’s key in place of its own, and nothing else', async () => {
    const { vendor, relay } = await setStage({ accounts: [account('a')] })
    await send(relay, MAIN)
    expect(mapHeaders(vendor.requests[0]?.rawHeaders ?? [])).toEqual({
      ...IDENTITY,
      'x-api-key': 'key-a',
      'accept-encoding': 'identity',
      connection: 'keep-alive',
      'content-length': String(Buffer.byteLength(JSON.stringify(MAIN))),
      host: `127.0.0.1:${vendor.port}`,
    })
  })

  test('the vendor gets its body byte for byte, with all that no schema knows, and its query', async () => {
    const { vendor, relay } = await setStage({ accounts: [account('a')] })
    await send(relay, MAIN)
    expect(String(vendor.requests[0]?.bytes)).toBe(JSON.stringify(MAIN))
    expect(vendor.requests[0]?.target).toBe(PATH)
  })

  test('a bearer account adds its flag to the client’s list and takes nothing away', async () => {
    const { vendor, relay } = await setStage({
      accounts: [{ platform: 'anthropic', oauth_token: 'bearer-of-the-owner' }],
    })
    await send(relay, MAIN)
    const request = vendor.requests[0]
    expect([request?.header('authorization'), request?.header('x-api-key')]).toEqual([
      'Bearer bearer-of-the-owner',
      undefined,
    ])
    expect(request?.header('anthropic-beta')).toBe(`${IDENTITY['anthropic-beta']},oauth-2025-04-20`)
  })

  test('title and main request, which come at the same moment, land on the same account', async () => {
    const { vendor, relay } = await setStage({ accounts: [account('a'), account('b')] })
    vendor.always(answerText('hello', beforeHead(pause())))
    const answers = [send(relay, TITLE), send(relay, MAIN)]
    const [title, main] = [await vendor.received(1), await vendor.received(2)]
    expect([title.key, relay.inFlight()]).toEqual([main.key, { a: 2, b: 0 }])
    for (const request of [title, main]) request.resume()
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200])
  })

  test('26 token counts at once are all at the vendor together, while its answer takes the only slot', async () => {
    const { vendor, relay } = await setStage({ accounts: [account('a', { concurrency: 1 })] })
    vendor.always(answerWith({ text: 'hello', usage: { input: 4321 } }, beforeHead(pause())))
    const answer = send(relay, MAIN)
    await vendor.received(1)
    const counts = Array.from({ length: 26 }, () => send(relay, COUNT, COUNT_PATH))
    await vendor.received(27)
    expect([vendor.load.active, relay.inFlight()]).toEqual([27, { a: 1 }])
    for (const request of vendor.requests) request.resume()
    for (const count of counts) expect(JSON.parse(String((await count).body))).toEqual({ input_tokens: 4321 })
    expect(readText((await answer).body)).toBe('hello')
  })

  test('its signs of life are comments before the answer and pings in it', async () => {
    const { vendor, relay } = await setStage({ accounts: [account('a')] })
    vendor.always(answerText(['hello ', 'there'], beforeHead(pause()), after('content', pause())))
    const answer = send(relay, MAIN)
    const request = await vendor.received(1)
    await relay.clock.advance(20_000)
    expect(String(answer.bodySoFar())).toMatch(/^(:.*\n\n)+$/)
    request.resume()
    await answer.until('hello')
    await relay.clock.advance(20_000)
    request.resume()
    const { body } = await answer
    const types = readJsonEvents(body).map(({ type }) => type)
    // One ping is the vendor's own.
    expect([types[0], types.filter((type) => type === 'ping').length]).toEqual(['message_start', 2])
    expect(readText(body)).toBe('hello there')
  })
})

describe('when something fails', () => {
  test('six 400s in a row, its search for what the model takes, rest no account', async () => {
    const { vendor, relay } = await setStage({ accounts: [account('a')] })
    vendor.always(fail(400, { message: 'thinking.display: Extra inputs are not permitted' }))
    for (let attempt = 0; attempt < 6; attempt++) expect((await send(relay, MAIN)).status).toBe(400)
    vendor.always(answerText('hello'))
    expect(readText((await send(relay, MAIN)).body)).toBe('hello')
    expect(vendor.requests).toHaveLength(7)
  })

  test('its fallback, a whole answer of up to 64000 tokens, is waited for five minutes and more', async () => {
    const { vendor, relay } = await setStage({ accounts: [account('a')] })
    vendor.always(answerText('a very long answer', beforeHead(pause())))
    const answer = send(relay, { ...MAIN, stream: false, max_tokens: 64000 })
    const request = await vendor.received(1)
    await relay.clock.advance(330_000)
    request.resume()
    const { status, body } = await answer
    expect([status, body]).toEqual([200, vendor.bytesSent(1)])
  })

  test('all accounts limited for long: it stops and shows who returns when', async () => {
    const { vendor, relay } = await setStage({ accounts: [account('a')] })
    vendor.always(fail(429, { message: 'This request would exceed your limit', headers: { 'retry-after': '3600' } }))
    const { status, headers, body } = await send(relay, MAIN)
    expect([status, headers['retry-after'], headers['x-should-retry']]).toEqual([429, '3600', 'false'])
    expect(JSON.parse(String(body))).toMatchObject({ error: { type: 'rate_limit_error' } })
    const again = await send(relay, MAIN)
    expect([again.status, again.headers['retry-after'], vendor.requests.length]).toEqual([429, '3600', 1])
  })
})
