/**
 * The official SDKs as the judges of the matrix: each asks in its own way, streamed and whole, and what it makes of the
 * answer is told in words that belong to no dialect.
 */
import type { Message } from '@anthropic-ai/sdk/resources/messages'
import type { GenerateContentResponse } from '@google/genai'
import type { ChatCompletion, ChatCompletionChunk } from 'openai/resources/chat/completions'
import type { Response } from 'openai/resources/responses/responses'
import type { Protocol } from '../../src/core/account.ts'
import { collect, connectAnthropic, connectGoogle, connectOpenai } from '../conformance/stage.ts'

/** What a client's user gets to see. */
export interface Heard {
  /** The words of an answer or of a refusal. */
  readonly text: string
  readonly reasoning: string
  readonly calls: readonly HeardCall[]
  readonly stop: StopClass
  /** Null where the client was told no counts. */
  readonly usage: HeardUsage | null
}

export interface HeardCall {
  readonly name: string
  readonly arguments: unknown
}

/** The rows of the table of stop reasons as far as all four dialects tell them apart. */
export type StopClass = 'stop' | 'tool_call' | 'max_tokens' | 'refusal' | 'unknown'

/** Counts by the rules of OpenAI: the input includes the cache, the output includes reasoning. */
export interface HeardUsage {
  readonly input: number
  readonly cached: number
  readonly cacheWrite: number
  readonly output: number
  readonly reasoning: number
}

export interface Client {
  stream(at: { readonly url: string }, model: string): Promise<Heard>
  whole(at: { readonly url: string }, model: string): Promise<Heard>
}

const QUESTION = 'How is the weather?'
const SCHEMA = { type: 'object' as const, properties: { city: { type: 'string' } } }
const TOOLS = ['get_weather', 'list_files'].map((name) => ({ name, description: `Does ${name}.` }))

const claude = {
  max_tokens: 2000,
  thinking: { type: 'adaptive' as const },
  messages: [{ role: 'user' as const, content: QUESTION }],
  tools: TOOLS.map((tool) => ({ ...tool, input_schema: SCHEMA })),
}
const responses = {
  input: QUESTION,
  reasoning: { effort: 'medium' as const, summary: 'auto' as const },
  tools: TOOLS.map((tool) => ({ ...tool, type: 'function' as const, parameters: SCHEMA, strict: false })),
}
const chat = {
  messages: [{ role: 'user' as const, content: QUESTION }],
  tools: TOOLS.map((tool) => ({ type: 'function' as const, function: { ...tool, parameters: SCHEMA } })),
}
const gemini = {
  contents: QUESTION,
  config: {
    thinkingConfig: { includeThoughts: true },
    tools: [{ functionDeclarations: TOOLS.map((tool) => ({ ...tool, parametersJsonSchema: SCHEMA })) }],
  },
}

export const CLIENTS: Readonly<Record<Protocol, Client>> = {
  anthropic: {
    stream: async (at, model) =>
      hearMessage(
        await connectAnthropic(at)
          .messages.stream({ ...claude, model })
          .finalMessage(),
      ),
    whole: async (at, model) => hearMessage(await connectAnthropic(at).messages.create({ ...claude, model })),
  },
  'openai-responses': {
    stream: async (at, model) =>
      hearResponse(
        await connectOpenai(at)
          .responses.stream({ ...responses, model })
          .finalResponse(),
      ),
    whole: async (at, model) => hearResponse(await connectOpenai(at).responses.create({ ...responses, model })),
  },
  'openai-chat': {
    async stream(at, model) {
      const ask = { ...chat, model, stream_options: { include_usage: true } }
      const stream = connectOpenai(at).chat.completions.stream(ask)
      const chunks = await collect(stream)
      const thoughts = chunks.map((chunk) => reasoningIn(chunk.choices[0]?.delta)).join('')
      return { ...hearCompletion(await stream.finalChatCompletion()), reasoning: thoughts }
    },
    whole: async (at, model) => hearCompletion(await connectOpenai(at).chat.completions.create({ ...chat, model })),
  },
  gemini: {
    /** By way of the SDK's chat, which silently forgets the turn when one chunk of it is not as it should be. */
    async stream(at, model) {
      const session = connectGoogle(at).chats.create({ model, config: gemini.config })
      const chunks = await collect(await session.sendMessageStream({ message: QUESTION }))
      if (session.getHistory(true).length < 2) throw new Error('the chat has forgotten the turn')
      return hearGemini(chunks)
    },
    whole: async (at, model) => hearGemini([await connectGoogle(at).models.generateContent({ ...gemini, model })]),
  },
}

function hearMessage({ content, stop_reason, usage }: Message): Heard {
  const stops: Record<string, StopClass> = {
    end_turn: 'stop',
    stop_sequence: 'stop',
    tool_use: 'tool_call',
    max_tokens: 'max_tokens',
    refusal: 'refusal',
  }
  const cached = usage.cache_read_input_tokens ?? 0
  const cacheWrite = usage.cache_creation_input_tokens ?? 0
  return {
    text: content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
    reasoning: content.map((block) => (block.type === 'thinking' ? block.thinking : '')).join(''),
    calls: content.flatMap((block) =>
      block.type === 'tool_use' ? [{ name: block.name, arguments: block.input }] : [],
    ),
    stop: stops[stop_reason ?? ''] ?? 'unknown',
    usage: {
      input: usage.input_tokens + cached + cacheWrite,
      cached,
      cacheWrite,
      output: usage.output_tokens,
      reasoning: usage.output_tokens_details?.thinking_tokens ?? 0,
    },
  }
}

/** Rejects like the other SDKs, which throw where this one tells of the failure in the response. */
function hearResponse(response: Response): Heard {
  const { output, usage, error } = response
  if (response.status === 'failed') throw new Error(error?.message)
  const words = output.flatMap((item) => (item.type === 'message' ? item.content : []))
  return {
    text: words.map((part) => (part.type === 'output_text' ? part.text : part.refusal)).join(''),
    reasoning: output
      .flatMap((item) => (item.type === 'reasoning' ? item.summary.map(({ text }) => text) : []))
      .join(''),
    calls: output.flatMap((item) =>
      item.type === 'function_call' ? [{ name: item.name, arguments: readArguments(item.arguments) }] : [],
    ),
    stop: stopOfResponse(response),
    usage: !usage
      ? null
      : {
          input: usage.input_tokens,
          cached: usage.input_tokens_details.cached_tokens,
          cacheWrite: usage.input_tokens_details.cache_write_tokens,
          output: usage.output_tokens,
          reasoning: usage.output_tokens_details.reasoning_tokens,
        },
  }
}

function stopOfResponse({ status, incomplete_details, output }: Response): StopClass {
  if (status === 'incomplete') return incomplete_details?.reason === 'content_filter' ? 'refusal' : 'max_tokens'
  if (status !== 'completed') return 'unknown'
  if (output.some((item) => item.type === 'message' && item.content.some(({ type }) => type === 'refusal'))) {
    return 'refusal'
  }
  return output.some((item) => item.type === 'function_call') ? 'tool_call' : 'stop'
}

function hearCompletion({ choices: [choice], usage }: ChatCompletion): Heard {
  const stops = { stop: 'stop', tool_calls: 'tool_call', length: 'max_tokens', content_filter: 'refusal' } as const
  const message = choice?.message
  const finish = choice?.finish_reason
  return {
    text: message?.content || message?.refusal || '',
    reasoning: reasoningIn(message),
    calls: (message?.tool_calls ?? []).flatMap((call) =>
      call.type === 'function' ? [{ name: call.function.name, arguments: readArguments(call.function.arguments) }] : [],
    ),
    stop: finish === undefined || finish === 'function_call' ? 'unknown' : stops[finish],
    usage: !usage
      ? null
      : {
          input: usage.prompt_tokens,
          cached: usage.prompt_tokens_details?.cached_tokens ?? 0,
          cacheWrite: usage.prompt_tokens_details?.cache_write_tokens ?? 0,
          output: usage.completion_tokens,
          reasoning: usage.completion_tokens_details?.reasoning_tokens ?? 0,
        },
  }
}

/** OpenAI's clients get text, and must be able to read it; only what a limit cut short may be no JSON. */
function readArguments(text: string): unknown {
  return text.endsWith('}') ? JSON.parse(text) : text
}

/** A member that the hosts of open models have and OpenAI's types do not. */
function reasoningIn(words: ChatCompletionChunk.Choice.Delta | ChatCompletion.Choice['message'] | undefined): string {
  return (words as { reasoning_content?: string } | undefined)?.reasoning_content ?? ''
}

function hearGemini(answers: readonly GenerateContentResponse[]): Heard {
  const parts = answers.flatMap((answer) => answer.candidates?.[0]?.content?.parts ?? [])
  const textOf = (isThought: boolean): string =>
    parts.map((part) => ((part.thought ?? false) === isThought ? (part.text ?? '') : '')).join('')
  const calls = parts.flatMap(({ functionCall: call }) =>
    call ? [{ name: call.name ?? '', arguments: call.args }] : [],
  )
  const finish = answers.map((answer) => answer.candidates?.[0]?.finishReason).findLast((reason) => reason)
  const blocked = answers.some((answer) => answer.promptFeedback?.blockReason)
  const usage = answers.map((answer) => answer.usageMetadata).findLast((counts) => counts)
  return {
    text: textOf(false),
    reasoning: textOf(true),
    calls,
    stop: blocked ? 'refusal' : stopOfGemini(finish, calls.length > 0),
    usage: !usage
      ? null
      : {
          input: usage.promptTokenCount ?? 0,
          cached: usage.cachedContentTokenCount ?? 0,
          cacheWrite: 0,
          output: (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0),
          reasoning: usage.thoughtsTokenCount ?? 0,
        },
  }
}

function stopOfGemini(reason: string | undefined, hasCalls: boolean): StopClass {
  if (reason === 'STOP') return hasCalls ? 'tool_call' : 'stop'
  if (reason === 'MAX_TOKENS') return 'max_tokens'
  return reason === 'SAFETY' || reason === 'PROHIBITED_CONTENT' ? 'refusal' : 'unknown'
}
