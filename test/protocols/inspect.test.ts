import { describe, expect, it } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import { FrameScanner } from '../../src/core/sse.ts'
import type { FrameKind } from '../../src/protocols/contract.ts'
import { protocols } from '../../src/protocols/index.ts'

/** What the protocol takes each event of a stream for. */
function kinds(protocol: Protocol, stream: string): FrameKind[] {
  const seen: FrameKind[] = []
  const scanner = new FrameScanner((frame) => seen.push(protocols[protocol].upstream.inspect(frame)))
  scanner.push(Buffer.from(stream))
  scanner.end()
  return seen
}

const event = (type: string, members: object = {}): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...members })}\n\n`
const chunk = (data: object): string => `data: ${JSON.stringify(data)}\n\n`

type Row = [what: string, frame: string, kind: FrameKind]

describe('inspect, Messages', () => {
  const block = (content_block: object): string => event('content_block_start', { index: 0, content_block })
  const delta = (of: object): string => event('content_block_delta', { index: 0, delta: of })
  const messageDelta = (of: object): string => event('message_delta', { delta: of, usage: {} })

  it.each<Row>([
    ['message_start', event('message_start', { message: {} }), 'start'],
    ['a ping', 'event: ping\ndata: {"type": "ping"}\n\n', 'other'],
    ['an empty text block', block({ type: 'text', text: '' }), 'start'],
    ['an empty thinking block', block({ type: 'thinking', thinking: '', signature: '' }), 'start'],
    ['a text block that is filled', block({ type: 'text', text: 'Hi' }), 'content'],
    ['a tool call', block({ type: 'tool_use', id: 't', name: 'read', input: {} }), 'content'],
    ['redacted thinking', block({ type: 'redacted_thinking', data: 'x' }), 'content'],
    ['a piece of text', delta({ type: 'text_delta', text: 'Hi' }), 'content'],
    ['a piece of thinking', delta({ type: 'thinking_delta', thinking: 'hm' }), 'content'],
    ['the end of a block', event('content_block_stop'), 'other'],
    ['a usage report on the way', messageDelta({ stop_reason: null }), 'other'],
    ['the reason of the end', messageDelta({ stop_reason: 'end_turn' }), 'finish'],
    ['message_stop', event('message_stop'), 'terminal'],
    ['an error', event('error', { error: { type: 'overloaded_error' } }), 'error'],
    ['an unknown event', event('new_thing'), 'other'],
    ['data without a name', chunk({ type: 'message_stop' }), 'terminal'],
    ['data that names its type last', 'data: {"index":0,"type":"content_block_delta"}\n\n', 'content'],
    ['data that is not JSON', 'data: hello\n\n', 'other'],
  ])('takes %s for what it is', (_, frame, kind) => {
    expect(kinds('anthropic', frame)).toEqual([kind])
  })
})

describe('inspect, Responses', () => {
  const added = (item: object): string => event('response.output_item.added', { output_index: 0, item })

  it.each<Row>([
    ['response.created', event('response.created'), 'start'],
    ['response.in_progress', event('response.in_progress'), 'start'],
    ['response.queued', event('response.queued'), 'start'],
    ['an empty message', added({ type: 'message', content: [] }), 'start'],
    ['empty reasoning', added({ type: 'reasoning', summary: [], encrypted_content: 'gAAAA' }), 'start'],
    ['an empty part', event('response.content_part.added'), 'start'],
    ['a tool call', added({ type: 'function_call', name: 'shell' }), 'content'],
    ['a piece of text', event('response.output_text.delta'), 'content'],
    ['a piece of a reasoning summary', event('response.reasoning_summary_text.delta'), 'content'],
    ['a whole item', event('response.output_item.done'), 'content'],
    ['a search', event('response.web_search_call.in_progress'), 'content'],
    ['an event of the answer not known yet', event('response.hologram.delta'), 'content'],
    ['a sign of life', event('keepalive'), 'other'],
    ['the limits of a ChatGPT plan', event('codex.rate_limits'), 'other'],
    ['response.completed', event('response.completed'), 'terminal'],
    ['response.incomplete', event('response.incomplete'), 'terminal'],
    ['response.failed', event('response.failed'), 'error'],
    ['an error', event('error'), 'error'],
    ['data without a name', chunk({ type: 'response.completed' }), 'terminal'],
    ['a terminal marker of Chat', 'data: [DONE]\n\n', 'other'],
  ])('takes %s for what it is', (_, frame, kind) => {
    expect(kinds('openai-responses', frame)).toEqual([kind])
  })
})

describe('inspect, Chat', () => {
  const delta = (of: object, finish_reason: string | null = null): string =>
    chunk({
      id: 'c',
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta: of, logprobs: null, finish_reason }],
    })

  it.each<Row>([
    ['the role alone', delta({ role: 'assistant' }), 'start'],
    ['the role with empty members', delta({ role: 'assistant', content: '', refusal: null, tool_calls: [] }), 'start'],
    ['text', delta({ content: 'Hi' }), 'content'],
    ['text with the role', delta({ role: 'assistant', content: 'Hi' }), 'content'],
    ['text that is a quote', delta({ content: '"' }), 'content'],
    ['text behind an empty member', delta({ reasoning_content: null, content: 'Hi' }), 'content'],
    ['reasoning', delta({ content: null, reasoning_content: 'hm' }), 'content'],
    ['reasoning by its other name', delta({ reasoning: 'hm' }), 'content'],
    ['a refusal', delta({ refusal: 'No.' }), 'content'],
    ['a tool call', delta({ tool_calls: [{ index: 0, id: 't', function: { name: 'f', arguments: '' } }] }), 'content'],
    ['an empty delta', delta({}), 'other'],
    ['an empty piece of text', delta({ content: '' }), 'other'],
    ['the reason of the end', delta({}, 'stop'), 'finish'],
    ['text and the reason of the end', delta({ content: 'Hi' }, 'length'), 'finish'],
    ['an empty reason', delta({ content: 'Hi' }, ''), 'content'],
    ['text that talks about it', delta({ content: '"finish_reason":"stop" "error": {}' }), 'content'],
    ['usage', chunk({ choices: [], usage: { prompt_tokens: 1 } }), 'other'],
    ['the report of a content filter', chunk({ choices: [], prompt_filter_results: [{}] }), 'other'],
    ['the terminal marker', 'data: [DONE]\n\n', 'terminal'],
    ['an error', chunk({ error: { message: 'no', code: 429 } }), 'error'],
    [
      'an error beside a choice',
      chunk({ choices: [{ delta: { content: '' }, finish_reason: 'error' }], error: { code: 502 } }),
      'error',
    ],
    ['no error', chunk({ error: null, choices: [{ delta: { content: 'Hi' } }] }), 'content'],
    ['an event named error', 'event: error\ndata: {"message":"no"}\n\n', 'error'],
    ['spaced JSON', 'data: { "choices": [ { "delta" : { "content" : "Hi" } } ] }\n\n', 'content'],
    ['spaced JSON at its end', 'data: { "choices": [ { "delta": {}, "finish_reason" : "stop" } ] }\n\n', 'finish'],
    ['data that is not JSON', 'data: hello\n\n', 'other'],
  ])('takes %s for what it is', (_, frame, kind) => {
    expect(kinds('openai-chat', frame)).toEqual([kind])
  })
})

describe('inspect, Gemini', () => {
  const parts = (list: object[], more: object = {}): string =>
    chunk({ candidates: [{ content: { parts: list, role: 'model' }, index: 0, ...more }], usageMetadata: {} })

  it.each<Row>([
    ['an empty first chunk', parts([{ text: '' }]), 'start'],
    ['a candidate without content', chunk({ candidates: [{ index: 0 }] }), 'start'],
    ['text', parts([{ text: 'Hi' }]), 'content'],
    ['a thought', parts([{ thought: true, text: 'hm' }]), 'content'],
    ['a call', parts([{ functionCall: { name: 'f', args: {} } }]), 'content'],
    ['a signature alone', parts([{ text: '', thoughtSignature: 'x' }]), 'content'],
    ['the reason of the end', parts([{ text: '' }], { finishReason: 'STOP' }), 'finish'],
    ['text and the reason of the end', parts([{ text: 'Hi' }], { finishReason: 'MAX_TOKENS' }), 'finish'],
    ['a reason that is none', parts([{ text: 'Hi' }], { finishReason: 'FINISH_REASON_UNSPECIFIED' }), 'content'],
    ['text that talks about it', parts([{ text: '"finishReason":"STOP" "error":{}' }]), 'content'],
    ['a blocked prompt', chunk({ promptFeedback: { blockReason: 'SAFETY' } }), 'finish'],
    ['usage alone', chunk({ usageMetadata: { promptTokenCount: 1 } }), 'other'],
    ['an error', chunk({ error: { code: 503, status: 'UNAVAILABLE', message: 'no' } }), 'error'],
    ['spaced JSON with CRLF', 'data: {"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]}\r\n\r\n', 'content'],
    ['data that is not JSON', 'data: hello\n\n', 'other'],
  ])('takes %s for what it is', (_, frame, kind) => {
    expect(kinds('gemini', frame)).toEqual([kind])
  })
})

describe('missingEnd', () => {
  it.each<[Protocol, FrameKind[]]>([
    ['anthropic', ['terminal']],
    ['openai-chat', ['terminal']],
    ['openai-responses', []],
    ['gemini', []],
  ])('of %s holds %j', (protocol, expected) => {
    expect(kinds(protocol, protocols[protocol].upstream.missingEnd)).toEqual(expected)
  })
})

describe('readStart', () => {
  it('reads how a Responses answer introduced itself, in a stream or whole', () => {
    const response = { id: 'resp_1', object: 'response', created_at: 5, model: 'gpt-5.5', output: [] }
    const start = { id: 'resp_1', createdAt: 5, model: 'gpt-5.5' }
    const { upstream } = protocols['openai-responses']
    expect(upstream.readStart(Buffer.from(JSON.stringify({ type: 'response.created', response })))).toEqual(start)
    expect(upstream.readStart(Buffer.from(JSON.stringify(response)))).toEqual(start)
    expect(upstream.readStart(Buffer.from('{"type":"response.created","response":{}}'))).toBeNull()
    expect(upstream.readStart(Buffer.from('hello'))).toBeNull()
  })
})
