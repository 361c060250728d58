/**
 * What `metadata.user_id` says. Claude Code writes a session into it: as JSON text with `session_id`, formerly as the
 * suffix `_session_<uuid>`. A user id without one names a person, who may lead many conversations.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'

export interface UserId {
  /** The person or device, the same in all of their sessions; null when only the session is named. */
  readonly user: string | null
  readonly session: string | null
}

const NOBODY: UserId = { user: null, session: null }
const SESSION_SUFFIX = /^(.*?)_session_([0-9a-f-]{36})$/is

export function readUserId(metadata: JsonValue | undefined): UserId {
  const userId = isJsonObject(metadata) ? metadata['user_id'] : null
  if (typeof userId !== 'string' || userId === '') return NOBODY
  const [, user, session] = SESSION_SUFFIX.exec(userId) ?? []
  if (session !== undefined) return { user: user || null, session }
  const named = userId.startsWith('{') ? parseNames(userId) : null
  if (named === null) return { user: userId, session: null }
  return {
    user: nameAt(named, 'account_uuid') ?? nameAt(named, 'device_id'),
    session: nameAt(named, 'session_id'),
  }
}

function parseNames(json: string): JsonObject | null {
  try {
    const names = JSON.parse(json) as JsonValue
    return isJsonObject(names) ? names : null
  } catch {
    return null
  }
}

function nameAt(names: JsonObject, key: string): string | null {
  const name = names[key]
  return typeof name === 'string' && name !== '' ? name : null
}
