/**
 * Finds the parts of a request that tell its conversation from another one, for clients that send no session header.
 */
import { peekValue, type JsonValue, type Member, type Outline, type Range } from '../core/json.ts'
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

/** The members that `findParts` looks for. */
export function membersOf({ session, preamble, messages }: ConversationLayout): string[] {
  return [...session, ...preamble, messages]
}

/** The parts by the dialect's layout. One that names its session is not looked at any further. */
export function findParts(body: Buffer, outline: Outline, layout: ConversationLayout): ConversationParts {
  const sessionId = readSession(body, outline, layout)
  if (sessionId !== null) return { sessionId, preamble: [], messages: [] }
  const partsOf = (name: string): readonly Range[] => elementsOf(body, outline.get(name))
  return {
    sessionId: null,
    preamble: layout.preamble.flatMap(partsOf).filter((part) => layout.isVolatile?.(body, part) !== true),
    messages: partsOf(layout.messages),
  }
}

/** A list counts by its elements; a text or an object is one part. */
function elementsOf(body: Buffer, member: Member | undefined): readonly Range[] {
  if (member === undefined) return []
  if (member.elements !== null) return member.elements
  const first = body[member.start]
  return first === QUOTE || first === OPEN_BRACE ? [member] : []
}

const OPEN_BRACE = 0x7b
const QUOTE = 0x22

/** A member that cannot be read names no session: the body is the vendor's to judge. */
function readSession(body: Buffer, outline: Outline, layout: ConversationLayout): string | null {
  for (const name of layout.session) {
    const range = outline.get(name)
    if (range === undefined || range.end - range.start > LONGEST_SESSION_BYTES) continue
    const session = layout.sessionOf(name, peekValue(body, [], range))
    if (session !== null && session !== '') return session
  }
  return null
}
