/**
 * Signing in as somebody at a terminal does it: over SSH or in a container, with wrong pastes, taken ports and Ctrl-C.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { writeConfig } from '../config/load-text.ts'
import { bundleForNode } from '../harness/bundle.ts'
import { startIdentityProvider } from '../harness/identity-provider.ts'
import { findClosedPort, listen } from '../harness/listener.ts'
import { rawRequest } from '../harness/raw-client.ts'

let folder = ''
let script = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'login-'))
  script = await bundleForNode('test/cli/login-child.ts', folder)
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The verb, started; as many ports as `ports` says are there for it, of which the first `taken` are not free. */
async function startLogin({ ports = 1, taken = 0 } = {}) {
  const identity = await startIdentityProvider()
  onTestFinished(() => identity.close())
  const callbackPorts = await Promise.all(Array.from({ length: ports }, findClosedPort))
  for (const port of callbackPorts.slice(0, taken)) {
    const other = await listen((socket) => socket.destroy(), { port })
    onTestFinished(() => other.close())
  }
  const path = writeConfig({
    auth_tokens: ['a-client-token-for-tests'],
    accounts: [{ name: 'plus', platform: 'openai', type: 'oauth' }],
  })
  const child = spawn(process.execPath, [script, path, identity.issuer, ...callbackPorts.map(String)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()))
  const exit = once(child, 'close') as Promise<[code: number | null, signal: string | null]>
  const hears = (pattern: RegExp) => expect.poll(() => said, { timeout: 10_000, interval: 10 }).toMatch(pattern)
  await hears(/oauth\/authorize\S+[^]*paste that address/)
  const authorizeUrl = new URL(/http\S+\/oauth\/authorize\S+/.exec(said)?.[0] ?? '')
  const back = await identity.authorize(authorizeUrl.href, 'acc')
  return {
    child,
    exit,
    hears,
    identity,
    back,
    callbackPorts,
    redirectPort: Number(new URL(authorizeUrl.searchParams.get('redirect_uri') ?? '').port),
    type: (line: string) => child.stdin.write(`${line}\n`),
    said: () => said,
    config: () => readFileSync(path, 'utf8'),
    files: () => readdirSync(dirname(path)),
  }
}

test('wrong pastes are told and cost nothing; the right one signs in, and no secret is printed', async () => {
  const { type, hears, exit, back, identity, config, files, said } = await startLogin()
  type('')
  type('yes')
  await hears(/That does not work: .*Paste the whole address/)
  type(back.href.replace(/code=[^&]*&?/, ''))
  await hears(/the address holds no code/)
  type(back.href.replace(/state=[^&]*/, 'state=guessed'))
  type(`  "${back.href}" `)
  expect(await exit).toEqual([0, null])
  expect(said()).toContain('Signed in: plus (plus)')
  const { current, accessTokens } = identity.familyOf('acc')
  expect(config()).toContain(current)
  expect(files()).toEqual(['config.json'])
  for (const secret of [current ?? '', ...accessTokens, back.searchParams.get('code') ?? '']) {
    expect(said()).not.toContain(secret)
  }
})

test('where nobody can type, the browser on the same machine still comes back', async () => {
  const { child, exit, back, identity, config } = await startLogin()
  child.stdin.end()
  const { status } = await rawRequest(Number(back.port), {
    path: back.pathname + back.search,
    headers: { host: back.host },
  })
  expect([status, await exit]).toEqual([200, [0, null]])
  expect(config()).toContain(identity.familyOf('acc').current)
})

test('Ctrl-C ends it at once, and leaves neither a file nor a taken port behind', async () => {
  const { child, exit, callbackPorts, files, config } = await startLogin()
  const before = config()
  child.kill('SIGINT')
  expect(await exit).toEqual([null, 'SIGINT'])
  expect([config(), files()]).toEqual([before, ['config.json']])
  await (await listen(() => {}, { port: callbackPorts[0] ?? 0 })).close()
})

test('a first port that is taken is no trouble: the second one is used (row 82)', async () => {
  const { exit, back, callbackPorts, redirectPort } = await startLogin({ ports: 2, taken: 1 })
  expect(redirectPort).toBe(callbackPorts[1])
  await rawRequest(redirectPort, { path: back.pathname + back.search, headers: { host: back.host } })
  expect(await exit).toEqual([0, null])
})

test('with both taken it says so, and the pasted address signs in (row 82)', async () => {
  const { exit, back, type, said, redirectPort } = await startLogin({ ports: 2, taken: 2 })
  expect(said()).toContain('The ports 1455 and 1457 are taken')
  expect(redirectPort).toBe(1455)
  type(back.href)
  expect(await exit).toEqual([0, null])
})

test('what the vendor refuses is said in one line, and the exit code is 1', async () => {
  const { exit, back, type, said, identity } = await startLogin()
  identity.script({ kind: 'refuse', status: 400, body: { error: 'invalid_grant' } })
  type(back.href)
  expect(await exit).toEqual([1, null])
  expect(said()).toContain('Not signed in: the vendor refused the code: invalid_grant. Run the command again.')
})
