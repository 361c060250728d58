/**
 * Finds the parts of a request that tell its conversation from another one, for clients that send no session header.
 */
import { JsonSyntaxError, parseValue, scanArray, scanObject, type JsonValue, type Range } from '../core/json.ts'
import type { ConversationParts } from './contract.ts'

/** Where a dialect keeps what identifies a conversation. All names are members of the request's object. */
export interface ConversationLayout {
  /** Names of members that name the session, the most telling first. */
  readonly session: readonly string[]
  readonly preamble: readonly string[]
  readonly messages: string
  /** The session in one of the `session` members; null when it holds none. */
  readonly sessionOf: (member: string, value: JsonValue) => string | null
  /** Whether a part of the preamble changes from request to request and says nothing of the conversation. */
  readonly isVolatile?: (body: Buffer, part: Range) => boolean
}

/** Members beyond this size name no session; reading them would be work for nothing. */
const LONGEST_SESSION_BYTES = 4096

const NO_PARTS: ConversationParts = { sessionId: null, preamble: [], messages: [] }

/** The parts by the dialect's layout; none when the body cannot be read, for routing must not fail on it. */
export function findParts(body: Buffer, layout: ConversationLayout): ConversationParts {
  try {
    const members = scanObject(body, [...layout.session, ...layout.preamble, layout.messages])
    const partsOf = (name: string): Range[] => elementsOf(body, members.get(name))
    return {
      sessionId: readSession(body, members, layout),
      preamble: layout.preamble.flatMap(partsOf).filter((part) => layout.isVolatile?.(body, part) !== true),
      messages: partsOf(layout.messages),
    }
  } catch (error) {
    if (error instanceof JsonSyntaxError) return NO_PARTS
    throw error
  }
}

/** A list counts by its elements; a text or an object is one part. */
function elementsOf(body: Buffer, range: Range | undefined): Range[] {
  if (range === undefined) return []
  switch (body[range.start]) {
    case OPEN_BRACKET:
      return scanArray(body, range)
    case QUOTE:
    case OPEN_BRACE:
      return [range]
    default:
      return []
  }
}

const OPEN_BRACKET = 0x5b
const OPEN_BRACE = 0x7b
const QUOTE = 0x22

function readSession(body: Buffer, members: ReadonlyMap<string, Range>, layout: ConversationLayout): string | null {
  for (const name of layout.session) {
    const range = members.get(name)
    if (range === undefined || range.end - range.start > LONGEST_SESSION_BYTES) continue
    const session = layout.sessionOf(name, parseValue(body, range))
    if (session !== null && session !== '') return session
  }
  return null
}
