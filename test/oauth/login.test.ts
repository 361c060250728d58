/**
 * Signing in: who may start it, what comes back, and what a hostile browser can do to it.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { PassThrough } from 'node:stream'
import { afterEach, describe, expect, test } from 'vitest'
import { login as runLogin } from '../../src/cli/login.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createCredentialStore } from '../../src/config/store.ts'
import { createSystemClock } from '../../src/core/clock.ts'
import { writeConfig } from '../config/load-text.ts'
import { createVirtualClock } from '../harness/clock.ts'
import { startIdentityProvider } from '../harness/identity-provider.ts'
import { findClosedPort, listen } from '../harness/listener.ts'
import { rawRequest } from '../harness/raw-client.ts'
import { answerText } from '../harness/reactions.ts'
import { startRelay } from '../harness/relay.ts'
import { startVendor } from '../harness/vendor.ts'

const running: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const stop of running.splice(0).toReversed()) await stop()
})

async function setStage({ ports = 1 } = {}) {
  const identity = await startIdentityProvider()
  const vendor = await startVendor()
  const clock = createVirtualClock()
  const callbackPorts = await Promise.all(Array.from({ length: ports }, findClosedPort))
  const relay = await startRelay(
    { accounts: [{ name: 'my plus', platform: 'openai', type: 'oauth', base_url: vendor.url }] },
    clock,
    { identityProvider: identity, callbackPorts },
  )
  running.push(
    identity.close,
    vendor.close,
    () => relay.stop(),
    // It waits on the virtual clock for its last page, which nobody reads any more.
    async () => void relay.parts.desk.stop(),
  )
  const start = (path = '/auth/login?account=my%20plus', headers: Record<string, string> = {}) =>
    rawRequest(relay.port, { path, headers: { host: `localhost:${relay.port}`, ...headers } })
  const comeBack = (target: string, headers: Record<string, string> = {}, port = callbackPorts[0] ?? 0) =>
    rawRequest(port, { path: target, headers: { host: `localhost:${port}`, ...headers } })
  const onDisk = (): string => readFileSync(relay.configPath, 'utf8')
  return { identity, vendor, clock, relay, start, comeBack, onDisk, callbackPorts }
}

const pathOf = ({ pathname, search }: URL): string => pathname + search

describe('a login in the browser', () => {
  test('ends with the tokens in the config and an account that serves', async () => {
    const { identity, vendor, relay, start, comeBack, onDisk } = await setStage()
    const sent = await start()
    expect(sent.status).toBe(302)
    const authorize = new URL(sent.headers['location'] ?? '')
    expect(Object.fromEntries(authorize.searchParams)).toMatchObject({
      response_type: 'code',
      client_id: 'app_EMoamEEZ73f0CkXaXp7hrann',
      scope: 'openid profile email offline_access',
      code_challenge_method: 'S256',
      id_token_add_organizations: 'true',
      codex_cli_simplified_flow: 'true',
      state: expect.stringMatching(/^.{30,}$/),
      nonce: expect.stringMatching(/^.{30,}$/),
    })
    const page = await comeBack(pathOf(await identity.authorize(authorize.href, 'acc-7')))
    expect([page.status, page.body.toString()]).toEqual([200, expect.stringContaining('my plus')])
    expect(page.headers['content-security-policy']).toContain("default-src 'none'")
    const { current } = identity.familyOf('acc-7')
    expect(JSON.parse(onDisk())).toMatchObject({ accounts: [{ refresh_token: current, chatgpt_account_id: 'acc-7' }] })
    vendor.script(answerText('yes'))
    const answer = await relay.post('/v1/responses', { model: 'gpt-5.5', stream: true, input: 'hello' })
    expect(answer.status).toBe(200)
    expect(vendor.requests[0]?.key).toBe(identity.familyOf('acc-7').accessTokens[0])
  })

  test('works once: the same address again is refused, and the port is closed', async () => {
    const { identity, start, comeBack } = await setStage()
    const [one, two] = [await start(), await start()]
    const back = pathOf(await identity.authorize(one.headers['location'] ?? '', 'acc'))
    expect((await comeBack(back)).status).toBe(200)
    expect((await comeBack(back)).status).toBe(400)
    expect((await comeBack(pathOf(await identity.authorize(two.headers['location'] ?? '', 'acc')))).status).toBe(200)
    expect((await comeBack(back)).status).toBe(0)
  })

  test('nothing that comes back wrong harms it or is printed (row 81)', async () => {
    const { identity, start, comeBack, onDisk } = await setStage()
    const { headers } = await start()
    const { searchParams } = new URL(headers['location'] ?? '')
    const state = searchParams.get('state') ?? ''
    const before = onDisk()
    for (const query of [
      '',
      '?code=x',
      '?code=x&state=wrong',
      `?state=${state}`,
      `?state=${state}&error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E`,
      '?error=%3Cscript%3E&state=%3Cscript%3E',
    ]) {
      const page = await comeBack(`/auth/callback${query}`)
      expect([query, page.status]).toEqual([query, 400])
      expect(page.body.toString()).not.toMatch(/script|access_denied|wrong/)
    }
    expect((await comeBack('/auth/callback?code=x', { host: 'evil.example' })).status).toBe(421)
    expect((await comeBack('/other')).status).toBe(404)
    expect(onDisk()).toBe(before)
    expect((await comeBack(pathOf(await identity.authorize(headers['location'] ?? '', 'acc')))).status).toBe(200)
  })

  test('an answer to another login is not taken', async () => {
    const { identity, start, comeBack, onDisk } = await setStage()
    const { headers } = await start()
    const before = onDisk()
    const authorize = new URL(headers['location'] ?? '')
    authorize.searchParams.set('nonce', 'of-somebody-else')
    expect((await comeBack(pathOf(await identity.authorize(authorize.href, 'acc')))).status).toBe(502)
    expect(onDisk()).toBe(before)
  })

  test('that nobody finishes ends after ten minutes, and its port is free (row 83)', async () => {
    const { clock, start, comeBack } = await setStage()
    await start()
    expect((await comeBack('/auth/callback')).status).toBe(400)
    await clock.advance(11 * 60_000)
    expect((await comeBack('/auth/callback')).status).toBe(0)
    expect(clock.pending).toBeLessThan(10)
  })

  test('does not take a port of which somebody else has the ::1 half: browsers go there first', async () => {
    const { identity, relay, start, callbackPorts } = await setStage({ ports: 2 })
    const other = createServer()
    other.listen(callbackPorts[0], '::1')
    await once(other, 'listening')
    running.push(() => new Promise((resolve) => other.close(resolve)))
    const { headers } = await start()
    const back = await identity.authorize(headers['location'] ?? '', 'acc')
    expect(Number(back.port)).toBe(callbackPorts[1])
    expect(relay.log.filter(({ event }) => event === 'callback_port.taken')).toHaveLength(1)
  })

  test('that begins while another one ends still has its port', async () => {
    const { relay, identity, clock, callbackPorts } = await setStage()
    const [account] = relay.parts.pool.states.map((state) => state.account)
    if (account === undefined) throw new Error('no account')
    const first = await relay.parts.desk.begin(account)
    const back = await identity.authorize(first?.url ?? '', 'acc')
    const [, second] = await Promise.all([relay.parts.desk.complete(back.href), relay.parts.desk.begin(account)])
    await clock.advance(5_000)
    expect(second?.port).toBe(callbackPorts[0])
    const next = await identity.authorize(second?.url ?? '', 'acc')
    expect((await rawRequest(Number(next.port), { path: pathOf(next), headers: { host: next.host } })).status).toBe(200)
  })

  test('takes the second port when the first is taken; without any it says what to do (row 82)', async () => {
    const { callbackPorts, start, relay } = await setStage({ ports: 2 })
    const [first = 0, second = 0] = callbackPorts
    const occupied = await listen(() => {}, { port: first })
    running.push(occupied.close)
    const location = new URL((await start()).headers['location'] ?? '')
    expect(location.searchParams.get('redirect_uri')).toBe(`http://localhost:${second}/auth/callback`)
    void relay.parts.desk.stop()
    await expect.poll(async () => (await rawRequest(second, { path: '/' })).status).toBe(0)
    running.push((await listen(() => {}, { port: second })).close)
    const page = await start()
    expect([page.status, page.body.toString()]).toEqual([503, expect.stringContaining('--no-browser')])
  })
})

describe('who may start one', () => {
  test.each<[string, Record<string, string>]>([
    ['a rebound name', { host: 'evil.example' }],
    ['another site in the browser', { 'sec-fetch-site': 'cross-site' }],
    ['a wrong ticket', { host: 'relay.example' }],
  ])('not %s', async (_who, headers) => {
    const { start } = await setStage()
    const page = await start('/auth/login?account=my%20plus&ticket=guess', headers)
    expect([page.status, page.headers['location']]).toEqual([421, undefined])
  })

  test('somebody elsewhere with the ticket from the terminal, once', async () => {
    const { start, relay } = await setStage()
    const path = `/auth/login?account=my%20plus&ticket=${relay.parts.login.issueTicket()}`
    expect((await start(path, { host: 'relay.example' })).status).toBe(302)
    expect((await start(path, { host: 'relay.example' })).status).toBe(421)
  })

  test('an unknown account is not repeated on the page', async () => {
    const { start } = await setStage()
    const page = await start('/auth/login?account=%3Cscript%3E'.replaceAll('%', '%'))
    expect([page.status, page.body.includes('script>')]).toEqual([404, false])
  })

  test('no more than 32 at a time', async () => {
    const { start } = await setStage()
    for (let count = 0; count < 32; count++) expect((await start()).status).toBe(302)
    expect((await start()).status).toBe(429)
  })
})

describe('the verb', () => {
  async function signIn(options: { account?: string; accounts?: object[] } = {}) {
    const identity = await startIdentityProvider()
    running.push(identity.close)
    const accounts = options.accounts ?? [{ name: 'plus', platform: 'openai', type: 'oauth' }]
    const path = writeConfig({ auth_tokens: ['a-client-token-for-tests'], accounts })
    const input = new PassThrough()
    const said: string[] = []
    const output = { print: (text: string) => void said.push(text), complain: (text: string) => void said.push(text) }
    const ports = [await findClosedPort()]
    const done = runLogin({ configPath: path, account: options.account, browser: false }, output, {
      identityProvider: identity,
      ports,
      input,
    })
    done.catch(() => {})
    const authorizeUrl = async (): Promise<string> => {
      await expect.poll(() => said.join('\n')).toMatch(/oauth\/authorize/)
      return /http\S+\/oauth\/authorize\S+/.exec(said.join('\n'))?.[0] ?? ''
    }
    return { identity, path, input, said, done, authorizeUrl }
  }

  test('takes the pasted address, after a wrong one too, and writes the tokens', async () => {
    const { identity, path, input, said, done, authorizeUrl } = await signIn()
    const back = await identity.authorize(await authorizeUrl(), 'acc')
    input.write('http://localhost:1455/auth/callback?code=x&state=y\n')
    input.write(`  ${back.href}  \n`)
    expect(await done).toBe(0)
    expect(said.join('\n')).toContain('Signed in: plus (plus)')
    const { current, accessTokens } = identity.familyOf('acc')
    expect(readFileSync(path, 'utf8')).toContain(current)
    for (const token of [current ?? '', ...accessTokens]) expect(said.join('\n')).not.toContain(token)
  })

  test('counts for a relay whose config only refers to the old token', async () => {
    const account = { name: 'plus', platform: 'openai', type: 'oauth', refresh_token: { command: ['echo', 'rt-old'] } }
    const { identity, path, input, said, done, authorizeUrl } = await signIn({ accounts: [account] })
    input.write(`${(await identity.authorize(await authorizeUrl(), 'acc')).href}\n`)
    expect(await done).toBe(0)
    expect(said.join('\n')).toContain('token_state.json')
    const { config } = await loadConfig(path, {})
    const { credential } = config.accounts[0] ?? {}
    const store = createCredentialStore({
      path: config.path,
      tokenStore: 'config',
      configured: () => (credential?.type === 'oauth' ? credential : null),
      clock: createSystemClock(),
    })
    expect((await store.read('plus'))?.refreshToken?.reveal()).toBe(identity.familyOf('acc').current)
  })

  test('takes the browser that comes back to this machine', async () => {
    const { identity, done, authorizeUrl } = await signIn()
    const back = await identity.authorize(await authorizeUrl(), 'acc')
    const page = await rawRequest(Number(back.port), { path: pathOf(back), headers: { host: back.host } })
    expect([page.status, await done]).toEqual([200, 0])
  })

  test.each<[string, { account?: string; accounts?: object[] }, RegExp]>([
    ['no such account', { account: 'minus' }, /no account minus; there are: plus/],
    ['no account that signs in', { accounts: [{ name: 'k', api_key: 'sk' }] }, /no account to sign in/],
    ['a key', { account: 'k', accounts: [{ name: 'k', api_key: 'sk' }] }, /has no sign-in/],
    [
      'a proxy that is unusable',
      { account: 'p', accounts: [{ name: 'p', platform: 'openai', type: 'oauth', proxy: '${NO_SUCH}' }] },
      /cannot sign in: proxy/,
    ],
  ])('says in one line what is wrong: %s', async (_what, options, message) => {
    const { done } = await signIn(options)
    await expect(done).rejects.toThrow(message)
  })
})
