import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import { unfold } from '../../../src/protocols/fold.ts'
import { hubUpstream } from '../../../src/protocols/gemini/hub-upstream.ts'
import type { Carrier, Delta, FinishReason } from '../../../src/protocols/hub.ts'
import { createSeededRandom } from '../../core/seeded-random.ts'
import { renderWhole, streamText, type Answer } from '../../harness/streams.ts'
import { decodeText, foldOf, targetOf } from '../hub-stage.ts'
import { startCpuClock } from '../../harness/cpu.ts'

const decode = (text: string, pieceBytes?: number): Delta[] =>
  decodeText(hubUpstream.createStreamDecoder(targetOf('gemini')), text, pieceBytes)

const event = (chunk: JsonObject): string =>
  `data: ${JSON.stringify({ responseId: 'r1', modelVersion: 'g', ...chunk })}\r\n\r\n`
const chunk = (...parts: JsonObject[]): string => event({ candidates: [{ content: { parts, role: 'model' } }] })
const finish = (reason: string, members: JsonObject = {}): string =>
  event({ candidates: [{ finishReason: reason, ...members }] })
const partsOf = (...texts: string[]) => foldOf(decode(texts.join('') + finish('STOP'))).parts
const carrierOf = (data: string): Carrier => ({ family: 'gemini', account: 'acct1', model: 'a-model', data })
const f = (members: JsonObject = {}): JsonObject => ({ functionCall: { name: 'f', args: {}, ...members } })

const ANSWER: Answer = {
  thinking: 'Let me think about 😀.',
  text: 'Es ist schön, fürwahr 😀!',
  toolCalls: [
    { name: 'weather', arguments: { city: 'Zürich' }, id: 'c1' },
    { name: 'time', arguments: {}, id: 'c2' },
  ],
  signature: 'c2lnbmF0dXJl',
  usage: { input: 10, cached: 5, output: 7, reasoning: 3 },
}

describe('a streamed answer of a Gemini server', () => {
  it.each([1, 2, 3, 7, 64, Infinity])('6.37: is the same in pieces of %s bytes, as a whole, and folded', (bytes) => {
    const body = JSON.parse(renderWhole('gemini', ANSWER)) as JsonObject
    const whole = foldOf(hubUpstream.decodeWhole(body, targetOf('gemini')))
    const streamed = foldOf(decode(streamText('gemini', ANSWER), bytes))
    expect(streamed).toEqual(whole)
    expect(foldOf(unfold(streamed))).toEqual(streamed)
    expect(whole.parts).toEqual([
      { type: 'reasoning', text: 'Let me think about 😀.', carrier: null },
      { type: 'text', text: 'Es ist schön, fürwahr 😀!' },
      {
        type: 'tool-call',
        id: 'c1',
        name: 'weather',
        kind: 'function',
        input: '{"city":"Zürich"}',
        carrier: carrierOf('c2lnbmF0dXJl'),
      },
      { type: 'tool-call', id: 'c2', name: 'time', kind: 'function', input: '{}' },
    ])
    expect(whole.usage).toEqual({ input: 10, cached: 5, output: 7, reasoning: 3 })
  })

  it('a list of chunks is the same as the stream', () => {
    const chunks = [
      { candidates: [{ content: { parts: [{ text: 'Hi' }] } }] },
      { candidates: [{ finishReason: 'STOP' }] },
    ]
    const decoder = hubUpstream.createStreamDecoder(targetOf('gemini'))
    const deltas = [
      ...decoder.decode({ event: '', data: Buffer.from(JSON.stringify(chunks)), cut: false }),
      ...decoder.end(),
    ]
    expect(foldOf(deltas).parts).toEqual([{ type: 'text', text: 'Hi' }])
  })

  it.each<[string, JsonObject[], object[]]>([
    ['on a thought', [{ text: 'hm', thought: true, thoughtSignature: 's' }], [{ text: 'hm', carrier: carrierOf('s') }]],
    [
      'on an empty part behind a thought',
      [
        { text: 'hm', thought: true },
        { text: '', thoughtSignature: 's' },
      ],
      [{ text: 'hm', carrier: carrierOf('s') }],
    ],
    [
      'on an empty part at the end',
      [{ text: 'Hi' }, { text: '', thoughtSignature: 's' }],
      [{ text: 'Hi' }, { type: 'reasoning', text: '', carrier: carrierOf('s') }],
    ],
    [
      'on a text',
      [{ text: 'Hi', thoughtSignature: 's' }],
      [{ text: 'Hi' }, { type: 'reasoning', text: '', carrier: carrierOf('s') }],
    ],
    ['on a call', [{ ...f(), thoughtSignature: 's' }], [{ type: 'tool-call', carrier: carrierOf('s') }]],
  ])('6.20: keeps a signature %s', (_, parts, expected) => {
    expect(partsOf(...parts.map((part) => chunk(part)))).toMatchObject(expected)
  })

  it('6.7: calls without an id get one, the same each time and never twice; no arguments are an empty object', () => {
    const calls = partsOf(chunk(f(), f()), chunk({ functionCall: { name: 'f' } }))
    expect(calls).toEqual(partsOf(chunk(f(), f()), chunk({ functionCall: { name: 'f' } })))
    expect(new Set(calls.map((part) => part.type === 'tool-call' && part.id)).size).toBe(3)
    expect(calls.every((part) => part.type === 'tool-call' && part.input === '{}')).toBe(true)
  })

  it('a call comes in one step, so that its signature can stand in front', () => {
    const types = decode(chunk({ ...f({ args: { a: 1 } }), thoughtSignature: 's' }) + finish('STOP')).map(
      ({ type }) => type,
    )
    expect(types).toEqual(['start', 'tool-input-start', 'tool-input-end', 'finish'])
  })

  it('arguments in pieces become one object', () => {
    const piece = (partialArgs: JsonObject[], willContinue = true): string =>
      chunk({ functionCall: { partialArgs, willContinue } })
    const parts = partsOf(
      chunk({ functionCall: { name: 'f', id: 'c', willContinue: true } }),
      piece([{ jsonPath: '$.city', stringValue: 'Zü', willContinue: true }]),
      piece([
        { jsonPath: '$.city', stringValue: 'rich' },
        { jsonPath: '$.days[0].n', numberValue: 3 },
      ]),
      piece([{ jsonPath: '$.__proto__.x', boolValue: true }]),
      piece([], false),
    )
    expect(parts).toMatchObject([{ id: 'c', input: '{"city":"Zürich","days":[{"n":3}]}' }])
  })

  it('a call that was cut off is not taken for a whole one', () => {
    const begun = chunk({
      functionCall: { name: 'f', willContinue: true, partialArgs: [{ jsonPath: '$.a', numberValue: 1 }] },
    })
    const [part] = foldOf(decode(begun + finish('MAX_TOKENS'))).parts
    expect(part).toMatchObject({ input: '{"a":1' })
  })

  it('code, what it printed, and pictures are told as text', () => {
    const target = targetOf('gemini')
    const text =
      chunk({ executableCode: { language: 'PYTHON', code: 'x' } }) +
      chunk({ codeExecutionResult: { output: '1' } }) +
      chunk({ inlineData: { mimeType: 'image/png', data: 'AAAA' } }) +
      finish('STOP')
    expect(foldOf(decodeText(hubUpstream.createStreamDecoder(target), text)).parts).toEqual([
      { type: 'text', text: '\n```python\nx\n```\n\n```\n1\n```\n![image](data:image/png;base64,AAAA)' },
    ])
    expect(target.ledger.entries).toEqual(['weakened:image-as-markdown'])
  })

  it('what was searched, and where it stands in the text, in characters', () => {
    const groundingMetadata = {
      webSearchQueries: ['q'],
      groundingChunks: [{ web: { uri: 'https://a/', title: 'A' } }],
      groundingSupports: [{ segment: { startIndex: 3, endIndex: 5, text: 'Hi' }, groundingChunkIndices: [0, 7] }],
    }
    const parts = foldOf(decode(chunk({ text: 'ü Hi' }) + finish('STOP', { groundingMetadata }))).parts
    expect(parts).toEqual([
      { type: 'text', text: 'ü Hi', citations: [{ url: 'https://a/', title: 'A', citedText: 'Hi', start: 2, end: 4 }] },
      {
        type: 'web-search',
        id: expect.any(String) as string,
        query: 'q',
        sources: [{ url: 'https://a/', title: 'A' }],
      },
    ])
  })

  it('only the first of several candidates counts', () => {
    const candidates = [1, 0].map((index) => ({ index, content: { parts: [{ text: `answer ${index}` }] } }))
    expect(partsOf(event({ candidates }))).toEqual([{ type: 'text', text: 'answer 0' }])
  })

  it.each<[string, boolean, FinishReason]>([
    ['STOP', false, 'stop'],
    ['STOP', true, 'tool_calls'],
    ['MAX_TOKENS', true, 'max_tokens'],
    ['SAFETY', false, 'content_filter'],
    ['PROHIBITED_CONTENT', false, 'content_filter'],
    ['RECITATION', false, 'content_filter'],
    ['IMAGE_SAFETY', false, 'content_filter'],
    ['MALFORMED_FUNCTION_CALL', false, 'malformed_call'],
    ['CONTINUATION', false, 'pause'],
    ['LANGUAGE', false, 'other'],
    ['SOMETHING_NEW', false, 'other'],
  ])('6.9, 6.14: %s (with calls: %s) is %s', (word, hasCalls, reason) => {
    expect(foldOf(decode((hasCalls ? chunk(f()) : chunk({ text: 'Hi' })) + finish(word))).finish.reason).toBe(reason)
  })

  it('6.14: a prompt that was blocked is a refusal without words', () => {
    const result = foldOf(decode(event({ promptFeedback: { blockReason: 'SAFETY' } })))
    expect(result).toMatchObject({ parts: [], finish: { reason: 'refusal', details: { reason: 'SAFETY' } } })
  })

  it.each([
    [
      'with the reason',
      event({
        candidates: [{ finishReason: 'STOP' }],
        usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 4 },
      }),
    ],
    ['behind it', finish('STOP') + event({ usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 4 } })],
    ['before it', event({ usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 4 } }) + finish('STOP')],
  ])('6.17: usage counts %s', (_, end) => {
    const deltas = decode(chunk({ text: 'Hi' }) + end)
    expect(foldOf(deltas).usage).toEqual({ input: 9, output: 4 })
    expect(deltas.at(-1)?.type).toBe('finish')
  })
})

describe('a failing Gemini server', () => {
  it.each([
    ['an error chunk', 'data: {"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}\r\n\r\n', 'busy'],
    [
      'an error in a list',
      'data: [{"error":{"code":429,"message":"busy","status":"RESOURCE_EXHAUSTED"}}]\r\n\r\n',
      'busy',
    ],
    ['no JSON', 'data: {"candidates":[{\r\n\r\n', 'not JSON'],
  ])('6.11: %s is told in its words', (_, text, words) => {
    const last = decode(chunk({ text: 'Hi' }) + text + finish('STOP')).at(-1)
    expect(last?.type === 'error' && last.error.message).toContain(words)
  })

  it('row 26: news that this version does not know is no failure', () => {
    const deltas = decode(`${chunk({ text: 'Hi' })}data: {"hello":"world"}\r\n\r\n${finish('STOP')}`)
    expect(deltas.at(-1)).toMatchObject({ type: 'finish', reason: 'stop' })
  })

  it('6.10: a stream that breaks off is no answer', () => {
    expect(decode(chunk({ text: 'Hi' })).at(-1)).toMatchObject({ type: 'error', error: { status: 502 } })
  })

  it('never makes the decoder throw or go on after the end', () => {
    const random = createSeededRandom(5)
    const bytes = Buffer.from(streamText('gemini', ANSWER))
    for (let round = 0; round < 500; round++) {
      const broken = Buffer.from(bytes)
      for (let hits = random.whole(8); hits >= 0; hits--) broken[random.whole(broken.length)] = random.whole(128)
      const deltas = decode(broken.toString('latin1'), 1 + random.whole(200))
      expect(deltas.filter(({ type }) => type === 'finish' || type === 'error')).toEqual([deltas.at(-1)])
    }
  })
})

it('6.37: an event of 8 MB takes no longer than its bytes', () => {
  const args = { text: 'x'.repeat(8 * 1024 * 1024) }
  const data = Buffer.from(JSON.stringify({ candidates: [{ content: { parts: [f({ args })] } }] }))
  const cpuMs = startCpuClock()
  const deltas = hubUpstream.createStreamDecoder(targetOf('gemini')).decode({ event: '', data, cut: false })
  expect(cpuMs()).toBeLessThan(2_000)
  expect(deltas.at(-1)?.type).toBe('tool-input-end')
})
