/**
 * What requests cost: by the list that was sliced from genai-prices, by the owner's own prices, or by nobody's.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { calcPrice, findProvider } from '@pydantic/genai-prices'
import { describe, expect, test } from 'vitest'
import type { Usage } from '../../src/protocols/contract.ts'
import { createPriceList } from '../../src/usage/price-list.ts'
import { answerWith, after, answerText, fail, pause } from '../harness/reactions.ts'
import { ASK, PROTOCOLS, setStage } from '../http/stage.ts'
// @ts-expect-error a script without types
import { slicePrices } from '../../scripts/slice-prices.mjs'

const NOW = Date.UTC(2026, 10, 20)
const usual = createPriceList(new Map())
const MILLION = 1_000_000

describe('the built-in list', () => {
  test('is what the package has; renew it with: node scripts/slice-prices.mjs', () => {
    const path = join(import.meta.dirname, '../../src/usage/price-table.ts')
    expect(readFileSync(path, 'utf8')).toBe((slicePrices as () => string)())
  })

  // The package itself is the judge, over every name that its data spells out.
  const NAMES = ['anthropic', 'openai', 'google', 'mistral', 'moonshotai', 'x-ai'].flatMap((providerId) =>
    (findProvider({ providerId })?.models ?? [])
      .filter(({ id }) => providerId !== 'google' || !id.startsWith('claude'))
      .flatMap(({ id, match }) => [id, ...spelledOut(match)].map((name): [string, string] => [providerId, name])),
  )
  const USAGES: Array<[string, Usage]> = [
    ['a small request', { input: 1000, cached: 9000, cacheWrite: 500, output: 300 }],
    ['a large request', { input: 100_000, cached: 250_000, cacheWrite: 5_000, output: 3_000 }],
    ['writes that live an hour', { input: 1000, cacheWrite: 5000, cacheWrite1h: 2000, output: 10 }],
  ]

  test.each(USAGES)('prices %s as the package does', (_, usage) => {
    let priced = 0
    for (const [providerId, name] of NAMES) {
      const cost = usual.costOf(name, usage, NOW)
      if (cost === null) continue
      priced++
      expect([name, cost]).toEqual([name, expect.closeTo(packagePrice(providerId, name, usage), 8)])
    }
    expect(priced).toBeGreaterThan(200)
  })

  test.each([
    ['claude-opus-4-5-20251101', 25],
    ['claude-sonnet-4-5[1m]', 15],
    ['gpt-5-codex', 10],
    ['gemini-2.5-flash', 2.5],
    ['mistral-large-latest', 6],
  ])('knows %s', (model, perMillion) => {
    expect(usual.costOf(model, { output: MILLION }, NOW)).toBe(perMillion)
  })

  test.each(['claude-opus-9', 'gpt-99', 'llama3', 'my-model', 'deepseek-chat', ''])(
    'has no price for %j, not even 0',
    (model) => {
      expect(usual.costOf(model, { input: 5 }, NOW)).toBeNull()
      expect(usual.mostCostOf(model, 5, 5, NOW)).toBeNull()
    },
  )

  test('changes on the day that a vendor has announced', () => {
    const costOn = (day: string) => usual.costOf('gemini-3.6-flash', { input: MILLION }, Date.parse(day))
    expect([costOn('2026-12-31T23:59:59Z'), costOn('2027-01-01T00:00:00Z')]).toEqual([0.75, 1.5])
  })

  test('prices a large prompt higher, the whole of it, and counts what came from the cache as prompt', () => {
    const costOf = (usage: Usage) => usual.costOf('gpt-5.4', usage, NOW)
    expect(costOf({ input: 271_999 })).toBe(0.6799975)
    expect(costOf({ input: 72_000, cached: 200_000 })).toBe(0.46)
  })

  test('says what a request may cost at most, however the cache treats it', () => {
    expect(usual.mostCostOf('claude-opus-4-5', MILLION / 10, MILLION / 10, NOW)).toBe(1 + 2.5)
  })
})

describe('prices of the owner', () => {
  const owned = createPriceList(
    new Map([
      ['llama*', { input: 0, output: 0 }],
      ['claude-opus-*', { output: 50 }],
      ['qwen-*', { input: 2, output: 8 }],
      ['half', { input: 1 }],
    ]),
  )

  test('may say that a model costs nothing', () => {
    expect(owned.costOf('llama3', { input: MILLION, output: MILLION }, NOW)).toBe(0)
  })

  test('change what they name, and leave the rest as it is', () => {
    expect(owned.costOf('claude-opus-4-5', { input: MILLION }, NOW)).toBe(5)
    expect(owned.costOf('claude-opus-4-5', { output: MILLION }, NOW)).toBe(50)
  })

  test('price the cache by the input where they say nothing of it', () => {
    const costOf = (usage: Usage) => owned.costOf('qwen-x', usage, NOW)
    expect(costOf({ cached: MILLION })).toBe(2)
    expect(costOf({ cacheWrite: MILLION })).toBe(2.5)
    expect(costOf({ cacheWrite: MILLION, cacheWrite1h: MILLION })).toBe(4)
  })

  test('are none when they tell half of a price that nobody knows', () => {
    expect(owned.costOf('half', { input: 5 }, NOW)).toBeNull()
  })
})

describe('the cost of a request', () => {
  const USAGE = { input: 1000, cached: 9000, output: 100 }
  const MODELS: Record<string, [string, number]> = {
    anthropic: ['claude-sonnet-4-5', (1000 * 3 + 9000 * 0.3 + 100 * 15) / MILLION],
    'openai-responses': ['gpt-5', (1000 * 1.25 + 9000 * 0.125 + 100 * 10) / MILLION],
    'openai-chat': ['gpt-5', (1000 * 1.25 + 9000 * 0.125 + 100 * 10) / MILLION],
    gemini: ['gemini-2.5-flash', (1000 * 0.3 + 9000 * 0.03 + 100 * 2.5) / MILLION],
  }

  test.each(PROTOCOLS)('is the same in %s as in the vendor’s own words', async (protocol) => {
    const { vendor, relay } = await setStage()
    vendor.script(answerWith({ text: 'hello', usage: USAGE }))
    const [model, cost] = MODELS[protocol] as [string, number]
    const { path, body } = ASK[protocol]
    await relay.post(path.replace('gemini-test', model), 'model' in body ? { ...body, model } : body)
    expect(relay.parts.recorder.recent()).toMatchObject([{ model, cost, estimated: false }])
  })

  test('is that of the model that served, under whatever name it was asked for', async () => {
    const { vendor, relay } = await setStage({ model_map: { fast: 'claude-haiku-4-5' } })
    vendor.script(answerWith({ text: 'hello', usage: { input: MILLION, output: 0 } }))
    await relay.post('/v1/messages', { ...ASK.anthropic.body, model: 'fast' })
    expect(relay.parts.recorder.recent()).toMatchObject([{ model: 'fast', upstreamModel: 'claude-haiku-4-5', cost: 1 }])
  })

  test('is unknown for a model that nobody has priced, until the owner does', async () => {
    for (const [prices, cost] of [
      [{}, null],
      [{ 'claude-te*': { input: 1, output: 10, cache_read: 0.5 } }, 0.0065],
    ] as const) {
      const { vendor, relay } = await setStage({ prices })
      vendor.script(answerWith({ text: 'hello', usage: USAGE }))
      await relay.post('/v1/messages', ASK.anthropic.body)
      expect(relay.parts.recorder.recent()).toMatchObject([{ cost }])
      expect(relay.parts.recorder.totals('model', 0)).toMatchObject([
        { totals: { cost: cost ?? 0, unpriced: cost === null ? 1 : 0 } },
      ])
    }
  })

  test('is nothing for counting tokens, and for a request that failed', async () => {
    const { vendor, relay } = await setStage()
    await relay.post('/v1/messages/count_tokens', ASK.anthropic.body)
    vendor.script(fail(400, { message: 'no' }))
    await relay.post('/v1/messages', ASK.anthropic.body)
    await relay.post('/v1/messages', '{')
    expect(relay.parts.recorder.recent().map(({ cost }) => cost)).toEqual([0, 0, 0])
  })

  test('is nothing where the relay answers by itself', async () => {
    const accounts = [{ name: 'chat', platform: 'openai', wire_api: 'chat', api_key: 'a-secret-key', models: ['*'] }]
    const { vendor, relay } = await setStage({ accounts })
    const toWarmTheCache = { model: 'gpt-5', max_tokens: 0, messages: [{ role: 'user', content: 'x'.repeat(5000) }] }
    expect((await relay.post('/v1/messages', toWarmTheCache)).status).toBe(200)
    expect(relay.parts.recorder.recent()).toMatchObject([{ outcome: 'served', cost: 0, estimated: false }])
    expect(vendor.requests).toHaveLength(0)
  })

  test('of a server that tells no counts is estimated', async () => {
    const { vendor, relay } = await setStage()
    vendor.script(answerWith({ text: 'word '.repeat(200), usage: null }))
    const question = { model: 'gpt-5', messages: [{ role: 'user', content: 'x'.repeat(5000) }] }
    expect((await relay.post('/v1/chat/completions', question)).status).toBe(200)
    expect(relay.parts.recorder.recent()).toMatchObject([
      { outcome: 'served', estimated: true, tokens: { input: expect.closeTo(1015, -1) } },
    ])
  })

  test('of an answer that its client left is estimated where the vendor had told no counts', async () => {
    const { vendor, relay } = await setStage()
    vendor.script(answerText('hello', after('content', pause())))
    const body = { model: 'gpt-5', messages: [{ role: 'user', content: 'x'.repeat(5000) }], stream: true }
    const answer = relay.post('/v1/chat/completions', body)
    await answer.until('hello')
    answer.abort('reset')
    await expect
      .poll(() => relay.parts.recorder.recent(), { interval: 5 })
      .toMatchObject([
        {
          outcome: 'gone',
          estimated: true,
          tokens: { input: expect.closeTo(1015, -1), output: expect.any(Number) },
          cost: expect.closeTo(0.0013, 3),
        },
      ])
    vendor.resume()
    expect(relay.parts.recorder.liveCount).toBe(0)
  })
})

/** The names that a rule of the package spells out, and one for each beginning. */
function spelledOut(match: object): string[] {
  if ('or' in match) return (match.or as object[]).flatMap(spelledOut)
  if ('equals' in match) return [match.equals as string]
  return 'starts_with' in match ? [match.starts_with as string] : []
}

function packagePrice(providerId: string, name: string, usage: Usage): number {
  const { input = 0, cached = 0, cacheWrite = 0, cacheWrite1h = 0, output = 0 } = usage
  const counts = {
    input_tokens: input + cached + cacheWrite,
    cache_read_tokens: cached,
    cache_write_tokens: cacheWrite,
    cache_write_1h_tokens: cacheWrite1h,
    output_tokens: output,
  }
  return calcPrice(counts, name, { providerId, timestamp: new Date(NOW) })?.total_price ?? NaN
}
