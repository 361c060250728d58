import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/json.ts'
import { createStreamDecoder, decodeWhole } from '../../../src/protocols/anthropic/decode-stream.ts'
import type { Delta, Result } from '../../../src/protocols/hub.ts'
import { renderWhole, streamText, type Answer } from '../../harness/streams.ts'
import { decodeText, foldOf, targetOf } from '../hub-stage.ts'

const target = targetOf('anthropic', { model: 'claude-opus-5-5' })

const START = { type: 'message_start', message: { id: 'msg_1', model: 'claude-opus-5-5', usage: { input_tokens: 9 } } }
const STOP = { type: 'message_stop' }
const ending = (reason: string, members: JsonObject = {}): JsonObject => ({
  type: 'message_delta',
  delta: { stop_reason: reason, ...members },
  usage: { output_tokens: 5 },
})
const begin = (index: number, block: JsonObject): JsonObject => ({
  type: 'content_block_start',
  index,
  content_block: block,
})
const piece = (index: number, delta: JsonObject): JsonObject => ({ type: 'content_block_delta', index, delta })
const end = (index: number): JsonObject => ({ type: 'content_block_stop', index })
const textBlock = [begin(0, { type: 'text', text: '' }), piece(0, { type: 'text_delta', text: 'Hi' }), end(0)]

const textOf = (events: readonly JsonObject[]): string =>
  events.map((event) => `event: ${event['type'] as string}\ndata: ${JSON.stringify(event)}\n\n`).join('')
const decode = (...events: readonly JsonObject[]): Delta[] =>
  decodeText(createStreamDecoder(targetOf('anthropic')), textOf(events))
const fold = (...events: readonly JsonObject[]): Result => foldOf(decode(...events))

const ANSWER: Answer = {
  text: 'Schöne Grüße 😀',
  thinking: 'Let me think',
  signature: 'EqQBCkYIBR',
  toolCalls: [
    { name: 'read', arguments: { path: 'ä.ts' }, id: 'toolu_1' },
    { name: 'list', arguments: {}, id: 'toolu_2' },
  ],
  usage: { input: 100, cached: 900, cacheWrite: 50, output: 30, reasoning: 10 },
}

describe('a streamed message', () => {
  it('is told in neutral steps', () => {
    expect(decode(START, ...textBlock, ending('end_turn'), STOP)).toEqual([
      { type: 'start', id: 'msg_1', model: 'claude-opus-5-5' },
      { type: 'usage', usage: { input: 9 } },
      { type: 'text-start', key: 'b0' },
      { type: 'text-delta', key: 'b0', text: 'Hi' },
      { type: 'text-end', key: 'b0' },
      { type: 'usage', usage: { output: 5 } },
      { type: 'finish', reason: 'stop' },
    ])
  })

  it('6.20: brings its signed reasoning as the whole block, bound to account and model', () => {
    const { parts } = foldOf(decodeText(createStreamDecoder(target), streamText('anthropic', ANSWER)))
    const data = { type: 'thinking', thinking: 'Let me think', signature: 'EqQBCkYIBR' }
    expect(parts[0]).toEqual({
      type: 'reasoning',
      text: 'Let me think',
      carrier: { family: 'anthropic', account: 'acct1', model: 'claude-opus-5-5', data },
    })
  })

  it.each([1, 2, 3, 7, 64])('6.37: means the same in pieces of %i bytes', (pieceBytes) => {
    for (const format of [
      {},
      { lineEnd: '\r\n', comments: true },
      { finalBlankLine: false, paddingBytes: 3 },
    ] as const) {
      const text = streamText('anthropic', ANSWER, format)
      expect(decodeText(createStreamDecoder(target), text, pieceBytes)).toEqual(
        decodeText(createStreamDecoder(target), streamText('anthropic', ANSWER)),
      )
    }
  })

  it('means the same as the whole one', () => {
    const body = JSON.parse(renderWhole('anthropic', ANSWER)) as JsonObject
    expect(foldOf(decodeWhole(body, target))).toEqual(
      foldOf(decodeText(createStreamDecoder(target), streamText('anthropic', ANSWER))),
    )
  })

  it('6.18: counts what was cached beside the input', () => {
    const { usage } = foldOf(decodeText(createStreamDecoder(target), streamText('anthropic', ANSWER)))
    expect(usage).toMatchObject({ input: 100, cached: 900, cacheWrite: 50, output: 30, reasoning: 10 })
  })

  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop_sequence'],
    ['max_tokens', 'max_tokens'],
    ['model_context_window_exceeded', 'context_full'],
    ['refusal', 'refusal'],
    ['pause_turn', 'pause'],
    ['compaction', 'other'],
  ])('6.14: ends for %s as %s', (reason, neutral) => {
    expect(fold(START, ...textBlock, ending(reason), STOP).finish).toEqual({ reason: neutral })
  })

  it('tells the sequence that stopped it, and the details of a refusal without any block', () => {
    expect(fold(START, ending('stop_sequence', { stop_sequence: 'END' }), STOP).finish).toEqual({
      reason: 'stop_sequence',
      stopSequence: 'END',
    })
    const details = { type: 'refusal', category: 'cyber', explanation: null }
    const refused = fold(START, { type: 'ping' }, ending('refusal', { stop_details: details }), STOP)
    expect([refused.parts, refused.finish]).toEqual([[], { reason: 'refusal', details }])
  })

  it.each<[string, JsonObject[], string]>([
    ['6.5: in its start', [begin(0, { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } }), end(0)], '{"x":1}'],
    [
      'in pieces',
      [
        begin(0, { type: 'tool_use', id: 'a', name: 'f', input: {} }),
        piece(0, { type: 'input_json_delta', partial_json: '' }),
        piece(0, { type: 'input_json_delta', partial_json: '{"x"' }),
        piece(0, { type: 'input_json_delta', partial_json: ':1}' }),
        end(0),
      ],
      '{"x":1}',
    ],
    ['6.7: nowhere', [begin(0, { type: 'tool_use', id: 'a', name: 'f' }), end(0)], '{}'],
  ])('brings the input of a call: %s', (_, events, input) => {
    const { parts, finish } = fold(START, ...events, ending('end_turn'), STOP)
    expect(parts).toEqual([{ type: 'tool-call', id: 'a', name: 'f', kind: 'function', input }])
    expect(finish.reason).toBe('tool_calls')
  })

  it('invents an id for a call without one, the same each time', () => {
    const idOf = (): unknown =>
      decode(START, begin(0, { type: 'tool_use', name: 'f' }), end(0)).find(
        (delta) => delta.type === 'tool-input-start',
      )
    expect(idOf()).toMatchObject({ id: expect.stringMatching(/^call_[0-9a-f]{24}$/) as string })
    expect(idOf()).toEqual(idOf())
  })

  it('tells a search together with its pages', () => {
    const page = { type: 'web_search_result', url: 'https://a', title: 'A', encrypted_content: 'E' }
    const { parts } = fold(
      START,
      begin(0, { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} }),
      piece(0, { type: 'input_json_delta', partial_json: '{"query":"cats"}' }),
      end(0),
      begin(1, { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [page] }),
      end(1),
      ending('end_turn'),
      STOP,
    )
    expect(parts).toEqual([
      { type: 'web-search', id: 'srvtoolu_1', query: 'cats', sources: [{ url: 'https://a', title: 'A' }] },
    ])
  })
})

describe('a message that is not as it should be', () => {
  it('6.1: has its thinking told as reasoning even in a block begun as text', () => {
    const { parts } = fold(
      START,
      START,
      begin(0, { type: 'text', text: '' }),
      piece(0, { type: 'thinking_delta', thinking: 'hm' }),
      piece(0, { type: 'text_delta', text: 'Hi' }),
      end(0),
      ending('end_turn'),
      STOP,
    )
    expect(parts).toEqual([
      { type: 'reasoning', text: 'hm', carrier: null },
      { type: 'text', text: 'Hi' },
    ])
  })

  it('is understood without the starts of blocks and of the message', () => {
    const { id, parts } = fold(piece(0, { type: 'text_delta', text: 'Hi' }), ending('end_turn'), STOP)
    expect([id, parts]).toEqual(['', [{ type: 'text', text: 'Hi' }]])
  })

  it('keeps the first of two spliced answers’ ids', () => {
    const second = { type: 'message_start', message: { id: 'msg_2', model: 'other' } }
    expect(fold(START, ...textBlock, second, ending('end_turn'), STOP).id).toBe('msg_1')
  })

  it('keeps the tokens of the start when the end fills them with zeros', () => {
    const zeros = { ...ending('end_turn'), usage: { input_tokens: 0, output_tokens: 5 } }
    expect(fold(START, zeros, STOP).usage).toEqual({ input: 9, output: 5 })
  })

  it('is complete once it said why it ends, with or without its last event', () => {
    expect(fold(START, ...textBlock, ending('end_turn')).finish).toEqual({ reason: 'stop' })
  })

  it('6.10: that breaks off is an error and no end', () => {
    expect(decode(START, textBlock[0] as JsonObject, textBlock[1] as JsonObject).at(-1)).toMatchObject({
      type: 'error',
      error: { message: 'the stream ended before the answer was complete' },
    })
  })

  it('6.11: that fails says so, and nothing after it', () => {
    const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }
    expect(decode(START, error, ...textBlock, STOP).slice(2)).toEqual([
      { type: 'error', error: { type: 'overloaded_error', code: '', message: 'Overloaded', status: 529 } },
    ])
  })

  it('that cannot be read is an error', () => {
    const deltas = decodeText(createStreamDecoder(target), `${textOf([START])}data: {"type":\n\n${textOf([STOP])}`)
    expect(deltas.at(-1)).toMatchObject({ type: 'error' })
  })

  it('may end in the way of Chat', () => {
    const text = `${textOf([START, ...textBlock, ending('end_turn')])}data: [DONE]\n\n`
    expect(foldOf(decodeText(createStreamDecoder(target), text)).finish).toEqual({ reason: 'stop' })
  })

  it('has what only Anthropic’s clients understand noted', () => {
    const own = targetOf('anthropic')
    const fetch = begin(0, { type: 'server_tool_use', id: 's', name: 'web_fetch', input: {} })
    const result = begin(1, { type: 'web_fetch_tool_result', tool_use_id: 's', content: {} })
    decodeText(createStreamDecoder(own), textOf([START, fetch, end(0), result, end(1), ending('end_turn'), STOP]))
    expect(own.ledger.entries).toEqual(['dropped:web_fetch', 'dropped:web_fetch_tool_result'])
  })

  it('is an error when it came whole and is one', () => {
    const body = { type: 'error', error: { type: 'api_error', message: 'Boom' } }
    expect(decodeWhole(body, target)).toMatchObject([{ type: 'error', error: { message: 'Boom' } }])
  })
})
