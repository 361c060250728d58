import { describe, expect, test } from 'vitest'
import { failureOf, loadText, withAccount } from './load-text.ts'

describe('what a config leaves out', () => {
  test('has the defaults of one person on a laptop', async () => {
    const { config, warnings } = await loadText(withAccount({}))

    expect(warnings).toEqual([])
    expect(config).toMatchObject({
      listen: { host: '127.0.0.1', port: 8080 },
      strategy: 'least_in_flight',
      maxAccountSwitches: 5,
      stickySessionTtlMs: 3_600_000,
      streamReadTimeoutMs: 300_000,
      connectTimeoutMs: 10_000,
      firstByteTimeoutMs: 120_000,
      responseTimeoutMs: 600_000,
      keepaliveIntervalMs: 15_000,
      holdStartMs: 3000,
      queue: { timeoutMs: 30_000, size: 100 },
      cooldown: { maxMs: 21_600_000 },
      onClientDisconnect: 'cancel',
      maxBodyBytes: 67_108_864,
      enableRequestLog: true,
      enableStreamDebugLog: false,
      enableModelDebugLog: false,
      log: { format: 'pretty', level: 'info' },
    })
    expect(config.accounts[0]).toMatchObject({
      platform: 'anthropic',
      baseUrl: null,
      proxy: null,
      priority: 50,
      concurrency: 3,
      rpm: 0,
      models: [],
      tags: [],
      enabled: true,
      headers: {},
      extraParams: {},
      reservePercent: 0,
      pauseAtPercent: 100,
      problem: null,
    })
  })
})

describe('durations (input 72)', () => {
  test.each([
    ['5', 5000],
    [5, 5000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['100ms', 100],
    ['10ns', 1],
    ['2d', 172_800_000],
  ])('%j is %d ms', async (written, expected) => {
    const { config } = await loadText(withAccount({}, { connect_timeout: written }))

    expect(config.connectTimeoutMs).toBe(expected)
  })

  test.each([
    ['-1s', 'connect_timeout must not be negative'],
    ['0', 'connect_timeout must be longer than zero'],
    ['1e9h', 'connect_timeout must be a duration'],
    ['90000h', 'connect_timeout is longer than ten years'],
    ['', 'connect_timeout must be a duration'],
    ['1 h', 'connect_timeout must be a duration'],
    ['5constructor', 'connect_timeout must be a duration'],
    [1.5, 'connect_timeout must be a duration'],
    [null, 'connect_timeout must be a duration'],
    [true, 'connect_timeout must be a duration'],
    [['5m'], 'connect_timeout must be a duration'],
  ])('%j is refused', async (written, message) => {
    const { problems } = await failureOf(withAccount({}, { connect_timeout: written }))

    expect(problems).toMatchObject([{ severity: 'error', message }])
  })

  test('zero is a value where it says "none"', async () => {
    const { config } = await loadText(
      withAccount({}, { hold_start: 0, keepalive_interval: '0s', queue: { timeout: 0 } }),
    )

    expect(config).toMatchObject({ holdStartMs: 0, keepaliveIntervalMs: 0, queue: { timeoutMs: 0, size: 100 } })
  })
})

describe('whole numbers', () => {
  test.each(['3.0', '1e1', '1.5', '"3"', '0x10', 'true', '[3]'])(
    '%s is not one, as in the Go program',
    async (written) => {
      const text = `{"auth_tokens": ["client-token-of-a-test"], "accounts": [{"api_key": "k", "concurrency": ${written}}]}`
      const { problems } = await failureOf(text)

      expect(problems).toMatchObject([{ message: 'accounts[0].concurrency must be a whole number' }])
    },
  )

  test.each([
    [{ rpm: -1 }, 'accounts[0].rpm must not be negative'],
    [{ reserve_percent: 101 }, 'accounts[0].reserve_percent must be from 0 to 100'],
    [{ pause_at_percent: 0 }, 'accounts[0].pause_at_percent must be from 1 to 100'],
  ])('%j is out of range', async (fields, message) => {
    const { problems } = await failureOf(withAccount(fields))

    expect(problems).toMatchObject([{ message }])
  })

  test('a concurrency of zero means no limit', async () => {
    const { config } = await loadText(withAccount({ concurrency: 0 }))

    expect(config.accounts[0]?.concurrency).toBe(0)
  })
})

describe('sizes', () => {
  test.each([
    ['64MiB', 67_108_864],
    ['1 kb', undefined],
    ['2kb', 2000],
    [1_048_576, 1_048_576],
    ['2GiB', undefined],
    ['lots', undefined],
  ])('%j', async (written, expected) => {
    const settings = withAccount({}, { max_body_size: written })

    if (expected === undefined) expect((await failureOf(settings)).message).toContain('max_body_size must be')
    else expect((await loadText(settings)).config.maxBodyBytes).toBe(expected)
  })
})

describe('words, lists and mappings', () => {
  test.each([
    [{ strategy: 'round-robin' }, 'strategy must be', 'Did you mean "round_robin"?'],
    [{ on_client_disconnect: 7 }, 'on_client_disconnect must be "cancel" or "drain"', ''],
    [{ enable_request_log: 'yes' }, 'enable_request_log must be true or false', ''],
    [{ queue: 100 }, 'queue must be an object', 'Write it in braces: {"…": …}.'],
    [{ cors_origins: 'https://x' }, 'cors_origins must be a list', 'Write it in brackets: ["…"].'],
    [{ model_map: { a: [] } }, 'model_map.a must not be empty', ''],
    [{ model_map: { a: { b: 1 } } }, 'model_map.a must be a model name, or a list of them', ''],
    [{ model_extra_params: { '*': 'high' } }, 'model_extra_params.* must be an object', ''],
    [{ openai_default_instructions: { '*': ['x'] } }, 'openai_default_instructions.* must be text', ''],
    [{ auth_tokens: [{ name: 'laptop' }] }, 'auth_tokens[0] must be text or a token object', 'For example'],
    [{ auth_tokens: [{ token: 'x', models: 'gpt-*' }] }, 'auth_tokens[0].models must be a list', ''],
    [{ prices: { 'gpt-*': { input: 'free' } } }, 'prices.gpt-*.input must be a number', ''],
  ])('%j is refused with advice', async (fields, message, advice) => {
    const { problems } = await failureOf(withAccount({}, fields))

    const error = problems.find(({ severity }) => severity === 'error')
    expect(error?.message).toContain(message)
    expect(error?.advice).toContain(advice)
  })

  test('model maps are real maps that keep names and chains', async () => {
    const { config } = await loadText(
      withAccount({ model_map: { 'claude-*': 'glm-5' } }, { model_map: { fast: ['a', ' b '], hasOwnProperty: 'c' } }),
    )

    expect(config.modelMap).toEqual(
      new Map([
        ['fast', ['a', 'b']],
        ['hasOwnProperty', ['c']],
      ]),
    )
    expect(config.modelMap.get('toString')).toBeUndefined()
    expect(config.accounts[0]?.modelMap).toEqual(new Map([['claude-*', ['glm-5']]]))
  })
})
