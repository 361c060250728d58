import { describe, expect, test } from 'vitest'
import { loadText, TOKEN, withAccount } from './load-text.ts'

const EVERY_FIELD = `{
  "_comment": "a config.json of the Go program with every field it knows",
  "LISTEN_ADDR": ":8080",
  "auth_tokens": ["client-token-of-a-test", ""],
  "Accounts": [
    {
      "_comment": "comments were allowed in accounts too",
      "NAME": "claude-oauth",
      "platform": "anthropic",
      "type": "oauth",
      "oauth_token": "claude-token",
      "concurrency": 3,
      "priority": 10
    },
    {
      "name": "claude-key",
      "platform": "anthropic",
      "type": "api_key",
      "api_key": "sk-ant-1",
      "base_url": "https://claude.example/",
      "proxy": "socks5://user:pass@127.0.0.1:1080",
      "Models": ["claude-sonnet-4-5"]
    },
    {
      "name": "chatgpt",
      "platform": "openai",
      "type": "oauth",
      "client_id": "app_1",
      "refresh_token": "refresh-1",
      "chatgpt_account_id": "acc-1",
      "_comment": "exchanged by itself"
    },
    {"platform": "openai", "oauth_token": "legacy"},
    {}
  ],
  "openai_default_instructions": {"_comment": "none", "gpt-5.2": " Be brief. ", "*": "  "},
  "model_extra_params": {
    "gpt-5.2": {"reasoning": {"effort": "high", "_note": null}, "temperature": 0.20},
    "gpt-5.1": null,
    "*": {}
  },
  "enable_request_log": false,
  "enable_stream_debug_log": true,
  "enable_model_debug_log": null,
  "max_account_switches": 2,
  "Sticky_Session_TTL": 90,
  "stream_read_timeout": "1h30m"
}`

describe('a config.json of the Go program', () => {
  test('means here what it meant there, field by field', async () => {
    const { config } = await loadText(EVERY_FIELD)

    expect(config).toMatchObject({
      listen: { host: null, port: 8080 },
      tokens: [{ name: 'token-1', loopbackOnly: false }],
      enableRequestLog: false,
      enableStreamDebugLog: true,
      enableModelDebugLog: false,
      maxAccountSwitches: 2,
      stickySessionTtlMs: 90_000,
      streamReadTimeoutMs: 5_400_000,
    })
    expect(config.tokens[0]?.token.reveal()).toBe(TOKEN)
    expect([...config.defaultInstructions]).toEqual([['gpt-5.2', 'Be brief.']])
    expect([...config.modelExtraParams]).toEqual([
      ['gpt-5.2', { reasoning: { effort: 'high', _note: null }, temperature: 0.2 }],
    ])

    const [claudeOauth, claudeKey, chatgpt, legacy, bare] = config.accounts
    expect(claudeOauth).toMatchObject({
      name: 'claude-oauth',
      credential: { type: 'bearer' },
      priority: 10,
      problem: null,
    })
    expect(claudeKey).toMatchObject({
      credential: { type: 'api_key' },
      baseUrl: 'https://claude.example',
      models: ['claude-sonnet-4-5'],
      priority: 50,
      concurrency: 3,
      problem: null,
    })
    expect(claudeKey?.proxy?.reveal()).toBe('socks5://user:pass@127.0.0.1:1080')
    expect(chatgpt).toMatchObject({
      type: 'oauth',
      credential: { type: 'oauth', accountId: 'acc-1', clientId: 'app_1' },
      wireApi: 'responses',
      problem: null,
    })
    expect(legacy).toMatchObject({ name: 'account-4', type: 'oauth', credential: { type: 'bearer' }, problem: null })
    expect(bare).toMatchObject({
      name: 'account-5',
      platform: 'anthropic',
      type: 'api_key',
      problem: 'it has no api_key',
    })
  })

  test('is told of nothing but its empty token', async () => {
    const { warnings } = await loadText(EVERY_FIELD)

    expect(warnings.map(({ message }) => message)).toEqual(['auth_tokens[1] is empty and left out'])
  })

  test.each([
    [{ max_account_switches: 0 }, { maxAccountSwitches: 5 }],
    [{ max_account_switches: -1 }, { maxAccountSwitches: 5 }],
    [{ sticky_session_ttl: '0' }, { stickySessionTtlMs: 0 }],
    [{ sticky_session_ttl: '-5s' }, { stickySessionTtlMs: 0 }],
    [{ stream_read_timeout: 0 }, { streamReadTimeoutMs: 300_000 }],
    [{ stream_read_timeout: '-1s' }, { streamReadTimeoutMs: 300_000 }],
    [{ listen_addr: null }, { listen: { host: '127.0.0.1', port: 8080 } }],
  ])('%j keeps its meaning', async (fields, expected) => {
    const { config } = await loadText(withAccount({}, fields))

    expect(config).toMatchObject(expected)
  })

  test.each([
    [{ priority: 0 }, { priority: 50 }],
    [{ priority: -3 }, { priority: 50 }],
    [{ concurrency: -1 }, { concurrency: 3 }],
    [{ concurrency: null }, { concurrency: 3 }],
    [
      { platform: '', type: '' },
      { platform: 'anthropic', type: 'api_key' },
    ],
    [{ api_key: null, refresh_token: 'r', platform: 'openai' }, { type: 'oauth' }],
  ])('an account with %j keeps its meaning', async (fields, expected) => {
    const { config } = await loadText(withAccount(fields))

    expect(config.accounts[0]).toMatchObject(expected)
  })

  test('a type that is neither counts as api_key, as it did, but is told', async () => {
    const { config, warnings } = await loadText(withAccount({ type: 'apikey' }))

    expect(config.accounts[0]).toMatchObject({ type: 'api_key', problem: null })
    expect(warnings).toMatchObject([{ key: 'accounts[0].type', advice: 'Did you mean "api_key"?' }])
  })
})
