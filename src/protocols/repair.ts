/**
 * Makes a conversation one that vendors accept: every call has its one result right behind it, every result its call, no
 * turn is empty. Clients interrupt, edit and compact their histories, and vendors answer 400 to what is left.
 */
import type { Conversation, Ledger, Part, TextPart, ToolCallPart, ToolResultPart, Turn } from './hub.ts'
import { pairResults, type Pairing } from './repair-pairs.ts'

export interface RepairRules {
  /** Turns of the same role that follow each other become one. */
  readonly mergesNeighbours: boolean
  /** The conversation may end with an assistant turn. */
  readonly allowsPrefill: boolean
  /** The first turn must be the user's. */
  readonly startsWithUser: boolean
  /** Text that is white space alone is refused like an empty one. */
  readonly dropsBlankText: boolean
}

/** What stands where a vendor insists on words and there are none. */
const PLACEHOLDER: TextPart = { type: 'text', text: '.' }
const CONTINUE: TextPart = { type: 'text', text: 'Continue.' }
const NO_OUTPUT: TextPart = { type: 'text', text: 'no output' }

/** The conversation with repaired turns; everything else stays. Pure: the same history gives the same bytes next turn. */
export function repairConversation(conversation: Conversation, rules: RepairRules, ledger: Ledger): Conversation {
  const join = rules.mergesNeighbours ? mergeNeighbours : keepNeighbours
  const pairing = pairResults(conversation.turns, ledger)
  // Results must stand between assistant turns until these are joined: what was said after them is another turn.
  const cleaned = conversation.turns.map((turn) => cleanTurn(turn, pairing, rules, ledger))
  const answered = join(cleaned).flatMap((turn) => moveResults(turn, pairing, ledger))
  return { ...conversation, turns: closeEnds(join(answered), rules, ledger) }
}

/** The turn without empty texts, with ids that are its calls' own. Orphans become text. */
function cleanTurn(turn: Turn, pairing: Pairing, rules: RepairRules, ledger: Ledger): Turn {
  const parts: Part[] = []
  for (const part of turn.parts) {
    switch (part.type) {
      case 'text':
        if (hasText(part, rules)) parts.push(part)
        break
      case 'tool-result':
        if (pairing.orphans.has(part)) {
          ledger.note('orphan-tool-output', part.name ?? part.callId)
          parts.push(...tellOrphan(part))
        } else parts.push(part)
        break
      case 'tool-call':
        parts.push(pairing.renamed.get(part) ?? part)
        break
      default:
        parts.push(part)
    }
  }
  return { role: turn.role, parts }
}

function hasText(part: TextPart, rules: RepairRules): boolean {
  return rules.dropsBlankText ? part.text.trim() !== '' : part.text !== ''
}

/** A result that nobody asked for is still something the model should know. */
function tellOrphan(result: ToolResultPart): Part[] {
  const lead = `[result of ${result.name ?? result.callId}]`
  const texts = result.parts.filter((part) => part.type === 'text').map((part) => part.text)
  const others = result.parts.filter((part) => part.type !== 'text')
  return [{ type: 'text', text: [lead, ...texts].join(' ') }, ...others]
}

function mergeNeighbours(turns: readonly Turn[]): Turn[] {
  const merged: { role: Turn['role']; parts: Part[] }[] = []
  for (const { role, parts } of keepNeighbours(turns)) {
    const last = merged.at(-1)
    if (last?.role === role) last.parts.push(...parts)
    else merged.push({ role, parts: [...parts] })
  }
  return merged
}

function keepNeighbours(turns: readonly Turn[]): Turn[] {
  return turns.filter((turn) => turn.parts.length > 0)
}

/** The turn without results, and behind it those of its own calls. */
function moveResults(turn: Turn, pairing: Pairing, ledger: Ledger): Turn[] {
  const rest = { role: turn.role, parts: turn.parts.filter((part) => part.type !== 'tool-result') }
  const calls = turn.parts.filter((part) => part.type === 'tool-call')
  if (calls.length === 0) return [rest]
  return [rest, { role: 'user', parts: calls.map((call) => resultOf(call, pairing, ledger)) }]
}

function resultOf(call: ToolCallPart, pairing: Pairing, ledger: Ledger): ToolResultPart {
  const isCustom = call.kind === 'custom'
  const told = pairing.results.get(call)
  if (told !== undefined) {
    const parts = told.parts.filter((part) => part.type !== 'text' || part.text !== '')
    return { ...told, parts, callId: call.id, name: call.name, isCustom }
  }
  ledger.note('missing-tool-output', call.name)
  return { type: 'tool-result', callId: call.id, name: call.name, parts: [NO_OUTPUT], isError: false, isCustom }
}

/** Both ends of the conversation, where vendors have wishes of their own. */
function closeEnds(turns: Turn[], rules: RepairRules, ledger: Ledger): Turn[] {
  const last = turns.at(-1)
  if (last?.role === 'assistant') {
    const trimmed = trimEnd(last)
    turns.pop()
    if (trimmed.parts.length > 0) turns.push(trimmed)
    if (!rules.allowsPrefill) {
      ledger.note('prefill-continued')
      turns.push({ role: 'user', parts: [CONTINUE] })
    }
  }
  if (!turns.some((turn) => turn.role === 'user')) turns.push({ role: 'user', parts: [PLACEHOLDER] })
  if (rules.startsWithUser && turns[0]?.role === 'assistant') turns.unshift({ role: 'user', parts: [PLACEHOLDER] })
  return turns
}

/** Messages refuses an answer begun for the model that ends in white space. */
function trimEnd(turn: Turn): Turn {
  const last = turn.parts.at(-1)
  if (last?.type !== 'text') return turn
  const text = last.text.trimEnd()
  const rest = turn.parts.slice(0, -1)
  return { role: turn.role, parts: text === '' ? rest : [...rest, { ...last, text }] }
}
