/**
 * Every way in which the official SDKs ask for an answer, each reduced to what its user gets to see.
 */
import type { Protocol } from '../../src/core/account.ts'
import { collect, connectAnthropic, connectGoogle, connectOpenai, type Options } from './stage.ts'

export interface SdkCall {
  readonly protocol: Protocol
  readonly isStream: boolean
  /** Resolves to everything the SDK tells: events or chunks, and the answer made of them. Rejects as the SDK does. */
  run(at: { readonly url: string }, options?: Options): Promise<unknown>
}

const messages = [{ role: 'user' as const, content: 'How big?' }]
const claude = { model: 'claude-sonnet-5-5', max_tokens: 100, messages }
const gpt = { model: 'gpt-5.5', input: 'How big?', reasoning: { summary: 'auto' as const } }
const chat = { model: 'gpt-5.5', messages }
const gemini = { model: 'gemini-3.5-flash', contents: 'How big?' }

export const CALLS: Readonly<Record<string, SdkCall>> = {
  'anthropic messages.create': {
    protocol: 'anthropic',
    isStream: false,
    run: (at, options) => connectAnthropic(at, options).messages.create(claude),
  },
  'anthropic messages.stream': {
    protocol: 'anthropic',
    isStream: true,
    async run(at, options) {
      const stream = connectAnthropic(at, options).messages.stream(claude)
      const events = await collect(stream)
      return { events, message: await stream.finalMessage(), requestId: stream.request_id }
    },
  },
  'openai responses.create': {
    protocol: 'openai-responses',
    isStream: false,
    run: (at, options) => connectOpenai(at, options).responses.create(gpt),
  },
  'openai responses.stream': {
    protocol: 'openai-responses',
    isStream: true,
    async run(at, options) {
      const stream = connectOpenai(at, options).responses.stream(gpt)
      const events = await collect(stream)
      return { events, response: await stream.finalResponse() }
    },
  },
  'openai chat.completions.create': {
    protocol: 'openai-chat',
    isStream: false,
    run: (at, options) => connectOpenai(at, options).chat.completions.create(chat),
  },
  'openai chat.completions.stream': {
    protocol: 'openai-chat',
    isStream: true,
    async run(at, options) {
      const ask = { ...chat, stream_options: { include_usage: true } }
      const stream = connectOpenai(at, options).chat.completions.stream(ask)
      const chunks = await collect(stream)
      return { chunks, completion: await stream.finalChatCompletion() }
    },
  },
  'genai generateContent': {
    protocol: 'gemini',
    isStream: false,
    run: async (at, options) => withoutTransport(await connectGoogle(at, options).models.generateContent(gemini)),
  },
  'genai generateContentStream': {
    protocol: 'gemini',
    isStream: true,
    async run(at, options) {
      const chunks = await collect(await connectGoogle(at, options).models.generateContentStream(gemini))
      return chunks.map(withoutTransport)
    },
  },
  'genai chats.sendMessageStream': {
    protocol: 'gemini',
    isStream: true,
    async run(at, options) {
      const session = connectGoogle(at, options).chats.create({ model: gemini.model })
      const chunks = await collect(await session.sendMessageStream({ message: gemini.contents }))
      return { chunks: chunks.map(withoutTransport), history: session.getHistory() }
    },
  },
}

export const STREAMS = Object.entries(CALLS).filter(([, call]) => call.isStream)

/** Google's SDK shows the answer's headers, among which are the relay's own. */
function withoutTransport(answer: object): object {
  return { ...answer, sdkHttpResponse: undefined }
}
