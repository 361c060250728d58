/**
 * Rows about sign-ins that only a process of its own can play: the vendor's hosts as it knows them, played on this machine,
 * and its config on a file that nobody may replace. The bundle for this Node plays them, or the chosen binary (row 97).
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { writeConfig } from '../config/load-text.ts'
import { chatgpt } from '../harness/chatgpt.ts'
import { startIdentityProvider } from '../harness/identity-provider.ts'
import { playHosts } from '../harness/named-hosts.ts'
import { useProgram } from '../harness/program.ts'
import { type RawExchange, rawRequest } from '../harness/raw-client.ts'
import { fail } from '../harness/reactions.ts'
import { TOKEN } from '../harness/relay.ts'
import { readText } from '../harness/sse.ts'
import { startVendor } from '../harness/vendor.ts'

const { run } = useProgram()

/** A program with one signed-in account whose hosts are played here; `place` may put its config somewhere else. */
async function setStage(facts: JsonObject, place = (path: string): string => path) {
  const identity = await startIdentityProvider({ name: 'https://auth.openai.com' })
  const vendor = await startVendor()
  for (const { close } of [identity, vendor]) onTestFinished(close)
  vendor.always(chatgpt('hello'))
  const { proxy, env } = await playHosts({
    'auth.openai.com': Number(new URL(identity.url).port),
    'chatgpt.com': vendor.port,
  })
  const refresh = identity.signIn('acc')
  const [access = ''] = identity.familyOf('acc').accessTokens
  const account = {
    name: 'plus',
    platform: 'openai',
    type: 'oauth',
    proxy,
    concurrency: 0,
    refresh_token: refresh,
    access_token: access,
    chatgpt_account_id: 'acc',
    ...facts,
  }
  const path = place(writeConfig({ listen_addr: '127.0.0.1:0', auth_tokens: [TOKEN], accounts: [account] }))
  const relay = run(['-config', path], { env })
  const [, port] = await relay.until(/listening on 127\.0\.0\.1:(\d+)/)
  const ask = (): RawExchange =>
    rawRequest(Number(port), {
      path: '/v1/responses',
      headers: { authorization: `Bearer ${TOKEN}` },
      body: { model: 'gpt-5.5', input: 'hi', stream: true },
    })
  return { identity, vendor, relay, path, ask }
}

const EXPIRED = { expires_at: '2020-01-01T00:00:00Z' }

test('row 12: a refused token is renewed once, and the request repeated on the same account', async () => {
  const { identity, vendor, ask } = await setStage({ expires_at: '2099-01-01T00:00:00Z' })
  vendor.script(fail(401, { message: 'token expired' }))
  const answer = await ask()
  expect([answer.status, readText(answer.body)]).toEqual([200, 'hello'])
  expect(identity.requests).toHaveLength(1)
  const { accessTokens } = identity.familyOf('acc')
  expect(vendor.requests.map((request) => request.header('authorization'))).toEqual(
    accessTokens.map((token) => `Bearer ${token}`),
  )
})

test('row 73: fifty requests that meet an expired token cost one refresh, which is on disk', async () => {
  const { identity, path, ask } = await setStage(EXPIRED)
  const answers = await Promise.all(Array.from({ length: 50 }, ask))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200))
  expect(identity.requests).toHaveLength(1)
  expect(readFileSync(path, 'utf8')).toContain(identity.familyOf('acc').current)
})

/** Where this user may mount, the same file at another path; elsewhere the path itself. */
function mountAt(path: string): string {
  const mounted = join(dirname(path), 'mounted', 'config.json')
  mkdirSync(dirname(mounted))
  writeFileSync(mounted, '')
  if (spawnSync('mount', ['--bind', path, mounted], { stdio: 'ignore' }).status !== 0) return path
  onTestFinished(() => void spawnSync('umount', [mounted], { stdio: 'ignore' }))
  return mounted
}

test('row 65: a config that is mounted as a single file gets the new token, and no other byte changes place', async () => {
  const { identity, path, ask, relay } = await setStage(EXPIRED, mountAt)
  expect((await ask()).status).toBe(200)
  relay.child.kill('SIGKILL')
  await relay.exit
  const { accounts } = JSON.parse(readFileSync(path, 'utf8')) as { accounts: Array<Record<string, string>> }
  const { current, accessTokens } = identity.familyOf('acc')
  expect(accounts[0]).toMatchObject({ refresh_token: current, access_token: accessTokens.at(-1) })
})
