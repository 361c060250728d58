/**
 * The calls of a streamed Chat answer, put together from deltas whose index may be missing, start at 1, or be 0 for all;
 * whose id may be empty or repeated; whose name may come in pieces.
 */
import { digest } from '../../core/digest.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { Target } from '../hub-contract.ts'
import type { Delta } from '../hub.ts'
import { objectAt, textAt } from '../members.ts'
import { readSignature } from './reasoning-details.ts'

export interface CallSlots {
  /** In the order of their beginnings: the position is the dense index that clients need. */
  readonly all: CallSlot[]
  /** Makes ids for calls that have none. */
  seed: string
}

interface CallSlot {
  readonly index: JsonValue
  id: string
  name: string
  readonly kind: 'function' | 'custom'
  /** The key of the part, once it has been started: not before the name is complete. */
  key: string | null
  readonly pieces: string[]
  signature: string
}

/** Adds one element of `tool_calls`. */
export function takeCall(slots: CallSlots, call: JsonObject, deltas: Delta[]): void {
  const custom = objectAt(call, 'custom')
  const called = custom ?? objectAt(call, 'function') ?? {}
  const id = textAt(call, 'id')
  const name = textAt(called, 'name')
  let slot = findSlot(slots, call['index'] ?? null, id, name)
  if (slot === undefined) {
    const kind = custom === null && call['type'] !== 'custom' ? 'function' : 'custom'
    slot = { index: call['index'] ?? null, id, name: '', kind, key: null, pieces: [], signature: '' }
    slots.all.push(slot)
  }
  if (slot.id === '') slot.id = id
  if (slot.key === null) slot.name = growName(slot.name, name)
  if (slot.signature === '') slot.signature = readSignature(call)
  const piece = inputText(called[custom === null ? 'arguments' : 'input'])
  // White space before the arguments is no argument.
  if (slot.pieces.length === 0 && slot.kind === 'function' ? piece.trim() === '' : piece === '') return
  startPart(slots, slot, deltas)
  slot.pieces.push(piece)
  deltas.push({ type: 'tool-input-delta', key: slot.key as string, text: piece })
}

/**
 * The call that a delta continues; undefined when it begins one. An index that is known counts, unless another id and a
 * name say that a new call was given the same index. Without an index the id counts, and then whether there is a name.
 */
function findSlot({ all }: CallSlots, index: JsonValue, id: string, name: string): CallSlot | undefined {
  if (typeof index === 'number') {
    const slot = all.findLast((each) => each.index === index)
    const isAnother = slot !== undefined && id !== '' && slot.id !== '' && id !== slot.id && name !== ''
    return isAnother ? undefined : slot
  }
  const known = id === '' ? undefined : all.find((each) => each.id === id)
  return known ?? (name === '' && id === '' ? all.at(-1) : undefined)
}

/** Some hosts repeat the name, whole or so far, in every delta; some tell it in pieces. */
function growName(known: string, told: string): string {
  if (told === '' || known.startsWith(told)) return known
  return told.startsWith(known) ? told : known + told
}

/** Arguments should be text; some hosts send the object. */
function inputText(given: JsonValue | undefined): string {
  if (typeof given === 'string') return given
  return isJsonObject(given) ? JSON.stringify(given) : ''
}

function startPart(slots: CallSlots, slot: CallSlot, deltas: Delta[]): void {
  if (slot.key !== null) return
  const position = slots.all.indexOf(slot)
  slot.key = `call${position}`
  if (slot.id === '') slot.id = `call_${digest(`${slots.seed}/${position}/${slot.name}`, 24)}`
  deltas.push({ type: 'tool-input-start', key: slot.key, id: slot.id, name: slot.name, kind: slot.kind })
}

/** Ends all calls. Only the end shows that a call has no arguments, or no more of them. Google's signatures become carriers. */
export function endCalls(slots: CallSlots, { account, model }: Target, deltas: Delta[]): void {
  for (const slot of slots.all) {
    startPart(slots, slot, deltas)
    const input = slot.pieces.join('')
    const isEmpty = slot.kind === 'function' && input === ''
    deltas.push({
      type: 'tool-input-end',
      key: slot.key as string,
      input: isEmpty ? '{}' : input,
      ...(slot.signature === '' ? {} : { carrier: { family: 'gemini', account, model, data: slot.signature } }),
    })
  }
}
