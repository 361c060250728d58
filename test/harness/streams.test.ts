/**
 * The rendered streams are what the dialects' grammars demand, in every legal form, and the reader reads them all.
 */
import { describe, expect, test } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import { readEvents, readJsonEvents, readSse, readText } from './sse.ts'
import { renderStream, renderWhole, streamText, type Answer, type StreamFormat } from './streams.ts'

const PROTOCOLS: Protocol[] = ['anthropic', 'openai-responses', 'openai-chat', 'gemini']

describe.each(PROTOCOLS)('%s', (protocol) => {
  test.each<[string, StreamFormat]>([
    ['line feeds', { lineEnd: '\n' }],
    ['carriage returns and line feeds', { lineEnd: '\r\n' }],
    ['carriage returns', { lineEnd: '\r' }],
    ['no event names', { eventNames: false }],
    ['data over several lines', { multiLineData: true }],
    ['no space behind the colon', { spaceAfterColon: false }],
    ['padded data', { paddingBytes: 20 }],
    ['comments between events', { comments: true }],
    ['a byte order mark', { bom: true }],
  ])('%s change nothing for a reader', (_name, format) => {
    const answer: Answer = { thinking: 'hm', text: 'Größe 🦊: 3\u20282', toolCalls: [{ name: 'look', arguments: {} }] }
    expect(readJsonEvents(streamText(protocol, answer, format))).toEqual(readJsonEvents(streamText(protocol, answer)))
    expect(readText(streamText(protocol, answer, format))).toBe('Größe 🦊: 3\u20282')
  })

  test('the last blank line can be missing', () => {
    const { events, rest } = readSse(streamText(protocol, { text: 'hello' }, { finalBlankLine: false }))
    expect(events).toHaveLength(renderStream(protocol, { text: 'hello' }).length - 1)
    expect(rest).toContain('data: ')
    expect(() => readEvents('data: x\n')).toThrow('ends inside an event')
  })

  test('one event can be as big as a test likes', () => {
    const big = renderStream(protocol, { text: ['x'.repeat(1_000_000)] }).filter((event) => event.kind === 'content')
    expect(big).toHaveLength(1)
    expect(big[0]?.text.length).toBeGreaterThan(1_000_000)
  })
})

describe('what each dialect says', () => {
  test('Messages opens, tells and closes one block after the other', () => {
    const answer: Answer = {
      thinking: ['think'],
      signature: 'sig',
      text: ['say'],
      toolCalls: [{ name: 'do', arguments: { a: 1 } }],
    }
    expect(readEvents(streamText('anthropic', answer)).map((event) => event.event)).toEqual([
      'message_start',
      'content_block_start',
      'ping',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ])
  })

  test('Responses numbers its events and repeats the whole output at the end', () => {
    const answer: Answer = { text: 'hello', toolCalls: [{ name: 'do', arguments: {} }] }
    const events = readJsonEvents(streamText('openai-responses', answer))
    expect(events.map((event) => event['sequence_number'])).toEqual([...events.keys()])
    expect(events.at(-1)).toMatchObject({
      type: 'response.completed',
      response: JSON.parse(renderWhole('openai-responses', answer)),
    })
  })

  test('Chat tells usage only if asked, in a chunk of its own before [DONE]', () => {
    const context = { attemptId: 'att_1', model: 'm', body: { stream_options: { include_usage: true } } }
    const tail = (asked: boolean): string[] =>
      renderStream('openai-chat', { text: 'hello' }, {}, asked ? context : undefined)
        .slice(-2)
        .map((event) => event.text)
    expect(tail(true)[0]).toContain('"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":7')
    expect(tail(false)[0]).toContain('"finish_reason":"stop"')
    expect(tail(true)[1]).toBe('data: [DONE]\n\n')
  })

  test.each(['finish', 'every'] as const)('Chat hosts may tell usage in %s chunk', (usageAt) => {
    const chunks = readJsonEvents(streamText('openai-chat', { text: ['hello'], usageAt }))
    expect(chunks.map((chunk) => chunk['usage'] !== undefined)).toEqual([
      usageAt === 'every',
      usageAt === 'every',
      true,
    ])
  })

  test('Gemini gives its last chunk a part, the finish reason and the final usage', () => {
    expect(streamText('gemini', { text: ['hello'] })).toMatch(/^data: [^\r\n]+\r\n\r\ndata: [^\r\n]+\r\n\r\n$/)
    expect(readJsonEvents(streamText('gemini', { text: ['hello'] })).at(-1)).toMatchObject({
      candidates: [{ content: { parts: [{ text: '' }] }, finishReason: 'STOP' }],
      usageMetadata: { promptTokenCount: 11, candidatesTokenCount: 7, totalTokenCount: 18 },
    })
  })

  test('Gemini without alt=sse is one JSON array in pieces', () => {
    const pieces = renderStream('gemini', { text: 'one two' }, { jsonArray: true })
    expect(pieces).toHaveLength(3)
    expect(JSON.parse(pieces.map((piece) => piece.text).join(''))).toHaveLength(3)
  })

  test('parallel calls are told in turns where the dialect can', () => {
    const answer: Answer = {
      interleaved: true,
      toolCalls: [
        { name: 'a', arguments: { one: 1 } },
        { name: 'b', arguments: { two: 2 } },
      ],
    }
    const chat = readJsonEvents(streamText('openai-chat', answer)).flatMap(
      (chunk) => JSON.stringify(chunk).match(/"index":\d,"(?:id|function)/g) ?? [],
    )
    expect(chat.map((match) => match[8])).toEqual(['0', '1', '0', '1', '0', '1'])
    const responses = readJsonEvents(streamText('openai-responses', answer)).map((event) => event['output_index'])
    expect(responses.filter((index) => index !== undefined)).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
  })

  test.each<[Answer['stop'] & {}, string, string, string, string]>([
    ['stop', 'end_turn', 'completed', 'stop', 'STOP'],
    ['stop_sequence', 'stop_sequence', 'completed', 'stop', 'STOP'],
    ['max_tokens', 'max_tokens', 'incomplete', 'length', 'MAX_TOKENS'],
    ['tool_call', 'tool_use', 'completed', 'tool_calls', 'STOP'],
    ['refusal', 'refusal', 'completed', 'content_filter', 'SAFETY'],
  ])('a %s has its name in every dialect', (stop, ...expected) => {
    const whole = PROTOCOLS.map((protocol) => JSON.parse(renderWhole(protocol, { text: 'x', stop })))
    expect(whole[0].stop_reason).toBe(expected[0])
    expect(whole[1].status).toBe(expected[1])
    expect(whole[2].choices[0].finish_reason).toBe(expected[2])
    expect(whole[3].candidates[0].finishReason).toBe(expected[3])
  })

  test('the same usage is counted as each vendor counts', () => {
    const usage = { input: 100, cached: 900, cacheWrite: 50, output: 30, reasoning: 10 }
    const [anthropic, responses, chat, gemini] = PROTOCOLS.map((protocol) =>
      JSON.parse(renderWhole(protocol, { usage })),
    )
    expect(anthropic.usage).toMatchObject({
      input_tokens: 100,
      cache_read_input_tokens: 900,
      cache_creation_input_tokens: 50,
      output_tokens: 30,
      output_tokens_details: { thinking_tokens: 10 },
    })
    expect(responses.usage).toEqual({
      input_tokens: 1050,
      input_tokens_details: { cached_tokens: 900, cache_write_tokens: 50 },
      output_tokens: 30,
      output_tokens_details: { reasoning_tokens: 10 },
      total_tokens: 1080,
    })
    expect(chat.usage).toMatchObject({ prompt_tokens: 1050, completion_tokens: 30, total_tokens: 1080 })
    expect(gemini.usageMetadata).toEqual({
      promptTokenCount: 1050,
      cachedContentTokenCount: 900,
      candidatesTokenCount: 20,
      thoughtsTokenCount: 10,
      totalTokenCount: 1080,
    })
  })
})

describe('the event reader', () => {
  test.each([
    ['a page', '<html>\n\n', 'not a field'],
    ['an event without data', 'event: x\n\n', 'has no data'],
    ['broken UTF-8', Buffer.from([0x64, 0x61, 0x74, 0x61, 0x3a, 0xff, 0x0a, 0x0a]), 'not valid'],
  ])('refuses %s', (_name, body, reason) => {
    expect(() => readSse(body)).toThrow(reason)
  })

  test('reads ids, retries, comments, empty and many data lines', () => {
    const body = ': hi\nid: 1\nretry: 10\nevent:a\ndata:  x\ndata\ndata:y:z\n\n\n\ndata: b\n\n'
    expect(readSse(body)).toEqual({
      events: [
        { event: 'a', data: ' x\n\ny:z' },
        { event: '', data: 'b' },
      ],
      comments: ['hi'],
      rest: '',
    })
  })

  test('gives the text of a body that breaks off inside a character', () => {
    const whole = Buffer.from(streamText('openai-chat', { text: ['one', '🦊'] }))
    expect(readText(whole.subarray(0, whole.indexOf('🦊') + 2))).toBe('one')
  })
})
