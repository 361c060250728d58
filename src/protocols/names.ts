/**
 * Names of tools and ids of calls in the letters that a dialect allows. Pure functions of what the client sent, so that
 * they are the same on every turn and the vendor's cache holds; names have a way back.
 */
import type { Protocol } from '../core/account.ts'
import { digest } from '../core/digest.ts'
import type { Conversation } from './hub.ts'

export interface NameMap {
  /** The tool's name for the dialect; grouped tools are called `namespace__name`. */
  readonly toolName: (name: string, namespace?: string) => string
  /** The client's name for what the dialect calls `name`; itself, with kind null, for a tool that nobody declared. */
  readonly originalName: (name: string) => OriginalName
  /** The call's id for the dialect. */
  readonly callId: (id: string) => string
}

export interface OriginalName {
  readonly name: string
  readonly namespace?: string
  readonly kind: 'function' | 'custom' | null
}

/** The names of one conversation in the letters of `protocol`. Where two would become the same, the later one is marked. */
export function createNameMap(conversation: Conversation, protocol: Protocol): NameMap {
  const rules = RULES[protocol]
  const forward = new Map<string, string>()
  const backward = new Map<string, OriginalName>()
  const named = namesIn(conversation)
  // Whoever needs no change keeps its name, wherever it stands in the list.
  const legal = named.filter(({ name, namespace }) => {
    const full = fullName(name, namespace)
    return fit(full, rules) === full
  })
  for (const tool of [...legal, ...named]) {
    const full = fullName(tool.name, tool.namespace)
    const key = keyOf(tool.name, tool.namespace)
    if (forward.has(key)) continue
    const fitting = fit(full, rules)
    const name = backward.has(fitting) ? mark(fitting, key, rules.longestName) : fitting
    forward.set(key, name)
    backward.set(name, tool)
  }
  return {
    toolName: (name, namespace) => forward.get(keyOf(name, namespace)) ?? fit(fullName(name, namespace), rules),
    originalName: (name) => backward.get(name) ?? { name, kind: null },
    callId: (id) => fitCallId(id, rules),
  }
}

interface NameRules {
  /** Letters that are not allowed in a tool's name. */
  readonly illegal: RegExp
  /** What a name must begin with; null for anything. */
  readonly start: RegExp | null
  readonly longestName: number
  /** Letters that are not allowed in a call's id; null where ids are free. */
  readonly illegalInId: RegExp | null
  readonly longestId: number
}

const OPENAI_RULES: NameRules = {
  illegal: /[^A-Za-z0-9_-]/g,
  start: null,
  longestName: 64,
  // The vendor takes more in ids; hosts that check them take these letters.
  illegalInId: /[^A-Za-z0-9_-]/g,
  longestId: 64,
}

/** Sources: the vendors' references on tool declarations; the 64 of `call_id` is told only by its 400. */
const RULES: Record<Protocol, NameRules> = {
  anthropic: { ...OPENAI_RULES, longestName: 128, longestId: 128 },
  'openai-responses': OPENAI_RULES,
  'openai-chat': OPENAI_RULES,
  gemini: { illegal: /[^A-Za-z0-9_.:-]/g, start: /^[A-Za-z_]/, longestName: 128, illegalInId: null, longestId: 128 },
}

/** The declared tools, then those that only the history knows: a model repeats what it has seen. */
function namesIn(conversation: Conversation): OriginalName[] {
  const named: OriginalName[] = []
  for (const tool of conversation.tools) {
    if (tool.kind === 'function' || tool.kind === 'custom') named.push(originalOf(tool))
  }
  for (const turn of conversation.turns) {
    for (const part of turn.parts) if (part.type === 'tool-call') named.push(originalOf(part))
  }
  return named
}

function originalOf(tool: { name: string; namespace?: string; kind: 'function' | 'custom' }): OriginalName {
  return { name: tool.name, ...(tool.namespace === undefined ? {} : { namespace: tool.namespace }), kind: tool.kind }
}

function fullName(name: string, namespace: string | undefined): string {
  return namespace === undefined ? name : `${namespace}__${name}`
}

/** Tells a tool in a group from one whose name merely looks like it. */
function keyOf(name: string, namespace: string | undefined): string {
  return namespace === undefined ? name : `${namespace}\u0000${name}`
}

function fit(name: string, rules: NameRules): string {
  let fitting = name.replaceAll(rules.illegal, '_')
  if (fitting === '' || rules.start?.test(fitting) === false) fitting = `_${fitting}`
  return fitting.length > rules.longestName ? mark(fitting, name, rules.longestName) : fitting
}

/** Ids mean nothing to a model, so a changed one is always marked and two never become the same. */
function fitCallId(id: string, { illegalInId, longestId }: NameRules): string {
  if (id === '') return `call_${digest(id, 8)}`
  const fitting = illegalInId === null ? id : id.replaceAll(illegalInId, '_')
  return fitting === id && id.length <= longestId ? id : mark(fitting, id, longestId)
}

/** The name, cut where needed, with a hash of what it stands for. */
function mark(name: string, original: string, longest: number): string {
  return `${name.slice(0, longest - 9)}_${digest(original, 8)}`
}
