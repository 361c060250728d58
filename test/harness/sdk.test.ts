/**
 * The vendors' own SDKs, strict readers of their dialects, take the fake vendor for the real one.
 */
import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI, type GenerateContentResponse, type Part } from '@google/genai'
import OpenAI from 'openai'
import { describe, expect, onTestFinished, test } from 'vitest'
import { answerWith, fail, slice } from './reactions.ts'
import type { Answer } from './streams.ts'
import { startVendor, type Vendor } from './vendor.ts'

const TEXT = 'Größe: 42 cm, 🦊'
const USAGE = { input: 100, cached: 20, output: 30, reasoning: 10 }
const CALLS = [
  { name: 'read_file', arguments: { path: 'a"b\\c.txt', lines: [1, 2] } },
  { name: 'list_files', arguments: {} },
]
const ANSWER: Answer = {
  thinking: 'Let me see.',
  signature: 'c2lnbmF0dXJl',
  text: TEXT,
  toolCalls: CALLS,
  usage: USAGE,
}
const QUESTION = [{ role: 'user' as const, content: 'How big?' }]

/** A vendor that gives the answer byte by byte, which cuts every character and every line end. */
async function startAnswering(answer: Answer): Promise<Vendor> {
  const vendor = await startVendor()
  onTestFinished(vendor.close)
  vendor.always(answerWith(answer, slice(1)))
  return vendor
}

describe('@anthropic-ai/sdk', () => {
  const ask = { model: 'claude-sonnet-5-5', max_tokens: 100, messages: QUESTION }
  const expected = {
    id: 'msg_att_1',
    model: 'claude-sonnet-5-5',
    stop_reason: 'tool_use',
    content: [
      { type: 'thinking', thinking: 'Let me see.', signature: 'c2lnbmF0dXJl' },
      { type: 'text', text: TEXT },
      { type: 'tool_use', id: 'toolu_att_1_0', name: 'read_file', input: CALLS[0]?.arguments },
      { type: 'tool_use', id: 'toolu_att_1_1', name: 'list_files', input: {} },
    ],
    usage: { input_tokens: 100, cache_read_input_tokens: 20, output_tokens: 30 },
  }

  test('reads a stream', async () => {
    const vendor = await startAnswering(ANSWER)
    expect(await connectAnthropic(vendor).messages.stream(ask).finalMessage()).toMatchObject(expected)
  })

  test('reads a whole answer', async () => {
    const vendor = await startAnswering(ANSWER)
    expect(await connectAnthropic(vendor).messages.create(ask)).toMatchObject(expected)
  })

  test('counts tokens, lists models, and knows an error', async () => {
    const vendor = await startAnswering(ANSWER)
    const client = connectAnthropic(vendor)
    expect(await client.messages.countTokens(ask)).toEqual({ input_tokens: 120 })
    expect((await client.models.list()).data.map((model) => model.id)).toContain('claude-sonnet-5-5')
    vendor.script(fail(429, { message: 'slow down' }))
    await expect(client.messages.create(ask)).rejects.toMatchObject({
      status: 429,
      type: 'rate_limit_error',
      requestID: 'req_att_3',
    })
  })
})

describe('openai', () => {
  const ask = { model: 'gpt-5.5', input: 'How big?' }
  const chat = { model: 'gpt-5.5', messages: QUESTION }
  const calls = CALLS.map((call) => ({ name: call.name, arguments: JSON.stringify(call.arguments) }))
  const expected = {
    id: 'resp_att_1',
    status: 'completed',
    output_text: TEXT,
    output: [
      { type: 'reasoning', summary: [{ text: 'Let me see.' }], encrypted_content: 'c2lnbmF0dXJl' },
      { type: 'message', content: [{ type: 'output_text', text: TEXT }] },
      { type: 'function_call', call_id: 'call_att_1_2', ...calls[0] },
      { type: 'function_call', call_id: 'call_att_1_3', ...calls[1] },
    ],
    usage: { input_tokens: 120, output_tokens: 30, output_tokens_details: { reasoning_tokens: 10 } },
  }

  test.each([false, true])('reads a Responses stream, calls interleaved: %s', async (interleaved) => {
    const vendor = await startAnswering({ ...ANSWER, interleaved })
    expect(await connectOpenai(vendor).responses.stream(ask).finalResponse()).toMatchObject(expected)
  })

  test('reads a whole Responses answer', async () => {
    const vendor = await startAnswering(ANSWER)
    expect(await connectOpenai(vendor).responses.create(ask)).toMatchObject(expected)
  })

  test('reads a refusal and an answer cut off by its limit', async () => {
    const vendor = await startAnswering({ text: 'No.', stop: 'refusal' })
    expect((await connectOpenai(vendor).responses.stream(ask).finalResponse()).output).toMatchObject([
      { content: [{ type: 'refusal', refusal: 'No.' }] },
    ])
    vendor.script(answerWith({ text: 'So far', stop: 'max_tokens' }))
    expect(await connectOpenai(vendor).responses.stream(ask).finalResponse()).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
    })
  })

  test.each([false, true])('reads a Chat stream, calls interleaved: %s', async (interleaved) => {
    const vendor = await startAnswering({ ...ANSWER, interleaved })
    const stream = connectOpenai(vendor).chat.completions.stream({ ...chat, stream_options: { include_usage: true } })
    expect(await stream.finalChatCompletion()).toMatchObject({
      id: 'chatcmpl-att_1',
      choices: [
        {
          finish_reason: 'tool_calls',
          message: {
            content: TEXT,
            tool_calls: [
              { id: 'call_att_1_0', function: calls[0] },
              { id: 'call_att_1_1', function: calls[1] },
            ],
          },
        },
      ],
      usage: { prompt_tokens: 120, completion_tokens: 30, total_tokens: 150 },
    })
  })

  test('reads a whole Chat answer, lists models, and knows an error', async () => {
    const vendor = await startAnswering(ANSWER)
    const client = connectOpenai(vendor)
    expect((await client.chat.completions.create(chat)).choices[0]?.message).toMatchObject({
      content: TEXT,
      reasoning_content: 'Let me see.',
      tool_calls: [{ function: calls[0] }, { function: calls[1] }],
    })
    expect((await client.models.list()).data.map((model) => model.id)).toContain('gpt-5.5')
    vendor.script(fail(401, { code: 'invalid_api_key' }))
    await expect(client.responses.create(ask)).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' })
  })
})

describe('@google/genai', () => {
  const ask = { model: 'gemini-3.5-flash', contents: 'How big?' }
  const usage = { promptTokenCount: 120, candidatesTokenCount: 20, thoughtsTokenCount: 10, totalTokenCount: 150 }
  const calls = CALLS.map((call) => ({ name: call.name, args: call.arguments }))

  test('reads a stream', async () => {
    const vendor = await startAnswering(ANSWER)
    const chunks = await collect(await connectGoogle(vendor).models.generateContentStream(ask))
    const parts = partsOf(chunks)
    expect(textOf(parts)).toBe(TEXT)
    expect(textOf(parts, true)).toBe('Let me see.')
    expect(parts.flatMap((part) => part.functionCall ?? [])).toEqual(calls)
    expect(parts.flatMap((part) => part.thoughtSignature ?? [])).toEqual(['c2lnbmF0dXJl'])
    expect(chunks.at(-1)).toMatchObject({ responseId: 'att_1', usageMetadata: usage })
  })

  test('keeps a streamed turn in the history of a chat', async () => {
    const vendor = await startAnswering({ text: TEXT })
    const chat = connectGoogle(vendor).chats.create({ model: ask.model })
    await collect(await chat.sendMessageStream({ message: 'How big?' }))
    expect(textOf(chat.getHistory(true).flatMap((content) => content.parts ?? []))).toBe(`How big?${TEXT}`)
  })

  test('reads a whole answer', async () => {
    const vendor = await startAnswering(ANSWER)
    const answer = await connectGoogle(vendor).models.generateContent(ask)
    expect(answer).toMatchObject({ functionCalls: calls, usageMetadata: usage })
    expect(textOf(partsOf([answer]))).toBe(TEXT)
  })

  test('counts tokens, lists models, and knows an error', async () => {
    const vendor = await startAnswering(ANSWER)
    const { models } = connectGoogle(vendor)
    expect((await models.countTokens(ask)).totalTokens).toBe(120)
    expect((await models.list()).page.map((model) => model.name)).toContain('models/gemini-3.5-flash')
    vendor.script(fail(429, { message: 'quota' }))
    await expect(models.generateContent(ask)).rejects.toMatchObject({ status: 429 })
  })
})

function connectAnthropic({ url }: Vendor): Anthropic {
  return new Anthropic({ baseURL: url, apiKey: 'key', maxRetries: 0 })
}

function connectOpenai({ url }: Vendor): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: 'key', maxRetries: 0 })
}

function connectGoogle({ url }: Vendor): GoogleGenAI {
  return new GoogleGenAI({ apiKey: 'key', httpOptions: { baseUrl: url } })
}

function partsOf(answers: readonly GenerateContentResponse[]): Part[] {
  return answers.flatMap((answer) => answer.candidates?.[0]?.content?.parts ?? [])
}

function textOf(parts: readonly Part[], isThought?: true): string {
  return parts.map((part) => (part.thought === isThought ? (part.text ?? '') : '')).join('')
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}
