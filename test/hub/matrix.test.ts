/**
 * Whatever a model says, in the words of any vendor, every official SDK makes the same of it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import type { Usage } from '../../src/protocols/contract.ts'
import { answerWith, slice } from '../harness/reactions.ts'
import type { Answer } from '../harness/streams.ts'
import { CLIENTS, type Heard, type HeardUsage } from './clients.ts'
import { MODELS, openHub, PROTOCOLS, type HubStage } from './stage.ts'

let hub: HubStage
beforeAll(async () => {
  hub = await openHub()
})
afterAll(() => hub.close())

const WEATHER = { name: 'get_weather', arguments: { city: 'São "Paulo"\n', days: [1, 2], deep: { of: null } } }
const FILES = { name: 'list_files', arguments: {} }
const COUNTS: Usage = { input: 100, cached: 900, cacheWrite: 50, output: 30, reasoning: 10 }
const NO_WORDS = { text: '', reasoning: '', calls: [] }

/** What the vendor says, and what every client has to make of it. */
const SCRIPTS: Record<string, [said: Answer, heard: Omit<Heard, 'usage'>]> = {
  'a text': [
    { text: 'Größe: 42 cm 🦊\u2028\n\n"so" \\ end' },
    { ...NO_WORDS, text: 'Größe: 42 cm 🦊\u2028\n\n"so" \\ end', stop: 'stop' },
  ],
  'a thought before a text': [
    { thinking: 'Let me see 🌞', signature: 'RXNpZ25hdHVyZQ==', text: 'It is warm.' },
    { ...NO_WORDS, reasoning: 'Let me see 🌞', text: 'It is warm.', stop: 'stop' },
  ],
  'a sealed thought without words before a call': [
    { signature: 'RXNpZ25hdHVyZQ==', toolCalls: [WEATHER] },
    { ...NO_WORDS, calls: [WEATHER], stop: 'tool_call' },
  ],
  'a thought, a text and a call': [
    { thinking: 'I ask.', signature: 'RXNpZ25hdHVyZQ==', text: 'I look.', toolCalls: [WEATHER] },
    { reasoning: 'I ask.', text: 'I look.', calls: [WEATHER], stop: 'tool_call' },
  ],
  'a call without arguments': [{ toolCalls: [FILES] }, { ...NO_WORDS, calls: [FILES], stop: 'tool_call' }],
  'parallel calls': [
    { text: 'I look.', toolCalls: [WEATHER, FILES, { ...WEATHER, arguments: { city: 'ü' } }] },
    {
      ...NO_WORDS,
      text: 'I look.',
      calls: [WEATHER, FILES, { ...WEATHER, arguments: { city: 'ü' } }],
      stop: 'tool_call',
    },
  ],
  'interleaved calls': [
    { toolCalls: [WEATHER, { ...WEATHER, arguments: { city: 'Łódź' } }, FILES], interleaved: true },
    { ...NO_WORDS, calls: [WEATHER, { ...WEATHER, arguments: { city: 'Łódź' } }, FILES], stop: 'tool_call' },
  ],
  'a call although the vendor calls it a stop': [
    { toolCalls: [WEATHER], stop: 'stop' },
    { ...NO_WORDS, calls: [WEATHER], stop: 'tool_call' },
  ],
  'a refusal': [
    { text: 'I cannot help with that.', stop: 'refusal' },
    { ...NO_WORDS, text: 'I cannot help with that.', stop: 'refusal' },
  ],
  'an answer cut off by its limit': [
    { text: 'So far', stop: 'max_tokens' },
    { ...NO_WORDS, text: 'So far', stop: 'max_tokens' },
  ],
  'a thought that used up the limit': [
    { thinking: 'Long', stop: 'max_tokens' },
    { ...NO_WORDS, reasoning: 'Long', stop: 'max_tokens' },
  ],
  'a stop sequence': [
    { text: 'one, two', stop: 'stop_sequence' },
    { ...NO_WORDS, text: 'one, two', stop: 'stop' },
  ],
  'an empty answer': [{ text: '' }, { ...NO_WORDS, stop: 'stop' }],
}

const DIRECTIONS = PROTOCOLS.flatMap((client) =>
  PROTOCOLS.filter((upstream) => upstream !== client).map((upstream) => ({ client, upstream })),
)

describe.each(DIRECTIONS)('a client of $client on an account of $upstream', ({ client, upstream }) => {
  test.each(Object.entries(SCRIPTS))('hears %s', async (_what, [said, heard]) => {
    hub.accountOf(upstream).always(answerWith({ ...said, usage: COUNTS }))
    const usage = countsFor(client, upstream)
    const model = MODELS[upstream]
    expect(await CLIENTS[client].stream(hub.relay, model)).toEqual({ ...heard, usage })
    expect(await CLIENTS[client].whole(hub.relay, model)).toEqual({ ...heard, usage })
  })

  test('hears the same of a stream that comes byte by byte', async () => {
    const text = 'ü🦊 "q"'
    const said = { thinking: 'Öl 🌞', text, toolCalls: [{ name: 'get_weather', arguments: { city: '東京 🗼' } }] }
    hub.accountOf(upstream).always(answerWith(said, slice(1)))
    expect(await CLIENTS[client].stream(hub.relay, MODELS[upstream])).toMatchObject({
      reasoning: 'Öl 🌞',
      text,
      calls: said.toolCalls,
      stop: 'tool_call',
    })
  })
})

/** Gemini knows no cache writes, and Chat's vendors do not tell them. Source: the counting table of each vendor. */
function countsFor(client: Protocol, upstream: Protocol): HeardUsage {
  const isTold = client !== 'gemini' && upstream !== 'gemini' && upstream !== 'openai-chat'
  return { input: 1050, cached: 900, cacheWrite: isTold ? 50 : 0, output: 30, reasoning: 10 }
}
