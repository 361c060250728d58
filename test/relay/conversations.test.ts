/**
 * Clients that name no session: a conversation is found again by what was said in it. Two equal accounts serve in turns, so
 * a conversation that is not recognised shows by its answer from the other one.
 */
import { expect, onTestFinished, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { startRelay } from '../harness/relay.ts'
import { startVendor } from '../harness/vendor.ts'
import { accountFor, PROTOCOLS } from '../faults/four-dialects.ts'
import type { Protocol } from '../../src/core/account.ts'

/** Asks with these turns, and tells who answered. */
type Ask = (turns: readonly JsonObject[], others?: JsonObject) => Promise<string | undefined>

/** `post` sends a body as it is written, to the path of the protocol. */
async function startRaw(protocol: Protocol) {
  const vendor = await startVendor()
  onTestFinished(vendor.close)
  const relay = await startRelay({ accounts: ['a', 'b'].map((name) => accountFor(protocol, name, vendor.url)) })
  onTestFinished(() => relay.stop())
  const post = async (body: JsonObject | Buffer): Promise<string | undefined> => {
    const answer = await relay.post(WHERE[protocol].path, body)
    expect(answer.status).toBe(200)
    await relay.clock.advance(1_000)
    return answer.headers['x-relay-account']
  }
  return { vendor, post }
}

async function start(protocol: Protocol): Promise<Ask> {
  const { post } = await startRaw(protocol)
  const { member, model } = WHERE[protocol]
  return (turns, others = {}) => post({ model, max_tokens: 9, ...others, [member]: [...turns] })
}

const WHERE: Record<Protocol, { path: string; member: string; model: string }> = {
  anthropic: { path: '/v1/messages', member: 'messages', model: 'claude-test' },
  'openai-responses': { path: '/v1/responses', member: 'input', model: 'gpt-test' },
  'openai-chat': { path: '/v1/chat/completions', member: 'messages', model: 'gpt-test' },
  gemini: { path: '/v1beta/models/gemini-test:generateContent', member: 'contents', model: 'gemini-test' },
}

let strangers = 0

/** After two others it would be the other account's turn again: only who is recognised comes home. */
async function afterTwoOthers(ask: (words: string) => Promise<unknown>): Promise<void> {
  await ask(`A stranger, number ${++strangers}.`)
  await ask(`A stranger, number ${++strangers}.`)
}

const user = (content: string): JsonObject => ({ role: 'user', content })
const assistant = (content: string): JsonObject => ({ role: 'assistant', content })

test.each(PROTOCOLS)(
  'a %s conversation that has grown stays on its account, a new one goes elsewhere',
  async (protocol) => {
    const ask = await start(protocol)
    const first = [user('Name a river.')]
    const home = await ask(first)
    expect(await ask([user('Name a lake.')])).not.toBe(home)
    expect(await ask([user('Name a sea.')])).toBe(home)
    const grown = [...first, assistant('The Oder.'), user('Another one.')]
    for (let turn = 0; turn < 3; turn++) {
      expect(await ask(grown)).toBe(home)
      grown.push(assistant('The Spree.'), user(`And number ${turn}?`))
    }
  },
)

test('the same first words under another system text are another conversation', async () => {
  const ask = await start('anthropic')
  const turns = [user('Go on.')]
  const home = await ask(turns, { system: 'You review code.' })
  expect(await ask(turns, { system: 'You write tests.' })).not.toBe(home)
  await ask([user('Somebody else.')])
  expect(await ask(turns, { system: 'You review code.' })).toBe(home)
})

test('texts of one length are told apart', async () => {
  const ask = await start('anthropic')
  const home = await ask([user(`${'x'.repeat(5_000)}1${'x'.repeat(5_000)}`)])
  expect(await ask([user(`${'x'.repeat(5_000)}2${'x'.repeat(5_000)}`)])).not.toBe(home)
})

const mark = { type: 'ephemeral', ttl: '1h' }

test('cache marks that wander from turn to turn make no other conversation', async () => {
  const ask = await start('anthropic')
  const text = (words: string, facts: JsonObject = {}): JsonObject => ({
    role: 'user',
    content: [{ type: 'text', text: words, ...facts }],
  })
  const home = await ask([text('one', { cache_control: mark })], { system: [{ type: 'text', text: 'Be brief.' }] })
  await afterTwoOthers((words) => ask([user(words)]))
  const system = [{ cache_control: mark, type: 'text', text: 'Be brief.' }]
  expect(await ask([text('one'), assistant('1'), text('two', { cache_control: mark })], { system })).toBe(home)
})

test('a cache mark is left out of what is compared wherever it stands, and however it is spaced', async () => {
  const { post } = await startRaw('anthropic')
  const ask = (block: string) =>
    post(Buffer.from(`{"model":"claude-test","max_tokens":9,"messages":[{"role":"user","content":[${block}]}]}`))
  const home = await ask('{"type":"text","text":"one"}')
  for (const marked of [
    '{"type":"text","text":"one","cache_control":{"type":"ephemeral"}}',
    '{"cache_control" : {"type":"ephemeral","ttl":"1h"} , "type":"text","text":"one"}',
    '{"type":"text",  "cache_control" : null ,"text":"one"}',
    '{"cache_control":1 ,    "cache_control":2, "type":"text","text":"one"}',
    '{"type":"text","text":"one","cache_control":{"ttl":"1h","cache_control":{"type":"ephemeral"}}}',
  ]) {
    await afterTwoOthers((words) => ask(`{"type":"text","text":"${words}"}`))
    expect([marked, await ask(marked)]).toEqual([marked, home])
  }
  expect(await ask('{"type":"text","text":"one","citations":{"enabled":true}}')).not.toBe(home)
})

test('what a client says of cache marks is no cache mark', async () => {
  const ask = await start('anthropic')
  const home = await ask([user('Remove "cache_control": {"type":"ephemeral"} here.')])
  expect(await ask([user('Remove  here.')])).not.toBe(home)
  await ask([user('Somebody else.')])
  expect(await ask([user('Remove "cache_control": {"type":"ephemeral"} here.')])).toBe(home)
})

test.each([
  ['a text that no parser would take, beside a cache mark,', '{"content":"\\x","cache_control":{}}'],
  ['a message of nothing but cache marks', '{"cache_control":1 ,    "cache_control":2}'],
])('%s is left for the vendor to judge', async (_what, message) => {
  const { vendor, post } = await startRaw('anthropic')
  const body = Buffer.from(`{"model":"claude-test","messages":[${message}]}`)
  await post(body)
  expect(vendor.requests[0]?.bytes).toEqual(body)
})
