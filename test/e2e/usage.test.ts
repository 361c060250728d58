/**
 * What the running program remembers of usage when it is stopped, and when it is killed.
 */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { useProgram } from '../harness/program.ts'
import { type RawResponse, rawRequest } from '../harness/raw-client.ts'
import { answerWith } from '../harness/reactions.ts'
import { startVendor } from '../harness/vendor.ts'

const { folder, run } = useProgram()
const TOKEN = 'a-client-token-for-tests'
const HEADERS = { authorization: `Bearer ${TOKEN}` }

/** Every answer costs half a dollar of the budget of one. */
async function prepare() {
  const vendor = await startVendor()
  onTestFinished(vendor.close)
  vendor.always(answerWith({ text: 'hello', usage: { input: 100_000, output: 0 } }))
  const place = mkdtempSync(join(folder, 'usage-'))
  const config = {
    listen_addr: '127.0.0.1:0',
    auth_tokens: [{ token: TOKEN, name: 'mate', budget: { day: 1, month: 1 } }],
    accounts: [{ name: 'one', api_key: 'a-key-of-a-test', base_url: vendor.url }],
    usage_log: 'usage.jsonl',
    prices: { 'claude-test': { input: 5, output: 5 } },
  }
  writeFileSync(join(place, 'config.json'), JSON.stringify(config), { mode: 0o600 })
  const journal = (): string =>
    readdirSync(place)
      .filter((name) => name.endsWith('.jsonl'))
      .map((name) => readFileSync(join(place, name), 'utf8'))
      .join('')
  return {
    journal,
    async start() {
      const started = run(['-config', join(place, 'config.json')])
      const [, port] = await started.until(/listening on 127\.0\.0\.1:(\d+)/)
      await started.until(/Gemini CLI/)
      const ask = (): Promise<RawResponse> =>
        rawRequest(Number(port), {
          path: '/v1/messages',
          headers: HEADERS,
          body: { model: 'claude-test', max_tokens: 9, messages: [] },
        })
      const spent = async (): Promise<number> => {
        const { body } = await rawRequest(Number(port), { path: '/v1/usage', headers: HEADERS })
        return (JSON.parse(String(body)) as { cost_day: number }).cost_day
      }
      return { ...started, ask, spent }
    },
  }
}

test('a budget survives kill -9', async () => {
  const { start, journal } = await prepare()
  const first = await start()
  expect((await first.ask()).status).toBe(200)
  // The system has it: from here on it does not matter how the process ends.
  await expect.poll(journal, { interval: 2 }).toContain('"cost":0.5')
  first.child.kill('SIGKILL')
  await first.exit

  const second = await start()
  expect(await second.spent()).toBe(0.5)
  expect((await second.ask()).status).toBe(200)
  const refused = await second.ask()
  expect([refused.status, refused.headers['x-relay-limited-by']]).toEqual([429, 'token'])
  second.child.kill('SIGTERM')
  await second.exit

  expect((await (await start()).ask()).status).toBe(429)
})

test('an orderly stop writes everything down', async () => {
  const { start, journal } = await prepare()
  const { ask, child, exit } = await start()
  const statuses = (await Promise.all(Array.from({ length: 20 }, ask))).map(({ status }) => status)
  child.kill('SIGTERM')
  expect(await exit).toEqual({ code: 0, signal: null })
  const lines = journal().trim().split('\n')
  expect(lines).toHaveLength(20)
  expect(lines.filter((line) => line.includes('"outcome":"served"'))).toHaveLength(
    statuses.filter((status) => status === 200).length,
  )
})
