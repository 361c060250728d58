import { expect, it } from 'vitest'
import type { Protocol } from '../../../src/core/account.ts'
import type { JsonObject } from '../../../src/core/json.ts'
import { hubDownstream } from '../../../src/protocols/gemini/hub-downstream.ts'
import { hubUpstreams } from '../../../src/protocols/hub-index.ts'
import { createLedger } from '../../../src/protocols/ledger.ts'
import { streamText } from '../../harness/streams.ts'
import { contextOf, conversationOf, decodeText, encodeAll, eventsOf, targetOf } from '../hub-stage.ts'

const MODELS: Record<Protocol, string> = {
  anthropic: 'claude-opus-5-5',
  'openai-responses': 'gpt-5.5',
  'openai-chat': 'deepseek-chat',
  gemini: 'gemini-3-flash',
}
const SIGNATURES: Record<Protocol, string> = {
  anthropic: 'EqQBsignature==',
  'openai-responses': 'gAAAAABsealed==',
  // What such hosts want back is the text.
  'openai-chat': 'I wonder',
  gemini: 'CiQBsignature==',
}
const TOOLS = [{ functionDeclarations: [{ name: 'f', parametersJsonSchema: { type: 'object', properties: {} } }] }]
const CONFIG = { thinkingConfig: { includeThoughts: true, thinkingBudget: 9000 } }
const protocols = Object.keys(MODELS) as Protocol[]

/** The body of the second request of a chat that replays every chunk, for the account that answered or another. */
function secondTurn(protocol: Protocol, account: string): string {
  const target = (name: string) =>
    targetOf(protocol, { model: MODELS[protocol], account: name, isVendorHost: protocol !== 'openai-chat' })
  const reasoning = { effort: null, budget: null, mode: null, isShown: true }
  const context = contextOf(conversationOf({ source: 'gemini', reasoning }))
  const answer = { thinking: 'I wonder', signature: SIGNATURES[protocol], toolCalls: [{ name: 'f', arguments: {} }] }
  const told = decodeText(hubUpstreams[protocol].createStreamDecoder(target('acct1')), streamText(protocol, answer))
  const chunks = eventsOf(encodeAll(hubDownstream, told, context)) as { candidates: { content: JsonObject }[] }[]
  const replayed = chunks.map((chunk) => chunk.candidates[0]?.content as JsonObject)
  const result = { functionResponse: { name: 'f', response: { output: 'ok' } } }
  const contents = [{ parts: [{ text: 'Hi' }] }, ...replayed, { role: 'user', parts: [result] }]
  const body = { contents, tools: TOOLS, generationConfig: CONFIG }
  const conversation = hubDownstream.decodeRequest(body, { model: 'm', stream: true }, createLedger())
  return JSON.stringify(hubUpstreams[protocol].encodeRequest(conversation, target(account)))
}

it.each(protocols)('6.20, 6.25: a %s account gets its own state back from a Gemini client', (protocol) => {
  expect(secondTurn(protocol, 'acct1')).toContain(SIGNATURES[protocol])
})

it.each(['anthropic', 'openai-responses', 'gemini'] as const)(
  '6.19: another %s account does not get it',
  (protocol) => {
    const body = secondTurn(protocol, 'acct2')
    expect(body).not.toContain(SIGNATURES[protocol])
    expect(body).not.toContain('I wonder')
  },
)
