/**
 * Where no credential may be: no client's token upstream, no account's key at a client, neither in a log line, an error
 * body or /health, in no spelling. The log of these tests masks nothing, so what it holds is what was written into it.
 */
import { describe, expect, test } from 'vitest'
import { rawRequest, type RawResponse } from '../harness/raw-client.ts'
import { answerText, after, cut, fail, headers, type Reaction } from '../harness/reactions.ts'
import type { VendorRequest } from '../harness/vendor.ts'
import { ASK, PROTOCOLS, setStage, type Stage } from './stage.ts'

const TOKEN = 'client/token+with=odd~marks'
const KEYS = ['key/of+claude=1234567890', 'key/of+gpt=1234567890', 'key/of+gemini=1234567890']

const ACCOUNTS = ['anthropic', 'openai', 'gemini'].map((platform, i) => ({
  name: platform,
  platform,
  api_key: KEYS[i] ?? '',
  ...(platform === 'openai' ? { wire_api: 'both' } : {}),
}))

/** A vendor that repeats to everyone what it was sent, as careless gateways do. */
const gossip: Reaction = (request) =>
  fail(400, { message: `no good: ${JSON.stringify(request.rawHeaders)} ${request.target}` })(request)
const refuseKey: Reaction = (request) => fail(401, { message: `the key ${request.key} is not valid` })(request)

/** Every way in which a request can go, by the vendor's reaction to it. */
const FATES: Record<string, Reaction> = {
  'it is served': answerText('hello'),
  'the vendor repeats its headers': gossip,
  'the key is refused': refuseKey,
  'the account is out of money': fail(402, { message: 'pay' }),
  'the vendor fails': fail(500, { message: 'oops' }),
  'the vendor sends the key in a header': answerText(
    'hello',
    headers({ 'x-api-key': KEYS, 'set-cookie': KEYS, authorization: KEYS, server: KEYS }),
  ),
  'the answer breaks': answerText('hello', after('content', cut())),
}

const formsOf = (secret: string): string[] => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(secret).toString('base64url'),
  Buffer.from(secret).toString('hex'),
]
const found = (text: string, secrets: readonly string[]): string[] =>
  secrets.flatMap(formsOf).filter((form) => text.includes(form))

const textOf = ({ rawHeaders, body }: RawResponse): string => `${rawHeaders.join('\n')}\n${body.toString()}`
const upstreamText = ({ target, rawHeaders, bytes }: VendorRequest): string =>
  `${target}\n${rawHeaders.join('\n')}\n${bytes.toString()}`
const logText = ({ relay }: Stage): string => relay.log.map((line) => JSON.stringify(line)).join('\n')

const start = (): Promise<Stage> => setStage({ accounts: ACCOUNTS, auth_tokens: [{ token: TOKEN, name: 'laptop' }] })

describe.each(Object.entries(FATES))('when %s', (_fate, reaction) => {
  test.each(PROTOCOLS)('no secret crosses over in %s', async (protocol) => {
    const stage = await start()
    const { vendor, relay } = stage
    vendor.always(reaction)
    const { path, body } = ASK[protocol]
    const streaming = path.replace(':generateContent', ':streamGenerateContent')
    // All the places for a token at once: a client may fill in more than one.
    const credentials = { authorization: `Bearer ${TOKEN}`, 'x-api-key': TOKEN, 'x-goog-api-key': TOKEN, cookie: TOKEN }
    const query = `?key=${encodeURIComponent(TOKEN)}&alt=sse`
    const answers = [
      await rawRequest(relay.port, { path: `${path}?key=${encodeURIComponent(TOKEN)}`, headers: credentials, body }),
      await rawRequest(relay.port, { path: streaming + query, headers: credentials, body: { ...body, stream: true } }),
      await rawRequest(relay.port, { path: '/health', headers: credentials }),
      await rawRequest(relay.port, { path: '/v1/models', headers: credentials }),
      await rawRequest(relay.port, { path: `/v1beta/nothing${query}`, headers: credentials }),
    ]
    expect(vendor.requests.length).toBeGreaterThanOrEqual(1)
    expect(found(answers.map(textOf).join('\n'), [TOKEN, ...KEYS])).toEqual([])
    expect(found(vendor.requests.map(upstreamText).join('\n'), [TOKEN])).toEqual([])
    expect(relay.log.length).toBeGreaterThan(0)
    expect(found(logText(stage), [TOKEN, ...KEYS])).toEqual([])
  })
})

test('a wrong token is repeated nowhere: it may be a right one with a typing error', async () => {
  const stage = await start()
  const wrong = `${TOKEN}x`
  const headers = { authorization: `Bearer ${wrong}`, 'x-api-key': wrong }
  const answers = await Promise.all(
    [
      '/v1/messages',
      `/v1beta/models?key=${encodeURIComponent(wrong)}`,
      `/nothing?key=${encodeURIComponent(wrong)}`,
    ].map((path) => rawRequest(stage.relay.port, { path, headers })),
  )
  expect(answers.map(({ status }) => status)).toEqual([405, 401, 404])
  expect(found(answers.map(textOf).join('\n') + logText(stage), [TOKEN])).toEqual([])
})

test('each account gets its own key, in its own place, and no other’s', async () => {
  const { vendor, relay } = await start()
  for (const protocol of PROTOCOLS) {
    await relay.post(ASK[protocol].path, ASK[protocol].body, { headers: { authorization: `Bearer ${TOKEN}` } })
  }
  const places = vendor.requests.map(({ rawHeaders }) =>
    rawHeaders.flatMap((value, i) =>
      KEYS.some((key) => value.includes(key)) ? [`${rawHeaders[i - 1]}: ${value}`] : [],
    ),
  )
  expect(places).toEqual([
    [`x-api-key: ${KEYS[0]}`],
    [`authorization: Bearer ${KEYS[1]}`],
    [`authorization: Bearer ${KEYS[1]}`],
    [`x-goog-api-key: ${KEYS[2]}`],
  ])
})

test('a model’s name with a line end in it makes no second log line and drives no terminal', async () => {
  const { relay } = await start()
  const model = 'x\n{"event":"forged"}\u001b[2J\u2028'
  await relay.post('/v1/messages', { model }, { headers: { authorization: `Bearer ${TOKEN}` } })
  const line = JSON.stringify(relay.log.at(-1))
  expect(relay.log).toHaveLength(1)
  expect(line).toContain('forged')
  expect(line).not.toMatch(/[\n\u001b\u2028]/)
})
