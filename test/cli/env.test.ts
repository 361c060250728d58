import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import type { SettingsName } from '../../src/cli/client-names.ts'
import { env, type ShellLanguage } from '../../src/cli/env.ts'
import { TOKEN, withAccount, writeConfig } from '../config/load-text.ts'

const AT = 'http://127.0.0.1:8080'

async function print(
  client: SettingsName,
  config: object = withAccount({}),
  shell: ShellLanguage = 'sh',
  json = false,
) {
  const printed: string[] = []
  const output = { print: (text: string) => void printed.push(text), complain: () => {} }
  expect(await env({ client, shell, json, configPath: writeConfig(config) }, output)).toBe(0)
  return printed.join('\n')
}

/** The environment of a program that a shell starts after reading the lines. */
function evaluate(lines: string): Record<string, string> {
  const script = `${lines}\nenv -0`
  const pairs = execFileSync('sh', ['-c', script], { encoding: 'utf8', env: { PATH: process.env['PATH'] } }).split('\0')
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
}

describe('env prints lines that a shell understands', () => {
  test.each([
    ['claude', { ANTHROPIC_BASE_URL: AT, ANTHROPIC_AUTH_TOKEN: TOKEN }],
    ['gemini', { GOOGLE_GEMINI_BASE_URL: AT, GEMINI_API_KEY: TOKEN }],
    ['openai', { OPENAI_BASE_URL: `${AT}/v1`, OPENAI_API_KEY: TOKEN }],
    ['anthropic', { ANTHROPIC_BASE_URL: AT, ANTHROPIC_API_KEY: TOKEN }],
  ] as const)('for %s', async (client, expected) => {
    expect(evaluate(await print(client))).toMatchObject(expected)
  })

  test('for codex, which is told by arguments because it ignores OPENAI_BASE_URL', async () => {
    const lines = await print('codex')
    // A stand-in prints what it is called with.
    const script = `PATH=$(mktemp -d):$PATH\nprintf '#!/bin/sh\\nprintf "%%s\\\\n" "$@"' > "\${PATH%%:*}/codex"\nchmod +x "\${PATH%%:*}/codex"\n${lines}\ncodex exec 'say hello'`
    const called = execFileSync('sh', ['-c', script], { encoding: 'utf8' })
    expect(
      called
        .trim()
        .split('\n')
        .filter((word) => word !== '-c'),
    ).toEqual([
      'model_provider="sub2api-simple"',
      'model_providers.sub2api-simple.name="sub2api-simple"',
      `model_providers.sub2api-simple.base_url="${AT}/v1"`,
      'model_providers.sub2api-simple.wire_api="responses"',
      'model_providers.sub2api-simple.env_key="SUB2API_SIMPLE_TOKEN"',
      'exec',
      'say hello',
    ])
    expect(evaluate(lines)).toMatchObject({ SUB2API_SIMPLE_TOKEN: TOKEN })
  })

  test('for opencode, as a config of the vendors that the accounts are of', async () => {
    const mixed = {
      auth_tokens: [TOKEN],
      accounts: [
        { name: 'a', api_key: 'k' },
        { name: 'b', platform: 'gemini', api_key: 'k' },
        { name: 'c', platform: 'openai', type: 'oauth' },
        { name: 'd', platform: 'openai', base_url: 'http://localhost:1', wire_api: 'chat', models: ['qwen3'] },
      ],
    }
    const { OPENCODE_CONFIG_CONTENT: config = '' } = evaluate(await print('opencode', mixed))
    expect(JSON.parse(config)).toMatchObject({
      provider: {
        anthropic: { options: { baseURL: `${AT}/v1`, apiKey: TOKEN } },
        google: { options: { baseURL: `${AT}/v1beta` } },
        openai: { options: { baseURL: `${AT}/v1` } },
        'sub2api-simple': { npm: '@ai-sdk/openai-compatible', models: { qwen3: {} } },
      },
    })
  })

  test('a token that a shell would read otherwise comes through', async () => {
    const token = `it's "a" $TOKEN`
    expect(evaluate(await print('openai', withAccount({}, { auth_tokens: [token] })))).toMatchObject({
      OPENAI_API_KEY: token,
    })
  })
})

test.each([
  ['fish', `set -gx OPENAI_BASE_URL '${AT}/v1'`],
  ['powershell', `$env:OPENAI_BASE_URL = '${AT}/v1'`],
] as const)('it speaks %s, too', async (shell, line) => {
  expect(await print('openai', withAccount({}), shell)).toContain(line)
})

test('as JSON it tells the same', async () => {
  expect(JSON.parse(await print('claude', withAccount({}), 'sh', true))).toMatchObject({
    client: 'claude',
    url: AT,
    environment: { ANTHROPIC_AUTH_TOKEN: TOKEN },
    unwanted: expect.arrayContaining(['ANTHROPIC_API_KEY']),
  })
})

describe('the address is the one that a client on this machine can reach', () => {
  test.each([
    [':9000', 'http://127.0.0.1:9000'],
    ['0.0.0.0:9000', 'http://127.0.0.1:9000'],
    ['[::1]:9000', 'http://[::1]:9000'],
    ['10.0.0.5:9000', 'http://10.0.0.5:9000'],
  ])('%s', async (listen, url) => {
    expect(await print('claude', withAccount({}, { listen_addr: listen }))).toMatch(
      new RegExp(`=.?${url.replaceAll(/[[\]]/g, '\\$&')}.?\n`),
    )
  })

  test('a port that the system chooses is told to be unknown', async () => {
    const configPath = writeConfig(withAccount({}, { listen_addr: '127.0.0.1:0' }))
    const output = { print: () => {}, complain: () => {} }
    await expect(env({ client: 'claude', shell: 'sh', json: false, configPath }, output)).rejects.toThrow(
      /lets the system choose a port/,
    )
  })
})

test('the accounts stay closed: nobody asks a password manager for settings that do not need it', async () => {
  const account = { api_key: { command: ['sh', '-c', 'touch asked'] } }
  const configPath = writeConfig(withAccount(account))
  await env({ client: 'claude', shell: 'sh', json: false, configPath }, { print: () => {}, complain: () => {} })
  expect(() => execFileSync('ls', [configPath.replace('config.json', 'asked')], { stdio: 'pipe' })).toThrow()
})
