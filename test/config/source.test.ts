import { describe, expect, test } from 'vitest'
import { briefly, failureOf, loadText, type FileSettings } from './load-text.ts'

const YAML: FileSettings = { name: 'config.yaml' }

describe('a config may be written as', () => {
  test('JSON with comments, trailing commas and a byte order mark, indented with tabs', async () => {
    const { config, warnings } = await loadText(`\uFEFF// first
{
\t/* a comment
\t   of two lines */ "auth_tokens": ["client//token/*of*/a-test"], // "strategy": "x"
\t"accounts": [{"api_key": "k\\u0021",},],
}`)

    expect(warnings).toEqual([])
    expect(config.tokens[0]?.token.reveal()).toBe('client//token/*of*/a-test')
    expect(config.accounts[0]?.credential).toMatchObject({ type: 'api_key' })
  })

  test('YAML with anchors', async () => {
    const { config } = await loadText(
      `
auth_tokens: [client-token-of-a-test]   # mine
_shared: &models [claude-*, "gpt-*"]
accounts:
  - {name: a, api_key: k, models: *models}
  - name: b
    api_key: k
    models: *models
`,
      YAML,
    )

    expect(config.accounts.map(({ name, models }) => [name, models])).toEqual([
      ['a', ['claude-*', 'gpt-*']],
      ['b', ['claude-*', 'gpt-*']],
    ])
  })

  test.each([
    ['relay.conf', '// JSON\n{"auth_tokens": ["client-token-of-a-test"], "accounts": [{"api_key": "k"}]}'],
    ['relay.conf', 'auth_tokens: [client-token-of-a-test]\naccounts: [{api_key: k}]'],
    ['config.jsonc', '/* JSON */ {"auth_tokens": ["client-token-of-a-test"], "accounts": [{"api_key": "k"}]}'],
    ['config.yml', '{"auth_tokens": ["client-token-of-a-test"], "accounts": [{"api_key": "k"}]}'],
  ])('%s that holds %s', async (name, text) => {
    const { config } = await loadText(text, { name })

    expect(config.accounts).toHaveLength(1)
  })
})

describe('JSON that cannot be read is told at the first wrong place', () => {
  test.each([
    ['{"a": 1', '1:8 a closing bracket is missing before this'],
    ['{"a": [1, 2}', '1:12 a closing bracket is missing before this'],
    ['{"a": "x"\n "b": "y"}', '2:2 a comma is missing before this'],
    ['{"a": 1\n "b": 2}', '1:7 a comma is missing after this value'],
    ['{"a" "b"}', '1:6 a comma or a colon is missing before this'],
    ['{"a": ["x" "y"]}', '1:12 a comma is missing before this'],
    ['{"a": 1,, "b": 2}', '1:9 there is a comma too many here'],
    ['{"a": "x,\n "b": 1}', '1:7 the closing quote is missing on this line'],
    ['{"a": "C:\\keys"}', '1:10 this escape does not exist'],
    ['{"a": 1} {"b": 2}', '1:10 this does not belong here'],
    ['{"a": 1}}', '1:9 this does not belong here'],
    ['a: 1', '1:1 this is not JSON'],
    ['[1]', '1:1 a config is an object'],
    ['"text"', '1:1 a config is an object'],
    ['// only a comment', '1:1 the file holds nothing but comments'],
  ])('%s', async (text, expected) => {
    const { problems } = await failureOf(text)

    expect(briefly(problems)).toEqual([expected])
  })
})

describe('YAML that cannot be read is told at the first wrong place (input 71)', () => {
  test.each([
    ['a:\n\tb: 1', '2:1 YAML does not allow tabs as indentation'],
    ['a: 1\n---\nb: 2', '2:1 a second document begins here'],
    ['a: b: c', '1:4 a second ":" stands on this line'],
    ['- a\n- b', '1:1 a config is an object'],
    ['# nothing', '1:1 the file holds nothing but comments'],
    ['a: "x', '1:6 the closing quote is missing'],
    ['accounts: *nobody\nauth_tokens: [x]', '1:11 this is an alias of nothing'],
    ['auth_tokens: [x]\nunheard_of: {of: *nobody}', '2:18 this is an alias of nothing'],
    ['auth_tokens: [x]\nunheard_of: &it {of: *it}', '2:22 the aliases of this file repeat too much'],
  ])('%j', async (text, expected) => {
    const { problems } = await failureOf(text, YAML)

    expect(briefly(problems)[0]).toBe(expected)
  })
})

describe('a config cannot blow up (inputs 69 and 71)', () => {
  test.each([
    ['a setting', 'model_extra_params: {"*": {bomb: *l8}}'],
    ['what is no setting', 'auth_tokens: [x]\naccounts: [{platform: gemini, api_key: k}]\nunheard_of: *l8'],
  ])('by aliases of aliases in %s', async (_where, members) => {
    const levels = [1, 2, 3, 4, 5, 6, 7, 8].map((level) => `l${level}: &l${level} [${`*l${level - 1}, `.repeat(9)}]`)
    const bomb = ['l0: &l0 [x, x, x]', ...levels, members].join('\n')
    const { message } = await failureOf(bomb, YAML)

    expect(message).toContain('the aliases of this file repeat too much')
  })

  test('by an alias that holds itself', async () => {
    const { message } = await failureOf('model_extra_params: &a {"*": {x: *a}}', YAML)

    expect(message).toContain('the aliases of this file repeat too much')
  })

  test.each(['[', '{"a":'])('by a hundred thousand %s', async (opening) => {
    const { problems } = await failureOf(opening.repeat(100_000))

    expect(problems).toMatchObject([{ message: 'too many brackets are open here' }])
  })

  test('by a pattern full of wildcards', async () => {
    const { config } = await loadText({
      auth_tokens: ['client-token-of-a-test'],
      accounts: [{ api_key: 'k', models: ['*a*a*a*a*a*a*a*a*a*a*a*a'] }],
    })

    expect(config.accounts[0]?.models).toEqual(['*a*a*a*a*a*a*a*a*a*a*a*a'])
  })
})
