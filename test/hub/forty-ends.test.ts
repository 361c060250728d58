import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { after, answerWith, cut, errorEvent, without, type Reaction } from '../harness/reactions.ts'
import { readJsonEvents } from '../harness/sse.ts'
import type { StopReason } from '../harness/streams.ts'
import { chunks, delta, DIRECTIONS, events, othersOf, readAnswer, start } from './forty-stage.ts'

const SAID = { text: 'one two three four' }
const last = (body: Buffer): JsonObject => readJsonEvents(body).at(-1) ?? {}

describe('an answer that fails on its way', () => {
  const BROKEN: Record<Protocol, JsonObject> = {
    anthropic: { type: 'error', error: expect.objectContaining({ type: 'api_error' }) },
    'openai-responses': { type: 'response.failed', response: expect.objectContaining({ status: 'failed' }) },
    'openai-chat': { error: expect.objectContaining({ message: expect.any(String) }) },
    gemini: { error: expect.objectContaining({ code: expect.any(Number), status: expect.any(String) }) },
  }

  test.each(DIRECTIONS)('6.10: tells a %s client of it when a %s server breaks off', async (client, upstream) => {
    const { vendor, ask } = await start(upstream)
    vendor.script(answerWith(SAID, after('content', cut())))
    const { body } = await ask(client)
    expect(last(body)).toMatchObject(BROKEN[client])
    expect(body.toString()).not.toMatch(/message_stop|message_delta|response\.completed|\[DONE\]|finishReason":"/)
  })

  const LIMITED: Record<Protocol, JsonObject> = {
    anthropic: { type: 'error', error: expect.objectContaining({ type: 'rate_limit_error' }) },
    'openai-responses': {
      response: expect.objectContaining({ error: expect.objectContaining({ code: 'rate_limit_exceeded' }) }),
    },
    'openai-chat': { error: expect.objectContaining({ type: expect.stringMatching('rate_limit') }) },
    gemini: { error: expect.objectContaining({ status: 'RESOURCE_EXHAUSTED' }) },
  }

  test.each(DIRECTIONS)('6.11: tells a %s client in its words what a %s server said', async (client, upstream) => {
    const { vendor, ask } = await start(upstream)
    vendor.script(
      answerWith(SAID, after('content', errorEvent(429, { message: 'the tokens of this minute are gone' }))),
    )
    const { body } = await ask(client)
    expect(last(body)).toMatchObject(LIMITED[client])
    expect(JSON.stringify(last(body))).toContain('the tokens of this minute are gone')
  })
})

describe('a Responses stream', () => {
  const WAYS: ReadonlyArray<readonly [how: string, reaction: Reaction, type: string]> = [
    ['well', answerWith(SAID), 'completed'],
    ['with a call', answerWith({ toolCalls: [{ name: 'now', arguments: {} }] }), 'completed'],
    ['at the limit', answerWith({ ...SAID, stop: 'max_tokens' }), 'incomplete'],
    ['in a reset', answerWith(SAID, after('content', cut())), 'failed'],
    ['in an error', answerWith(SAID, after('content', errorEvent(500))), 'failed'],
  ]

  test.each(othersOf('openai-responses').flatMap((upstream) => WAYS.map((way) => [upstream, ...way] as const)))(
    '6.12: from a %s server that ends %s has an end with id and output',
    async (upstream, _how, reaction, type) => {
      const { vendor, ask } = await start(upstream)
      vendor.script(reaction)
      const end = last((await ask('openai-responses')).body)
      const items = [expect.objectContaining({ type: expect.stringMatching(/^(message|function_call)$/) })]
      // What an answer that failed had said was told before, item by item.
      const output = type === 'failed' ? expect.any(Array) : items
      const response = { id: expect.stringMatching(/^resp_/), status: type, output }
      expect(end).toMatchObject({ type: `response.${type}`, response })
    },
  )

  test('6.12: from a Messages server that leaves its end out fails, with id and output', async () => {
    const { vendor, ask } = await start('anthropic')
    vendor.script(answerWith(SAID, without('finish'), without('terminal')))
    const end = last((await ask('openai-responses')).body)
    expect(end).toMatchObject({ type: 'response.failed', response: { id: expect.stringMatching(/^resp_/) } })
  })
})

/** Spec: one row for each neutral reason, one cell for each client. */
const STOP_WORDS: Record<StopReason, Record<Protocol, string>> = {
  stop: { anthropic: 'end_turn', 'openai-responses': 'completed', 'openai-chat': 'stop', gemini: 'STOP' },
  stop_sequence: { anthropic: 'stop_sequence', 'openai-responses': 'completed', 'openai-chat': 'stop', gemini: 'STOP' },
  tool_call: { anthropic: 'tool_use', 'openai-responses': 'completed', 'openai-chat': 'tool_calls', gemini: 'STOP' },
  max_tokens: {
    anthropic: 'max_tokens',
    'openai-responses': 'incomplete max_output_tokens',
    'openai-chat': 'length',
    gemini: 'MAX_TOKENS',
  },
  refusal: {
    anthropic: 'refusal',
    // Text that no server calls the words of a refusal is what was said before it.
    'openai-responses': 'incomplete content_filter',
    'openai-chat': 'content_filter',
    gemini: 'SAFETY',
  },
}

describe('the end of an answer', () => {
  test.each(DIRECTIONS)('6.13: the limit is never a good end for a %s client on a %s account', async (client, up) => {
    const { vendor, ask } = await start(up)
    vendor.always(answerWith({ ...SAID, stop: 'max_tokens' }))
    for (const stream of [true, false]) {
      expect(readAnswer(client, (await ask(client, { stream })).body).stop).toBe(STOP_WORDS.max_tokens[client])
    }
  })

  test.each(DIRECTIONS)('6.14: a %s client on a %s account is told why it ended', async (client, up) => {
    const { vendor, ask } = await start(up)
    const toolCalls = [{ name: 'now', arguments: {} }]
    // Of the four only Messages tells that a stop sequence was the reason.
    const reasons: StopReason[] = [
      'stop',
      'tool_call',
      'refusal',
      ...(up === 'anthropic' ? (['stop_sequence'] as const) : []),
    ]
    for (const reason of reasons) {
      vendor.always(answerWith(reason === 'tool_call' ? { toolCalls } : { ...SAID, stop: reason }))
      for (const stream of [true, false]) {
        const told = readAnswer(client, (await ask(client, { stream })).body)
        const hasRefusalPart = reason === 'refusal' && up === 'openai-chat' && client === 'openai-responses'
        const expected = hasRefusalPart ? 'completed' : STOP_WORDS[reason][client]
        expect([reason, stream, told.stop]).toEqual([reason, stream, expected])
      }
    }
  })

  const FILTERED: Record<Protocol, string> = {
    anthropic: 'refusal',
    'openai-responses': 'incomplete content_filter',
    'openai-chat': 'content_filter',
    gemini: 'SAFETY',
  }

  test.each(['SAFETY', 'PROHIBITED_CONTENT', 'BLOCKLIST', 'SPII', 'RECITATION'])(
    '6.14: what Gemini withholds as %s is no good end',
    async (finishReason) => {
      const { vendor, ask } = await start('gemini')
      vendor.always(events({ candidates: [{ index: 0, finishReason }], responseId: 'r', modelVersion: 'g' }))
      for (const client of othersOf('gemini')) {
        expect(readAnswer(client, (await ask(client)).body).stop).toBe(FILTERED[client])
      }
    },
  )

  test('6.14: what Gemini refuses before it begins is no good end', async () => {
    const { vendor, ask } = await start('gemini')
    vendor.always(events({ promptFeedback: { blockReason: 'PROHIBITED_CONTENT' }, responseId: 'r', modelVersion: 'g' }))
    for (const client of othersOf('gemini')) {
      expect(readAnswer(client, (await ask(client)).body)).toMatchObject({ text: '', stop: FILTERED[client] })
    }
  })

  test('6.14: what a Chat host filters is no good end', async () => {
    const { vendor, ask } = await start('openai-chat')
    vendor.always(chunks(delta({ role: 'assistant', content: '' }), delta({}, 'content_filter')))
    for (const client of othersOf('openai-chat')) {
      expect(readAnswer(client, (await ask(client)).body).stop).toBe(FILTERED[client])
    }
  })
})

describe('usage', () => {
  test.each(othersOf('openai-chat'))('6.16: is told once to a Chat client that asks, from a %s server', async (up) => {
    const { vendor, ask } = await start(up)
    vendor.always(answerWith(SAID))
    const { body } = await ask('openai-chat', { stream_options: { include_usage: true } })
    const told = readJsonEvents(body)
    const withUsage = told.filter(({ usage }) => usage !== undefined && usage !== null)
    expect(withUsage).toEqual([told.at(-1)])
    expect(withUsage).toMatchObject([
      { choices: [], usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 } },
    ])
    expect(body.toString()).toMatch(/data: \[DONE\]\n\n$/)

    const silent = readJsonEvents((await ask('openai-chat')).body)
    expect(silent.filter(({ usage, choices }) => usage != null || (choices as unknown[]).length === 0)).toEqual([])
  })

  const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 }
  const said = delta({ role: 'assistant', content: 'hi' })
  test.each([
    ['beside the finish', answerWith({ ...SAID, usageAt: 'finish' })],
    ['behind the finish', answerWith({ ...SAID, usageAt: 'last' })],
    ['in every chunk', answerWith({ ...SAID, usageAt: 'every' })],
    ['before the finish', chunks(said, { choices: [], usage }, delta({}, 'stop'))],
  ])('6.17: counts the same when a Chat host tells it %s', async (_where, reaction) => {
    const { vendor, ask } = await start('openai-chat')
    vendor.always(reaction)
    const counts = async (client: Protocol): Promise<JsonObject> => readAnswer(client, (await ask(client)).body).usage
    expect(await counts('anthropic')).toMatchObject({ input_tokens: 11, output_tokens: 7 })
    expect(await counts('openai-responses')).toMatchObject({ input_tokens: 11, output_tokens: 7, total_tokens: 18 })
    expect(await counts('gemini')).toMatchObject({ promptTokenCount: 11, candidatesTokenCount: 7, totalTokenCount: 18 })
  })

  /** The check value of the specification; `written` to the cache is null where the server has no word for it. */
  const COUNTED: Record<Protocol, (written: number | null) => JsonObject> = {
    anthropic: (written) => ({
      input_tokens: 150 - (written ?? 0),
      cache_read_input_tokens: 900,
      cache_creation_input_tokens: written,
      output_tokens: 30,
    }),
    'openai-responses': (written) => ({
      input_tokens: 1050,
      input_tokens_details: expect.objectContaining({ cached_tokens: 900, cache_write_tokens: written ?? 0 }),
      output_tokens: 30,
      output_tokens_details: { reasoning_tokens: 10 },
      total_tokens: 1080,
    }),
    'openai-chat': () => ({
      prompt_tokens: 1050,
      prompt_tokens_details: expect.objectContaining({ cached_tokens: 900 }),
      completion_tokens: 30,
      completion_tokens_details: expect.objectContaining({ reasoning_tokens: 10 }),
      total_tokens: 1080,
    }),
    gemini: () => ({
      promptTokenCount: 1050,
      cachedContentTokenCount: 900,
      candidatesTokenCount: 20,
      thoughtsTokenCount: 10,
      totalTokenCount: 1080,
    }),
  }

  test.each(DIRECTIONS)('6.18: counts nothing twice for a %s client on a %s account', async (client, up) => {
    const { vendor, ask } = await start(up)
    vendor.always(
      answerWith({ ...SAID, usage: { input: 100, cached: 900, cacheWrite: 50, output: 30, reasoning: 10 } }),
    )
    const expected = COUNTED[client](up === 'anthropic' || up === 'openai-responses' ? 50 : null)
    for (const stream of [true, false]) {
      const asked = client === 'openai-chat' && stream ? { stream_options: { include_usage: true } } : {}
      expect(readAnswer(client, (await ask(client, { stream, ...asked })).body).usage).toMatchObject(expected)
    }
  })
})
