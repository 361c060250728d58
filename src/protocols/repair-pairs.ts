/**
 * Which result answers which call. Ids are not enough: some models count calls from 0 in every turn, and clients repeat
 * results, so a result belongs to the nearest call before it that has its id.
 */
import type { Ledger, ToolCallPart, ToolResultPart, Turn } from './hub.ts'

export interface Pairing {
  /** The one result of each call that has any. Keys are the calls as they are in `renamed`, where they are. */
  readonly results: ReadonlyMap<ToolCallPart, ToolResultPart>
  /** Results without a call. */
  readonly orphans: ReadonlySet<ToolResultPart>
  /** Calls whose id an earlier call had already, with an id of their own. */
  readonly renamed: ReadonlyMap<ToolCallPart, ToolCallPart>
}

/** Pairs calls and results in the order of the conversation. Of several results for a call the last one counts. */
export function pairResults(turns: readonly Turn[], ledger: Ledger): Pairing {
  const latest = new Map<string, ToolCallPart>()
  const timesSeen = new Map<string, number>()
  const results = new Map<ToolCallPart, ToolResultPart>()
  const orphans = new Set<ToolResultPart>()
  const renamed = new Map<ToolCallPart, ToolCallPart>()
  for (const turn of turns) {
    for (const part of turn.parts) {
      if (part.type === 'tool-call') {
        const times = (timesSeen.get(part.id) ?? 0) + 1
        timesSeen.set(part.id, times)
        const call = times === 1 ? part : { ...part, id: `${part.id}_${times}` }
        if (call !== part) renamed.set(part, call)
        latest.set(part.id, call)
      } else if (part.type === 'tool-result') {
        const call = latest.get(part.callId)
        if (call === undefined) orphans.add(part)
        else if (results.has(call)) ledger.note('duplicate-tool-output', part.callId)
        if (call !== undefined) results.set(call, part)
      }
    }
  }
  return { results, orphans, renamed }
}
