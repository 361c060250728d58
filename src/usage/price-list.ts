/**
 * What tokens cost: finds a model's price and multiplies. Prices are list prices in USD per million tokens; what a model
 * is not known to cost has no price, which is not the same as costing nothing.
 */
import { mostSpecific } from '../core/match.ts'
import type { Usage } from '../protocols/contract.ts'
import { PRICE_TABLE } from './price-table.ts'

/** USD per million tokens. */
export interface Price {
  readonly input: number
  readonly output: number
  readonly cached: number
  readonly cacheWrite: number
  readonly cacheWrite1h: number
}

/** A price of the owner's; what it leaves out is the model's usual one. */
export interface PriceOverride {
  readonly input?: number
  readonly output?: number
  readonly cached?: number
  readonly cacheWrite?: number
}

export interface PriceList {
  /** USD; null for a model without a known price. `at` is epoch ms: prices change. */
  costOf(model: string, usage: Usage, at: number): number | null
  /** The most that so many tokens may cost, however the cache treats them; null likewise. */
  mostCostOf(model: string, inputTokens: number, outputTokens: number, at: number): number | null
}

/** A price and when it holds. */
interface Step {
  /** Epoch ms. */
  readonly from: number
  /** Tokens of input, cached or not, that a request has more than. */
  readonly above: number
  readonly price: Price
}

const TOKENS_PER_PRICE = 1_000_000
/** A billionth of a dollar is far below any price of a token; sums stay readable. */
const COSTS_PER_USD = 1e9
/** Names come from clients. */
const MOST_NAMES = 1_000

/**
 * What writing to the cache costs in terms of the input, for five minutes and for an hour, where the owner does not say.
 * Source: Anthropic, "Prompt caching", Pricing; OpenAI's price for the first is the same. The built-in list says it itself.
 */
const CACHE_WRITE = 1.25
const CACHE_WRITE_1H = 2

/** An override goes before the built-in table, whatever it says. */
export function createPriceList(overrides: ReadonlyMap<string, PriceOverride>): PriceList {
  /** Read when the first price is asked for. */
  let builtIn: ReadonlyMap<string, readonly Step[]> | null = null
  const found = new Map<string, readonly Step[] | null>()

  function stepsOf(model: string): readonly Step[] | null {
    const known = found.get(model)
    if (known !== undefined) return known
    builtIn ??= readTable(PRICE_TABLE)
    const usual = mostSpecific(builtIn, model) ?? null
    const override = mostSpecific(overrides, model)
    const steps = override === undefined ? usual : overridden(override, usual)
    if (found.size >= MOST_NAMES) found.clear()
    found.set(model, steps)
    return steps
  }

  function priceOf(model: string, inputInAll: number, at: number): Price | null {
    // Later rows of a model are the more particular ones.
    return stepsOf(model)?.findLast(({ from, above }) => at >= from && inputInAll > above)?.price ?? null
  }

  return {
    costOf(model, { input = 0, cached = 0, cacheWrite = 0, cacheWrite1h = 0, output = 0 }, at) {
      const price = priceOf(model, input + cached + cacheWrite, at)
      if (price === null) return null
      return usd(
        input * price.input +
          cached * price.cached +
          Math.max(0, cacheWrite - cacheWrite1h) * price.cacheWrite +
          cacheWrite1h * price.cacheWrite1h +
          output * price.output,
      )
    },
    mostCostOf(model, inputTokens, outputTokens, at) {
      const price = priceOf(model, inputTokens, at)
      if (price === null) return null
      const dearest = Math.max(price.input, price.cached, price.cacheWrite, price.cacheWrite1h)
      return usd(inputTokens * dearest + outputTokens * price.output)
    },
  }
}

function usd(priced: number): number {
  return Math.round((priced / TOKENS_PER_PRICE) * COSTS_PER_USD) / COSTS_PER_USD
}

function readTable(table: string): Map<string, readonly Step[]> {
  const rows = new Map<string, readonly Step[]>()
  for (const line of table.split('\n')) {
    const colon = line.indexOf(': ')
    if (colon < 0) continue
    const steps = line
      .slice(colon + 2)
      .split('; ')
      .map(readStep)
    // The first row that has a name is its own vendor's.
    for (const pattern of line.slice(0, colon).split(' ')) if (!rows.has(pattern)) rows.set(pattern, steps)
  }
  return rows
}

function readStep(text: string): Step {
  const words = text.split(' ')
  const from = words[0]?.startsWith('@') ? Date.parse(`${words.shift()?.slice(1)}T00:00:00Z`) : -Infinity
  const above = words[0]?.startsWith('>') ? Number(words.shift()?.slice(1)) : -1
  const numbers = words.map((word) => (word === '-' ? undefined : Number(word)))
  // What has no price of its own is input like any other.
  const [input = 0, output = 0, cached = input, cacheWrite = input, cacheWrite1h = cacheWrite] = numbers
  return { from, above, price: { input, output, cached, cacheWrite, cacheWrite1h } }
}

/** Null when neither says what input or output costs. */
function overridden(override: PriceOverride, usual: readonly Step[] | null): readonly Step[] | null {
  const base = usual?.find(({ above }) => above < 0)?.price
  const input = override.input ?? base?.input
  const output = override.output ?? base?.output
  if (input === undefined || output === undefined) return null
  // Prices of the cache hang on that of the input: a new one makes the usual ones void.
  const kept = override.input === undefined ? base : undefined
  const cacheWrite = override.cacheWrite ?? kept?.cacheWrite ?? input * CACHE_WRITE
  const price: Price = {
    input,
    output,
    cached: override.cached ?? kept?.cached ?? input,
    cacheWrite,
    cacheWrite1h:
      (override.cacheWrite === undefined && kept?.cacheWrite1h) || (cacheWrite * CACHE_WRITE_1H) / CACHE_WRITE,
  }
  return [{ from: -Infinity, above: -1, price }]
}
