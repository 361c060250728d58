/**
 * Adds, replaces and removes members of one object in a JSON text; every byte beside them stays as it is.
 */
import type { Edit } from './json-edit.ts'
import { JsonSyntaxError, parseValue, type Range } from './json.ts'
import { NO_LIMIT, skipObject, skipSpace } from './json-syntax.ts'

export interface ObjectEditor {
  /** The names of the members that are left, in their order. */
  names(): string[]
  /** Where the value of a member stands in the text; undefined for one that is absent, removed, or added here. */
  find(name: string): Range | undefined
  /** Replaces a value or, behind the others, adds a member. `json` is JSON text. */
  set(name: string, json: string | Buffer): void
  /** False when there is no such member. */
  remove(name: string): boolean
  /** The editor of a value that is an object itself; null for anything else. Its changes are part of `edits`. */
  inner(name: string): ObjectEditor | null
  /** All changes so far. */
  edits(): Edit[]
}

interface Member extends Range {
  readonly name: string
  /** Where its name begins, quote included. */
  readonly from: number
}

/**
 * An editor for the object in `range`, or for the whole text. Of two members with one name the last counts, as for
 * JSON.parse, and the others go. Throws JsonSyntaxError when the text is no object.
 */
export function createObjectEditor(bytes: Buffer, range?: Range): ObjectEditor {
  const all = readMembers(bytes, range)
  const kept = new Map(all.map((member) => [member.name, member]))
  const replaced = new Map<string, string | Buffer>()
  const added = new Map<string, string | Buffer>()
  const editors = new Map<string, ObjectEditor>()
  return {
    names: () => [...kept.keys(), ...added.keys()],
    find: (name) => kept.get(name),
    set(name, json) {
      if (kept.has(name)) replaced.set(name, json)
      else added.set(name, json)
    },
    remove(name) {
      replaced.delete(name)
      return kept.delete(name) || added.delete(name)
    },
    inner(name) {
      const member = replaced.has(name) ? undefined : kept.get(name)
      if (member === undefined || bytes[member.start] !== OPEN_BRACE) return null
      const editor = editors.get(name) ?? createObjectEditor(bytes, member)
      editors.set(name, editor)
      return editor
    },
    edits() {
      const edits: Edit[] = []
      for (const [name, text] of replaced) edits.push({ ...place(kept.get(name) as Member), text })
      for (const [name, editor] of editors) {
        if (kept.has(name) && !replaced.has(name)) edits.push(...editor.edits())
      }
      const isKept = (member: Member): boolean => kept.get(member.name) === member
      edits.push(...removals(all, isKept))
      const last = all.findLast(isKept)
      const members = [...added].map(([name, json]) => `${JSON.stringify(name)}:${String(json)}`).join(',')
      if (members !== '') {
        const at = last?.end ?? all[0]?.from ?? openingBrace(bytes, range) + 1
        edits.push({ start: at, end: at, text: last === undefined ? members : `,${members}` })
      }
      return edits
    },
  }
}

const OPEN_BRACE = 0x7b

function place({ start, end }: Range): Range {
  return { start, end }
}

function readMembers(bytes: Buffer, range: Range | undefined): Member[] {
  const members: Member[] = []
  const text = range === undefined ? bytes : bytes.subarray(0, range.end)
  const at = openingBrace(bytes, range)
  if (text[at] !== OPEN_BRACE) throw new JsonSyntaxError('no object begins', bytes, at)
  skipObject({ bytes: text, valuesLeft: NO_LIMIT }, at, 1, (nameStart, nameEnd, start, end) => {
    const name = parseValue(bytes, { start: nameStart - 1, end: nameEnd + 1 }) as string
    members.push({ name, from: nameStart - 1, start, end })
    return false
  })
  return members
}

function openingBrace(bytes: Buffer, range: Range | undefined): number {
  const hasByteOrderMark = range === undefined && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  return skipSpace(bytes, range?.start ?? (hasByteOrderMark ? 3 : 0))
}

/** Each run of removed members goes with the comma that would be left over: the one behind it, else the one before. */
function removals(all: readonly Member[], isKept: (member: Member) => boolean): Edit[] {
  const edits: Edit[] = []
  for (let first = 0; first < all.length; first++) {
    if (isKept(all[first] as Member)) continue
    let next = first + 1
    while (next < all.length && !isKept(all[next] as Member)) next++
    const follower = all[next]
    const end = follower === undefined ? (all[next - 1] as Member).end : follower.from
    const start = follower === undefined && first > 0 ? (all[first - 1] as Member).end : (all[first] as Member).from
    edits.push({ start, end, text: '' })
    first = next - 1
  }
  return edits
}
