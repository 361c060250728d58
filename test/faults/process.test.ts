/**
 * Faults of the process itself: a bug inside one request, no more file descriptors, an event loop that is busy with
 * something large.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { binary } from '../harness/chosen-program.ts'
import { rawConnect, rawRequest } from '../harness/raw-client.ts'
import { after, answerText, fail, pause } from '../harness/reactions.ts'
import { startRelay, TOKEN } from '../harness/relay.ts'
import { readText } from '../harness/sse.ts'
import { startVendor } from '../harness/vendor.ts'
import { bundleForNode } from '../harness/bundle.ts'
import { spawnProgram, useProgram } from '../harness/program.ts'
import { writeConfig } from '../config/load-text.ts'
import { ask, PROTOCOLS } from './four-dialects.ts'

const { folder, run } = useProgram()
const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }

describe.each(PROTOCOLS)('row 93: a bug inside one request of %s', (protocol) => {
  test('costs that request a 500 in its dialect, and nobody else anything', async () => {
    const vendor = await startVendor()
    onTestFinished(vendor.close)
    const bug = { isThere: true }
    const debug = {
      body(): void {
        if (bug.isThere) throw new TypeError('x is not a function')
      },
      event: () => {},
      close: async () => {},
    }
    const platform = protocol === 'anthropic' || protocol === 'gemini' ? protocol : 'openai'
    const wire = platform === 'openai' ? { wire_api: 'both' } : {}
    const accounts = [{ name: 'a', platform, api_key: 'a', base_url: vendor.url, ...wire }]
    const relay = await startRelay({ accounts }, undefined, { debug })
    onTestFinished(() => relay.stop())
    const { path, body } = ask(protocol)

    const answer = await relay.post(path, body)
    expect([answer.status, answer.ended]).toEqual([500, 'clean'])
    expect(String(answer.body)).toContain('an unexpected fault in the relay')
    expect(String(answer.body)).not.toContain('x is not a function')
    expect(relay.log).toContainEqual(
      expect.objectContaining({ event: 'request.crashed', error: expect.stringContaining('x is not a function') }),
    )
    bug.isThere = false
    expect(readText((await relay.post(path, body)).body)).toBe('hello')
    expect(relay.inFlight()).toEqual({ a: 0 })
  })
})

async function prepare(): Promise<{ vendor: Awaited<ReturnType<typeof startVendor>>; path: string }> {
  const vendor = await startVendor()
  onTestFinished(vendor.close)
  const accounts = [{ name: 'a', api_key: 'a', base_url: vendor.url, concurrency: 0 }]
  return { vendor, path: writeConfig({ listen_addr: '127.0.0.1:0', auth_tokens: [TOKEN], accounts }) }
}

describe('a SIGHUP', () => {
  async function serve() {
    const { vendor, path } = await prepare()
    const relay = run(['-config', path])
    const [, port] = await relay.until(/listening on 127\.0\.0\.1:(\d+)/)
    await relay.until(/Gemini CLI/)
    const send = (stream: boolean) => rawRequest(Number(port), { ...ask('anthropic', stream), headers })
    const change = (text: string): void => {
      writeFileSync(path, text)
      relay.child.kill('SIGHUP')
    }
    return { vendor, relay, send, change, text: readFileSync(path, 'utf8') }
  }

  test('row 88: with a good file brings new accounts, leaves streams alone, and keeps what an unchanged account is known for', async () => {
    const { vendor, relay, send, change, text } = await serve()
    vendor.script(answerText('one two', after('content', pause())), fail(429, { headers: { 'retry-after': '600' } }))
    const stream = send(true)
    await stream.until('one ')
    expect((await send(false)).status).toBe(429)

    const config = JSON.parse(text) as { accounts: JsonObject[] }
    change(
      JSON.stringify({ ...config, accounts: [...config.accounts, { ...config.accounts[0], name: 'b', api_key: 'b' }] }),
    )
    await relay.until(/config\.reloaded/)
    await expect.poll(async () => (await send(false)).headers['x-relay-account'], { timeout: 5_000 }).toBe('b')
    vendor.resume()
    const { ended, body } = await stream
    expect([ended, readText(body)]).toEqual(['clean', 'one two'])
    expect(vendor.requests.map(({ key }) => key)).toEqual(['a', 'a', 'b'])
  })

  test('row 89: with a bad file changes nothing, and says which line is wrong', async () => {
    const { relay, send, change, text } = await serve()
    change(text.replace('"auth_tokens"', '"acounts": [],\n  "auth_tokens"').replace('"accounts"', '"acconts"'))
    await relay.until(/config\.rejected/)
    expect((await send(false)).status).toBe(200)
    expect(relay.printed.stderr + relay.printed.stdout).toMatch(/:\d+:\d+/)
  })
})

test('row 94: without file descriptors running streams go on, and when there are some again so do new requests', async () => {
  const { vendor, path } = await prepare()
  vendor.script(...Array.from({ length: 3 }, () => answerText('one two', after('content', pause()))))
  const command = binary === undefined ? [process.execPath, await bundleForNode('src/cli.ts', folder)] : [binary]
  const limited = ['bash', '-c', 'ulimit -n 64 && exec "$0" "$@"', ...command]
  const relay = spawnProgram(limited, ['-config', path], { folder })
  const [, found] = await relay.until(/listening on 127\.0\.0\.1:(\d+)/)
  const port = Number(found)
  const send = (stream: boolean) => rawRequest(port, { ...ask('anthropic', stream), headers })

  const streams = Array.from({ length: 3 }, () => send(true))
  await Promise.all(streams.map((stream) => stream.until('one ')))
  const crowd = Array.from({ length: 200 }, () => rawConnect(port))
  // Node closes whom it has no room for, Bun leaves them waiting at the door.
  let greeted = 0
  for (const connection of crowd) {
    void connection.send({ path: '/health', headers: { ...headers, connection: 'keep-alive' } }).then(({ ended }) => {
      if (ended === 'clean') greeted++
    })
  }

  for (let i = 0; i < 3; i++) vendor.resume()
  for (const stream of await Promise.all(streams))
    expect([stream.ended, readText(stream.body)]).toEqual(['clean', 'one two'])
  expect(greeted).toBeLessThan(100)
  for (const connection of crowd) connection.abort()
  await Promise.all(crowd.map(({ closed }) => closed))
  await expect.poll(async () => (await send(false)).status, { timeout: 5_000 }).toBe(200)
  relay.child.kill('SIGTERM')
  expect(await relay.exit).toEqual({ code: 0, signal: null })
})

test('row 95: while bodies of 40 MiB keep the event loop busy others wait, and nobody is dropped', async () => {
  const { path } = await prepare()
  const relay = run(['-config', path])
  const [, port] = await relay.until(/listening on 127\.0\.0\.1:(\d+)/)
  const { path: target, body } = ask('anthropic', false)
  const large = JSON.stringify({ ...body, messages: [{ role: 'user', content: '\\"'.repeat(10 * 1024 * 1024) }] })
  const heavy = Array.from({ length: 4 }, () => rawRequest(Number(port), { path: target, headers, body: large }))
  const light = Array.from({ length: 40 }, (_, i) =>
    i % 4 === 0
      ? rawRequest(Number(port), { path: '/health', headers })
      : rawRequest(Number(port), { path: target, headers, body }),
  )
  const answers = await Promise.all([...heavy, ...light])
  expect(new Set(answers.map(({ status, ended }) => `${status} ${ended}`))).toEqual(new Set(['200 clean']))
}, 30_000)
