/**
 * Calls of tools, several of which may be open side by side. A call is announced with its first piece or its end: only then
 * is it known whether its vendor tied state to it, which must stand in front.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { AnswerContext } from '../hub-contract.ts'
import type { Delta } from '../hub.ts'
import { createInputUnwrapper, type InputUnwrapper } from './custom-input.ts'
import { createDeltaHead, type DeltaHead, type EventWriter } from './event-writer.ts'

type CallStart = Extract<Delta, { type: 'tool-input-start' }>

export interface CallWriter {
  begin(start: CallStart): void
  add(key: string, text: string): void
  /** `input` is the whole text of the arguments. */
  end(key: string, input: string): void
  /** Ends what is open; it is not finished. */
  close(): void
}

interface OpenCall {
  /** Without its input. */
  readonly item: JsonObject
  readonly kind: 'function' | 'custom'
  /** Set when free text comes wrapped in JSON. */
  readonly unwrapper: InputUnwrapper | null
  announced: { readonly place: number; readonly head: DeltaHead } | null
  readonly pieces: string[]
  /** Characters in `pieces`. */
  length: number
}

export function createCallWriter(events: EventWriter, context: AnswerContext): CallWriter {
  const calls = new Map<string, OpenCall>()

  function announce(call: OpenCall): NonNullable<OpenCall['announced']> {
    const { item, kind } = call
    const place = events.beginItem({ ...item, [INPUT[kind]]: '', status: 'in_progress' })
    const head = createDeltaHead(`response.${EVENT[kind]}.delta`, placeOf(item, place))
    return (call.announced = { place, head })
  }

  function tell(call: OpenCall, text: string): void {
    if (text === '') return
    const { head } = call.announced ?? announce(call)
    call.pieces.push(text)
    call.length += text.length
    events.writeDelta(head, text)
  }

  function finish(key: string, call: OpenCall, input: string, status: string): void {
    calls.delete(key)
    tell(call, input.slice(call.length))
    const { item, kind } = call
    const { place } = call.announced ?? announce(call)
    const named = kind === 'function' ? { name: item['name'] as string } : {}
    events.write(`response.${EVENT[kind]}.done`, { ...placeOf(item, place), ...named, [INPUT[kind]]: input })
    events.endItem(place, { ...item, [INPUT[kind]]: input, status })
  }

  return {
    begin(start) {
      const original = context.originalName(start.name)
      const kind = original.kind ?? start.kind
      const namespace = original.namespace ?? start.namespace
      const item = {
        id: context.createId(kind === 'custom' ? 'ctc_' : 'fc_'),
        type: kind === 'custom' ? 'custom_tool_call' : 'function_call',
        call_id: start.id,
        name: original.name,
        ...(namespace === undefined ? {} : { namespace }),
      }
      const unwrapper = kind === 'custom' && start.kind === 'function' ? createInputUnwrapper() : null
      calls.set(start.key, { item, kind, unwrapper, announced: null, pieces: [], length: 0 })
    },
    add(key, text) {
      const call = calls.get(key)
      if (call !== undefined) tell(call, call.unwrapper === null ? text : call.unwrapper.push(text))
    },
    end(key, input) {
      const call = calls.get(key)
      if (call === undefined) return
      const whole = call.unwrapper?.end(input) ?? readInput(call.kind, input)
      finish(key, call, whole.text, whole.isComplete ? 'completed' : 'incomplete')
    },
    close() {
      for (const [key, call] of calls) finish(key, call, call.pieces.join(''), 'incomplete')
    },
  }
}

const INPUT = { function: 'arguments', custom: 'input' } as const
const EVENT = { function: 'function_call_arguments', custom: 'custom_tool_call_input' } as const

function placeOf(item: JsonObject, place: number): JsonObject {
  return { item_id: item['id'] as string, output_index: place }
}

/** Arguments that are cut off by a limit must not be taken for a call. */
function readInput(kind: OpenCall['kind'], input: string): { text: string; isComplete: boolean } {
  if (kind === 'custom') return { text: input, isComplete: true }
  try {
    return { text: input, isComplete: isJsonObject(JSON.parse(input) as JsonValue) }
  } catch {
    return { text: input, isComplete: false }
  }
}
