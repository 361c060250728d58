import { describe, expect, it } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import { protocols } from '../../src/protocols/index.ts'

/** The conversation of a request, with the parts as texts. */
function conversation(
  protocol: Protocol,
  request: object | string,
): { session: string | null; preamble: string[]; messages: string[] } {
  const body = Buffer.from(typeof request === 'string' ? request : JSON.stringify({ model: 'm', ...request }))
  const { readEnvelope, readConversation } = protocols[protocol].downstream
  const parts = readConversation(body, readEnvelope(body).outline)
  const text = ({ start, end }: { start: number; end: number }): string => body.toString('utf8', start, end)
  return { session: parts.sessionId, preamble: parts.preamble.map(text), messages: parts.messages.map(text) }
}

const SESSION = '0b7c4f4e-1111-4222-8333-0123456789ab'

describe('readConversation', () => {
  it.each([
    ['a JSON text', JSON.stringify({ device_id: 'd', account_uuid: '', session_id: SESSION }), SESSION],
    ['the older suffix', `user_abc_account__session_${SESSION}`, SESSION],
    ['a plain user id', 'user-42', null],
    ['a user id that only looks like one', 'user_session_list', null],
    ['JSON without a session', '{"device_id":"d"}', null],
    ['an empty session', '{"session_id":""}', null],
    ['broken JSON', '{"session_id":', null],
    ['a text of 1 MB', `{"session_id":"${'s'.repeat(1_000_000)}"}`, null],
  ])('reads the session of Messages from a user id that is %s', (_, userId, session) => {
    expect(conversation('anthropic', { metadata: { user_id: userId } }).session).toBe(session)
  })

  it.each<[Protocol, object, string | null]>([
    ['openai-responses', { prompt_cache_key: 'k', conversation: 'c', previous_response_id: 'r' }, 'k'],
    ['openai-responses', { prompt_cache_key: null, conversation: 'conv_1', previous_response_id: 'r' }, 'conv_1'],
    ['openai-responses', { conversation: { id: 'conv_2' } }, 'conv_2'],
    ['openai-responses', { prompt_cache_key: '', previous_response_id: 'resp_1' }, 'resp_1'],
    ['openai-responses', { conversation: 7 }, null],
    ['openai-chat', { prompt_cache_key: 'k' }, 'k'],
    ['openai-chat', { user: 'alice' }, null],
    ['gemini', { session_id: 'x' }, null],
  ])('reads the session of %s from %j', (protocol, request, session) => {
    expect(conversation(protocol, request).session).toBe(session)
  })

  it('takes tools and system text of Messages as preamble, but not the block that changes with every request', () => {
    const request = {
      system: [
        { type: 'text', text: 'x-anthropic-billing-header: cc_version=1; cch=5;' },
        { type: 'text', text: 'Be brief.' },
      ],
      tools: [{ name: 'read' }],
      messages: [
        { role: 'user', content: 'hi' },
        { role: 'assistant', content: [] },
      ],
    }
    expect(conversation('anthropic', request)).toEqual({
      session: null,
      preamble: ['{"name":"read"}', '{"type":"text","text":"Be brief."}'],
      messages: ['{"role":"user","content":"hi"}', '{"role":"assistant","content":[]}'],
    })
  })

  it.each<[Protocol, object, string[], string[]]>([
    ['anthropic', { system: 'Be brief.', messages: [] }, ['"Be brief."'], []],
    ['openai-responses', { instructions: 'I', tools: [1], input: 'hello' }, ['"I"', '1'], ['"hello"']],
    ['openai-responses', { input: [{ a: 1 }, { b: 2 }], instructions: null }, [], ['{"a":1}', '{"b":2}']],
    ['openai-chat', { tools: [{}], messages: [{ role: 'system' }] }, ['{}'], ['{"role":"system"}']],
    [
      'gemini',
      { systemInstruction: { parts: [] }, contents: [{ role: 'user' }] },
      ['{"parts":[]}'],
      ['{"role":"user"}'],
    ],
    ['gemini', { system_instruction: { parts: [] }, contents: [] }, ['{"parts":[]}'], []],
  ])('finds the parts of %s in %j', (protocol, request, preamble, messages) => {
    expect(conversation(protocol, request)).toMatchObject({ preamble, messages })
  })

  it("reads the first of two equal members: what they mean together is the vendor's to judge", () => {
    const body = '{"model":"m","messages":[1],"messages":[2]}'
    expect(conversation('openai-chat', body).messages).toEqual(['1'])
  })

  it('goes by the messages when the member that names the session cannot be read', () => {
    const body = '{"model":"m","prompt_cache_key":"\\x","messages":[1]}'
    expect(conversation('openai-chat', body)).toEqual({ session: null, preamble: [], messages: ['1'] })
  })

  it('reads no further when the session has a name', () => {
    const request = { prompt_cache_key: 'k', tools: [{}], messages: [{}] }
    expect(conversation('openai-chat', request)).toEqual({ session: 'k', preamble: [], messages: [] })
  })
})
