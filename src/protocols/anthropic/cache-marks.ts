/**
 * Cache breakpoints for clients that expect their prompt to be cached without a word.
 */
import type { JsonObject } from '../../core/json.ts'
import { objectsAt } from '../members.ts'

const MARK: JsonObject = { type: 'ephemeral' }

/**
 * The vendor places the breakpoints itself when the request as a whole is marked. Compatible servers know only marks on
 * blocks, of which four are allowed: the last tool, the last system block, the last two user turns.
 */
export function markCache(request: JsonObject, isVendorHost: boolean): JsonObject {
  if (isVendorHost) return { ...request, cache_control: MARK }
  const messages = objectsAt(request, 'messages')
  const marked = new Set(messages.filter(({ role }) => role === 'user').slice(-2))
  return {
    ...request,
    ...markLast(request, 'tools'),
    ...markLast(request, 'system'),
    messages: messages.map((message) =>
      marked.has(message) ? { ...message, ...markLast(message, 'content') } : message,
    ),
  }
}

/** The list called `name` with a mark on its last element; nothing when there is none. */
function markLast(object: JsonObject, name: string): JsonObject {
  const list = objectsAt(object, name)
  const last = list.at(-1)
  return last === undefined ? {} : { [name]: [...list.slice(0, -1), { ...last, cache_control: MARK }] }
}
