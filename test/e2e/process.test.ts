/**
 * The program as people run it: a process with a config file, signals, and somebody who reads what it prints, or not.
 */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listen } from '../harness/listener.ts'
import { type Run, useProgram } from '../harness/program.ts'
import { type RawExchange, rawRequest } from '../harness/raw-client.ts'
import { after, answerText, fail, pause } from '../harness/reactions.ts'
import { readText } from '../harness/sse.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'

const { folder, run } = useProgram()
const TOKEN = 'a-client-token-for-tests'
const KEY = 'a-key-that-nobody-may-see'

interface Started extends Run {
  readonly configPath: string
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
    configPath: path,
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

describe('a config that is changed', () => {
  const rewrite = (path: string, change: (text: string) => string): void => {
    writeFileSync(`${path}.tmp`, change(readFileSync(path, 'utf8')), { mode: 0o600 })
    renameSync(`${path}.tmp`, path)
  }

  test('is in force without a new start, and a stream that runs goes on', async () => {
    const { ask, configPath, printed, until, vendor } = await start()
    vendor.script(answerText('hello', after('content', pause())))
    const stream = ask(true)
    await stream.until('hello')
    rewrite(configPath, (text) => text.replace('"one"', '"two"').replace(KEY, 'another-key-of-nobody'))
    await until(/config\.reloaded .*generation=2 added=\["two"\] removed=\["one"\]/)
    await ask()
    await until(/request\.end .*account=two .*outcome=served/)
    vendor.resume()
    expect(readText((await stream).body)).toBe('hello')
    expect(printed.stdout + printed.stderr).not.toContain('another-key-of-nobody')
  })

  test('with a mistake in it is not, and its line and what to do are shown', async () => {
    const { ask, configPath, until } = await start()
    rewrite(configPath, (text) => text.replace('"accounts":', '"acounts":'))
    await until(/ERROR config\.rejected .*place=\S*config\.json:1:\d+/)
    await until(/config\.json:1:\d+: error: acounts is not a known key[^]*\^/)
    expect((await ask()).status).toBe(200)
    rewrite(configPath, (text) => text.replace('"acounts":', '"accounts":'))
    await until(/config\.unchanged .*rejected="no longer"/)
  })

  test('is read again with all it refers to on SIGHUP', async () => {
    const secret = join(mkdtempSync(join(folder, 'secret-')), 'key')
    writeFileSync(secret, 'a-key-from-a-file')
    const vendor = await startVendor()
    onTestFinished(vendor.close)
    const account = { name: 'one', platform: 'anthropic', api_key: { file: secret }, base_url: vendor.url }
    const { ask, child, until } = await start({ accounts: [account] })
    await ask()
    writeFileSync(secret, 'a-new-key-from-a-file')
    child.kill('SIGHUP')
    await until(/config\.reloaded because=SIGHUP generation=2 changed=\["one"\]/)
    await ask()
    expect(vendor.requests.map(({ key }) => key)).toEqual(['a-key-from-a-file', 'a-new-key-from-a-file'])
  })

  test('is told by its names without a control character, as at the start', async () => {
    const { configPath, printed, until } = await start({ accounts: [{ name: 'a\u001b[31m', api_key: KEY }] })
    expect(printed.stderr).toContain('  a\\u001b[31m  anthropic')
    rewrite(configPath, (text) => text.replace('[31m', '[32m'))
    await until(/config\.reloaded /)
    expect(printed.stdout + printed.stderr).not.toContain('\u001b')
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
  const { exit, printed } = run([], { cwd: empty })
  expect([(await exit).code, printed.stdout]).toEqual([1, ''])
  expect(printed.stderr).toMatch(/^config\.json: .*no such file\n/)
  expect(printed.stderr).toContain('"auth_tokens"')
})

test('row 96: when nobody reads its log any more it goes on serving', async () => {
  const { ask, child, exit } = await start()
  child.stdout.destroy()
  child.stderr.destroy()
  for (let i = 0; i < 5; i++) expect((await ask(i % 2 === 0)).status).toBe(200)
  child.kill('SIGTERM')
  expect(await exit).toEqual({ code: 0, signal: null })
})
