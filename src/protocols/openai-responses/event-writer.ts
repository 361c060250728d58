/**
 * The events of one answer, numbered from 0, and the list of output items that grows with them.
 */
import type { JsonObject } from '../../core/json.ts'
import { encodeJson } from '../error-answer.ts'

export interface EventWriter {
  write(type: string, members: JsonObject): void
  /** A piece of text. These are nearly all events of an answer, so that `head` is encoded once for all of them. */
  writeDelta(head: DeltaHead, delta: string): void
  /** Announces an item at the next free place, which is the result. */
  beginItem(item: JsonObject): number
  endItem(place: number, item: JsonObject): void
  /** The frames since the last call. */
  take(): string
  /** Finished items, in their places. */
  readonly items: readonly JsonObject[]
  /** How many events there have been. */
  count(): number
}

/** A delta event up to its number, and from there to its text. */
export interface DeltaHead {
  readonly beforeNumber: string
  readonly afterNumber: string
}

/** `members` say where the text belongs. */
export function createDeltaHead(type: string, members: JsonObject): DeltaHead {
  return {
    beforeNumber: `event: ${type}\ndata: {"type":"${type}","sequence_number":`,
    afterNumber: `,${JSON.stringify(members).slice(1, -1)},"delta":`,
  }
}

export function createEventWriter(): EventWriter {
  const items: JsonObject[] = []
  let frames = ''
  let count = 0
  let nextPlace = 0

  function write(type: string, members: JsonObject): void {
    frames += `event: ${type}\ndata: ${encodeJson({ type, sequence_number: count++, ...members })}\n\n`
  }

  return {
    items,
    count: () => count,
    write,
    writeDelta({ beforeNumber, afterNumber }, delta) {
      frames += `${beforeNumber}${count++}${afterNumber}${encodeJson(delta)}}\n\n`
    },
    beginItem(item) {
      write('response.output_item.added', { output_index: nextPlace, item })
      return nextPlace++
    },
    endItem(place, item) {
      items[place] = item
      write('response.output_item.done', { output_index: place, item })
    },
    take() {
      const taken = frames
      frames = ''
      return taken
    },
  }
}
