import { describe, expect, test } from 'vitest'
import { failureOf, loadText, TOKEN } from './load-text.ts'

const accounts = [{ name: 'a', api_key: 'k', tags: ['team'] }]

function load(tokens: unknown[], environment: Record<string, string> = {}) {
  return loadText({ auth_tokens: tokens, accounts }, { environment })
}

describe('client tokens', () => {
  test('are text, or objects that say what they may do', async () => {
    const { config, warnings } = await load(
      [
        TOKEN,
        {
          token: '${T}',
          name: 'laptop',
          accounts: ['team', 'a'],
          models: ['gpt-*'],
          model_map: { fast: 'gpt-5-mini' },
        },
      ],
      { T: 'another-long-token' },
    )

    expect(warnings).toEqual([])
    expect(config.tokens).toMatchObject([
      { name: 'token-1', accounts: [], models: [], loopbackOnly: false },
      {
        name: 'laptop',
        accounts: ['team', 'a'],
        models: ['gpt-*'],
        modelMap: new Map([['fast', ['gpt-5-mini']]]),
      },
    ])
    expect(config.tokens[1]?.token.reveal()).toBe('another-long-token')
  })

  test.each([
    [[], 'auth_tokens must hold at least one token'],
    [[''], 'auth_tokens holds no usable token'],
    [['  ', '${NOT_SET}'], 'auth_tokens holds no usable token'],
  ])('input 67: %j are no tokens, and the error says how to make one', async (tokens, message) => {
    const { problems } = await failureOf({ auth_tokens: tokens, accounts })

    expect(problems.find(({ severity }) => severity === 'error')).toMatchObject({
      message,
      advice: expect.stringContaining('randomBytes'),
    })
  })

  test('that cannot be found are left out with a warning while another one is there', async () => {
    const { config, warnings } = await load(['${NOT_SET}', TOKEN])

    expect(config.tokens.map(({ name }) => name)).toEqual(['token-2'])
    expect(warnings).toMatchObject([
      { key: 'auth_tokens[0]', message: 'auth_tokens[0] is left out: the environment variable NOT_SET is not set' },
    ])
  })

  test.each(['sk-example-change-me', 'sk-your-api-key-for-clients'])(
    'input 67: published as an example work from this machine only: %s',
    async (token) => {
      const { config, warnings } = await load([token])

      expect(config.tokens).toMatchObject([{ loopbackOnly: true }])
      expect(warnings[0]?.message).toContain('is a published example; it is accepted from this machine only')
    },
  )

  test.each([
    [['short'], 'auth_tokens[0] is short enough to be guessed (5 characters)'],
    [['tökens-from-afar'], 'auth_tokens[0] holds characters that a client cannot send in a header'],
    [[TOKEN, { token: TOKEN, name: 'again' }], 'auth_tokens[1].token is left out: the same token stands above'],
    [[{ token: TOKEN, accounts: ['teem'] }], 'auth_tokens ties "token-1" to "teem", which no account is called'],
  ])('%j are doubtful', async (tokens, message) => {
    const { warnings } = await load(tokens)

    expect(warnings).toMatchObject([{ severity: 'warning', message }])
  })

  test('with the same name are an error', async () => {
    const { problems } = await failureOf({
      auth_tokens: [
        { token: `${TOKEN}1`, name: 'x' },
        { token: `${TOKEN}2`, name: 'x' },
      ],
      accounts,
    })

    expect(problems[0]?.message).toBe('auth_tokens[1] is called "x" like auth_tokens[0], on line 5 and on line 9')
  })
})
