/**
 * Shows the client the model it asked for when the account knows it by another name. Bytes pass as they are but for the
 * value of that one member.
 */
import { applyEdits } from '../core/json-edit.ts'
import { peekObject, type Range } from '../core/json.ts'

export interface ModelRenamer {
  /** The bytes of a stream with the name replaced; what may be the beginning of it is held for the next call. */
  push(chunk: Buffer): Buffer
  /** What is still held. */
  end(): Buffer
}

/** The member as the dialects write it. A quote inside a JSON string is escaped, so these bytes are always a real member. */
const MEMBERS = ['"model":"', '"model": "', '"modelVersion":"', '"modelVersion": "'].map((text) => Buffer.from(text))
const LONGEST_MEMBER = Math.max(...MEMBERS.map(({ length }) => length))
const QUOTE = 0x22
/** What is longer than this is no model's name and passes as it is. */
const LONGEST_NAME = 256
const NOTHING = Buffer.alloc(0)

export function createModelRenamer(shownModel: string): ModelRenamer {
  const shown = Buffer.from(JSON.stringify(shownModel).slice(1, -1))
  let held: Buffer = NOTHING
  return {
    push(chunk) {
      const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk])
      const pieces: Buffer[] = []
      let from = 0
      for (;;) {
        const member = findMember(bytes, from)
        if (member === null) break
        const endsAt = bytes.indexOf(QUOTE, member.end)
        if (endsAt < 0 && bytes.length - member.end <= LONGEST_NAME) {
          pieces.push(bytes.subarray(from, member.start))
          held = bytes.subarray(member.start)
          return Buffer.concat(pieces)
        }
        const isName = endsAt >= 0 && endsAt - member.end <= LONGEST_NAME
        pieces.push(bytes.subarray(from, member.end), isName ? shown : NOTHING)
        from = isName ? endsAt : member.end
      }
      const keptFrom = Math.max(from, bytes.length - possibleStart(bytes.subarray(from)))
      pieces.push(bytes.subarray(from, keptFrom))
      held = bytes.subarray(keptFrom)
      return Buffer.concat(pieces)
    },
    end() {
      const rest = held
      held = NOTHING
      return rest
    },
  }
}

/** The same for a whole answer, where only the top level counts. */
export function renameWhole(body: Buffer, shownModel: string): Buffer {
  const text = JSON.stringify(shownModel)
  return applyEdits(
    body,
    [...peekObject(body, ['model', 'modelVersion']).values()].map((range) => ({ ...range, text })),
  )
}

/** The next member, from its first quote to behind the opening quote of its value. */
function findMember(bytes: Buffer, from: number): Range | null {
  let first: Range | null = null
  for (const member of MEMBERS) {
    const start = bytes.indexOf(member, from)
    if (start >= 0 && (first === null || start < first.start)) first = { start, end: start + member.length }
  }
  return first
}

/** How many bytes at the end may be the beginning of a member that goes on in the next chunk. */
function possibleStart(bytes: Buffer): number {
  for (let length = Math.min(LONGEST_MEMBER - 1, bytes.length); length > 0; length--) {
    const tail = bytes.subarray(bytes.length - length)
    if (MEMBERS.some((member) => member.subarray(0, length).equals(tail))) return length
  }
  return 0
}
