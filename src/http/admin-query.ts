/**
 * What the query of an admin route asks.
 */
import type { ClientToken, Protocol } from '../core/account.ts'
import { parseDuration } from '../core/duration.ts'
import { invalidRequest } from '../core/errors.ts'
import type { Question } from './explain.ts'
import type { UsageView } from './views.ts'

/** The protocols by their own names and by those of their paths. */
const PROTOCOL_NAMES: ReadonlyMap<string, Protocol> = new Map([
  ['anthropic', 'anthropic'],
  ['messages', 'anthropic'],
  ['openai-responses', 'openai-responses'],
  ['responses', 'openai-responses'],
  ['openai-chat', 'openai-chat'],
  ['chat', 'openai-chat'],
  ['gemini', 'gemini'],
])

/** `model`, and perhaps `protocol` and the name of a `token`. Throws `invalid_request`. */
export function readQuestion(query: URLSearchParams, tokens: readonly ClientToken[]): Question {
  const model = query.get('model') ?? ''
  if (model === '') throw invalidRequest('say which model, as in ?model=claude-sonnet-5-5', 'model')
  const named = query.get('protocol') ?? 'messages'
  const protocol = PROTOCOL_NAMES.get(named)
  if (protocol === undefined) throw invalidRequest('protocol is messages, responses, chat or gemini', 'protocol')
  const token = query.get('token')
  const client = token === null ? null : (tokens.find(({ name }) => name === token) ?? null)
  if (token !== null && client === null) throw invalidRequest('the config has no token of that name', 'token')
  return { model, protocol, client }
}

const KINDS = ['account', 'token', 'model', 'day'] as const

/** `by`, and `since` as a duration (`7d`, `12h`) or a day; a week of days without them. Throws `invalid_request`. */
export function readUsageQuestion(query: URLSearchParams, now: number): { by: UsageView['by']; since: number } {
  const by = KINDS.find((kind) => kind === (query.get('by') ?? 'day'))
  if (by === undefined) throw invalidRequest('by is account, token, model or day', 'by')
  const text = query.get('since') ?? '7d'
  const ms = parseDuration(text)
  const since = ms === undefined ? Date.parse(text) : now - ms
  // Dates beyond this are no dates to JavaScript.
  if (!(Math.abs(since) <= 8.64e15)) throw invalidRequest('since is a duration such as 7d, or a date', 'since')
  return { by, since }
}
