/**
 * The blocks of an answer while they are open, and what is told when they end.
 */
import type { JsonObject } from '../../core/json.ts'
import type { Target } from '../hub-contract.ts'
import type { Carrier, Delta } from '../hub.ts'
import { textAt } from '../members.ts'

export type Block =
  | { readonly kind: 'text'; readonly key: string }
  | { readonly kind: 'thinking'; readonly key: string; readonly pieces: string[]; signature: string }
  /** `given` is the input that stood in the block's start: some servers tell all of it there. */
  | { readonly kind: 'call'; readonly key: string; readonly pieces: string[]; readonly given: JsonObject }
  | { readonly kind: 'search'; readonly id: string; readonly pieces: string[]; readonly given: JsonObject }
  /** Told only to Anthropic's own clients. */
  | { readonly kind: 'foreign' }

/** The steps that end a block of the answer. */
export function endsOf(block: Block, target: Target): Delta[] {
  switch (block.kind) {
    case 'text':
      return [{ type: 'text-end', key: block.key }]
    case 'thinking': {
      const { key, pieces, signature } = block
      const whole = { type: 'thinking', thinking: pieces.join(''), signature }
      return [{ type: 'reasoning-end', key, carrier: signature === '' ? null : carryBlock(whole, target) }]
    }
    case 'call':
      return [{ type: 'tool-input-end', key: block.key, input: inputOf(block) }]
    case 'search':
    case 'foreign':
      return []
  }
}

/** Text and signature are bound to each other, so the block travels whole. */
export function carryBlock(block: JsonObject, { account, model }: Target): Carrier {
  return { family: 'anthropic', account, model, data: block }
}

/** What was searched for; empty when the server did not say. */
export function readQuery(search: Extract<Block, { kind: 'search' }>): string {
  try {
    return textAt(JSON.parse(inputOf(search)) as JsonObject, 'query')
  } catch {
    return ''
  }
}

/** Pieces are joined once, at the end: an input of megabytes comes in thousands of them. */
function inputOf({ pieces, given }: { readonly pieces: readonly string[]; readonly given: JsonObject }): string {
  return pieces.join('') || JSON.stringify(given)
}
