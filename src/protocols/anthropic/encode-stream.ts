/**
 * Neutral steps as a Messages stream. Steps may interleave, but in this dialect one block is open at a time: what belongs
 * to another part closes an open text, and waits behind an open tool call, whose input may not be torn apart.
 */
import type { Delta, PartDelta } from '../hub.ts'
import type { AnswerContext, StreamEncoder } from '../hub-contract.ts'
import { BlockWriter } from './block-writer.ts'
import { isSearchRequest } from './message-shape.ts'
import { placeFoundPages } from './search-blocks.ts'

/** An encoder for one answer. `encode` throws as `encodeStop` does. */
export function createStreamEncoder(context: AnswerContext): StreamEncoder {
  const writer = new BlockWriter(context)
  /** Steps behind the open tool call, by part, in the order in which the parts began. */
  const waiting = new Map<string, PartDelta[]>()
  /** Of a request that is one search: everything, until its pages are known. */
  const held: PartDelta[] | null = isSearchRequest(context.conversation) ? [] : null

  function route(delta: PartDelta): void {
    const { openCall } = writer
    const key = openCall === null ? '' : partKey(delta)
    if (openCall !== null && openCall !== key) {
      const steps = waiting.get(key)
      if (steps === undefined) waiting.set(key, [delta])
      else steps.push(delta)
      return
    }
    writer.write(delta)
    if (waiting.size > 0) release()
  }

  function release(): void {
    for (const [key, steps] of waiting) {
      if (writer.openCall !== null) return
      waiting.delete(key)
      for (const step of steps) writer.write(step)
    }
  }

  function finish(delta: Extract<Delta, { type: 'finish' }>): void {
    for (const step of placeFoundPages(held ?? [])) route(step)
    while (writer.openCall !== null || waiting.size > 0) {
      writer.closeBlock()
      release()
    }
    writer.end(delta)
  }

  return {
    encode(delta) {
      switch (delta.type) {
        case 'start':
          writer.start()
          break
        case 'usage':
          writer.count(delta.usage)
          break
        case 'finish':
          finish(delta)
          break
        case 'error':
          break
        default:
          if (held === null) route(delta)
          else held.push(delta)
      }
      return writer.take()
    },
    told: () => writer.told,
  }
}

/** Searches have ids instead of keys; a space keeps the two apart. */
function partKey(delta: PartDelta): string {
  return delta.type === 'web-search' ? `search ${delta.search.id}` : delta.key
}
