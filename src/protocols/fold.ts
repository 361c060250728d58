/**
 * From the steps of an answer to the whole, and back: a whole answer is never decoded or encoded in a second way.
 */
import { GatewayError } from '../core/errors.ts'
import type { UpstreamError, Usage } from './contract.ts'
import type { Carrier, Citation, Delta, Part, Result } from './hub.ts'

export interface Fold {
  push(delta: Delta): void
  /** The whole answer. Throws GatewayError `upstream_failed` when an error was told or the end has not come. */
  result(): Result
}

/** A part that may still grow. Its texts are joined once, at the end: an argument of megabytes comes in thousands of pieces. */
interface OpenPart {
  readonly begun: Extract<
    Delta,
    { type: 'text-start' | 'reasoning-start' | 'refusal-start' | 'tool-input-start' | 'web-search' }
  >
  readonly pieces: string[]
  readonly citations: Citation[]
  input: string | null
  carrier: Carrier | null
}

/** Collects the deltas of one answer; parts stand in the order of their beginnings. */
export function createFold(): Fold {
  const parts = new Map<string, OpenPart>()
  const usage: Usage = {}
  let start: Extract<Delta, { type: 'start' }> | null = null
  let finish: Result['finish'] | null = null
  let failure: UpstreamError | null = null

  function open(key: string, begun: OpenPart['begun']): void {
    parts.set(key, { begun, pieces: [], citations: [], input: null, carrier: null })
  }

  function partOf(key: string): OpenPart {
    const part = parts.get(key)
    if (part === undefined) throw new GatewayError({ kind: 'internal', message: `no part "${key}" has been started` })
    return part
  }

  return {
    push(delta) {
      switch (delta.type) {
        case 'start':
          start ??= delta
          return
        case 'text-start':
        case 'reasoning-start':
        case 'refusal-start':
        case 'tool-input-start':
          return open(delta.key, delta)
        case 'web-search':
          // Searches have ids instead of keys; a space keeps the two apart.
          return open(`search ${delta.search.id}`, delta)
        case 'text-delta':
        case 'reasoning-delta':
        case 'refusal-delta':
        case 'tool-input-delta':
          partOf(delta.key).pieces.push(delta.text)
          return
        case 'text-citation':
          partOf(delta.key).citations.push(delta.citation)
          return
        case 'text-end':
        case 'refusal-end':
          return
        case 'reasoning-end':
          partOf(delta.key).carrier = delta.carrier
          return
        case 'tool-input-end': {
          const part = partOf(delta.key)
          part.input = delta.input
          part.carrier = delta.carrier ?? null
          return
        }
        case 'usage':
          Object.assign(usage, delta.usage)
          return
        case 'finish': {
          const { type: _, ...told } = delta
          finish = told
          return
        }
        case 'error':
          failure = delta.error
      }
    },
    result() {
      if (failure !== null) throw failed(failure.message || failure.code || failure.type)
      if (start === null || finish === null) throw failed('the answer of the upstream has no end')
      return { id: start.id, model: start.model, parts: [...parts.values()].map(closePart), usage, finish }
    },
  }
}

function failed(message: string): GatewayError {
  return new GatewayError({ kind: 'upstream_failed', source: 'upstream', message })
}

function closePart({ begun, pieces, citations, input, carrier }: OpenPart): Part {
  const text = pieces.join('')
  switch (begun.type) {
    case 'text-start':
      return {
        type: 'text',
        text,
        ...(citations.length === 0 ? {} : { citations }),
        ...(begun.phase === undefined ? {} : { phase: begun.phase }),
      }
    case 'reasoning-start':
      return { type: 'reasoning', text, carrier }
    case 'refusal-start':
      return { type: 'refusal', text }
    case 'tool-input-start': {
      const { type: _, key: __, ...call } = begun
      const whole = input ?? text
      const isEmpty = whole === '' && call.kind === 'function'
      return { type: 'tool-call', ...call, input: isEmpty ? '{}' : whole, ...(carrier === null ? {} : { carrier }) }
    }
    case 'web-search':
      return begun.search
  }
}

/** The steps that a whole answer amounts to: every part in one piece. Parts that no answer can tell are left out. */
export function unfold(result: Result): Delta[] {
  const { id, model, parts, usage, finish } = result
  return [
    { type: 'start', id, model },
    ...parts.flatMap((part, position) => unfoldPart(part, String(position))),
    { type: 'usage', usage },
    { type: 'finish', ...finish },
  ]
}

function unfoldPart(part: Part, key: string): Delta[] {
  switch (part.type) {
    case 'text':
      return [
        { type: 'text-start', key, ...(part.phase === undefined ? {} : { phase: part.phase }) },
        ...(part.text === '' ? [] : [{ type: 'text-delta' as const, key, text: part.text }]),
        ...(part.citations ?? []).map((citation) => ({ type: 'text-citation' as const, key, citation })),
        { type: 'text-end', key },
      ]
    case 'reasoning':
      return [
        { type: 'reasoning-start', key },
        ...(part.text === '' ? [] : [{ type: 'reasoning-delta' as const, key, text: part.text }]),
        { type: 'reasoning-end', key, carrier: part.carrier },
      ]
    case 'refusal':
      return [
        { type: 'refusal-start', key },
        { type: 'refusal-delta', key, text: part.text },
        { type: 'refusal-end', key },
      ]
    case 'tool-call': {
      const { id, name, namespace, kind, input, carrier } = part
      return [
        { type: 'tool-input-start', key, id, name, ...(namespace === undefined ? {} : { namespace }), kind },
        { type: 'tool-input-delta', key, text: input },
        { type: 'tool-input-end', key, input, ...(carrier === undefined ? {} : { carrier }) },
      ]
    }
    case 'web-search':
      return [{ type: 'web-search', search: part }]
    default:
      return []
  }
}
