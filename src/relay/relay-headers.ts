/**
 * The headers in which the relay speaks of itself: `x-relay-*`. Whoever sees them holds a token.
 */
import type { HeaderList } from '../core/headers.ts'

export interface AnswerStory {
  /** Null while none has been asked. */
  readonly account: string | null
  /** The name that was asked for. */
  readonly model: string
  /** The name at the account. */
  readonly upstreamModel: string | null
  readonly attempts: number
  /** What the answer was made without. */
  readonly dropped: readonly string[]
  /** What the translation could not carry over. */
  readonly losses: readonly string[]
}

/** What a token holder may know of how its answer came about; with `tellsLosses` also what only a curious one wants to. */
export function relayHeaders(story: AnswerStory, tellsLosses: boolean): HeaderList {
  const { account, model, upstreamModel, attempts, dropped, losses } = story
  if (account === null) return []
  const headers: HeaderList = [['x-relay-account', encodeURIComponent(account)]]
  if (upstreamModel !== null && upstreamModel !== model) headers.push(['x-relay-model', upstreamModel])
  headers.push(['x-relay-attempts', String(attempts)])
  if (dropped.length > 0) headers.push(['x-relay-repaired', listNames(dropped)])
  if (tellsLosses && losses.length > 0) headers.push(['x-relay-losses', listNames(losses)])
  return headers
}

const MOST_NAMES = 32

/** Names come from the client: what no header can carry is percent-encoded. */
function listNames(names: readonly string[]): string {
  return names
    .slice(0, MOST_NAMES)
    .map((name) => encodeURIComponent(Buffer.from(name.slice(0, 64)).toString()))
    .join(', ')
}
