/**
 * The most that a request may use, told by its body before anybody has seen it: what a token's budget must have room for.
 */
import type { RelayConfig } from '../config/config.ts'
import type { ClientToken, Protocol } from '../core/account.ts'
import { peekObject, peekValue } from '../core/json.ts'
import { mostSpecific } from '../core/match.ts'
import type { Spend } from '../limits/spend.ts'
import { isPlain, type Operation } from '../providers/contract.ts'
import { modelChain } from '../relay/model-chain.ts'
import type { PriceList } from '../usage/price-list.ts'

/** No text has more tokens than that: English has four characters a token, Chinese three bytes. */
const LEAST_BYTES_PER_TOKEN = 3
/** What an answer without a bound of its own is held to be; few are longer, and what they cost beyond is counted after. */
const USUAL_MOST_OUTPUT = 32_000

const BOUNDS = ['max_tokens', 'max_completion_tokens', 'max_output_tokens']

export interface EstimatedRequest {
  readonly client: ClientToken
  readonly protocol: Protocol
  readonly operation: Operation
  readonly model: string
  readonly body: Buffer
}

/** `now` is epoch ms. */
export function estimateRequest(
  { client, protocol, operation, model, body }: EstimatedRequest,
  { modelMap, accounts }: RelayConfig,
  prices: PriceList,
  now: number,
): Spend {
  // Embeddings are no words, and pictures have no length in tokens.
  const input = isPlain(operation) && operation !== 'embeddings' ? 0 : Math.ceil(body.length / LEAST_BYTES_PER_TOKEN)
  const output = isPlain(operation) ? 0 : mostOutput(protocol, body)
  let cost: number | null = null
  // Which account serves is not known yet: the dearest name that any of them may call it by.
  for (const name of modelChain(model, client.modelMap, modelMap)) {
    const names = accounts.map((account) => mostSpecific(account.modelMap, name)?.[0] ?? name)
    for (const each of new Set([name, ...names])) {
      const most = prices.mostCostOf(each, input, output, now)
      if (most !== null && (cost === null || most > cost)) cost = most
    }
  }
  return { tokens: input + output, cost }
}

/** A body that cannot be read so far is no trouble yet: it is refused for that further on. */
function mostOutput(protocol: Protocol, body: Buffer): number {
  try {
    if (protocol === 'gemini') return boundIn(peekValue(body, ['generationConfig', 'maxOutputTokens']))
    const found = peekObject(body, [...BOUNDS, 'n'])
    const numberAt = (name: string) => (found.has(name) ? peekValue(body, [], found.get(name)) : null)
    const bound = BOUNDS.map(numberAt).find((value) => typeof value === 'number') ?? null
    const choices = numberAt('n')
    return boundIn(bound) * (typeof choices === 'number' && choices > 1 ? choices : 1)
  } catch {
    return USUAL_MOST_OUTPUT
  }
}

function boundIn(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : USUAL_MOST_OUTPUT
}
