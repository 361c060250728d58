import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import { unfold } from '../../../src/protocols/fold.ts'
import type { Delta, Result } from '../../../src/protocols/hub.ts'
import { createStreamDecoder, decodeWhole } from '../../../src/protocols/openai-chat/decode-stream.ts'
import { createSeededRandom } from '../../core/seeded-random.ts'
import { renderWhole, streamText, type Answer } from '../../harness/streams.ts'
import { decodeText, foldOf, targetOf } from '../hub-stage.ts'
import { startCpuClock } from '../../harness/cpu.ts'

const decode = (text: string, pieceBytes?: number): Delta[] =>
  decodeText(createStreamDecoder(targetOf('openai-chat')), text, pieceBytes)

/** The stream of one choice's deltas; the last one ends it, unless it says why itself. */
const chunks = (...deltas: JsonObject[]): string =>
  deltas.map((delta) => event({ id: 'c1', model: 'm', choices: [{ index: 0, delta, finish_reason: null }] })).join('')
const event = (data: JsonObject | string): string =>
  `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
const finish = (reason: string, members: JsonObject = {}): string =>
  event({ id: 'c1', choices: [{ index: 0, delta: {}, finish_reason: reason }], ...members })
const DONE = event('[DONE]')

const textOf = (result: Result): string => result.parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
const callsOf = (result: Result): string[] =>
  result.parts.flatMap((part) => (part.type === 'tool-call' ? [`${part.id} ${part.name} ${part.input}`] : []))

const call = (members: JsonObject): JsonObject => ({ tool_calls: [members] })

const ANSWER: Answer = {
  thinking: 'Let me think about 😀.',
  text: 'Es ist schön, füwahr 😀!',
  toolCalls: [
    { name: 'weather', arguments: { city: 'Zürich' } },
    { name: 'time', arguments: {} },
  ],
  interleaved: true,
  usage: { input: 10, cached: 5, output: 7, reasoning: 3 },
}

describe('a streamed answer of a Chat server', () => {
  it.each([1, 2, 3, 7, 64, Infinity])(
    '6.37: is the same in pieces of %s bytes, as a whole, and folded',
    (pieceBytes) => {
      const whole = foldOf(
        decodeWhole(JSON.parse(renderWhole('openai-chat', ANSWER)) as JsonObject, targetOf('openai-chat')),
      )
      const streamed = foldOf(decode(streamText('openai-chat', { ...ANSWER, usageAt: 'finish' }), pieceBytes))
      expect(streamed).toEqual(whole)
      expect(foldOf(unfold(streamed))).toEqual(streamed)
      expect(callsOf(whole)).toEqual(['call_att_1_0 weather {"city":"Zürich"}', 'call_att_1_1 time {}'])
      expect(whole.usage).toEqual({ input: 10, cached: 5, output: 7, reasoning: 3 })
    },
  )

  it('6.15: takes chunks without choices at either end', () => {
    const filter = event({ id: '', choices: [], prompt_filter_results: [] })
    const result = foldOf(decode(filter + chunks({ content: 'Hi' }) + finish('stop') + event({ choices: [] }) + DONE))
    expect(textOf(result)).toBe('Hi')
    expect(result.id).toBe('c1')
  })

  it.each([
    ['with the finish', finish('stop', { usage: { prompt_tokens: 9, completion_tokens: 4 } })],
    ['behind it', finish('stop') + event({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 4 } })],
    ['before it', event({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 4 } }) + finish('stop')],
    [
      'in the choice',
      event({ choices: [{ delta: {}, finish_reason: 'stop', usage: { prompt_tokens: 9, completion_tokens: 4 } }] }),
    ],
    ['in a member of Groq', finish('stop', { x_groq: { usage: { prompt_tokens: 9, completion_tokens: 4 } } })],
  ])('6.17: usage counts %s', (_, end) => {
    const deltas = decode(chunks({ content: 'Hi' }) + end + DONE)
    expect(foldOf(deltas).usage).toEqual({ input: 9, output: 4 })
    expect(deltas.at(-1)?.type).toBe('finish')
  })

  it('ends at once when finish and usage are told, for hosts that never say [DONE]', () => {
    const decoder = createStreamDecoder(targetOf('openai-chat'))
    const text = chunks({ content: 'Hi' }) + finish('stop', { usage: { prompt_tokens: 1, completion_tokens: 1 } })
    const frames = text
      .trim()
      .split('\n\n')
      .map((line) => ({ event: '', data: Buffer.from(line.slice(6)), cut: false }))
    expect(frames.flatMap((frame) => decoder.decode(frame)).at(-1)).toEqual({ type: 'finish', reason: 'stop' })
    expect(decoder.end()).toEqual([])
  })

  it.each([
    ['start at 1', [call({ index: 1, id: 'a', function: { name: 'f', arguments: '{}' } })], ['a f {}']],
    [
      'jump',
      [
        call({ index: 3, id: 'a', function: { name: 'f', arguments: '{}' } }),
        call({ index: 7, id: 'b', function: { name: 'g', arguments: '{}' } }),
      ],
      ['a f {}', 'b g {}'],
    ],
    [
      'are missing',
      [
        call({ id: 'a', function: { name: 'f', arguments: '{"x"' } }),
        call({ function: { arguments: ':1}' } }),
        call({ id: 'b', function: { name: 'g' } }),
      ],
      ['a f {"x":1}', 'b g {}'],
    ],
    [
      'are all 0',
      [
        call({ index: 0, id: 'a', function: { name: 'f', arguments: '{}' } }),
        call({ index: 0, id: 'b', function: { name: 'g', arguments: '{}' } }),
      ],
      ['a f {}', 'b g {}'],
    ],
    [
      'come with the id every time',
      [
        call({ index: 0, id: 'a', function: { name: 'f', arguments: '{"x"' } }),
        call({ index: 0, id: 'a', function: { name: 'f', arguments: ':1}' } }),
      ],
      ['a f {"x":1}'],
    ],
  ])('6.4: calls whose indexes %s', (_, deltas, expected) => {
    expect(callsOf(foldOf(decode(chunks(...deltas) + finish('tool_calls') + DONE)))).toEqual(expected)
  })

  it.each([
    ['a name in pieces', [{ name: 'get_' }, { name: 'weather', arguments: '' }, { arguments: '{}' }], 'get_weather {}'],
    ['a name that grows', [{ name: 'get_' }, { name: 'get_weather' }, { arguments: '{}' }], 'get_weather {}'],
    [
      'a name every time',
      [
        { name: 'f', arguments: '' },
        { name: 'f', arguments: '{}' },
      ],
      'f {}',
    ],
    ['arguments as an object', [{ name: 'f', arguments: { x: 1 } }], 'f {"x":1}'],
    ['6.7: no arguments', [{ name: 'f', arguments: '' }], 'f {}'],
    ['arguments of null', [{ name: 'f', arguments: null }], 'f {}'],
  ])('takes %s', (_, functions, expected) => {
    const deltas = functions.map((told) => call({ index: 0, id: 'a', function: told }))
    expect(callsOf(foldOf(decode(chunks(...deltas) + finish('tool_calls') + DONE)))).toEqual([`a ${expected}`])
  })

  it('gives a call without an id one that is always the same', () => {
    const text =
      chunks(call({ index: 0, id: '', function: { name: 'f', arguments: '{}' } })) + finish('tool_calls') + DONE
    const [first] = callsOf(foldOf(decode(text)))
    expect(first).toMatch(/^call_[0-9a-f]{24} f \{\}$/)
    expect(callsOf(foldOf(decode(text)))).toEqual([first])
  })

  it('6.6: an empty list of calls is no call', () => {
    const result = foldOf(decode(chunks({ content: 'Hi', tool_calls: [] }) + finish('stop') + DONE))
    expect([result.parts.length, result.finish.reason]).toEqual([1, 'stop'])
  })

  it.each([
    ['stop', 'stop'],
    ['length', 'max_tokens'],
    ['content_filter', 'content_filter'],
    ['model_length', 'context_full'],
    ['eos', 'stop'],
    ['tool_calls', 'stop'],
    ['something_new', 'other'],
  ])('6.14: the end "%s" means %s', (word, reason) => {
    expect(foldOf(decode(chunks({ content: 'Hi' }) + finish(word) + DONE)).finish).toEqual({ reason })
  })

  it('6.9: a call is the end, whatever the server says', () => {
    const text = chunks(call({ index: 0, id: 'a', function: { name: 'f', arguments: '{}' } })) + finish('stop') + DONE
    expect(foldOf(decode(text)).finish.reason).toBe('tool_calls')
  })

  it('tells the stop sequence where a server does', () => {
    const end = event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop', stop_reason: 'END' }] })
    expect(foldOf(decode(chunks({ content: 'Hi' }) + end + DONE)).finish).toEqual({
      reason: 'stop_sequence',
      stopSequence: 'END',
    })
  })

  it('6.14: words of refusal make a refusal of a plain stop', () => {
    const result = foldOf(decode(chunks({ refusal: 'I will ' }, { refusal: 'not.' }) + finish('stop') + DONE))
    expect(result.parts).toEqual([{ type: 'refusal', text: 'I will not.' }])
    expect(result.finish.reason).toBe('refusal')
  })

  it.each(['reasoning_content', 'reasoning'])('6.1: reads %s before the text as a part of its own', (name) => {
    const { parts } = foldOf(
      decode(chunks({ role: 'assistant', [name]: 'hm' }, { [name]: '!' }, { content: 'Hi' }) + finish('stop') + DONE),
    )
    expect(parts).toEqual([
      { type: 'reasoning', text: 'hm!', carrier: { family: 'other', account: 'acct1', model: 'a-model', data: null } },
      { type: 'text', text: 'Hi' },
    ])
  })

  it('tells reasoning once that a host sends under two names, and keeps its details', () => {
    const detail = { type: 'reasoning.text', index: 0, format: 'anthropic-claude-v1' }
    const deltas = [
      { reasoning: 'h', reasoning_details: [{ ...detail, text: 'h' }] },
      { reasoning: 'm', reasoning_details: [{ ...detail, text: 'm' }] },
      { reasoning_details: [{ ...detail, signature: 'sig' }] },
      { content: 'Hi' },
    ]
    const [reasoning] = foldOf(decode(chunks(...deltas) + finish('stop') + DONE)).parts
    expect(reasoning).toMatchObject({ text: 'hm', carrier: { data: [{ ...detail, text: 'hm', signature: 'sig' }] } })
  })

  it('keeps the signature that Google ties to a call', () => {
    const told = {
      index: 0,
      id: 'a',
      function: { name: 'f', arguments: '{}' },
      extra_content: { google: { thought_signature: 'CiQBsig==' } },
    }
    const [part] = foldOf(decode(chunks(call(told)) + finish('tool_calls') + DONE)).parts
    expect(part).toMatchObject({ carrier: { family: 'gemini', account: 'acct1', data: 'CiQBsig==' } })
  })

  it('reads content as a list, thinking included', () => {
    const content = [
      { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
      { type: 'text', text: 'Hi' },
    ]
    expect(foldOf(decode(chunks({ content }) + finish('stop') + DONE)).parts).toMatchObject([
      { text: 'hm' },
      { text: 'Hi' },
    ])
  })
})

describe('a failing Chat server', () => {
  it.each([
    ['cut off', ''],
    ['closed with [DONE] but no reason', DONE],
  ])('6.10: %s is no answer', (_, end) => {
    const last = decode(chunks({ content: 'Hi' }) + end).at(-1)
    expect(last).toMatchObject({ type: 'error', error: { status: 502 } })
  })

  it.each([
    ['an error chunk', '{"error":{"message":"busy","type":"server_error"}}', 'busy'],
    ['a flat error', '{"object":"error","message":"no such model","code":404}', 'no such model'],
    ['no JSON', '{"choices":[{', 'no JSON'],
    ['a finish of failure', '{"choices":[{"delta":{},"finish_reason":"insufficient_system_resource"}]}', 'broke off'],
  ])('6.11: %s is told in its words', (_, data, words) => {
    const deltas = decode(chunks({ content: 'Hi' }) + event(data) + chunks({ content: 'more' }) + DONE)
    const last = deltas.at(-1)
    expect(last?.type === 'error' && last.error.message).toContain(words)
  })

  it('is complete after a finish reason although [DONE] is missing', () => {
    expect(foldOf(decode(chunks({ content: 'Hi' }) + finish('stop'))).finish.reason).toBe('stop')
  })

  it('never makes the decoder throw or go on after the end', () => {
    const random = createSeededRandom(11)
    const bytes = Buffer.from(streamText('openai-chat', ANSWER))
    for (let round = 0; round < 500; round++) {
      const broken = Buffer.from(bytes)
      for (let hits = random.whole(8); hits >= 0; hits--) broken[random.whole(broken.length)] = random.whole(128)
      const deltas = decode(broken.toString('latin1'), 1 + random.whole(200))
      const ends = deltas.filter((delta) => delta.type === 'finish' || delta.type === 'error')
      expect(ends).toEqual([deltas.at(-1)])
    }
  })
})

it('6.37: an event of 8 MB takes no longer than its bytes', () => {
  const big = 'x'.repeat(8 * 1024 * 1024)
  const frame = {
    event: '',
    data: Buffer.from(JSON.stringify({ choices: [{ index: 0, delta: { content: big } }] })),
    cut: false,
  }
  const cpuMs = startCpuClock()
  const deltas = createStreamDecoder(targetOf('openai-chat')).decode(frame)
  expect(cpuMs()).toBeLessThan(2_000)
  expect(deltas.at(-1)).toMatchObject({ type: 'text-delta', text: big })
})
