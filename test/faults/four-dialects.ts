/**
 * The stage of the tests of streams and networks: the same question in each of the four dialects, a relay with equal
 * accounts in front of one fake vendor, and a strict reader of the errors that end a stream.
 */
import { expect, onTestFinished, vi } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import { isCompleteJson, type JsonObject } from '../../src/core/json.ts'
import { binary } from '../harness/chosen-program.ts'
import type { RawExchange, RawRequest } from '../harness/raw-client.ts'
import { startRelay, type TestRelay } from '../harness/relay.ts'
import { readEvents } from '../harness/sse.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'

export interface Question {
  readonly model: string
  readonly path: string
  readonly body: JsonObject
}

const MESSAGES = [{ role: 'user', content: 'hello' }]

const QUESTIONS: Readonly<Record<Protocol, (stream: boolean) => Question>> = {
  anthropic: (stream) => ({
    model: 'claude-test',
    path: '/v1/messages',
    body: { model: 'claude-test', max_tokens: 64, stream, messages: MESSAGES },
  }),
  'openai-responses': (stream) => ({
    model: 'gpt-test',
    path: '/v1/responses',
    body: { model: 'gpt-test', stream, input: 'hello' },
  }),
  'openai-chat': (stream) => ({
    model: 'gpt-test',
    path: '/v1/chat/completions',
    // Without being asked Chat tells no usage in a stream.
    body: { model: 'gpt-test', stream, messages: MESSAGES, stream_options: { include_usage: true } },
  }),
  gemini: (stream) => ({
    model: 'gemini-test',
    path: `/v1beta/models/gemini-test:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    body: { contents: [{ role: 'user', parts: [{ text: 'hello' }] }] },
  }),
}

export const PROTOCOLS = Object.keys(QUESTIONS) as Protocol[]

export function ask(protocol: Protocol, stream = true): Question {
  return QUESTIONS[protocol](stream)
}

/** An account that speaks the dialect; its key is its name, so that `vendor.forKey(name)` is its playbook. */
export function accountFor(protocol: Protocol, name: string, url: string, facts: JsonObject = {}): JsonObject {
  const platform = protocol === 'anthropic' || protocol === 'gemini' ? protocol : 'openai'
  const wire: JsonObject = platform === 'openai' ? { wire_api: 'both' } : {}
  return { name, platform, api_key: name, base_url: url, ...wire, ...facts }
}

/** A client of one dialect whose accounts speak another: its requests and their answers go through the hub. */
export interface HubLane {
  readonly client: Protocol
  readonly upstream: Protocol
}

/** Four of the twelve directions, in which every dialect stands on either side once; test/hub has stories of all. */
export const HUB_LANES: readonly HubLane[] = [
  { client: 'anthropic', upstream: 'openai-responses' },
  { client: 'openai-responses', upstream: 'gemini' },
  { client: 'openai-chat', upstream: 'anthropic' },
  { client: 'gemini', upstream: 'openai-chat' },
]

/** What makes an account of `upstream` serve any model of any client, in its own dialect alone. */
export function hubFacts(upstream: Protocol): JsonObject {
  const wire = upstream === 'openai-chat' ? 'chat' : 'responses'
  return { models: ['*'], ...(upstream.startsWith('openai') ? { wire_api: wire } : {}) }
}

export interface Stage {
  readonly vendor: Vendor
  readonly relay: TestRelay
  /** Asks the question, for a stream unless told otherwise. */
  readonly send: (request?: RawRequest & { stream?: boolean }) => RawExchange
}

/**
 * Starts vendor and relay for one test, which fails if anything of a request is left behind two seconds after its end.
 * `settings` are members of the config, `accounts` the facts of each account by its name; the first is asked first.
 * A lane instead of a protocol has client and accounts speak differently.
 */
export async function setStage(
  talk: Protocol | HubLane,
  settings: JsonObject = {},
  accounts: Readonly<Record<string, JsonObject>> = { a: {}, b: {} },
): Promise<Stage> {
  const { client, upstream } = typeof talk === 'string' ? { client: talk, upstream: talk } : talk
  const lane = client === upstream ? {} : hubFacts(upstream)
  const vendor = await startVendor()
  onTestFinished(vendor.close)
  const relay = await startRelay({
    accounts: Object.entries(accounts).map(([name, facts]) =>
      accountFor(upstream, name, vendor.url, { ...lane, ...facts }),
    ),
    ...settings,
  })
  onTestFinished(() => relay.stop())
  onTestFinished(() => expectNothingLeft(relay, vendor))
  const send: Stage['send'] = ({ stream = true, ...request } = {}) => {
    const { path, body } = ask(client, stream)
    return relay.post(path, body, request)
  }
  return { vendor, relay, send }
}

/** Every request is over, its lease returned, its timers gone; a kept-open upstream connection has been cut. */
export async function expectNothingLeft(relay: TestRelay, vendor: Vendor): Promise<void> {
  const settled = await relay.settled(2_000)
  // A program needs the second that a finished answer may keep its connection.
  if (binary !== undefined) await vi.waitUntil(() => vendor.load.active === 0, 2_000).catch(() => {})
  const left = { ...settled, unanswered: vendor.load.active }
  expect(left).toEqual(Object.fromEntries(Object.keys(left).map((name) => [name, 0])))
}

/** The last log line of a request. */
export function lastRecord(relay: TestRelay): Record<string, unknown> {
  return relay.log.findLast(({ event }) => event === 'request.end') ?? {}
}

/** Why an account rests, or what is held against it. */
export function grudges(relay: TestRelay, name: string): string[] {
  const state = relay.parts.pool.states.find(({ account }) => account.name === name)
  return [...(state?.health.keys() ?? [])]
}

/**
 * The error that ends a stream: `word` is the dialect's class of error. Fails when the last event is not an error of the
 * dialect's exact shape.
 */
export function readStreamError(protocol: Protocol, body: Buffer): { word: string; message: string } {
  const last = readEvents(body).at(-1)
  const data = JSON.parse(last?.data ?? 'null') as JsonObject
  const text = expect.any(String) as unknown as string
  switch (protocol) {
    case 'anthropic': {
      expect([last?.event, data]).toEqual([
        'error',
        { type: 'error', error: { type: text, message: text }, request_id: text },
      ])
      const error = data['error'] as { type: string; message: string }
      return { word: error.type, message: error.message }
    }
    case 'openai-responses': {
      expect([last?.event, data]).toEqual([
        'response.failed',
        {
          type: 'response.failed',
          sequence_number: readableEvents(body) - 1,
          response: expect.objectContaining({ object: 'response', status: 'failed', output: [] }) as unknown,
        },
      ])
      const { error } = data['response'] as { error: { code: string; message: string } }
      return { word: error.code, message: error.message }
    }
    case 'openai-chat': {
      expect([last?.event, data]).toEqual([
        '',
        { error: { message: text, type: text, param: null, code: expect.toBeOneOf([null, text]) as unknown } },
      ])
      const { error } = data as { error: { type: string; message: string } }
      return { word: error.type, message: error.message }
    }
    case 'gemini': {
      expect([last?.event, data]).toEqual([
        '',
        { error: { code: expect.any(Number) as unknown, message: text, status: text } },
      ])
      const { error } = data as { error: { status: string; message: string } }
      return { word: error.status, message: error.message }
    }
  }
}

/** Half of an event that was too large to be held back has no place in the sequence. */
function readableEvents(body: Buffer): number {
  return readEvents(body).filter(({ data }) => isCompleteJson(Buffer.from(data))).length
}
