/**
 * What the stories of translation need around them: a relay on one account of a dialect, a question in each client's words,
 * and what the client is told in words of no dialect.
 */
import { afterEach } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import type { JsonObject, JsonValue } from '../../src/core/json.ts'
import { raw, type Reaction } from '../harness/reactions.ts'
import { startRelay, type TestRelay } from '../harness/relay.ts'
import { readJsonEvents } from '../harness/sse.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'

/** A model of each dialect, which its account serves under any name. */
export const MODELS: Record<Protocol, string> = {
  anthropic: 'claude-sonnet-5-5',
  'openai-responses': 'gpt-5.5',
  'openai-chat': 'qwen3',
  gemini: 'gemini-3-pro',
}
export const PROTOCOLS = Object.keys(MODELS) as Protocol[]

/** Clients and accounts that do not speak alike. */
export const DIRECTIONS = PROTOCOLS.flatMap((client) => othersOf(client).map((upstream) => [client, upstream] as const))

export function othersOf(protocol: Protocol): Protocol[] {
  return PROTOCOLS.filter((other) => other !== protocol)
}

export interface Stage {
  readonly vendor: Vendor
  readonly relay: TestRelay
  /** Asks as a client of `protocol`; the model is one of the account's dialect unless `members` name another. */
  ask(protocol: Protocol, members?: JsonObject): ReturnType<TestRelay['post']>
  /** The body that the vendor got last. */
  sent(): JsonObject
}

const running: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const stop of running.splice(0).toReversed()) await stop()
})

/** A relay with one account that speaks `upstream`, or with the accounts that a test makes for the vendor's address. */
export async function start(upstream: Protocol, accounts?: (url: string) => JsonObject[]): Promise<Stage> {
  const vendor = await startVendor()
  const relay = await startRelay({ accounts: accounts?.(vendor.url) ?? [accountOf(upstream, vendor.url)] })
  running.push(vendor.close, relay.stop)
  return {
    vendor,
    relay,
    ask: (protocol, members = {}) => {
      const { path, body } = questionOf(protocol, { model: MODELS[upstream], ...members })
      return relay.post(path, body)
    },
    sent: () => vendor.requests.at(-1)?.body ?? {},
  }
}

export function accountOf(protocol: Protocol, url: string, facts: JsonObject = {}): JsonObject {
  const platform = protocol === 'anthropic' || protocol === 'gemini' ? protocol : 'openai'
  const wire = platform === 'openai' ? { wire_api: protocol === 'openai-chat' ? 'chat' : 'responses' } : {}
  return { name: 'only', platform, api_key: 'k', base_url: url, models: ['*'], ...wire, ...facts }
}

/** Streamed unless `members` say otherwise. */
function questionOf(protocol: Protocol, members: JsonObject): { path: string; body: JsonObject } {
  const { model, stream = true, ...own } = members
  const said = [{ role: 'user', content: 'hello' }]
  switch (protocol) {
    case 'anthropic':
      return { path: '/v1/messages', body: { model: model ?? '', stream, max_tokens: 4096, messages: said, ...own } }
    case 'openai-responses':
      return { path: '/v1/responses', body: { model: model ?? '', stream, input: 'hello', ...own } }
    case 'openai-chat':
      return { path: '/v1/chat/completions', body: { model: model ?? '', stream, messages: said, ...own } }
    case 'gemini': {
      const verb = stream === true ? 'streamGenerateContent?alt=sse' : 'generateContent'
      const body = { contents: [{ role: 'user', parts: [{ text: 'hello' }] }], ...own }
      return { path: `/v1beta/models/${model as string}:${verb}`, body }
    }
  }
}

/** One tool in each client's words. Nothing is said of strictness. */
export function toolsOf(protocol: Protocol, name = 'look_up', schema: JsonObject = { type: 'object' }): JsonValue {
  switch (protocol) {
    case 'anthropic':
      return [{ name, description: 'looks up', input_schema: schema }]
    case 'openai-responses':
      return [{ type: 'function', name, description: 'looks up', parameters: schema }]
    case 'openai-chat':
      return [{ type: 'function', function: { name, description: 'looks up', parameters: schema } }]
    case 'gemini':
      return [{ functionDeclarations: [{ name, description: 'looks up', parametersJsonSchema: schema }] }]
  }
}

/** A stream of exactly these events. */
export function events(...data: ReadonlyArray<JsonObject | string>): Reaction {
  const pieces = data.map((each) => `data: ${typeof each === 'string' ? each : JSON.stringify(each)}\n\n`)
  return raw({ headers: { 'content-type': 'text/event-stream' }, pieces })
}

/** Chunks of a Chat stream, `[DONE]` behind them. A chunk is the delta of its only choice, or everything in it. */
export function chunks(...each: ReadonlyArray<JsonObject>): Reaction {
  const shell = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'qwen3' }
  return events(...each.map((members) => ({ ...shell, ...members })), '[DONE]')
}

export function delta(members: JsonObject, finish: string | null = null): JsonObject {
  return { choices: [{ index: 0, delta: members, finish_reason: finish }] }
}

/** What a client is told of a call: its arguments as the value that they are. */
export interface ToldCall {
  readonly name: string
  readonly input: unknown
}

export interface Told {
  readonly text: string
  readonly calls: readonly ToldCall[]
  /** Why it ended, in the client's words; Responses' `incomplete` with its reason. */
  readonly stop: string
  readonly usage: JsonObject
}

/** In: the answer of a client of `protocol`, streamed or whole. Out: what it says, by the client's own rules. */
export function readAnswer(protocol: Protocol, body: Buffer): Told {
  const isWhole = body.toString().startsWith('{')
  const told = isWhole ? [JSON.parse(body.toString()) as JsonObject] : readJsonEvents(body)
  return READERS[protocol](told, isWhole)
}

/** The members of answers that are read below. */
interface Any {
  [name: string]: any
}

const READERS: Record<Protocol, (told: readonly Any[], isWhole: boolean) => Told> = {
  anthropic: (told, isWhole) => (isWhole ? toldOfMessage(told[0] as Any) : toldOfMessage(foldMessage(told))),
  'openai-responses': (told, isWhole) => toldOfResponse(isWhole ? (told[0] as Any) : (told.at(-1) as Any)['response']),
  'openai-chat': toldOfChunks,
  gemini: toldOfContents,
}

function toldOfMessage({ content, stop_reason: stop, usage }: Any): Told {
  const blocks = content as Any[]
  return {
    text: textOf(blocks),
    calls: blocks.filter(({ type }) => type === 'tool_use').map(({ name, input }) => ({ name, input })),
    stop,
    usage,
  }
}

function foldMessage(told: readonly Any[]): Any {
  const blocks: Any[] = []
  for (const { type, index, content_block: block, delta } of told) {
    if (type === 'content_block_start') blocks[index] = { ...block, json: '' }
    else if (type === 'content_block_delta') {
      const open = blocks[index] as Any
      if (delta.type === 'text_delta') open['text'] += delta.text
      if (delta.type === 'input_json_delta') open['json'] += delta.partial_json
    } else if (type === 'content_block_stop' && blocks[index]?.['json'] !== '') {
      ;(blocks[index] as Any)['input'] = JSON.parse(blocks[index]?.['json'])
    }
  }
  const end = told.find(({ type }) => type === 'message_delta') as Any
  return { content: blocks, stop_reason: end['delta'].stop_reason, usage: end['usage'] }
}

function toldOfResponse(response: Any): Told {
  const items = response['output'] as Any[]
  return {
    text: textOf(items.filter(({ type }) => type === 'message').flatMap(({ content }) => content)),
    calls: items
      .filter(({ type }) => type === 'function_call')
      .map((call) => ({ name: call['name'], input: JSON.parse(call['arguments']) })),
    stop: [response['status'], response['incomplete_details']?.reason].filter(Boolean).join(' '),
    usage: response['usage'],
  }
}

function toldOfChunks(told: readonly Any[]): Told {
  const choices = told.flatMap((chunk) => chunk['choices'] as Any[])
  const deltas = choices.map((choice) => (choice['delta'] ?? choice['message']) as Any)
  const calls: Array<{ name: string; text: string }> = []
  for (const [position, call] of deltas.flatMap((each) => (each['tool_calls'] ?? []) as Any[]).entries()) {
    // As the SDK: what comes at an index that is not there yet must be the next one.
    const index = call['index'] ?? position
    if (calls[index] === undefined && index === calls.length) calls.push({ name: call['function'].name, text: '' })
    ;(calls[index] as { text: string }).text += call['function'].arguments ?? ''
  }
  return {
    text: deltas.map(({ content }) => content ?? '').join(''),
    calls: calls.map(({ name, text }) => ({ name, input: JSON.parse(text) })),
    stop: choices.findLast((choice) => choice['finish_reason'] != null)?.['finish_reason'],
    usage: told.findLast((chunk) => chunk['usage'] != null)?.['usage'],
  }
}

function toldOfContents(told: readonly Any[]): Told {
  const candidates = told.map((chunk) => chunk['candidates'][0] as Any)
  const parts = candidates.flatMap(({ content }) => content.parts as Any[])
  return {
    text: textOf(parts.filter(({ thought }) => thought !== true)),
    calls: parts
      .filter((part) => part['functionCall'] !== undefined)
      .map(({ functionCall: { name, args } }) => ({ name, input: args })),
    stop: candidates.at(-1)?.['finishReason'],
    usage: told.at(-1)?.['usageMetadata'],
  }
}

function textOf(parts: readonly Any[]): string {
  return parts.map(({ text }) => text ?? '').join('')
}
