/**
 * Coming from another relay: what its config becomes is loaded and serves, and what has no counterpart is said.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { importConfig } from '../../src/cli/import.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { loadText } from '../config/load-text.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'import-'))
  path = join(folder, 'config.json')
  onTestFinished(() => rmSync(folder, { recursive: true }))
})

/** What `import` writes for a file with this text, and what it says. */
async function run(name: string, text: string): Promise<{ config: JsonObject; said: string }> {
  writeFileSync(join(folder, name), text)
  const said: string[] = []
  const output = { print: (line: string) => void said.push(line), complain: () => {} }
  expect(await importConfig({ file: join(folder, name), configPath: path, json: false }, output)).toBe(0)
  const { config, warnings } = await loadText(readFileSync(path, 'utf8'), { environment: { DEEPSEEK_KEY: 'sk-d' } })
  expect([
    config.accounts.map(({ problem }) => problem).filter((each) => each !== null && !each.startsWith('sign in')),
    warnings,
  ]).toEqual([[], []])
  return { config: JSON.parse(readFileSync(path, 'utf8')) as JsonObject, said: said.join('\n') }
}

const ROUTER = `{
  // Comments are welcome there, too.
  "APIKEY": "a-secret-of-the-router", "HOST": "0.0.0.0", "PORT": 4000, "API_TIMEOUT_MS": 600000,
  "PROXY_URL": "http://127.0.0.1:7890",
  "Providers": [
    { "name": "deepseek", "api_base_url": "https://api.deepseek.com/chat/completions", "api_key": "$DEEPSEEK_KEY",
      "models": ["deepseek-chat"], "transformer": { "use": ["deepseek", ["maxtoken", { "max_tokens": 65536 }]] } },
    { "name": "ollama", "api_base_url": "http://localhost:11434/v1/chat/completions", "api_key": "ollama", "models": ["qwen3"] },
    { "name": "gemini", "api_base_url": "https://generativelanguage.googleapis.com/v1beta/models/", "api_key": "g",
      "models": ["gemini-3-pro"], "transformer": { "use": ["gemini"] } },
    { "name": "glm", "api_base_url": "https://api.z.ai/api/anthropic/v1/messages", "api_key": "z", "models": ["glm-5"],
      "transformer": { "use": ["Anthropic"] } }
  ],
  "Router": { "default": "deepseek,deepseek-chat", "background": "ollama,qwen3", "longContext": "gemini,gemini-3-pro" }
}`

describe('claude-code-router', () => {
  test('each provider becomes an account, and its routes a model map', async () => {
    const { config } = await run('router.json', ROUTER)
    expect(config).toEqual({
      listen_addr: '0.0.0.0:4000',
      auth_tokens: ['a-secret-of-the-router'],
      accounts: [
        {
          name: 'deepseek',
          platform: 'openai',
          base_url: 'https://api.deepseek.com',
          wire_api: 'chat',
          api_key: '${DEEPSEEK_KEY}',
          models: ['deepseek-chat'],
        },
        {
          name: 'ollama',
          platform: 'openai',
          base_url: 'http://localhost:11434/v1',
          wire_api: 'chat',
          api_key: 'ollama',
          models: ['qwen3'],
        },
        { name: 'gemini', platform: 'gemini', api_key: 'g', models: ['gemini-3-pro'] },
        {
          name: 'glm',
          platform: 'anthropic',
          base_url: 'https://api.z.ai/api/anthropic',
          api_key: 'z',
          models: ['glm-5'],
        },
      ],
      model_map: { 'claude-haiku-*': 'qwen3', 'claude-*': 'deepseek-chat' },
      proxy: 'http://127.0.0.1:7890',
      response_timeout: '600s',
    })
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('what has no counterpart is said', async () => {
    const { said } = await run('router.json', ROUTER)
    expect(said).toContain('Router.longContext (gemini-3-pro) has no counterpart')
    expect(said).toContain('deepseek: the transformers maxtoken were left out')
  })

  test('without a key it gets one, and stays on this machine', async () => {
    const { config } = await run('router.json', ROUTER.replace('"APIKEY": "a-secret-of-the-router",', ''))
    expect(config['listen_addr']).toBe('127.0.0.1:4000')
    expect(config['auth_tokens']).toEqual([expect.stringMatching(/^[0-9a-f]{48}$/)])
  })
})

const CLI_PROXY = `
host: "127.0.0.1"
port: 8317
auth-dir: "AUTH"
api-keys: ["a-key-of-a-client-of-it"]
tls: { enable: true }
routing: { strategy: "fill-first", session-affinity-ttl: "2h" }
claude-api-key:
  - api-key: "sk-ant-one"
  - api-key: "sk-ant-two"
    base-url: "https://llm.example.com"
    proxy-url: "none"
    models: [{ name: "claude-sonnet-5-5", alias: "sonnet" }]
gemini-api-key: [{ api-key: "AIza", excluded-models: ["gemini-2*"] }]
openai-compatibility:
  - name: openrouter
    base-url: "https://openrouter.ai/api/v1"
    api-key-entries: [{ api-key: "sk-or-1" }, { api-key: "sk-or-2", proxy-url: "socks5://127.0.0.1:1080" }]
    models: [{ name: "moonshotai/kimi-k2", alias: "kimi-k2" }]
`

describe('CLIProxyAPI', () => {
  test('keys and servers become accounts, aliases their model maps', async () => {
    const { config, said } = await run('config.yaml', CLI_PROXY)
    const kimi = { models: ['kimi-k2'], model_map: { 'kimi-k2': 'moonshotai/kimi-k2' } }
    const server = { platform: 'openai', wire_api: 'chat', base_url: 'https://openrouter.ai/api/v1' }
    expect(config).toEqual({
      listen_addr: '127.0.0.1:8317',
      auth_tokens: ['a-key-of-a-client-of-it'],
      accounts: [
        { name: 'claude', platform: 'anthropic', api_key: 'sk-ant-one' },
        {
          name: 'claude-2',
          platform: 'anthropic',
          base_url: 'https://llm.example.com',
          api_key: 'sk-ant-two',
          proxy: 'direct',
          models: ['sonnet'],
          model_map: { sonnet: 'claude-sonnet-5-5' },
        },
        { name: 'gemini', platform: 'gemini', api_key: 'AIza' },
        { name: 'openrouter', ...server, api_key: 'sk-or-1', ...kimi },
        { name: 'openrouter-2', ...server, api_key: 'sk-or-2', proxy: 'socks5://127.0.0.1:1080', ...kimi },
      ],
      strategy: 'fill_first',
      sticky_session_ttl: '2h',
    })
    expect(said).toContain('tls was left out')
    expect(said).toContain('excluded-models were left out')
  })

  test('a ChatGPT sign-in becomes an account that signs in anew, and its tokens stay where they are', async () => {
    const kept = join(folder, 'auth')
    mkdirSync(kept)
    const signIn = { email: 'me@example.com', refresh_token: 'rt-that-works-once' }
    writeFileSync(join(kept, 'codex-me.json'), JSON.stringify({ type: 'codex', ...signIn }))
    writeFileSync(join(kept, 'claude-me.json'), JSON.stringify({ type: 'claude', ...signIn }))
    const { config, said } = await run('config.yaml', CLI_PROXY.replace('AUTH', kept))
    expect((config['accounts'] as JsonObject[]).at(-1)).toEqual({
      name: 'me@example.com',
      platform: 'openai',
      type: 'oauth',
    })
    expect(said).toContain('sign in with sub2api-simple login')
    expect(said).toContain('the sign-in of claude (me@example.com) was left out')
    expect(JSON.stringify(config)).not.toContain('rt-that-works-once')
  })
})

test.each([
  ['a file of something else', '{"name": "a-package"}', 'is no config of claude-code-router'],
  ['a file without accounts', 'api-keys: [a]', 'holds no account that could be taken over'],
  ['a broken file', '{"Providers": [', 'is neither JSON nor YAML'],
])('%s is refused, and nothing is written', async (_what, text, sentence) => {
  const file = join(folder, 'other.yaml')
  writeFileSync(file, text)
  const output = { print: () => {}, complain: () => {} }
  await expect(importConfig({ file, configPath: path, json: false }, output)).rejects.toThrow(sentence)
  expect(() => statSync(path)).toThrow('ENOENT')
})

test('a config that is there is never overwritten', async () => {
  writeFileSync(path, '{}')
  const output = { print: () => {}, complain: () => {} }
  await expect(importConfig({ file: path, configPath: path, json: false }, output)).rejects.toThrow('exists already')
  expect(readFileSync(path, 'utf8')).toBe('{}')
})
