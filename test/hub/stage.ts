/**
 * The stage of the matrix: one relay with an account of each dialect in front of one fake vendor. The model's name chooses
 * the account, so every client can reach every dialect.
 */
import type { Protocol } from '../../src/core/account.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { startRelay, type TestRelay } from '../harness/relay.ts'
import { startVendor, type Playbook, type Vendor } from '../harness/vendor.ts'

export const PROTOCOLS = ['anthropic', 'openai-responses', 'openai-chat', 'gemini'] as const satisfies Protocol[]

/** The model of each dialect's account. All of them think, and all but Chat hosts seal their thoughts. */
export const MODELS: Readonly<Record<Protocol, string>> = {
  anthropic: 'claude-sonnet-5-5',
  'openai-responses': 'gpt-5.5',
  'openai-chat': 'qwen3',
  gemini: 'gemini-3-pro',
}

/** What makes an account speak a dialect. */
export const PLATFORMS: Readonly<Record<Protocol, JsonObject>> = {
  anthropic: { platform: 'anthropic' },
  'openai-responses': { platform: 'openai', wire_api: 'responses' },
  'openai-chat': { platform: 'openai', wire_api: 'chat' },
  gemini: { platform: 'gemini' },
}

export interface HubStage {
  readonly relay: TestRelay
  readonly vendor: Vendor
  /** What the account of a dialect is told to do. */
  accountOf(protocol: Protocol): Playbook
  /** Ends both; rejects when the vendor was asked something that it could not answer. */
  close(): Promise<void>
}

/** An account that speaks `protocol`. Its name is its key. */
export function accountFor(protocol: Protocol, name: string, facts: JsonObject = {}): JsonObject {
  return { name, api_key: name, models: [MODELS[protocol]], ...PLATFORMS[protocol], ...facts }
}

/** Default: an account of each dialect. */
export async function openHub(
  accounts: readonly JsonObject[] = PROTOCOLS.map((protocol) => accountFor(protocol, protocol)),
): Promise<HubStage> {
  const vendor = await startVendor()
  const relay = await startRelay({ accounts: accounts.map((account) => ({ ...account, base_url: vendor.url })) })
  return {
    relay,
    vendor,
    accountOf: (protocol) => vendor.forKey(protocol),
    async close() {
      await relay.stop()
      await vendor.close()
    },
  }
}
