/**
 * Around the answers: models are listed in the dialect of the SDK that asks, and tokens are counted by the vendor.
 */
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { answerText, answerWith, fail } from '../harness/reactions.ts'
import { collect, connectAnthropic, connectGoogle, connectOpenai, setStage, startDirectVendor } from './stage.ts'

/** One account per platform, each with a name that only it serves. */
const ACCOUNTS: readonly JsonObject[] = [
  { platform: 'anthropic', api_key: 'a', models: ['claude-test'] },
  { platform: 'openai', api_key: 'o', models: ['gpt-test'] },
  { platform: 'gemini', api_key: 'g', models: ['gemini-test'] },
]
const NAMES = ['claude-test', 'gpt-test', 'gemini-test']

describe('models', () => {
  test('anthropic: the list ends by itself, and each of its names can be looked up', async () => {
    const { vendor, relay } = await setStage({ accounts: ACCOUNTS })
    const { models } = connectAnthropic(relay)
    const listed = await collect(models.list())
    expect(listed.map(({ id }) => id)).toEqual(NAMES)
    for (const model of listed) expect(await models.retrieve(model.id)).toEqual(model)
    expect(listed[0]).toMatchObject({ type: 'model', display_name: 'claude-test', created_at: expect.any(String) })
    await expect(models.retrieve('claude-none')).rejects.toMatchObject({ status: 404, type: 'not_found_error' })
    expect(vendor.requests).toHaveLength(0)
  })

  test('openai: the list ends by itself, and each of its names can be looked up', async () => {
    const { vendor, relay } = await setStage({ accounts: ACCOUNTS })
    const { models } = connectOpenai(relay)
    const listed = await collect(models.list())
    expect(listed.map(({ id }) => id)).toEqual(NAMES)
    for (const model of listed) expect(await models.retrieve(model.id)).toEqual(model)
    expect(listed[1]).toMatchObject({ object: 'model', owned_by: 'openai', created: expect.any(Number) })
    await expect(models.retrieve('gpt-none')).rejects.toMatchObject({ status: 404, code: 'model_not_found' })
    expect(vendor.requests).toHaveLength(0)
  })

  test('genai: the list ends by itself, and each of its names can be looked up', async () => {
    const { vendor, relay } = await setStage({ accounts: ACCOUNTS })
    const { models } = connectGoogle(relay)
    const listed = await collect(await models.list())
    expect(listed.map(({ name }) => name)).toEqual(NAMES.map((name) => `models/${name}`))
    for (const { name = '' } of listed) expect((await models.get({ model: name })).name).toBe(name)
    expect(listed[2]?.supportedActions).toEqual(['generateContent', 'streamGenerateContent', 'countTokens'])
    await expect(models.get({ model: 'gemini-none' })).rejects.toMatchObject({ status: 404 })
    expect(vendor.requests).toHaveLength(0)
  })
})

describe('token counts', () => {
  const messages = [{ role: 'user' as const, content: 'How big?' }]
  const COUNTS: Record<string, (at: { url: string }) => Promise<unknown>> = {
    anthropic: (at) => connectAnthropic(at).messages.countTokens({ model: 'claude-test', messages }),
    openai: (at) => connectOpenai(at).responses.inputTokens.count({ model: 'gpt-test', input: 'How big?' }),
    genai: async (at) => {
      const counted = await connectGoogle(at).models.countTokens({ model: 'gemini-test', contents: 'How big?' })
      return counted.totalTokens
    },
  }

  test.each(Object.entries(COUNTS))('%s: the vendor counts, and its number arrives', async (_name, count) => {
    const { vendor, relay } = await setStage({ accounts: ACCOUNTS })
    const direct = await startDirectVendor()
    for (const each of [vendor, direct]) each.always(answerWith({ usage: { input: 4321 } }))
    expect(await count(relay)).toStrictEqual(await count(direct))
    expect(vendor.requests.map(({ target, body }) => ({ target, body }))).toEqual(
      direct.requests.map(({ target, body }) => ({ target: target.replace('/v1/models/', '/v1beta/models/'), body })),
    )
  })

  test.each(Object.entries(COUNTS))(
    '%s: a count that fails is estimated, and does not speak against the account',
    async (_name, count) => {
      const { vendor, relay } = await setStage({ accounts: ACCOUNTS })
      vendor.script(fail(529))
      await expect(count(relay)).resolves.toBeDefined()
      expect(relay.log.at(-1)).toMatchObject({ operation: 'count_tokens', outcome: 'served', attempts: 1 })
      expect(relay.parts.pool.states.map(({ health }) => health.size)).toEqual([0, 0, 0])
      vendor.always(answerText('hello'))
      await expect(count(relay)).resolves.toBeDefined()
    },
  )

  test('a body that asks for a stream nevertheless gets its one number', async () => {
    const { vendor, relay } = await setStage({ accounts: ACCOUNTS })
    vendor.always(answerWith({ usage: { input: 4321 } }))
    const answer = await relay.post('/v1/messages/count_tokens', { model: 'claude-test', messages, stream: true })
    expect([answer.status, JSON.parse(String(answer.body))]).toEqual([200, { input_tokens: 4321 }])
  })
})

describe('compaction', () => {
  test('openai: responses.compact reaches its own path, and its answer arrives', async () => {
    const { vendor, relay } = await setStage({ accounts: ACCOUNTS })
    vendor.always(answerText('so far'))
    const answer = await connectOpenai(relay).responses.compact({ model: 'gpt-test', input: 'long' })
    expect(answer.id).toBe('resp_att_1')
    expect(vendor.requests[0]?.target).toBe('/v1/responses/compact')
  })
})
