import { expect, it } from 'vitest'
import type { Protocol } from '../../../src/core/account.ts'
import type { JsonObject } from '../../../src/core/json.ts'
import { hubUpstreams } from '../../../src/protocols/hub-index.ts'
import { createLedger } from '../../../src/protocols/ledger.ts'
import { hubDownstream } from '../../../src/protocols/openai-responses/hub-downstream.ts'
import { streamText } from '../../harness/streams.ts'
import { contextOf, conversationOf, decodeText, foldOf, targetOf } from '../hub-stage.ts'

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
const TOOLS = [{ type: 'function', name: 'f', parameters: { type: 'object', properties: {} } }]
const protocols = Object.keys(MODELS) as Protocol[]

/** The body of the second request, after an answer with reasoning and a call, for the account that gave it or another. */
function secondTurn(protocol: Protocol, account: string): string {
  const target = (name: string) =>
    targetOf(protocol, { model: MODELS[protocol], account: name, isVendorHost: protocol !== 'openai-chat' })
  const context = contextOf(conversationOf({ source: 'openai-responses' }))
  const answer = { thinking: 'I wonder', signature: SIGNATURES[protocol], toolCalls: [{ name: 'f', arguments: {} }] }
  const told = decodeText(hubUpstreams[protocol].createStreamDecoder(target('acct1')), streamText(protocol, answer))
  const { output } = JSON.parse(hubDownstream.encodeWhole(foldOf(told), context)) as { output: JsonObject[] }
  const call = output.find((item) => item['type'] === 'function_call') as JsonObject
  const result = { type: 'function_call_output', call_id: call['call_id'] as string, output: 'ok' }
  const body = {
    input: [{ role: 'user', content: 'Hi' }, ...output, result],
    tools: TOOLS,
    reasoning: { effort: 'high', summary: 'auto' },
  }
  const conversation = hubDownstream.decodeRequest(body, { model: 'm', stream: true }, createLedger())
  return JSON.stringify(hubUpstreams[protocol].encodeRequest(conversation, target(account)))
}

it.each(protocols)('6.20, 6.25: a %s account gets its own state back from a Responses client', (protocol) => {
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
