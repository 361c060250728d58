/**
 * Codex as it was recorded (0.169.0), played by a raw client: what it sends, with and without a ChatGPT login, and what
 * makes it go on, wait, or stop.
 */
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { mapHeaders } from '../harness/header-list.ts'
import { rawConnect } from '../harness/raw-client.ts'
import { answerText, beforeHead, fail, failInStream, headers, pause } from '../harness/reactions.ts'
import { TOKEN, type TestRelay } from '../harness/relay.ts'
import { readSse, readText } from '../harness/sse.ts'
import { setStage, twoAccounts } from './stage.ts'

const THREAD = '019c2f7e-5a10-7d31-8f54-0b6a3c1d2e4f'

/** What identifies the client, its session and its turn; all of it is the vendor's to read. */
const IDENTITY = {
  accept: 'text/event-stream',
  'content-type': 'application/json',
  'openai-beta': 'responses=experimental',
  originator: 'codex_exec',
  'session-id': THREAD,
  'thread-id': THREAD,
  'user-agent': 'codex_exec/0.169.0 (Debian 12.0.0; x86_64) xterm',
  version: '0.169.0',
  'x-client-request-id': THREAD,
  'x-codex-beta-features': 'multi_agent',
  'x-codex-turn-metadata': '{"turn_id":"t1","sandbox":"none"}',
  'x-codex-window-id': `${THREAD}:0`,
  'x-openai-internal-codex-responses-lite': 'true',
}

/** No `instructions`, no top-level `tools`, and members that no published schema knows. */
const TURN = {
  model: 'gpt-6.1-sol',
  input: [
    {
      type: 'additional_tools',
      role: 'developer',
      tools: [
        { type: 'namespace', name: 'functions', tools: [{ type: 'custom', name: 'exec', format: { type: 'text' } }] },
      ],
    },
    { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'You are Codex.' }] },
    { type: 'configuration_update', changes: { cwd: '/tmp/ü' } },
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'How big?' }] },
  ],
  tool_choice: 'auto',
  parallel_tool_calls: true,
  reasoning: { effort: 'medium', summary: 'auto', context: 'all_turns' },
  store: false,
  stream: true,
  include: ['reasoning.encrypted_content'],
  prompt_cache_key: THREAD,
  text: { verbosity: 'low' },
  client_metadata: { 'x-codex-installation-id': 'i1' },
  internal_chat_message_metadata_passthrough: { turn: 100 },
}

/** `zstd -3` of a turn, as Codex sends it after a ChatGPT login. */
const ZSTD_BODY = Buffer.from(
  'KLUv/QBYpQMAUocXG3BrMwZwqjC5amXXTqYoayOae4cJ0J9n3v+/F81HrqovGbZ4UpJt+5ImaR6c5XAolDB+7yLXoHKVIr5ZNmY8kbLvPEpr' +
    'mcZzMfZGAV9mqeUbaUMCAAGy64yjTGi6EQYAxYIAqnd3VHwqwl9dcbhDmQE=',
  'base64',
)
const UNPACKED_BODY =
  '{"model":"gpt-6.1-sol","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"How big?"}]}],' +
  `"stream":true,"note":"${Array(10).fill('How big?').join(' ')}"}`

const gpt: JsonObject = { name: 'gpt', platform: 'openai', api_key: 'key-gpt' }

const send = (
  relay: TestRelay,
  body: JsonObject | Buffer = TURN,
  more: Record<string, string> = {},
  path = '/v1/responses',
) => relay.post(path, body, { headers: { ...IDENTITY, ...more } })

describe('before the first turn', () => {
  test('its WebSocket is turned down with the one status that makes it use HTTP at once', async () => {
    const { vendor, relay } = await setStage({ accounts: [gpt] })
    const connection = rawConnect(relay.port)
    const refused = await connection.send({
      path: '/v1/responses',
      headers: {
        ...IDENTITY,
        authorization: `Bearer ${TOKEN}`,
        'openai-beta': 'responses_websockets=2026-02-06',
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits',
      },
    })
    connection.abort()
    expect([refused.status, refused.ended, vendor.requests.length]).toEqual([426, 'clean', 0])
    expect(readText((await send(relay)).body)).toBe('hello')
  })

  test('its model list says that the relay has nothing to add to its own', async () => {
    const { relay } = await setStage({ accounts: [gpt] })
    const answer = await relay.get('/v1/models?client_version=0.169.0', { 'user-agent': IDENTITY['user-agent'] })
    expect([answer.status, JSON.parse(String(answer.body))]).toEqual([200, { models: [] }])
  })
})

describe('a turn', () => {
  test('the vendor gets its headers unchanged, the account’s key in place of its own, and nothing else', async () => {
    const { vendor, relay } = await setStage({ accounts: [gpt] })
    // The ids of a ChatGPT login belong to the credential and would contradict the account's.
    await send(relay, TURN, { 'chatgpt-account-id': 'acc-1', 'openai-organization': 'org-1' })
    expect(mapHeaders(vendor.requests[0]?.rawHeaders ?? [])).toEqual({
      ...IDENTITY,
      authorization: 'Bearer key-gpt',
      'accept-encoding': 'identity',
      connection: 'keep-alive',
      'content-length': String(Buffer.byteLength(JSON.stringify(TURN))),
      host: `127.0.0.1:${vendor.port}`,
    })
  })

  test('the vendor gets its body byte for byte, with items and members that no schema knows', async () => {
    const { vendor, relay } = await setStage({ accounts: [gpt] })
    // The same number in a form that no serialiser writes.
    const body = JSON.stringify(TURN).replace('"turn":100', '"turn": 1.0e2')
    await relay.post('/v1/responses', body, { headers: IDENTITY })
    expect(String(vendor.requests[0]?.bytes)).toBe(body)
  })

  test('a zstd body, which it sends after a ChatGPT login, reaches the vendor unpacked', async () => {
    const { vendor, relay } = await setStage({ accounts: [gpt] })
    const answer = await send(relay, ZSTD_BODY, { 'content-encoding': 'zstd' })
    expect(readText(answer.body)).toBe('hello')
    const request = vendor.requests[0]
    expect(String(request?.bytes)).toBe(UNPACKED_BODY)
    expect([request?.header('content-encoding'), request?.header('content-length')]).toEqual([
      undefined,
      String(UNPACKED_BODY.length),
    ])
  })

  test('an answer brings it the vendor’s limits and ids', async () => {
    const { vendor, relay } = await setStage({ accounts: [gpt] })
    const told = {
      'openai-model': 'gpt-6.1-sol',
      'x-codex-primary-used-percent': '42',
      'x-codex-primary-window-minutes': '300',
      'x-models-etag': 'W/"1"',
      'x-reasoning-included': 'true',
      'x-request-id': 'req_vendor',
    }
    vendor.always(answerText('hello', headers({ ...told, 'set-cookie': 'a=b', server: 'vendor' })))
    const answer = await send(relay)
    expect(answer.headers).toMatchObject(told)
    for (const name of ['set-cookie', 'server']) expect(answer.headers).not.toHaveProperty(name)
  })

  test('a sub-agent, whose thread is its own, works beside its parent on the same account', async () => {
    const { vendor, relay } = await setStage({ accounts: twoAccounts('openai', { priority: 1 }) })
    vendor.always(answerText('hello', beforeHead(pause())))
    const subAgent = { 'thread-id': 'own', 'x-codex-parent-thread-id': THREAD, 'x-openai-subagent': 'collab_spawn' }
    const answers = [send(relay), send(relay, TURN, subAgent)]
    const [parent, child] = [await vendor.received(1), await vendor.received(2)]
    expect([child.key, child.header('x-openai-subagent')]).toEqual([parent.key, 'collab_spawn'])
    for (const request of [parent, child]) request.resume()
    await Promise.all(answers)
  })

  test('a silent vendor’s stream stays alive by comments, and its events are untouched', async () => {
    const { vendor, relay } = await setStage({ accounts: [gpt] })
    vendor.always(answerText('hello', beforeHead(pause())))
    const answer = send(relay)
    const request = await vendor.received(1)
    await relay.clock.advance(40_000)
    request.resume()
    const { comments, events } = readSse((await answer).body)
    expect([comments.length, events]).toEqual([2, readSse(vendor.bytesSent(1)).events])
  })
})

describe('compaction', () => {
  test.each(['/v1/responses/compact', '/responses/compact'])('%s reaches the vendor’s own route', async (path) => {
    const { vendor, relay } = await setStage({ accounts: [gpt] })
    const body = { model: TURN.model, input: TURN.input, instructions: 'Summarise.' }
    const answer = await send(relay, body, {}, path)
    expect([answer.status, answer.body]).toEqual([200, vendor.bytesSent(1)])
    expect([vendor.requests[0]?.target, String(vendor.requests[0]?.bytes)]).toEqual([
      '/v1/responses/compact',
      JSON.stringify(body),
    ])
  })

  test('a turn that ends in a compaction trigger passes as it is', async () => {
    const { vendor, relay } = await setStage({ accounts: [gpt] })
    const body = { ...TURN, input: [...TURN.input, { type: 'compaction_trigger' }] }
    await send(relay, body)
    expect(String(vendor.requests[0]?.bytes)).toBe(JSON.stringify(body))
  })
})

describe('when something fails', () => {
  test('a 429 that says no time gets one, because without it the turn would be over', async () => {
    const { vendor, relay } = await setStage({ accounts: [gpt] })
    vendor.always(fail(429, { message: 'Rate limit reached' }))
    const { status, headers: told } = await send(relay)
    expect([status, told['retry-after']]).toEqual([429, expect.stringMatching(/^[1-9]\d*$/)])
  })

  test('a used-up plan is told with the vendor’s own words and times, and later with ours', async () => {
    const { vendor, relay } = await setStage({ accounts: [gpt] })
    const resetsAt = Math.floor(relay.clock.now() / 1000) + 7200
    const extra = { plan_type: 'pro', resets_at: resetsAt, resets_in_seconds: 7200 }
    vendor.always(fail(429, { type: 'usage_limit_reached', message: 'The usage limit has been reached', extra }))
    const first = await send(relay)
    expect([first.status, first.body]).toEqual([429, vendor.bytesSent(1)])
    const second = await send(relay)
    const { error } = JSON.parse(String(second.body)) as { error: { resets_in_seconds: number } }
    expect([second.status, vendor.requests.length]).toEqual([429, 1])
    expect(error).toMatchObject({ type: 'usage_limit_reached', resets_at: expect.any(Number) })
    expect(Math.abs(error.resets_in_seconds - 7200)).toBeLessThan(10)
  })

  test.each([
    ['in the head', fail(503, { code: 'server_is_overloaded' })],
    ['as the first event', failInStream(503, { code: 'server_is_overloaded' })],
  ])('an overload %s of every account is not told with the code at which it stops', async (_where, reaction) => {
    const { vendor, relay } = await setStage({ accounts: twoAccounts('openai') })
    vendor.always(reaction)
    const { status, body } = await send(relay)
    const { error } = JSON.parse(String(body)) as { error: { type: string; code: string | null } }
    expect([status, error.type, vendor.requests.length]).toEqual([503, 'server_error', 2])
    expect(error.code).not.toBe('server_is_overloaded')
  })
})
