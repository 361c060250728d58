import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/config/problem.ts'
import { briefly, failureOf, loadText, TOKEN, withAccount, writeConfig } from './load-text.ts'
import { loadConfig } from '../../src/config/load.ts'

describe('a problem is printed', () => {
  test('input 65: with its place, its line, a caret below it, and advice', async () => {
    const path = writeConfig(`{
  "auth_tokens": ["client-token-of-a-test"],
  "acounts": [{"platform": "anthropic"}]
}`)

    await expect(loadConfig(path, {})).rejects.toThrow(
      new ConfigError([
        {
          severity: 'error',
          file: path,
          line: 3,
          column: 3,
          key: 'acounts',
          message: 'acounts is not a known key, and accounts is missing',
          advice: 'Did you mean "accounts"?',
          excerpt: '  3 |   "acounts": [{"platform": "*********"}]\n    |   ^^^^^^^^^',
        },
      ]),
    )
    await expect(loadConfig(path, {})).rejects.toThrow(
      [
        `${path}:3:3: error: acounts is not a known key, and accounts is missing`,
        '  3 |   "acounts": [{"platform": "*********"}]',
        '    |   ^^^^^^^^^',
        '  Did you mean "accounts"?',
      ].join('\n'),
    )
  })

  test('with all the others, in the order of the file', async () => {
    const { problems } = await failureOf(`{
  "listen_addr": "8080",
  "auth_tokens": ["client-token-of-a-test"],
  "accounts": [
    {"api_key": "k", "base_url": "ftp://x"},
    {"api_key": "k", "prioritty": 3, "headers": {"Host": "x"}}
  ]
}`)

    expect(briefly(problems)).toEqual([
      '2:18 listen_addr is not host:port',
      '5:34 accounts[0].base_url must be an http:// or https:// URL',
      '6:22 accounts[1].prioritty is not a known key',
      '6:58 accounts[1].headers.Host is not for a config to set',
    ])
  })

  test('with the other, when both lists are empty', async () => {
    const { problems } = await failureOf({ auth_tokens: [], accounts: [] })
    expect(problems.map(({ message }) => message)).toEqual([
      'auth_tokens must hold at least one token',
      'accounts must hold at least one account',
    ])
  })

  test('in the middle of a very long line, without the rest of it', async () => {
    const models = Array.from({ length: 500 }, (_, number) => `model-${number}`)
    const { problems } = await failureOf(JSON.stringify(withAccount({ models, priority: 'high', tags: models })))

    const [text = '', carets = ''] = problems[0]?.excerpt.split('\n') ?? []
    expect(text.length).toBeLessThan(140)
    expect(text.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1)).toBe('"high"')
  })

  test('without control characters for the terminal', async () => {
    const { message } = await failureOf('{\t"auth_tokens": \u001B[31m 5 }')

    expect(message).not.toMatch(/[\t\u001B]/)
  })
})

describe('keys', () => {
  test('input 65: that are unknown are warnings with the nearest known one', async () => {
    const { warnings } = await loadText(withAccount({ apiKey2: 'x', baseurl: 'x', something: 1 }, { Strategi: 'x' }))

    expect(warnings.map(({ key, advice }) => [key, advice])).toEqual([
      ['accounts[0].apiKey2', 'Did you mean "api_key"?'],
      ['accounts[0].baseurl', 'Did you mean "base_url"?'],
      ['accounts[0].something', 'It is ignored; keys that begin with "_" are comments.'],
      ['Strategi', 'Did you mean "strategy"?'],
    ])
  })

  test('input 66: that stand twice are errors naming both lines, whatever their case', async () => {
    const { problems } = await failureOf(`{
  "auth_tokens": ["client-token-of-a-test"],
  "accounts": [{"api_key": "k"}],
  "model_map": {"a": "b", "A": "c", "a": "d"},
  "Accounts": []
}`)

    expect(briefly(problems)).toEqual([
      '4:37 model_map.a is set twice, on line 4 and on line 4',
      '5:3 accounts is set twice, on line 3 and on line 5',
    ])
  })

  test('that are missing are named with the place they belong to', async () => {
    const { problems } = await failureOf('\n{"listen_addr": ":80"}')

    expect(briefly(problems)).toEqual(['2:1 auth_tokens is missing', '2:1 accounts is missing'])
    expect(problems[1]?.advice).toBe('For example "accounts": [{"platform": "anthropic", "api_key": "…"}]')
  })

  test('that are needed and say nothing are named where they stand', async () => {
    const { problems } = await failureOf('{"auth_tokens": ["sk-a-token-of-mine"],\n"accounts": null}')

    expect(briefly(problems)).toEqual(['2:1 accounts has no value'])
    expect(problems[0]?.advice).toBe('For example "accounts": [{"platform": "anthropic", "api_key": "…"}]')
  })

  test.each(['__proto__', 'constructor', 'prototype'])(
    'input 70: called %s are errors wherever they are',
    async (key) => {
      const { problems } = await failureOf(`{
  "auth_tokens": ["client-token-of-a-test"],
  "accounts": [{"api_key": "k", "extra_params": {"deep": [{"${key}": {}}]}, "headers": {"${key}": "x"}}],
  "${key}": {"polluted": true}
}`)

      expect(problems.map(({ message }) => message)).toEqual([
        `accounts[0].extra_params.deep[0].${key} is not allowed as a key`,
        `accounts[0].headers.${key} is not allowed as a key`,
        `${key} is not allowed as a key`,
      ])
      expect({}).not.toHaveProperty('polluted')
    },
  )

  test('that begin with _ are comments everywhere but inside of request data', async () => {
    const { config, warnings } = await loadText({
      $schema: './docs/config.schema.json',
      _comment: { anything: [1] },
      auth_tokens: [{ _who: 'me', token: TOKEN }],
      accounts: [{ _note: '', api_key: 'k', headers: { _h: 'x', 'x-a': 'b' }, extra_params: { _c: 1, a: { _id: 7 } } }],
      model_map: { _chain: 'none' },
    })

    expect(warnings).toEqual([])
    expect(config.modelMap.size).toBe(0)
    expect(config.accounts[0]).toMatchObject({ headers: { 'x-a': 'b' }, extraParams: { a: { _id: 7 } } })
    expect(Object.keys(config.accounts[0]?.extraParams ?? {})).toEqual(['a'])
  })
})

describe('names', () => {
  test('input 66: that two accounts share are an error naming both lines', async () => {
    const { problems } = await failureOf(`{
  "auth_tokens": ["client-token-of-a-test"],
  "accounts": [
    {"api_key": "k"},
    {"api_key": "k",
     "name": "account-1"}
  ]
}`)

    expect(briefly(problems)).toEqual([
      '6:14 accounts[1] is called "account-1" like accounts[0], on line 4 and on line 6',
    ])
  })

  test('of platforms that do not exist are errors with the closest', async () => {
    const { problems } = await failureOf(withAccount({ platform: 'antropic' }))

    expect(problems).toMatchObject([
      {
        message: expect.stringMatching(/^accounts\[0\]\.platform must be "anthropic", "openai", .+, not "antropic"$/),
        advice: 'Did you mean "anthropic"?',
      },
    ])
  })
})

describe('secrets', () => {
  const config = `{
  "auth_tokens": ["SECRET-token-one", {"token": "SECRET-token-two", "name": "x"}],
  "acounts": [{"api_kye": "SECRET-key", "proxy": "http://user:SECRET@host"}],
  "accounts": [
    {"name": "a", "api_key": "SECRET-key", "base_url": "https://user:SECRET@host", "headers": {"Host": "SECRET"}},
    {"name": "a", "oauth_token": {"env": "SECRET_FREE"}, "priority": "high", "proxy": "htp://u:SECRET@x"}
  ],
  "admin_token": ["SECRET"]
}`

  test('are not printed by any problem of a config that is cut off somewhere', async () => {
    const leaks: string[] = []
    for (let length = 1; length < config.length; length += 3) {
      // A quote that never closes, a key without a value, an open bracket: whatever a hasty edit leaves behind.
      const { message } = await failureOf(config.slice(0, length))
      if (/SECRET(?!_FREE)/.test(message)) leaks.push(message)
    }

    expect(leaks).toEqual([])
  })

  test('are not printed by any problem of a config that is complete', async () => {
    const { message } = await failureOf(config)

    expect(message).toContain('accounts[1].priority must be a whole number')
    expect(message).not.toMatch(/SECRET(?!_FREE)/)
  })
})

test('a config with hundreds of problems shows its errors and the first warnings', async () => {
  const junk = Object.fromEntries(Array.from({ length: 300 }, (_, number) => [`junk-${number}`, number]))
  const { problems } = await failureOf(withAccount({ ...junk, priority: 'high' }))

  expect(problems).toHaveLength(51)
  expect(problems.filter(({ severity }) => severity === 'error')).toHaveLength(1)
  expect(problems.at(-1)?.message).toBe('has 251 more problems that are not shown')
})
