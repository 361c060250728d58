/**
 * What the model thinks: its words as a summary, its vendor's state sealed beside them.
 */
import type { JsonObject } from '../../core/json.ts'
import { createDeltaHead, type DeltaHead, type EventWriter } from './event-writer.ts'

export interface ReasoningWriter {
  begin(key: string): void
  add(key: string, text: string): void
  /** `sealed` is the vendor's state, null when there is none. */
  end(key: string, sealed: string | null): void
  /** State without words, as an item of its own. */
  writeSealed(sealed: string): void
  close(): void
}

interface OpenReasoning {
  readonly id: string
  readonly place: number
  readonly head: DeltaHead
  readonly pieces: string[]
}

export function createReasoningWriter(events: EventWriter, createId: (prefix: string) => string): ReasoningWriter {
  const open = new Map<string, OpenReasoning>()

  function begin(key: string): void {
    const id = createId('rs_')
    const place = events.beginItem({ id, type: 'reasoning', summary: [] })
    const head = createDeltaHead('response.reasoning_summary_text.delta', placeOf(id, place))
    open.set(key, { id, place, head, pieces: [] })
  }

  function end(key: string, sealed: string | null): void {
    const reasoning = open.get(key)
    if (reasoning === undefined) return
    open.delete(key)
    const { id, place } = reasoning
    const text = reasoning.pieces.join('')
    const part = { type: 'summary_text', text }
    if (text !== '') {
      events.write('response.reasoning_summary_text.done', { ...placeOf(id, place), text })
      events.write('response.reasoning_summary_part.done', { ...placeOf(id, place), part })
    }
    events.endItem(place, {
      id,
      type: 'reasoning',
      summary: text === '' ? [] : [part],
      ...(sealed === null ? {} : { encrypted_content: sealed }),
    })
  }

  return {
    begin,
    add(key, text) {
      const reasoning = open.get(key)
      if (reasoning === undefined || text === '') return
      const { id, place, head, pieces } = reasoning
      if (pieces.length === 0) {
        const part = { type: 'summary_text', text: '' }
        events.write('response.reasoning_summary_part.added', { ...placeOf(id, place), part })
      }
      pieces.push(text)
      events.writeDelta(head, text)
    },
    end,
    writeSealed(sealed) {
      begin(sealed)
      end(sealed, sealed)
    },
    close() {
      for (const key of open.keys()) end(key, null)
    },
  }
}

/** However many paragraphs there are, they are one part. */
function placeOf(id: string, place: number): JsonObject {
  return { item_id: id, output_index: place, summary_index: 0 }
}
