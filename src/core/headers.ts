/**
 * Which headers may cross the relay. Allow-lists in both directions: what is not named here stays where it came from.
 */
import { retryAfterSeconds } from './errors.ts'

/** Header names are lower case throughout. */
export type HeaderList = Array<[name: string, value: string]>

/**
 * What a real client may tell the vendor: content, its own identity and session. `*` at the end matches the rest of the
 * name. Credentials and the ids that belong to a credential (organisation, project, ChatGPT account) are absent on
 * purpose: they would contradict the account's own.
 */
const TO_UPSTREAM = [
  'accept',
  'content-type',
  'user-agent',
  'idempotency-key',
  'anthropic-*',
  'openai-beta',
  'x-openai-*',
  'x-codex-*',
  'x-claude-code-*',
  'x-claude-remote-*',
  'x-stainless-*',
  'x-app',
  'x-initiator',
  'x-client-request-id',
  'x-client-*',
  'x-session-*',
  'session-id',
  'session_id',
  'thread-id',
  'thread_id',
  'conversation-id',
  'conversation_id',
  'originator',
  'version',
  'x-goog-api-client',
]

/** What a vendor may tell the client: kind of content, request ids, rate limits, and when to come back. */
const TO_CLIENT = [
  'content-type',
  'request-id',
  'x-request-id',
  'x-oai-request-id',
  'cf-ray',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'anthropic-ratelimit-*',
  'anthropic-priority-*',
  'x-ratelimit-*',
  'x-codex-*',
  'openai-model',
  'openai-processing-ms',
  'openai-version',
  'x-models-etag',
  'x-reasoning-included',
  'x-goog-request-id',
  'server-timing',
]

const toUpstream = createNameFilter(TO_UPSTREAM)
const toClient = createNameFilter(TO_CLIENT)

/**
 * The client's headers that go on to a vendor that speaks the same protocol. In: the raw list of `node:http` (name,
 * value, name, value …). Out: pairs in order, minus those the client's `Connection` header calls hop-by-hop (RFC 9110
 * section 7.6.1).
 */
export function headersForUpstream(raw: readonly string[]): HeaderList {
  return filterPairs(raw, toUpstream)
}

/** The vendor's headers that reach the client, from a raw list as `undici` or `node:http` give it. */
export function headersForClient(raw: readonly string[]): HeaderList {
  return filterPairs(raw, toClient)
}

/** The value of a header in a raw list, or undefined. `name` is lower case; the first occurrence wins. */
export function headerValue(raw: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const candidate = raw[i] as string
    if (candidate.length === name.length && candidate.toLowerCase() === name) return raw[i + 1]
  }
  return undefined
}

/** Every 429 carries an integer `retry-after`: Codex gives up on one that has none. */
export function withRetryAfter(headers: HeaderList, retryAfterMs: number): HeaderList {
  const others = headers.filter(([name]) => name !== 'retry-after' && name !== 'retry-after-ms')
  return [...others, ['retry-after', String(retryAfterSeconds(retryAfterMs))]]
}

function filterPairs(raw: readonly string[], admit: NameFilter): HeaderList {
  const connection = headerValue(raw, 'connection')
  // Nearly always it says whether the connection stays, and names no other header.
  const perConnection =
    connection === undefined || /^(keep-alive|close)$/i.test(connection)
      ? NONE
      : connection.toLowerCase().split(/\s*,\s*/)
  const kept: HeaderList = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = admit(raw[i] as string)
    if (name !== null && !perConnection.includes(name)) kept.push([name, raw[i + 1] as string])
  }
  return kept
}

const NONE: readonly string[] = []

/** Takes a name as it was written; gives it in lower case, or null when it may not cross. */
type NameFilter = (written: string) => string | null

/** Verdicts are remembered per name: real traffic repeats a few dozen names. Bounded against invented ones. */
const REMEMBERED_NAMES = 512

function createNameFilter(patterns: readonly string[]): NameFilter {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')))
  const prefixes = patterns.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1))
  const remembered = new Map<string, string | null>()
  return (written) => {
    const known = remembered.get(written)
    if (known !== undefined) return known
    const name = written.toLowerCase()
    const verdict = exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix)) ? name : null
    if (remembered.size < REMEMBERED_NAMES) remembered.set(written, verdict)
    return verdict
  }
}
