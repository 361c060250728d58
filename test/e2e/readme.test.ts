/**
 * The README keeps its word: its configs load, its commands parse, its clients are served with the settings it gives
 * them, and its links lead somewhere.
 */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import OpenAI from 'openai'
import { describe, expect, onTestFinished, test } from 'vitest'
import { runCommandLine } from '../../src/cli/command-line.ts'
import { SMALLEST_CONFIG } from '../../src/config/load.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { loadText } from '../config/load-text.ts'
import { rawRequest } from '../harness/raw-client.ts'
import { fail } from '../harness/reactions.ts'
import { startRelay, type TestRelay } from '../harness/relay.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'

const repository = new URL('../../', import.meta.url)
const readme = readText('README.md')
const KEYS = { ANTHROPIC_API_KEY: 'sk-1', OPENAI_API_KEY: 'sk-2', GEMINI_API_KEY: 'sk-3' }
const ADDRESS = 'http://127.0.0.1:8080'
const TOKEN = 'sk-example-change-me'

/** A relay with the token of the README and an account of each platform, and the vendor behind it. */
async function startAsTold(facts: JsonObject = {}): Promise<{ relay: TestRelay; vendor: Vendor }> {
  const vendor = await startVendor()
  onTestFinished(vendor.close)
  const platforms = [{ platform: 'anthropic' }, { platform: 'openai', wire_api: 'both' }, { platform: 'gemini' }]
  const accounts = platforms.map((platform) => ({ ...platform, api_key: 'k', base_url: vendor.url, ...facts }))
  const relay = await startRelay({ auth_tokens: [TOKEN], accounts })
  onTestFinished(() => relay.stop())
  return { relay, vendor }
}

describe('the configs', () => {
  test('the smallest one loads without a warning but for its token, and is what a missing file is answered with', async () => {
    const [config = ''] = blocks('json')
    const { config: loaded, warnings } = await loadText(config, { environment: KEYS })
    expect(loaded.accounts).toMatchObject([{ platform: 'anthropic', problem: null }])
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining('is a published example')])
    expect(config.trim()).toBe(SMALLEST_CONFIG)
  })

  test('config.example.json serves with any one of the keys that the README names', async () => {
    for (const [name, key] of Object.entries(KEYS)) {
      expect(readme).toContain(name)
      const { config } = await loadText(readText('config.example.json'), { environment: { [name]: key } })
      expect(config.accounts.filter(({ problem }) => problem === null)).toHaveLength(1)
    }
  })

  test.each(rowsOf('| you have | write |'))(
    'an account for %s loads, and lacks nothing but a sign-in',
    async (_what, cell) => {
      const [, json = '', command = null] = /^`(\{.*?\})`(?:, then `(.*)`)?$/.exec(cell) ?? []
      const account = JSON.parse(json.replaceAll('…', 'x')) as JsonObject
      const { config, warnings } = await loadText({ auth_tokens: ['a-token-of-a-test'], accounts: [account] })
      const advice = command?.replace('npm start --', 'sign in with: sub2api-simple') ?? null
      expect([config.accounts[0]?.problem, warnings]).toEqual([advice, []])
    },
  )
})

describe('the commands', () => {
  const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> }
  const lines = blocks('sh').flatMap((block) => block.replaceAll('\\\n', '').trim().split('\n'))
  const starts = lines.flatMap((line) => /^(?:npm start --|npx \S+\.tgz) ([^#]*)/.exec(line)?.[1] ?? [])

  test.each(starts)('the program understands %s', async (line) => {
    const done: string[] = []
    const verbs = {
      serve: async ({ configPath }: { configPath: string }) => void done.push(configPath),
      check: async ({ configPath }: { configPath: string }) => done.push(configPath) - 1,
      schema: async () => {},
    }
    const complaints: string[] = []
    const output = { print: () => {}, complain: (text: string) => void complaints.push(text) }
    expect(await runCommandLine(line.trim().split(/\s+/), verbs as never, output)).toBe(0)
    expect([done, complaints]).toEqual([['config.json'], []])
  })

  test('there are some, npm knows them, and the file to copy is there', () => {
    expect(starts.length).toBeGreaterThanOrEqual(3)
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(['start', 'test', 'prestart', 'pretest']))
    expect(lines).toContain('cp config.example.json config.json')
    expect(existsSync(new URL('config.example.json', repository))).toBe(true)
  })

  test('the question for curl is answered', async () => {
    const { relay, vendor } = await startAsTold()
    const command = lines.find((line) => line.includes('/v1/messages')) ?? ''
    const [, path = ''] = /:8080(\S+)/.exec(command) ?? []
    const [, authorization = ''] = /-H 'authorization: ([^']*)'/.exec(command) ?? []
    const [, body = ''] = /-d '([^']*)'/.exec(command) ?? []
    const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await rawRequest(relay.port, { path, headers, body })
    expect([answer.status, vendor.requests[0]?.header('content-type')]).toEqual([200, 'application/json'])
  })
})

describe('the clients', () => {
  test('Claude Code, Codex and Gemini CLI reach the relay with the addresses and tokens they are given', async () => {
    const { relay, vendor } = await startAsTold()
    const setting = (name: string): string =>
      new RegExp(`^(?:export )?${name} ?= ?"?([^"\\s]+)`, 'm').exec(readme)?.[1] ?? ''
    const requests = [
      [`${setting('ANTHROPIC_BASE_URL')}/v1/messages`, setting('ANTHROPIC_AUTH_TOKEN')],
      [`${setting('base_url')}/responses`, setting(setting('env_key'))],
      [`${setting('GOOGLE_GEMINI_BASE_URL')}/v1beta/models/gemini-x:generateContent`, setting('GEMINI_API_KEY')],
    ] as const
    for (const [url, token] of requests) {
      const path = url.replace(ADDRESS, '')
      const headers = { authorization: `Bearer ${token}` }
      const body = { model: path.includes('messages') ? 'claude-x' : 'gpt-5.5' }
      const { status } = await rawRequest(relay.port, { path, headers, body })
      expect([path, status]).toEqual([path, 200])
    }
    expect(vendor.requests.map(({ protocol }) => protocol)).toEqual(['anthropic', 'openai-responses', 'gemini'])
  })

  test('the SDKs are served with the constructors it shows', async () => {
    const { relay } = await startAsTold()
    const [openai, anthropic, google] = (blocks('js')[0] ?? '').trim().split('\n').map(readConstructor)
    expect([openai?.name, anthropic?.name, google?.name]).toEqual(['OpenAI', 'Anthropic', 'GoogleGenAI'])
    const at = (settings = ''): object => JSON.parse(settings.replace(ADDRESS, relay.url)) as object
    const messages = [{ role: 'user' as const, content: 'hello' }]
    const chat = new OpenAI(at(openai?.settings)).chat.completions
    expect((await chat.create({ model: 'gpt-5.5', messages })).choices).toHaveLength(1)
    const claude = new Anthropic(at(anthropic?.settings)).messages
    expect((await claude.create({ model: 'claude-x', max_tokens: 9, messages })).stop_reason).toBe('end_turn')
    const gemini = new GoogleGenAI(at(google?.settings)).models
    expect((await gemini.generateContent({ model: 'gemini-x', contents: 'hello' })).text).toBe('hello')
  })
})

describe('the rest', () => {
  test('a client of one protocol is served by an account of another', async () => {
    const { relay } = await startAsTold({ wire_api: 'chat' })
    expect(readme).toContain('**Any client on any account.**')
    const headers = { authorization: `Bearer ${TOKEN}` }
    const answer = await relay.post('/v1/responses', { model: 'gpt-5.5', input: 'hello' }, { headers })
    expect([answer.status, String(answer.body)]).toEqual([200, expect.stringContaining('hello')])
  })

  test('the words it says you see are the words the relay says', async () => {
    const { relay, vendor } = await startAsTold({ models: ['claude-x'] })
    vendor.always(fail(401))
    const ask = (model: string, token: string) =>
      rawRequest(relay.port, { path: '/v1/messages', headers: { 'x-api-key': token }, body: { model } })
    const answers = [await ask('claude-x', 'wrong'), await ask('claude-x', TOKEN), await ask('other', TOKEN)]
    const said = answers.map(({ status, body }) => `${status} ${String(body)}`)
    const printed = readText('src/cli/serve.ts')
    for (const [seen] of rowsOf('| you see | it means |')) {
      const [, status = '', words = ''] = /^(\d*) ?`(.*)`/.exec(seen) ?? []
      const isSaid = said.some((answer) => answer.startsWith(status) && answer.includes(words))
      expect([seen, isSaid || printed.includes(words)]).toEqual([seen, true])
    }
  })

  test('every link leads to a file', () => {
    const links = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target)
    expect(links.length).toBeGreaterThan(2)
    expect(links.filter((target) => !existsSync(new URL(target, repository)))).toEqual([])
  })
})

/** `new Name({ a: 'b' })`, the settings as JSON. */
function readConstructor(line: string): { name: string; settings: string } {
  const [, name = '', settings = ''] = /^new (\w+)\((.*)\)$/.exec(line) ?? []
  return { name, settings: settings.replaceAll("'", '"').replaceAll(/(\w+): /g, '"$1": ') }
}

/** The contents of all fenced blocks of one language. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'gm'))].map(([, text = '']) => text)
}

/** The rows of the table with this head, as cells. */
function rowsOf(head: string): Array<[string, string]> {
  const [, ...lines] = (readme.split(`${head}\n`)[1]?.split('\n\n')[0] ?? '').split('\n')
  return lines.map(
    (line) =>
      line
        .split('|')
        .slice(1, 3)
        .map((cell) => cell.trim()) as [string, string],
  )
}

function readText(path: string): string {
  return readFileSync(fileURLToPath(new URL(path, repository)), 'utf8')
}
