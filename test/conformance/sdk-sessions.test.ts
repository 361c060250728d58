/**
 * A conversation stays with its account, however the official SDKs tell that it is the same one, and a user who leaves
 * is gone at the vendor as well.
 */
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { after, answerText, stall } from '../harness/reactions.ts'
import { collect, connectAnthropic, connectGoogle, connectOpenai, setStage } from './stage.ts'

/** Two accounts that share all work evenly: two requests of two conversations in turn go to one each. */
const equals = (platform: string): JsonObject[] =>
  ['first', 'second'].map((name) => ({ name, api_key: name, platform, wire_api: 'both' }))

/** A conversation of an SDK's user; every call is its next turn. */
type Conversation = (at: { url: string }, name: string) => () => Promise<unknown>

const CONVERSATIONS: Record<string, { platform: string; lead: Conversation }> = {
  'anthropic, growing messages': {
    platform: 'anthropic',
    lead(at, name) {
      const messages: Array<{ role: 'user' | 'assistant'; content: string }> = []
      return async () => {
        messages.push({ role: 'user', content: `${name} ${messages.length}` })
        await connectAnthropic(at).messages.stream({ model: 'claude-x', max_tokens: 9, messages }).finalMessage()
        messages.push({ role: 'assistant', content: 'hello' })
      }
    },
  },
  'anthropic, the session in metadata.user_id': {
    platform: 'anthropic',
    lead: (at, name) => () =>
      connectAnthropic(at).messages.create({
        model: 'claude-x',
        max_tokens: 9,
        messages: [{ role: 'user', content: 'the same in every turn of every conversation' }],
        metadata: { user_id: JSON.stringify({ device_id: 'd', account_uuid: '', session_id: name }) },
      }),
  },
  'openai responses, prompt_cache_key': {
    platform: 'openai',
    lead: (at, name) => () =>
      connectOpenai(at).responses.create({ model: 'gpt-5.5', input: 'the same', prompt_cache_key: name }),
  },
  'openai responses, previous_response_id': {
    platform: 'openai',
    lead(at, name) {
      let previous: string | null = null
      return async () => {
        const input = previous === null ? name : 'go on'
        const ask = { model: 'gpt-5.5', input, previous_response_id: previous }
        previous = (await connectOpenai(at).responses.stream(ask).finalResponse()).id
      }
    },
  },
  'openai chat, growing messages': {
    platform: 'openai',
    lead(at, name) {
      const messages: Array<{ role: 'user' | 'assistant'; content: string }> = []
      return async () => {
        messages.push({ role: 'user', content: `${name} ${messages.length}` })
        await collect(connectOpenai(at).chat.completions.stream({ model: 'gpt-5.5', messages }))
        messages.push({ role: 'assistant', content: 'hello' })
      }
    },
  },
  'genai, a chat': {
    platform: 'gemini',
    lead(at, name) {
      const chat = connectGoogle(at).chats.create({ model: 'gemini-3.5-flash' })
      return async () => collect(await chat.sendMessageStream({ message: name }))
    },
  },
}

describe('a conversation stays with its account', () => {
  test.each(Object.entries(CONVERSATIONS))('%s', async (_name, { platform, lead }) => {
    const { vendor, relay } = await setStage({ accounts: equals(platform) })
    const [one, other] = [lead(relay, 'one'), lead(relay, 'other')]
    for (const turn of [one, other, other, one, one, other]) await turn()
    const keys = vendor.requests.map(({ key }) => key)
    const [home, otherHome] = keys
    expect(new Set([home, otherHome]).size).toBe(2)
    expect(keys).toEqual([home, otherHome, otherHome, home, home, otherHome])
  })
})

/** The ways to open a stream that its user can leave. */
const STREAMS: Record<string, (at: { url: string }, signal: AbortSignal) => Promise<AsyncIterable<unknown>>> = {
  anthropic: async (at, signal) =>
    connectAnthropic(at).messages.stream({ model: 'claude-x', max_tokens: 9, messages: [] }, { signal }),
  openai: async (at, signal) =>
    connectOpenai(at).chat.completions.create({ model: 'gpt-5.5', messages: [], stream: true }, { signal }),
  gemini: (at, signal) =>
    connectGoogle(at).models.generateContentStream({
      model: 'gemini-3.5-flash',
      contents: 'hello',
      config: { abortSignal: signal },
    }),
}

describe('a user who leaves in the middle of an answer', () => {
  test.each(Object.entries(STREAMS))(
    '%s: is gone at the vendor within 100 ms, and nobody is blamed',
    async (platform, open) => {
      const { vendor, relay } = await setStage({ accounts: equals(platform) })
      vendor.always(answerText('hello there', after('content', stall())))
      const leaving = new AbortController()
      const reading = open(relay, leaving.signal).then(async (stream) => {
        for await (const _event of stream) leaving.abort()
      })
      await reading.catch(() => 'some SDKs throw, some end')
      await relay.clock.advance(100)
      expect([vendor.requests[0]?.state, relay.inFlight()]).toEqual(['aborted', { first: 0, second: 0 }])
      expect(relay.parts.pool.states.map(({ health }) => health.size)).toEqual([0, 0])
      expect(relay.log.at(-1)).toMatchObject({ event: 'request.end', status: 499, outcome: 'gone' })
    },
  )
})
