/**
 * Conversations as the users of the official SDKs hold them: a question, a call, and the call's result, sent together with
 * the history exactly as the SDK has it.
 */
import type { MessageParam } from '@anthropic-ai/sdk/resources/messages'
import type { SendMessageParameters } from '@google/genai'
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions'
import type { ResponseInput } from 'openai/resources/responses/responses'
import type { Protocol } from '../../src/core/account.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/core/json.ts'
import { collect, connectAnthropic, connectGoogle, connectOpenai } from '../conformance/stage.ts'
import type { VendorRequest } from '../harness/vendor.ts'

/**
 * Takes the next turn: first a question, then the results of the calls that the model made, or another question when it
 * made none.
 */
type TakeTurn = () => Promise<void>

type StartTalk = (at: { readonly url: string }, model: string, isStream: boolean) => TakeTurn

const QUESTION = 'How is the weather?'
const RESULT = 'sunny'
const FOLLOW_UP = 'And tomorrow?'
const SCHEMA = { type: 'object' as const, properties: { city: { type: 'string' } } }
const TOOL = { name: 'get_weather', description: 'Tells the weather.' }

export const TALKS: Readonly<Record<Protocol, StartTalk>> = {
  anthropic(at, model, isStream) {
    const client = connectAnthropic(at)
    const messages: MessageParam[] = [{ role: 'user', content: QUESTION }]
    return async () => {
      const thinking = { type: 'adaptive' as const }
      const ask = { model, max_tokens: 2000, messages, thinking, tools: [{ ...TOOL, input_schema: SCHEMA }] }
      const { content } = await (isStream ? client.messages.stream(ask).finalMessage() : client.messages.create(ask))
      messages.push({ role: 'assistant', content })
      const calls = content.filter((block) => block.type === 'tool_use')
      const results = calls.map(({ id }) => ({ type: 'tool_result' as const, tool_use_id: id, content: RESULT }))
      messages.push({ role: 'user', content: results.length === 0 ? FOLLOW_UP : results })
    }
  },

  'openai-responses'(at, model, isStream) {
    const client = connectOpenai(at)
    const input: ResponseInput = [{ role: 'user', content: QUESTION }]
    return async () => {
      const ask = {
        model,
        input,
        store: false,
        include: ['reasoning.encrypted_content' as const],
        reasoning: { effort: 'medium' as const, summary: 'auto' as const },
        tools: [{ ...TOOL, type: 'function' as const, parameters: SCHEMA, strict: false }],
      }
      const { output } = isStream
        ? await client.responses.stream(ask).finalResponse()
        : await client.responses.create(ask)
      input.push(...(output as ResponseInput))
      const calls = output.flatMap((item) => (item.type === 'function_call' ? [item.call_id] : []))
      for (const id of calls) input.push({ type: 'function_call_output', call_id: id, output: RESULT })
      if (calls.length === 0) input.push({ role: 'user', content: FOLLOW_UP })
    }
  },

  'openai-chat'(at, model, isStream) {
    const { completions } = connectOpenai(at).chat
    const messages: ChatCompletionMessageParam[] = [{ role: 'user', content: QUESTION }]
    return async () => {
      const tools = [{ type: 'function' as const, function: { ...TOOL, parameters: SCHEMA } }]
      const ask = { model, messages, tools, reasoning_effort: 'medium' as const }
      const { choices } = isStream ? await completions.stream(ask).finalChatCompletion() : await completions.create(ask)
      for (const { message } of choices) {
        messages.push(message)
        const calls = message.tool_calls ?? []
        for (const { id } of calls) messages.push({ role: 'tool', tool_call_id: id, content: RESULT })
        if (calls.length === 0) messages.push({ role: 'user', content: FOLLOW_UP })
      }
    }
  },

  gemini(at, model, isStream) {
    const tools = [{ functionDeclarations: [{ ...TOOL, parametersJsonSchema: SCHEMA }] }]
    const config = { thinkingConfig: { includeThoughts: true }, tools }
    const session = connectGoogle(at).chats.create({ model, config })
    let message: SendMessageParameters['message'] = QUESTION
    return async () => {
      const answers = isStream
        ? await collect(await session.sendMessageStream({ message }))
        : [await session.sendMessage({ message })]
      const results = answers
        .flatMap(({ functionCalls }) => functionCalls ?? [])
        .map(({ id, name = '' }) => ({
          functionResponse: { ...(id === undefined ? {} : { id }), name, response: { output: RESULT } },
        }))
      message = results.length === 0 ? FOLLOW_UP : results
    }
  },
}

/**
 * Everything in a request that carries sealed reasoning, in order and as it was sent: thinking of Messages, reasoning items
 * of Responses, `reasoning_details` of Chat, signed parts of Gemini.
 */
export function sealedIn({ body }: VendorRequest): JsonObject[] {
  return findSealed(body)
}

const SEALS = ['signature', 'data', 'encrypted_content', 'thoughtSignature', 'thought_signature']

function findSealed(value: JsonValue): JsonObject[] {
  if (Array.isArray(value)) return value.flatMap(findSealed)
  if (!isJsonObject(value)) return []
  return SEALS.some((name) => name in value) ? [value] : Object.values(value).flatMap(findSealed)
}
