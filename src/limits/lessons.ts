/**
 * What a token's requests have really used, as far as it makes the estimate of the next one better. The most that a request
 * may use by its body is many times what most use: set aside for each, it would keep parallel requests out of a budget
 * that has room for them.
 */
import type { Spend } from './spend.ts'

export interface Lessons {
  /** What is to be set aside for a request of which `told` is the most by its body. */
  expect(model: string, told: Spend): Spend
  learn(model: string, told: Spend, spent: Spend): void
}

/** Fewer say nothing of the next one. */
const SEEN_ENOUGH = 5
/** How much of a lesson is kept with each request that does not repeat it. */
const KEPT = 0.97
/** Names come from clients. */
const MOST_MODELS = 50

/** Of one model, decaying. */
interface Lesson {
  seen: number
  /** The dearest request of late. */
  readonly dearest: { tokens: number; cost: number }
}

type Kind = 'tokens' | 'cost'
const KINDS: readonly Kind[] = ['tokens', 'cost']

export function createLessons(): Lessons {
  const models = new Map<string, Lesson>()
  /** How many times more than the most by their body requests have used: pictures behind links, conversations kept by a vendor. */
  const excess = { tokens: 1, cost: 1 }

  function lessonOf(model: string): Lesson {
    const known = models.get(model)
    if (known !== undefined) return known
    const fresh = { seen: 0, dearest: { tokens: 0, cost: 0 } }
    models.set(model, fresh)
    if (models.size > MOST_MODELS) models.delete(models.keys().next().value as string)
    return fresh
  }

  return {
    expect(model, told) {
      const lesson = models.get(model)
      const knowsEnough = lesson !== undefined && lesson.seen >= SEEN_ENOUGH
      const expected = (kind: Kind, most: number): number =>
        knowsEnough ? Math.min(most * excess[kind], lesson.dearest[kind]) : most * excess[kind]
      return { tokens: expected('tokens', told.tokens), cost: told.cost === null ? null : expected('cost', told.cost) }
    },
    learn(model, told, spent) {
      const lesson = lessonOf(model)
      // A request that failed or was left at once tells nothing of what others use.
      if (spent.tokens > 0) lesson.seen++
      for (const kind of KINDS) {
        const used = spent[kind] ?? 0
        const most = told[kind] ?? 0
        lesson.dearest[kind] = Math.max(used, lesson.dearest[kind] * KEPT)
        excess[kind] = Math.max(most > 0 ? used / most : 1, 1 + (excess[kind] - 1) * KEPT)
      }
    },
  }
}
