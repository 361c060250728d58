/**
 * How hard a model should think, in the two currencies of the vendors: a level, or a number of tokens.
 */
import type { Effort } from './hub.ts'

const ORDER: readonly Effort[] = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']

const BUDGETS: Record<Effort, number> = {
  none: 0,
  minimal: 512,
  low: 1024,
  medium: 8192,
  high: 24_576,
  xhigh: 32_768,
  max: 128_000,
}

/**
 * The nearest level that a model knows: the next weaker one, else the next stronger. Thinking is only turned off where that
 * was asked for, and where it cannot be, the weakest level stands for it. Null when the model knows no levels.
 */
export function clampEffort(effort: Effort, efforts: readonly Effort[]): Effort | null {
  if (efforts.includes(effort)) return effort
  const levels = ORDER.filter((level) => level !== 'none' && efforts.includes(level))
  const weaker = levels.filter((level) => ORDER.indexOf(level) < ORDER.indexOf(effort))
  return weaker.at(-1) ?? levels[0] ?? null
}

/** The tokens that a level amounts to. */
export function effortToBudget(effort: Effort): number {
  return BUDGETS[effort]
}

/** The level that a number of tokens amounts to; 0 is `none`. */
export function budgetToEffort(budget: number): Effort {
  if (budget <= 0) return 'none'
  if (budget <= BUDGETS.minimal) return 'minimal'
  if (budget <= BUDGETS.low) return 'low'
  if (budget <= BUDGETS.medium) return 'medium'
  return budget <= BUDGETS.high ? 'high' : 'xhigh'
}

/** A number from a request as a level, where it is one. */
export function isEffort(value: unknown): value is Effort {
  return typeof value === 'string' && (ORDER as readonly string[]).includes(value)
}
