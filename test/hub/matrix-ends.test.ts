/**
 * The ends of an answer and its counts, in the forms that vendors really send: a filter, a refusal without a word, counts
 * early or never, and a stream that fails or breaks off.
 */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { connectAnthropic, connectGoogle, connectOpenai } from '../conformance/stage.ts'
import { after, answerText, answerWith, cut, errorEvent, raw, type Reaction } from '../harness/reactions.ts'
import { CLIENTS, type Heard } from './clients.ts'
import { MODELS, openHub, PROTOCOLS, type HubStage } from './stage.ts'

let hub: HubStage
beforeAll(async () => {
  hub = await openHub()
})
afterAll(() => hub.close())

const DIRECTIONS = PROTOCOLS.flatMap((client) =>
  PROTOCOLS.filter((upstream) => upstream !== client).map((upstream) => ({ client, upstream })),
)

/** A stream of exactly these events; those of Messages and Responses are named by their type. */
function events(...list: readonly JsonObject[]): Reaction {
  const lines = list.map((data) => {
    const name = typeof data['type'] === 'string' ? `event: ${data['type']}\n` : ''
    return `${name}data: ${JSON.stringify(data)}\n\n`
  })
  return raw({ headers: { 'content-type': 'text/event-stream' }, pieces: lines })
}

const MESSAGE = { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [], stop_reason: null }
const RESPONSE = { id: 'resp_1', object: 'response', model: 'm', output: [], usage: null, error: null }
const CHUNK = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm' }

/** A vendor that says no without saying anything else. */
const SILENT_REFUSALS: Record<Protocol, Reaction> = {
  anthropic: events(
    { type: 'message_start', message: { ...MESSAGE, usage: { input_tokens: 5, output_tokens: 0 } } },
    {
      type: 'message_delta',
      delta: { stop_reason: 'refusal', stop_details: { type: 'refusal', category: 'cyber', explanation: null } },
      usage: { output_tokens: 0 },
    },
    { type: 'message_stop' },
  ),
  'openai-responses': events(
    { type: 'response.created', sequence_number: 0, response: { ...RESPONSE, status: 'in_progress' } },
    {
      type: 'response.incomplete',
      sequence_number: 1,
      response: { ...RESPONSE, status: 'incomplete', incomplete_details: { reason: 'content_filter' } },
    },
  ),
  'openai-chat': events(
    { ...CHUNK, choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }] },
    { ...CHUNK, choices: [{ index: 0, delta: {}, finish_reason: 'content_filter' }] },
  ),
  gemini: events({ promptFeedback: { blockReason: 'PROHIBITED_CONTENT' }, usageMetadata: { promptTokenCount: 5 } }),
}

describe.each(DIRECTIONS)('a client of $client on an account of $upstream', ({ client, upstream }) => {
  const model = MODELS[upstream]
  const ask = (form: 'stream' | 'whole', at = hub.relay): Promise<Heard> => CLIENTS[client][form](at, model)

  test('hears of a refusal that comes without a word', async () => {
    hub.accountOf(upstream).always(SILENT_REFUSALS[upstream])
    const refused = { text: '', calls: [], stop: 'refusal' }
    expect(await ask('stream')).toMatchObject(refused)
    expect(await ask('whole')).toMatchObject(refused)
  })

  test('gets the counts wherever the vendor puts them', async () => {
    const usage = { input: 40, cached: 60, output: 30, reasoning: 10 }
    for (const usageAt of ['last', 'finish', 'every'] as const) {
      hub.accountOf(upstream).always(answerWith({ text: 'hello', usage, usageAt }))
      const counts = { input: 100, cached: 60, cacheWrite: 0, output: 30, reasoning: 10 }
      expect([usageAt, (await ask('stream')).usage]).toEqual([usageAt, counts])
      expect([usageAt, (await ask('whole')).usage]).toEqual([usageAt, counts])
    }
  })

  test('gets an answer also from a vendor that counts nothing', async () => {
    hub.accountOf(upstream).always(answerWith({ text: 'hello', usage: null }))
    for (const form of ['stream', 'whole'] as const) {
      const { text, stop, usage } = await ask(form)
      expect({ text, stop, output: usage?.output ?? 0 }).toEqual({ text: 'hello', stop: 'stop', output: 0 })
    }
  })

  test('hears of a failure in the middle, and is never told that the answer is complete', async () => {
    const { hub: own, failure } = await openFailing(upstream, (message) =>
      answerText('one two three', after('content', errorEvent(529, { message }))),
    )
    expect(await endOf(ask('stream', own.relay))).toContain(failure)
    expect(await endOf(ask('whole', own.relay))).toContain(failure)
  })

  test('hears of a stream that breaks off', async () => {
    const { hub: own } = await openFailing(upstream, () => answerText('one two three', after('content', cut())))
    expect(await endOf(ask('stream', own.relay))).not.toBe('complete')
    expect(await endOf(ask('whole', own.relay))).not.toBe('complete')
  })
})

/** A hub of its own: failures rest an account, and the next test would find it resting. */
async function openFailing(
  upstream: Protocol,
  reactionFor: (message: string) => Reaction,
): Promise<{ hub: HubStage; failure: string }> {
  const own = await openHub()
  onTestFinished(own.close)
  const failure = 'the model went to lunch'
  own.accountOf(upstream).always(reactionFor(failure))
  return { hub: own, failure }
}

/** `complete`, or the words of the error that the SDK throws. */
async function endOf(call: Promise<Heard>): Promise<string> {
  try {
    await call
    return 'complete'
  } catch (error) {
    return String(error)
  }
}

/** Gemini tells arguments whole. */
const TELLING_PIECES = PROTOCOLS.filter((protocol) => protocol !== 'gemini')

test.each(TELLING_PIECES)('arguments that %s leaves empty are an empty object for every client', async (upstream) => {
  hub.accountOf(upstream).always(answerWith({ toolCalls: [{ name: 'list_files', arguments: '' }] }))
  for (const client of PROTOCOLS.filter((protocol) => protocol !== upstream)) {
    for (const form of ['stream', 'whole'] as const) {
      const { calls } = await CLIENTS[client][form](hub.relay, MODELS[upstream])
      expect([client, form, calls]).toEqual([client, form, [{ name: 'list_files', arguments: {} }]])
    }
  }
})

test.each(TELLING_PIECES)(
  'a call of %s that the limit cuts short is never shown as a finished one',
  async (upstream) => {
    const toolCalls = [{ name: 'get_weather', arguments: '{"city": "Sã' }]
    hub.accountOf(upstream).always(answerWith({ text: 'I look.', toolCalls, stop: 'max_tokens' }))
    for (const client of PROTOCOLS.filter((protocol) => protocol !== upstream)) {
      for (const form of ['stream', 'whole'] as const) {
        const { text, stop } = await CLIENTS[client][form](hub.relay, MODELS[upstream])
        expect([client, form, text, stop]).toEqual([client, form, 'I look.', 'max_tokens'])
      }
    }
  },
)

describe('the same counts in the words of each dialect', () => {
  const counted = { text: 'hello', usage: { input: 100, cached: 900, cacheWrite: 50, output: 30, reasoning: 10 } }

  test('Messages counts the cache apart, everybody else within the input', async () => {
    hub.accountOf('anthropic').always(answerWith(counted))
    const model = MODELS.anthropic
    const response = await connectOpenai(hub.relay).responses.create({ model, input: 'hello' })
    expect(response.usage).toEqual({
      input_tokens: 1050,
      input_tokens_details: { cached_tokens: 900, cache_write_tokens: 50 },
      output_tokens: 30,
      output_tokens_details: { reasoning_tokens: 10 },
      total_tokens: 1080,
    })
    const messages = [{ role: 'user' as const, content: 'hello' }]
    const completion = await connectOpenai(hub.relay).chat.completions.create({ model, messages })
    expect(completion.usage).toMatchObject({
      prompt_tokens: 1050,
      prompt_tokens_details: { cached_tokens: 900, cache_write_tokens: 50 },
      completion_tokens: 30,
      completion_tokens_details: { reasoning_tokens: 10 },
      total_tokens: 1080,
    })
    const answer = await connectGoogle(hub.relay).models.generateContent({ model, contents: 'hello' })
    expect(answer.usageMetadata).toMatchObject({
      promptTokenCount: 1050,
      cachedContentTokenCount: 900,
      candidatesTokenCount: 20,
      thoughtsTokenCount: 10,
      totalTokenCount: 1080,
    })
  })

  test('and back: Messages gets its own numbers again', async () => {
    hub.accountOf('openai-responses').always(answerWith(counted))
    const messages = [{ role: 'user' as const, content: 'hello' }]
    const ask = { model: MODELS['openai-responses'], max_tokens: 100, messages }
    expect((await connectAnthropic(hub.relay).messages.create(ask)).usage).toMatchObject({
      input_tokens: 100,
      cache_read_input_tokens: 900,
      cache_creation_input_tokens: 50,
      output_tokens: 30,
      output_tokens_details: { thinking_tokens: 10 },
    })
  })
})
