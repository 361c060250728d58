/**
 * The whole way through the running program, as nothing but the program can go it: the official SDKs in front, a vendor
 * behind, every dialect in and out, proxies, and a sign-in at the vendor's real address.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { writeConfig } from '../config/load-text.ts'
import { connectAnthropic, connectGoogle, connectOpenai, twoAccounts } from '../conformance/stage.ts'
import { chatgpt } from '../harness/chatgpt.ts'
import { startConnectProxy, startTrap } from '../harness/connect-proxy.ts'
import { startIdentityProvider } from '../harness/identity-provider.ts'
import { playHosts } from '../harness/named-hosts.ts'
import { type Run, useProgram } from '../harness/program.ts'
import { rawRequest } from '../harness/raw-client.ts'
import { fail } from '../harness/reactions.ts'
import { TOKEN } from '../harness/relay.ts'
import { readText } from '../harness/sse.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'
import { ASK, PROTOCOLS } from '../http/stage.ts'

const { run } = useProgram()

/** The program with these accounts, and the vendor they lead to unless they say otherwise. */
async function start(
  accounts: readonly JsonObject[],
): Promise<{ port: number; url: string; vendor: Vendor; relay: Run }> {
  const vendor = await startVendor()
  onTestFinished(vendor.close)
  const path = writeConfig({
    listen_addr: '127.0.0.1:0',
    auth_tokens: [TOKEN],
    accounts: accounts.map((account) => ({ base_url: vendor.url, api_key: 'k', ...account })),
  })
  const relay = run(['-config', path])
  const [, port = ''] = await relay.until(/listening on 127\.0\.0\.1:(\d+)/)
  return { port: Number(port), url: `http://127.0.0.1:${port}`, vendor, relay }
}

const headers = { authorization: `Bearer ${TOKEN}` }

describe('the official SDKs are served, whole and as a stream', () => {
  test('by accounts of their own vendor', async () => {
    const { url } = await start([
      { platform: 'anthropic' },
      { platform: 'openai', wire_api: 'both' },
      { platform: 'gemini' },
    ])
    expect(await askAll(url, 'claude-x', 'gpt-x', 'gemini-x')).toEqual(HELLOS)
  })

  test.each(['anthropic', 'openai', 'gemini'])('all of them by one account of %s', async (platform) => {
    const { url } = await start([{ platform, models: ['a-model'] }])
    expect(await askAll(url, 'a-model', 'a-model', 'a-model')).toEqual(HELLOS)
  })
})

const HELLOS = Array.from({ length: 6 }, () => 'hello')

async function askAll(url: string, claude: string, gpt: string, gemini: string): Promise<string[]> {
  const messages = [{ role: 'user' as const, content: 'hi' }]
  const anthropic = connectAnthropic({ url }).messages
  const openai = connectOpenai({ url })
  const google = connectGoogle({ url }).models
  const message = await anthropic.create({ model: claude, max_tokens: 9, messages })
  const streamed = await anthropic.stream({ model: claude, max_tokens: 9, messages }).finalText()
  const response = await openai.responses.create({ model: gpt, input: 'hi' })
  let chat = ''
  for await (const { choices } of await openai.chat.completions.create({ model: gpt, messages, stream: true }))
    chat += choices[0]?.delta.content ?? ''
  const answer = await google.generateContent({ model: gemini, contents: 'hi' })
  let pieces = ''
  for await (const { text = '' } of await google.generateContentStream({ model: gemini, contents: 'hi' }))
    pieces += text
  const [block] = message.content
  return [block?.type === 'text' ? block.text : '', streamed, response.output_text, chat, answer.text ?? '', pieces]
}

test.each(PROTOCOLS)('an account that fails is replaced by the next one for a client of %s', async (protocol) => {
  const { port, vendor } = await start(twoAccounts(PLATFORM_OF[protocol], WIRE_API[protocol]))
  vendor.forKey('first').always(fail(500))
  const { status, headers: told } = await rawRequest(port, { ...ASK[protocol], headers })
  expect([status, told['x-relay-account'], told['x-relay-attempts']]).toEqual([200, 'second', '2'])
})

const PLATFORM_OF = {
  anthropic: 'anthropic',
  'openai-responses': 'openai',
  'openai-chat': 'openai',
  gemini: 'gemini',
}
const WIRE_API: Record<string, JsonObject> = {
  'openai-responses': { wire_api: 'responses' },
  'openai-chat': { wire_api: 'chat' },
}

test('an account with a proxy is reached through it, and not at all when the proxy is gone', async () => {
  const proxy = await startConnectProxy()
  const trap = await startTrap()
  onTestFinished(trap.close)
  const { port, vendor } = await start([
    { name: 'working', proxy: proxy.url, models: ['claude-a'] },
    { name: 'broken', proxy: 'http://127.0.0.1:9', base_url: trap.url, models: ['claude-b'] },
  ])
  const ask = (model: string) => rawRequest(port, { ...ASK.anthropic, headers, body: { ...ASK.anthropic.body, model } })
  expect((await ask('claude-a')).status).toBe(200)
  expect(proxy.requests.map(({ target }) => target)).toEqual([`127.0.0.1:${vendor.port}`])
  expect((await ask('claude-b')).status).toBeGreaterThanOrEqual(500)
  await proxy.close()
})

test('somebody signs in with the pasted address, and the account serves from then on', async () => {
  const identity = await startIdentityProvider({ name: 'https://auth.openai.com' })
  const vendor = await startVendor()
  for (const { close } of [identity, vendor]) onTestFinished(close)
  vendor.always(chatgpt('hello'))
  const { proxy, env } = await playHosts({
    'auth.openai.com': Number(new URL(identity.url).port),
    'chatgpt.com': vendor.port,
  })
  const path = writeConfig({
    listen_addr: '127.0.0.1:0',
    auth_tokens: [TOKEN],
    accounts: [{ name: 'plus', platform: 'openai', type: 'oauth', proxy }],
  })

  const login = run(['login', 'plus', '--no-browser', '-config', path], { env })
  const [url] = await login.until(/https:\/\/auth\.openai\.com\/oauth\/authorize\S+/)
  const back = await identity.authorize(url, 'acc')
  login.child.stdin.write(`${back.href}\n`)
  expect(await login.exit).toEqual({ code: 0, signal: null })
  expect(readFileSync(path, 'utf8')).toContain(identity.familyOf('acc').current)

  const relay = run(['-config', path], { env })
  const [, port] = await relay.until(/listening on 127\.0\.0\.1:(\d+)/)
  const body = { model: 'gpt-5.5', input: 'hi', stream: true }
  const answer = await rawRequest(Number(port), { path: '/v1/responses', headers, body })
  expect([answer.status, readText(answer.body)]).toEqual([200, 'hello'])
  expect(vendor.requests[0]?.header('authorization')).toBe(`Bearer ${identity.familyOf('acc').accessTokens.at(-1)}`)
})
