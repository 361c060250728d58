/**
 * The program as people run it: a process with a config file, signals, and somebody who reads what it prints, or not.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createDeferred } from '../harness/deferred.ts'
import { listen } from '../harness/listener.ts'
import { type RawExchange, rawRequest } from '../harness/raw-client.ts'
import { after, answerText, fail, pause } from '../harness/reactions.ts'
import { readText } from '../harness/sse.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'process-'))
const program = join(folder, 'bin/sub2api-simple.js')
const TOKEN = 'a-client-token-for-tests'
const KEY = 'a-key-that-nobody-may-see'

/** Builds a copy, because other tests may be running the build of this checkout. */
beforeAll(() => {
  for (const name of ['bin', 'scripts', 'src', 'package.json']) {
    cpSync(join(repository, name), join(folder, name), { recursive: true })
  }
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'), 'dir')
  execFileSync(process.execPath, [join(folder, 'scripts/build.mjs')])
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true }))

interface Run {
  readonly child: ChildProcess
  /** Resolves when what it has printed matches; rejects when it ends before. */
  readonly until: (pattern: RegExp) => Promise<RegExpExecArray>
  readonly printed: { readonly stdout: string; readonly stderr: string }
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

function run(args: readonly string[], cwd = folder): Run {
  const child = spawn(process.execPath, [program, ...args], { cwd, env: { PATH: process.env['PATH'], HOME: folder } })
  onTestFinished(() => void child.kill('SIGKILL'))
  const printed = { stdout: '', stderr: '' }
  const awaited = new Map<RegExp, ReturnType<typeof createDeferred<RegExpExecArray>>>()
  const check = (): void => {
    for (const [pattern, seen] of awaited) {
      const match = pattern.exec(printed.stdout + printed.stderr)
      if (match !== null) seen.resolve(match)
    }
  }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (text: Buffer) => {
      printed[name] += text.toString()
      check()
    })
  }
  const exit = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => {
      for (const [pattern, seen] of awaited) seen.reject(new Error(`it ended without ${pattern}:\n${printed.stderr}`))
      resolve({ code, signal })
    })
  })
  return {
    child,
    printed,
    exit,
    until(pattern) {
      const seen = createDeferred<RegExpExecArray>()
      awaited.set(pattern, seen)
      check()
      return seen.promise
    },
  }
}

interface Started extends Run {
  readonly port: number
  readonly vendor: Vendor
  readonly ask: (stream?: boolean) => RawExchange
}

async function start(settings: object = {}): Promise<Started> {
  const vendor = await startVendor()
  onTestFinished(vendor.close)
  const path = join(mkdtempSync(join(folder, 'config-')), 'config.json')
  const accounts = [{ name: 'one', platform: 'anthropic', api_key: KEY, base_url: vendor.url }]
  const config = { listen_addr: '127.0.0.1:0', auth_tokens: [TOKEN], accounts, ...settings }
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 })
  const started = run(['-config', path])
  const [, port] = await started.until(/listening on 127\.0\.0\.1:(\d+)/)
  await started.until(/Gemini CLI/)
  return {
    ...started,
    port: Number(port),
    vendor,
    ask: (stream = false) =>
      rawRequest(Number(port), {
        path: '/v1/messages',
        headers: { authorization: `Bearer ${TOKEN}` },
        body: { model: 'claude-test', max_tokens: 9, stream, messages: [] },
      }),
  }
}

test('it starts from a config, says where it listens and who serves, and serves a stream byte for byte', async () => {
  const { ask, port, printed, until, vendor } = await start()
  expect(printed.stderr).toMatch(/^sub2api-simple \d+\.\d+\.\d+: listening on 127\.0\.0\.1:\d+( and \[::1\]:\d+)?\n/)
  expect(printed.stderr).toContain('one  anthropic  priority 50  ready')
  expect(printed.stderr).toContain(`ANTHROPIC_BASE_URL=http://127.0.0.1:${port}`)
  const answer = await ask(true)
  expect([answer.status, readText(answer.body)]).toEqual([200, 'hello'])
  expect(answer.body).toEqual(vendor.bytesSent(1))
  await until(/request\.end .*account=one .*outcome=served/)
})

test('nothing it prints holds a token or a key, not even when the vendor repeats it', async () => {
  const { ask, printed, until, vendor } = await start({ log: { level: 'debug' } })
  vendor.script(fail(400, { message: `bad key ${KEY}` }), fail(401, { message: `bad key ${KEY}` }))
  const answers = [await ask(), await ask(true)]
  await until(/request\.end[^]*request\.end/)
  const everything = printed.stdout + printed.stderr + answers.map(({ body }) => body.toString()).join('')
  for (const secret of [KEY, TOKEN]) {
    expect(everything).not.toContain(secret)
    expect(everything).not.toContain(Buffer.from(secret).toString('base64').replace(/=+$/, ''))
  }
})

describe('a signal', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'row 91: %s lets running streams finish, takes nothing new, and exits with 0',
    async (signal) => {
      const { ask, child, exit, port, until, vendor } = await start()
      vendor.always(answerText('hello', after('content', pause())))
      const streams = Array.from({ length: 3 }, () => ask(true))
      await Promise.all(streams.map((stream) => stream.until('hello')))
      child.kill(signal)
      await until(/server\.draining/)
      expect((await rawRequest(port, { path: '/health' })).ended).toBe('reset')
      for (const request of vendor.requests) request.resume()
      const answers = await Promise.all(streams)
      expect(answers.map(({ ended, body }) => [ended, readText(body)])).toEqual(streams.map(() => ['clean', 'hello']))
      expect(await exit).toEqual({ code: 0, signal: null })
    },
  )

  test('with nothing to do it ends at once', async () => {
    const { child, exit } = await start()
    const toldAt = performance.now()
    child.kill('SIGTERM')
    expect(await exit).toEqual({ code: 0, signal: null })
    expect(performance.now() - toldAt).toBeLessThan(1500)
  })

  test('row 92: a second one ends it at once, whoever is still waiting', async () => {
    const { ask, child, exit, until, vendor } = await start()
    vendor.script(answerText('hello', after('content', pause())))
    const stream = ask(true)
    await stream.until('hello')
    child.kill('SIGTERM')
    await until(/server\.draining/)
    const toldAt = performance.now()
    child.kill('SIGTERM')
    await exit
    expect(performance.now() - toldAt).toBeLessThan(1500)
    expect((await stream).ended).not.toBe('clean')
  })
})

test('row 90: a port that is taken is one line and exit code 1', async () => {
  const other = await listen(() => {})
  onTestFinished(other.close)
  const path = join(mkdtempSync(join(folder, 'config-')), 'config.json')
  const config = { listen_addr: `127.0.0.1:${other.port}`, auth_tokens: [TOKEN], accounts: [{ api_key: KEY }] }
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 })
  const { exit, printed } = run(['-config', path])
  expect((await exit).code).toBe(1)
  expect(printed.stderr).toMatch(
    new RegExp(`^sub2api-simple: cannot listen on 127\\.0\\.0\\.1:${other.port}: .*taken.*\\n$`),
  )
})

test('input 73: without a config it says which file it looked for and what to write into it', async () => {
  const empty = join(folder, 'empty')
  mkdirSync(empty)
  const { exit, printed } = run([], empty)
  expect([(await exit).code, printed.stdout]).toEqual([1, ''])
  expect(printed.stderr).toMatch(/^config\.json: .*no such file\n/)
  expect(printed.stderr).toContain('"auth_tokens"')
})

test('row 96: when nobody reads its log any more it goes on serving', async () => {
  const { ask, child, exit } = await start()
  child.stdout?.destroy()
  child.stderr?.destroy()
  for (let i = 0; i < 5; i++) expect((await ask(i % 2 === 0)).status).toBe(200)
  child.kill('SIGTERM')
  expect(await exit).toEqual({ code: 0, signal: null })
})
