/**
 * The stage of the tests at the edge: a running relay with an account of each platform in front of one fake vendor, a
 * good request for each dialect, and a strict reader of refusals.
 */
import { expect, onTestFinished, vi } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { binary } from '../harness/chosen-program.ts'
import type { RawResponse } from '../harness/raw-client.ts'
import { startRelay, type TestRelay } from '../harness/relay.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'

export interface Stage {
  readonly vendor: Vendor
  readonly relay: TestRelay
}

/** Their keys are what a test looks for where no key may be. */
const ACCOUNTS: readonly JsonObject[] = [
  { name: 'claude', platform: 'anthropic', api_key: 'secret-key-of-claude' },
  { name: 'gpt', platform: 'openai', api_key: 'secret-key-of-gpt', wire_api: 'both' },
  { name: 'gemini', platform: 'gemini', api_key: 'secret-key-of-gemini' },
]

/**
 * Starts vendor and relay for one test, which fails if anything of a request is left behind at its end. `accounts` get
 * the vendor's address; `settings` are further members of the config.
 */
export async function setStage({
  accounts = ACCOUNTS,
  ...settings
}: { accounts?: readonly JsonObject[] } & JsonObject = {}): Promise<Stage> {
  const vendor = await startVendor()
  onTestFinished(vendor.close)
  const relay = await startRelay({
    ...settings,
    accounts: accounts.map((account) => ({ ...account, base_url: vendor.url })),
  })
  onTestFinished(() => relay.stop())
  onTestFinished(async () => {
    const settled = await relay.settled(0)
    if (binary !== undefined) await vi.waitUntil(() => vendor.load.active === 0, 2_000).catch(() => {})
    const left = { ...settled, active: vendor.load.active }
    expect(left).toEqual(Object.fromEntries(Object.keys(left).map((name) => [name, 0])))
  })
  return { vendor, relay }
}

/** What is under way: nothing, when every request has been answered or its client has left. */
export function leftBehind({ vendor, relay }: Stage): Record<'leases' | 'waiting' | 'watched' | 'active', number> {
  return {
    leases: Object.values(relay.inFlight()).reduce((sum, count) => sum + count, 0),
    waiting: relay.parts.pool.waiting,
    watched: relay.parts.heartbeat.watched,
    active: vendor.load.active,
  }
}

/** A request that is served, in each dialect. */
export const ASK: Readonly<Record<Protocol, { readonly path: string; readonly body: JsonObject }>> = {
  anthropic: { path: '/v1/messages', body: { model: 'claude-test', max_tokens: 9, messages: [] } },
  'openai-responses': { path: '/v1/responses', body: { model: 'gpt-test', input: 'hello' } },
  'openai-chat': { path: '/v1/chat/completions', body: { model: 'gpt-test', messages: [] } },
  gemini: { path: '/v1beta/models/gemini-test:generateContent', body: { contents: [] } },
}

export const PROTOCOLS = Object.keys(ASK) as Protocol[]

/** The same word for a refusal in the three kinds of error body: Anthropic's, OpenAI's (both protocols), Google's. */
export interface Words {
  readonly anthropic: string
  /** Type, and code where there is one. */
  readonly openai: string
  readonly gemini: string
}

export function wordsFor(protocol: Protocol, words: Words): string {
  return words[protocol === 'anthropic' || protocol === 'gemini' ? protocol : 'openai']
}

export interface Refusal {
  readonly status: number
  /** As in `Words`. */
  readonly word: string
  readonly message: string
  /** The member at fault, where the dialect tells it. */
  readonly param: string | null
}

/** The members of `error` in any dialect. */
interface ErrorMembers {
  readonly message: string
  readonly type: string
  readonly code: string | null
  readonly status: string
  readonly param: string | null
}

/** What a refusal says. Fails when it has other members than its dialect, or is told without our request id. */
export function readRefusal(protocol: Protocol, answer: RawResponse): Refusal {
  const requestId = answer.headers['x-request-id']
  expect(requestId).toMatch(/^req_[0-9a-f]{32}$/)
  expect(answer.headers['content-type']).toBe('application/json')
  const body = JSON.parse(answer.body.toString()) as { error: ErrorMembers }
  const { message, type, code, status, param } = body.error
  expect(message).toEqual(expect.any(String))
  switch (protocol) {
    case 'anthropic':
      expect(body).toEqual({ type: 'error', error: { type: expect.any(String), message }, request_id: requestId })
      return { status: answer.status, word: type, message, param: null }
    case 'openai-chat':
    case 'openai-responses':
      expect(body).toEqual({ error: { message, type: expect.any(String), param, code } })
      return { status: answer.status, word: code === null ? type : `${type} ${code}`, message, param }
    case 'gemini':
      expect(body).toEqual({
        error: expect.objectContaining({ code: answer.status, message, status: expect.any(String) }),
      })
      return { status: answer.status, word: status, message, param: null }
  }
}
