import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { answerWith, slice } from '../harness/reactions.ts'
import { readJsonEvents, readText } from '../harness/sse.ts'
import { chunks, delta, DIRECTIONS, events, othersOf, PROTOCOLS, readAnswer, start } from './forty-stage.ts'

const CALLS = [
  { name: 'one', arguments: { city: 'Bern' } },
  { name: 'two', arguments: { city: 'Köln', days: [1, 2, 3] } },
  { name: 'three', arguments: { note: 'a "quoted" word' } },
]
const TOLD_CALLS = CALLS.map(({ name, arguments: input }) => ({ name, input }))

interface MessagesEvent extends JsonObject {
  type: string
  index: number
  content_block: { type: string }
  delta: { type: string }
}

describe('parts of a streamed answer', () => {
  test.each(['openai-responses', 'openai-chat'] as const)(
    '6.1: reasoning and text of a %s server never share a block',
    async (upstream) => {
      const { vendor, ask } = await start(upstream)
      vendor.script(answerWith({ thinking: 'let me see', text: 'it is so' }))
      const told = readJsonEvents((await ask('anthropic')).body) as MessagesEvent[]
      const open = told.flatMap((event) => {
        if (event.type === 'content_block_start') return [event.content_block.type]
        return event.type === 'content_block_delta' ? [`${event.index} ${event.delta.type}`] : []
      })
      // The state that closes reasoning is there where the server has any.
      const kinds = new Set(open.filter((each) => each !== '0 signature_delta'))
      expect([...kinds]).toEqual(['thinking', '0 thinking_delta', 'text', '1 text_delta'])
      expect(told.filter(({ type }) => type === 'message_start')).toHaveLength(1)
    },
  )

  test.each(['openai-responses', 'openai-chat'] as const)(
    '6.2: three interleaved calls of a %s server are dense, one open at a time',
    async (upstream) => {
      const { vendor, ask } = await start(upstream)
      vendor.always(answerWith({ toolCalls: CALLS, interleaved: true }))
      const { body } = await ask('anthropic')
      const told = readJsonEvents(body) as MessagesEvent[]
      const borders = told.filter(({ type }) => /_(start|stop)$/.test(type) && type.startsWith('content_block'))
      expect(borders.map(({ type, index }) => [type.slice(14), index])).toEqual(
        [0, 1, 2].flatMap((index) => [
          ['start', index],
          ['stop', index],
        ]),
      )
      expect(readAnswer('anthropic', body).calls).toEqual(TOLD_CALLS)
      const other = upstream === 'openai-chat' ? 'openai-responses' : 'openai-chat'
      expect(readAnswer(other, (await ask(other)).body).calls).toEqual(TOLD_CALLS)
    },
  )

  test('6.3: no delta follows the end of its block', async () => {
    const { vendor, ask } = await start('openai-responses')
    vendor.script(answerWith({ thinking: 'hm', text: 'both', toolCalls: CALLS, interleaved: true }))
    const told = readJsonEvents((await ask('anthropic')).body) as MessagesEvent[]
    const ended = new Set<number>()
    const late = told.filter((event) => {
      if (event.type === 'content_block_stop') ended.add(event.index)
      return event.type === 'content_block_delta' && ended.has(event.index)
    })
    expect([late, ended.size]).toEqual([[], 5])
  })

  test.each([
    ['begin at 1', [1, 2]],
    ['jump', [0, 7]],
    ['are missing', [undefined, undefined]],
  ])('6.4: calls whose indexes %s reach every client densely', async (_how, indexes) => {
    const { vendor, ask } = await start('openai-chat')
    const call = (nth: number): JsonObject => ({
      ...(indexes[nth] === undefined ? {} : { index: indexes[nth] }),
      id: `call_${nth}`,
      type: 'function',
      function: { name: `tool_${nth}`, arguments: `{"n":${nth}}` },
    })
    const told = [0, 1].map((nth) => delta({ tool_calls: [call(nth)] }))
    vendor.always(chunks(delta({ role: 'assistant' }), ...told, delta({}, 'tool_calls')))
    for (const client of othersOf('openai-chat')) {
      expect(readAnswer(client, (await ask(client)).body).calls).toEqual([
        { name: 'tool_0', input: { n: 0 } },
        { name: 'tool_1', input: { n: 1 } },
      ])
    }
  })

  test.each(['in their end', 'in the item'])('6.5: arguments that are told only %s are not lost', async (where) => {
    const { vendor, ask } = await start('openai-responses')
    const item = { id: 'fc_1', type: 'function_call', call_id: 'call_1', name: 'look_up', status: 'in_progress' }
    const final = { ...item, arguments: '{"city":"Bern"}', status: 'completed' }
    const place = { item_id: 'fc_1', output_index: 0 }
    const end = { type: 'response.function_call_arguments.done', ...place, arguments: '{"city":"Bern"}' }
    const told = where === 'in their end' ? [end] : []
    vendor.always(
      events(
        { type: 'response.created', response: { id: 'resp_1', status: 'in_progress', output: [] } },
        { type: 'response.output_item.added', output_index: 0, item: { ...item, arguments: '' } },
        ...told,
        { type: 'response.output_item.done', output_index: 0, item: final },
        { type: 'response.completed', response: { id: 'resp_1', status: 'completed', output: [final] } },
      ),
    )
    for (const client of othersOf('openai-responses')) {
      const { calls } = readAnswer(client, (await ask(client)).body)
      expect(calls).toEqual([{ name: 'look_up', input: { city: 'Bern' } }])
    }
  })

  test('6.6: an empty list of calls is no call', async () => {
    const { vendor, ask } = await start('openai-chat')
    vendor.always(chunks(delta({ role: 'assistant', tool_calls: [] }), delta({ content: 'done' }), delta({}, 'stop')))
    const { body } = await ask('anthropic')
    expect(readAnswer('anthropic', body)).toMatchObject({ text: 'done', calls: [], stop: 'end_turn' })
  })

  test.each(DIRECTIONS)('6.7: a %s client on a %s account gets {} for a call without arguments', async (client, up) => {
    const { vendor, ask } = await start(up)
    vendor.always(answerWith({ toolCalls: [{ name: 'now', arguments: up === 'openai-chat' ? '' : {} }] }))
    for (const stream of [true, false]) {
      const { body } = await ask(client, { stream })
      expect(readAnswer(client, body).calls).toEqual([{ name: 'now', input: {} }])
    }
  })

  test.each(DIRECTIONS)(
    '6.8: a %s client on a %s account gets the same calls, streamed and whole',
    async (client, up) => {
      const { vendor, ask } = await start(up)
      vendor.always(answerWith({ text: 'I look it up.', toolCalls: CALLS }))
      for (const stream of [true, false]) {
        const { body } = await ask(client, { stream })
        expect(readAnswer(client, body)).toMatchObject({ text: 'I look it up.', calls: TOLD_CALLS })
      }
    },
  )

  test.each(['anthropic', 'openai-chat'] as const)(
    '6.9: a call ends as one for a %s client, although Gemini says STOP',
    async (client) => {
      const { vendor, ask } = await start('gemini')
      vendor.always(answerWith({ toolCalls: CALLS.slice(0, 1) }))
      const expected = client === 'anthropic' ? 'tool_use' : 'tool_calls'
      for (const stream of [true, false]) {
        expect(readAnswer(client, (await ask(client, { stream })).body).stop).toBe(expected)
      }
    },
  )

  test('6.15: chunks without choices at either end break nothing', async () => {
    const { vendor, ask } = await start('openai-chat')
    const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
    const said = [delta({ role: 'assistant', content: 'fine' }), delta({}, 'stop')]
    vendor.always(chunks({ choices: [], prompt_filter_results: [] }, ...said, { choices: [], usage }, { choices: [] }))
    for (const client of othersOf('openai-chat')) {
      expect(readAnswer(client, (await ask(client)).body).text).toBe('fine')
    }
  })
})

describe('bytes of a streamed answer', () => {
  test.each(PROTOCOLS)('6.37: a %s stream that comes byte by byte keeps its letters', async (upstream) => {
    const { vendor, ask } = await start(upstream)
    vendor.always(answerWith({ text: 'schön 🌞🧑‍🚀' }, slice(1)))
    for (const client of othersOf(upstream)) {
      expect(readAnswer(client, (await ask(client)).body).text).toBe('schön 🌞🧑‍🚀')
    }
  })

  test('6.37: an event of 8 MB reaches the client whole', async () => {
    const { vendor, ask } = await start('openai-chat')
    const text = 'x'.repeat(8 * 1024 * 1024)
    vendor.always(chunks(delta({ role: 'assistant', content: text }), delta({}, 'stop')))
    const { body } = await ask('anthropic')
    expect(readText(body) === text).toBe(true)
  })
})
