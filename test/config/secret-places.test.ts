/**
 * Every place of a config that takes a secret takes it in every form, and says what is missing without stopping the rest.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { secretsOf } from '../../src/cli/config-secrets.ts'
import type { RelayConfig } from '../../src/config/config.ts'
import { loadConfig, type LoadedConfig } from '../../src/config/load.ts'
import type { JsonObject, JsonValue } from '../../src/core/json.ts'

const SECRET = 'http://user:the-secret@127.0.0.1:9'

const FORMS: ReadonlyArray<readonly [string, JsonValue]> = [
  ['as text', SECRET],
  ['as text with a variable', 'http://user:${PART}@127.0.0.1:9'],
  ['as a variable', { env: 'WHOLE' }],
  ['as a file', { file: 'secret.txt' }],
  ['as a command', { command: [process.execPath, '-e', `console.log(${JSON.stringify(SECRET)})`] }],
]

interface Place {
  readonly put: (secret: JsonValue) => JsonObject
  readonly get: (config: RelayConfig) => string | undefined
}

const account = (facts: JsonObject): JsonObject => ({ accounts: [{ api_key: 'a-key-of-a-test', ...facts }] })
const credential = (config: RelayConfig, field: string): string | undefined => {
  const found = config.accounts[0]?.credential as unknown as Record<string, { reveal(): string }> | undefined
  return found?.[field]?.reveal()
}
const openai = (facts: JsonObject): JsonObject => ({ accounts: [{ platform: 'openai', ...facts }] })

const PLACES: Readonly<Record<string, Place>> = {
  'a token': { put: (secret) => ({ auth_tokens: [secret] }), get: ({ tokens }) => tokens[0]?.token.reveal() },
  'a token object': {
    put: (secret) => ({ auth_tokens: [{ token: secret, name: 'bob' }] }),
    get: ({ tokens }) => tokens[0]?.token.reveal(),
  },
  admin_token: { put: (secret) => ({ admin_token: secret }), get: ({ adminToken }) => adminToken?.reveal() },
  'the proxy': { put: (secret) => ({ proxy: secret }), get: ({ accounts }) => accounts[0]?.proxy?.reveal() },
  "an account's proxy": {
    put: (secret) => account({ proxy: secret }),
    get: ({ accounts }) => accounts[0]?.proxy?.reveal(),
  },
  api_key: { put: (secret) => account({ api_key: secret }), get: (config) => credential(config, 'key') },
  oauth_token: {
    put: (secret) => ({ accounts: [{ type: 'oauth', oauth_token: secret }] }),
    get: (config) => credential(config, 'token'),
  },
  refresh_token: {
    put: (secret) => openai({ refresh_token: secret }),
    get: (config) => credential(config, 'refreshToken'),
  },
  access_token: {
    put: (secret) => openai({ access_token: secret }),
    get: (config) => credential(config, 'accessToken'),
  },
}

async function load(settings: JsonObject, environment: Record<string, string>): Promise<LoadedConfig> {
  const folder = mkdtempSync(join(tmpdir(), 'secret-places-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'secret.txt'), `${SECRET}\n`)
  const whole = { auth_tokens: ['client-token-of-a-test'], ...account({}), ...settings }
  writeFileSync(join(folder, 'config.json'), JSON.stringify(whole), { mode: 0o600 })
  return loadConfig(join(folder, 'config.json'), environment)
}

describe.each(Object.entries(PLACES))('%s', (_name, { put, get }) => {
  test.each(FORMS)('is understood %s, and masked in the log', async (_form, written) => {
    const { config, warnings } = await load(put(written), { PART: 'the-secret', WHOLE: SECRET })
    expect(get(config)).toBe(SECRET)
    expect(secretsOf(config)).toContain(SECRET)
    expect(warnings).toEqual([])
  })

  test.each<[string, JsonValue]>([
    ['variable', { env: 'ABSENT' }],
    ['file', { file: 'absent.txt' }],
    ['command', { command: ['/absent/program'] }],
  ])('says which %s is missing, and stops nobody else', async (_form, written) => {
    const lost = put(written)
    const tokens = [...((lost['auth_tokens'] ?? []) as JsonValue[]), 'client-token-of-a-test']
    const accounts = [
      ...((lost['accounts'] ?? [{ api_key: 'a-key-of-a-test' }]) as JsonValue[]),
      { api_key: 'another-key-of-a-test', proxy: 'direct' },
    ]
    const { config, warnings } = await load({ ...lost, auth_tokens: tokens, accounts }, {})
    const told = [...warnings.map(({ message }) => message), ...config.accounts.map(({ problem }) => problem ?? '')]
    expect(told.join('\n')).toMatch(/absent/i)
    expect(config.accounts.at(-1)?.problem).toBeNull()
    expect(config.tokens.at(-1)?.token.reveal()).toBe('client-token-of-a-test')
  })
})
