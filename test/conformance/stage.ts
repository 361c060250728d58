/**
 * The stage of the conformance tests: a running relay with an account of each platform in front of one fake vendor, and
 * the official SDKs, told nothing but an address and a key.
 */
import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import OpenAI from 'openai'
import { onTestFinished } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { TOKEN } from '../harness/relay.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'
import { setStage as setEdgeStage, type Stage } from '../http/stage.ts'

/** One account per platform, with the keys `key-anthropic`, `key-openai` and `key-gemini`. */
const PLATFORMS: readonly JsonObject[] = [
  { name: 'claude', platform: 'anthropic', api_key: 'key-anthropic' },
  { name: 'gpt', platform: 'openai', api_key: 'key-openai', wire_api: 'both' },
  { name: 'gemini', platform: 'gemini', api_key: 'key-gemini' },
]

/** The stage of the edge, with accounts whose keys the SDKs' requests are recognized by. */
export function setStage({
  accounts = PLATFORMS,
  settings = {},
}: { accounts?: readonly JsonObject[]; settings?: JsonObject } = {}): Promise<Stage> {
  return setEdgeStage({ ...settings, accounts: [...accounts] })
}

/** Two accounts of one platform, the first of which is always asked first. Their keys are their names. */
export function twoAccounts(platform: string, facts: JsonObject = {}): JsonObject[] {
  return [
    { name: 'first', api_key: 'first', platform, priority: 1, ...facts },
    { name: 'second', api_key: 'second', platform, priority: 2, ...facts },
  ]
}

/** A vendor without a relay, for a look at what the same answer is to the same client. */
export async function startDirectVendor(): Promise<Vendor> {
  const vendor = await startVendor()
  onTestFinished(vendor.close)
  return vendor
}

export interface Options {
  readonly apiKey?: string
  /** How often the SDK may repeat a request by itself. Default: never, so that whatever happens is the relay's doing. */
  readonly maxRetries?: number
  readonly fetch?: typeof globalThis.fetch
}

export function connectAnthropic({ url }: { readonly url: string }, options: Options = {}): Anthropic {
  return new Anthropic({ baseURL: url, apiKey: TOKEN, authToken: null, maxRetries: 0, ...options })
}

export function connectOpenai({ url }: { readonly url: string }, options: Options = {}): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: TOKEN, maxRetries: 0, ...options })
}

/** Google's SDK repeats nothing unless it is told to. */
export function connectGoogle({ url }: { readonly url: string }, { apiKey = TOKEN }: Options = {}): GoogleGenAI {
  return new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url } })
}

/** Everything an SDK's stream tells, in order. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}
