/**
 * The stage of the stories about accounts: a relay whose accounts are tried in the order they are named in, all at one
 * fake vendor that tells them apart by their keys. Nothing may be under way any more when a story ends.
 */
import { onTestFinished } from 'vitest'
import type { Protocol } from '../../src/core/account.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { binary } from '../harness/chosen-program.ts'
import type { RawExchange, RawResponse } from '../harness/raw-client.ts'
import { startRelay, type TestRelay } from '../harness/relay.ts'
import { startVendor, type Vendor } from '../harness/vendor.ts'
import { accountFor, ask as questionIn, expectNothingLeft, hubFacts } from './four-dialects.ts'

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE

export interface Stage {
  readonly relay: TestRelay
  readonly vendor: Vendor
  /** One question in the stage's protocol; whole unless `stream` says otherwise. */
  readonly ask: (question?: { stream?: boolean; model?: string; headers?: Record<string, string> }) => RawExchange
  /** The calls that reached the vendor, as the keys they came with. */
  readonly calls: () => string[]
  /** What `/health` tells of an account. */
  readonly stateOf: (account: string) => Promise<AccountStatus>
  /** How long an account still rests, in ms; 0 when it does not. */
  readonly restOf: (account: string) => Promise<number>
}

export interface AccountStatus {
  readonly name: string
  readonly state: 'ok' | 'cooling' | 'needs_attention'
  readonly active: number
  readonly cooldowns: ReadonlyArray<{ reason: string; model: string | null; message: string; until: string }>
}

/**
 * `accounts` are names, or facts with a name; a name is the account's key, too. They speak `protocol`, and so does the
 * client unless `client` says otherwise: then every answer is translated. `settings` are members of the config.
 */
export async function start(
  accounts: ReadonlyArray<string | (JsonObject & { name: string })>,
  {
    protocol = 'anthropic',
    client = protocol,
    ...settings
  }: JsonObject & { protocol?: Protocol; client?: Protocol } = {},
): Promise<Stage> {
  const lane = client === protocol ? {} : hubFacts(protocol)
  const vendor = await startVendor()
  const relay = await startRelay({
    // Stickiness has stories of its own; here the order of the accounts is to be plain.
    sticky_session_ttl: '0',
    accounts: accounts.map((facts, position) => {
      const { name, ...others } = typeof facts === 'string' ? { name: facts } : facts
      return accountFor(protocol, name, vendor.url, { priority: position + 1, ...lane, ...others })
    }),
    ...settings,
  })
  onTestFinished(vendor.close)
  onTestFinished(() => relay.stop())
  onTestFinished(() => expectNothingLeft(relay, vendor))

  const stateOf = async (account: string): Promise<AccountStatus> => {
    const health = readJson(await relay.get('/health')) as { account_details?: AccountStatus[] & JsonObject[] }
    const found = health.account_details?.find(({ name }) => name === account)
    if (found === undefined) throw new Error(`the relay has no account ${account}`)
    return found
  }
  return {
    relay,
    vendor,
    ask({ stream = false, model, headers = {} } = {}) {
      const { path, body } = questionIn(client, stream)
      if (model === undefined) return relay.post(path, body, { headers })
      return relay.post(path.replace('gemini-test', model), 'model' in body ? { ...body, model } : body, { headers })
    },
    calls: () => vendor.requests.map(({ key }) => key ?? ''),
    stateOf,
    async restOf(account) {
      const { cooldowns } = await stateOf(account)
      const restMs = Math.max(0, ...cooldowns.map(({ until }) => Date.parse(until) - relay.clock.now()))
      // A program's clock goes on while it is asked.
      return binary === undefined ? restMs : Math.ceil(restMs / SECOND) * SECOND
    },
  }
}

export function readJson(answer: RawResponse): JsonObject {
  return JSON.parse(answer.body.toString()) as JsonObject
}

export interface ToldError {
  /** The dialect's class of error: `type`, or `status` in Gemini. */
  readonly type: string
  readonly code: string | number | null
  readonly message: string
}

/** The error of a whole answer, in whatever dialect. */
export function errorIn(answer: RawResponse): ToldError {
  const { error } = readJson(answer) as unknown as { error: ToldError & { status?: string } }
  return { type: error.type ?? error.status ?? '', code: error.code ?? null, message: error.message }
}

/** Who answered, after how many attempts. */
export function servedBy({ status, headers }: RawResponse): [status: number, account: string, attempts: number] {
  return [status, headers['x-relay-account'] ?? '', Number(headers['x-relay-attempts'] ?? 0)]
}

/** The attempts whose ids stand in an answer: one, when all of it came from one account. */
export function attemptsIn(answer: RawResponse): string[] {
  return [...new Set(answer.body.toString().match(/att_\d+/g))]
}
