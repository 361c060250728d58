/**
 * Names a conversation: by what the client says of it, else by what it consists of.
 */
import { createHash, hash } from 'node:crypto'
import { headerValue } from '../core/headers.ts'
import type { ClientToken } from '../core/account.ts'
import type { ConversationParts } from '../protocols/contract.ts'
import { fingerprint } from './fingerprint.ts'

/** Session headers of real clients, the most telling first: Claude Code, Codex, OpenCode and Kilo, pi, older Codex. */
const SESSION_HEADERS = [
  'x-claude-code-session-id',
  'session-id',
  'session_id',
  'x-session-affinity',
  'x-session-id',
  'conversation_id',
  'conversation-id',
  'thread-id',
]

/** Beyond this many messages only the newest are worth a key of their own. */
const MOST_DIGESTS = 24

/**
 * Keys under which a conversation may be bound, the most specific first. All of them carry the client's token: two
 * clients never share a binding.
 *
 * With an explicit session there is one key. Otherwise each message extends a digest over system text and tools; the
 * longest stored prefix finds the conversation again next turn, and the system text alone is no key, so that
 * conversations are not glued together. `readConversation` is called only when no header names the session.
 */
export function sessionKeys(
  client: ClientToken,
  rawHeaders: readonly string[],
  body: Buffer,
  readConversation: () => ConversationParts,
): string[] {
  for (const name of SESSION_HEADERS) {
    const value = headerValue(rawHeaders, name)
    if (value !== undefined && value !== '') return [hashKey(client, 'session', value)]
  }
  const parts = readConversation()
  if (parts.sessionId !== null) return [hashKey(client, 'session', parts.sessionId)]
  if (parts.messages.length === 0) return []
  const digest = createHash('sha256').update(`${client.name}\0messages\0`)
  for (const range of parts.preamble) digest.update(fingerprint(body, range))
  digest.update('\0')
  const keys: string[] = []
  for (const [index, range] of parts.messages.entries()) {
    digest.update(fingerprint(body, range))
    if (index >= parts.messages.length - MOST_DIGESTS) keys.push(digest.copy().digest('base64url'))
  }
  return keys.toReversed()
}

function hashKey(client: ClientToken, kind: string, identity: string): string {
  return hash('sha256', `${client.name}\0${kind}\0${identity}`, 'base64url')
}
