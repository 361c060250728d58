/**
 * From nothing to the first answer in one command, with a stand-in for the client and a fake vendor for the internet; and
 * what a new user meets on the way when something is missing or wrong.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { findClosedPort } from '../harness/listener.ts'
import { hasTerminals, useProgram } from '../harness/program.ts'
import { rawRequest } from '../harness/raw-client.ts'
import { fail } from '../harness/reactions.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'

const { folder, run, runAtTerminal } = useProgram()
const KEY = 'sk-ant-a-key-that-nobody-may-see'

/** What it was told, what the relay answers to one question, and then what the test asks for. */
const STAND_IN = `#!${process.execPath}
const { env, argv } = process
if (argv.includes('wait')) {
  process.on('SIGINT', () => console.log('got SIGINT'))
  process.on('SIGTERM', () => process.exit(9))
  setInterval(() => {}, 1000)
}
const override = (name) => argv.find((each) => each.startsWith(name + '='))?.slice(name.length + 1).replaceAll('"', '')
const codex = override('model_providers.sub2api-simple.base_url')
const url = codex ? codex + '/responses' : env.ANTHROPIC_BASE_URL + '/v1/messages'
const token = codex ? env[override('model_providers.sub2api-simple.env_key')] : env.ANTHROPIC_AUTH_TOKEN
const body = { model: codex ? 'gpt-5.5' : 'claude-x', max_tokens: 9, input: 'hi', messages: [{ role: 'user', content: 'hi' }] }
const headers = { authorization: 'Bearer ' + token, 'content-type': 'application/json' }
const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
console.log(JSON.stringify({ url, args: argv.slice(2), key: env.ANTHROPIC_API_KEY, status: answer.status, said: await answer.text() }))
if (!argv.includes('wait')) process.exit(argv.includes('fail') ? 7 : 0)
`

interface Place {
  readonly vendor: Vendor
  readonly home: string
  /** The config that `run` writes. */
  readonly config: string
  readonly env: Record<string, string>
}

/** An empty home, a PATH with the clients, and a vendor that the usual variable names. */
async function arrive(clients: readonly string[] = ['claude', 'codex']): Promise<Place> {
  const vendor = await startVendor()
  onTestFinished(vendor.close)
  const home = mkdtempSync(join(folder, 'home-'))
  const bin = mkdtempSync(join(folder, 'bin-'))
  for (const client of clients) writeFileSync(join(bin, client), STAND_IN, { mode: 0o755 })
  return {
    vendor,
    home,
    config: join(home, '.config/sub2api-simple/config.json'),
    env: { HOME: home, PATH: bin, ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: vendor.url },
  }
}

/** What an earlier `run` would have left. */
function writeConfig({ config, vendor }: Place, port: number): void {
  const account = { name: 'anthropic', api_key: '${ANTHROPIC_API_KEY}', base_url: vendor.url }
  const settings = { listen_addr: `127.0.0.1:${port}`, auth_tokens: ['a-token-of-a-test'], accounts: [account] }
  mkdirSync(dirname(config), { recursive: true })
  writeFileSync(config, JSON.stringify(settings), { mode: 0o600 })
}

/** What the stand-in told of itself. */
function reportOf(printed: { readonly stdout: string }): Record<string, unknown> & { url: string; said: string } {
  return JSON.parse(/^\{.*\}$/m.exec(printed.stdout)?.[0] ?? '{}') as never
}

function filesIn(home: string): string[] {
  return readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

test('one command from an empty home to the first answer, in less than five seconds', async () => {
  const { vendor, home, config, env } = await arrive()
  const startedAt = performance.now()
  const { exit, printed } = run(['run', 'claude', '--print', '-c', 'hi'], { cwd: home, env })
  expect(await exit).toEqual({ code: 0, signal: null })
  expect(performance.now() - startedAt).toBeLessThan(5000)

  const { args, status, said, key } = reportOf(printed)
  expect([args, status, said]).toEqual([['--print', '-c', 'hi'], 200, expect.stringContaining('hello')])
  expect(vendor.requests.map((request) => request.key)).toEqual([KEY])
  // The client sees the relay alone, and neither it nor the config holds the key.
  expect(key).toBeUndefined()
  expect(filesIn(home)).toEqual([config])
  expect(readFileSync(config, 'utf8')).not.toContain(KEY)
  expect(statSync(config).mode & 0o777).toBe(0o600)
})

test('the second time it uses what the first has left, and says nothing', async () => {
  const { home, config, env } = await arrive()
  await run(['run', 'claude'], { cwd: home, env }).exit
  const before = readFileSync(config, 'utf8')
  const { exit, printed } = run(['run', 'claude'], { cwd: home, env })
  expect([(await exit).code, printed.stderr, readFileSync(config, 'utf8')]).toEqual([0, '', before])
  expect(reportOf(printed)['status']).toBe(200)
})

test("a project's own config.json is left alone", async () => {
  const { home, config, env } = await arrive()
  const project = join(home, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'config.json'), '{"theme": "dark"}')
  const { exit } = run(['run', 'claude'], { cwd: project, env })
  expect([(await exit).code, existsSync(config)]).toEqual([0, true])
  expect(readFileSync(join(project, 'config.json'), 'utf8')).toBe('{"theme": "dark"}')
})

test('Codex is told by arguments, and reaches a model of the account there is', async () => {
  const { vendor, home, env } = await arrive()
  const { exit, printed } = run(['run', 'codex', 'exec', '-m', 'x'], { cwd: home, env })
  expect((await exit).code).toBe(0)
  expect(printed.stderr).toContain('A model gpt-* is served by claude-sonnet-5-5: see model_map.')
  expect(reportOf(printed)).toMatchObject({ status: 200, args: expect.arrayContaining(['exec', '-m', 'x']) })
  expect(vendor.requests[0]?.model).toBe('claude-sonnet-5-5')
})

test('a relay that runs already is used, and goes on', async () => {
  const place = await arrive()
  const { home, config, env } = place
  writeConfig(place, await findClosedPort())
  const relay = run(['-config', config], { cwd: home, env })
  const [, port = ''] = await relay.until(/listening on 127\.0\.0\.1:(\d+)/)
  await relay.until(/Gemini CLI/)
  const { exit, printed } = run(['run', 'claude'], { cwd: home, env })
  expect((await exit).code).toBe(0)
  expect(reportOf(printed)).toMatchObject({ url: `http://127.0.0.1:${port}/v1/messages`, status: 200 })
  expect((await rawRequest(Number(port), { path: '/health' })).status).toBe(200)
})

test("another program at the config's port is no trouble", async () => {
  const place = await arrive()
  const { home, env } = place
  const other = createServer((_incoming, outgoing) => outgoing.end('{"status":"ok"}'))
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void other.close())
  const { port } = other.address() as AddressInfo
  writeConfig(place, port)
  const { exit, printed } = run(['run', 'claude'], { cwd: home, env })
  expect((await exit).code).toBe(0)
  expect([reportOf(printed)['status'], new URL(reportOf(printed).url).port === String(port)]).toEqual([200, false])
})

describe('the client decides how it ends', () => {
  test('its exit code is passed on', async () => {
    const { home, env } = await arrive()
    expect(await run(['run', 'claude', 'fail'], { cwd: home, env }).exit).toEqual({ code: 7, signal: null })
  })

  test('signals reach it, and the relay stays until it has ended', async () => {
    const { home, env } = await arrive()
    const { child, exit, printed, until } = run(['run', 'claude', 'wait'], { cwd: home, env })
    await until(/"status":200/)
    const { port } = new URL(reportOf(printed).url)
    child.kill('SIGINT')
    await until(/got SIGINT/)
    expect((await rawRequest(Number(port), { path: '/health' })).status).toBe(200)
    child.kill('SIGTERM')
    expect(await exit).toEqual({ code: 9, signal: null })
    expect((await rawRequest(Number(port), { path: '/health' })).ended).toBe('reset')
  })
})

describe('what is missing is told in one line', () => {
  test.each([
    ['the client', [], {}, 'claude is not installed here. Install it with: npm install -g @anthropic-ai/claude-code'],
    [
      'a key, with nobody to ask',
      ['claude'],
      { ANTHROPIC_API_KEY: '' },
      'there is no key in the environment and no terminal',
    ],
  ])('%s', async (_, clients, missing, words) => {
    const { home, env } = await arrive(clients)
    const { exit, printed } = run(['run', 'claude'], { cwd: home, env: { ...env, ...missing } })
    expect((await exit).code).toBe(1)
    expect(printed.stderr).toContain(words)
    expect([printed.stderr.trim().split('\n').length, filesIn(home)]).toEqual([1, []])
  })

  test('the key that the config refers to', async () => {
    const place = await arrive()
    const { home, env, config } = place
    writeConfig(place, 1)
    const { exit, printed } = run(['run', 'claude'], { cwd: home, env: { ...env, ANTHROPIC_API_KEY: '' } })
    expect((await exit).code).toBe(1)
    expect(printed.stderr).toBe(
      `sub2api-simple: no account can serve. Mend one of these in ${config}:\n` +
        '  anthropic: api_key: the environment variable ANTHROPIC_API_KEY is empty\n',
    )
  })

  test('a file that cannot be read', async () => {
    const { home, env } = await arrive()
    const { exit, printed } = run(['run', '-config', home, 'claude'], { cwd: home, env })
    expect([(await exit).code, printed.stderr]).toEqual([1, `${home}: error: cannot be read: it is a directory\n`])
  })
})

test('a wrong key is told to the client in the words of the relay', async () => {
  const { vendor, home, env } = await arrive()
  vendor.always(fail(401))
  const { exit, printed } = run(['run', '--log', 'relay.log', 'claude'], { cwd: home, env })
  expect((await exit).code).toBe(0)
  expect(reportOf(printed).said).toContain('the upstream account was refused (401)')
  expect(printed.stderr).toMatch(
    /nothing was served: anthropic: unauthorized .*\nSee: sub2api-simple check --online\n$/,
  )
  expect(readFileSync(join(home, 'relay.log'), 'utf8')).toMatch(/request\.end .*outcome=failed/)
})

describe.runIf(hasTerminals)('at a terminal one question is asked', () => {
  const ask = async (env: Record<string, string> = {}) => {
    const place = await arrive()
    const started = runAtTerminal(['run', 'claude'], { cwd: place.home, env: { ...place.env, ...env } })
    await started.until(/Which account shall serve\?[^]*> $/)
    return { ...place, ...started, type: (text: string) => started.child.stdin.write(text) }
  }

  test('Enter takes the key of the environment', async () => {
    const { type, exit, until, config } = await ask()
    type('\r')
    await until(/"status":200/)
    expect((await exit).code).toBe(0)
    expect(readFileSync(config, 'utf8')).toContain('${ANTHROPIC_API_KEY}')
  })

  test('a pasted key is used and not shown', async () => {
    const { type, exit, until, config, printed, vendor } = await ask({ ANTHROPIC_API_KEY: '' })
    // As terminals mark it that tell pasting from typing; and a slip is put right.
    type('\u001b[200~sk-ant-pasted-key\u001b[201~x\u007f\r')
    await until(/"status":200/)
    expect((await exit).code).toBe(0)
    expect(vendor.requests[0]?.key).toBe('sk-ant-pasted-key')
    expect(readFileSync(config, 'utf8')).toContain('"sk-ant-pasted-key"')
    expect(printed.stdout).not.toContain('pasted-key')
  })

  test('Ctrl-C leaves everything as it was', async () => {
    const { type, exit, home, printed } = await ask()
    type('sk-ant\u0003')
    expect([(await exit).code, filesIn(home)]).toEqual([1, []])
    expect(printed.stdout).toContain('nothing was written')
  })

  test('what is no key is refused, and nothing is written', async () => {
    const { type, exit, home, printed } = await ask()
    type('maybe\r')
    expect([(await exit).code, filesIn(home)]).toEqual([1, []])
    expect(printed.stdout).toContain('that is no API key')
  })
})
