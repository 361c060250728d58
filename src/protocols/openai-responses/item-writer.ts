/**
 * The output items of an answer, from its deltas: who writes which, and what ends a message.
 */
import { wrapCarrier } from '../carrier.ts'
import type { AnswerContext } from '../hub-contract.ts'
import type { Delta, WebSearchPart } from '../hub.ts'
import { createCallWriter } from './call-writer.ts'
import type { EventWriter } from './event-writer.ts'
import { createMessageWriter } from './message-writer.ts'
import { createReasoningWriter } from './reasoning-writer.ts'

export interface ItemWriter {
  write(delta: Delta): void
  /** Ends what is open; `status` is the one of the answer. */
  close(status: 'completed' | 'incomplete'): void
  hasRefusal(): boolean
}

export function createItemWriter(events: EventWriter, context: AnswerContext): ItemWriter {
  const messages = createMessageWriter(events, context.createId)
  const reasonings = createReasoningWriter(events, context.createId)
  const calls = createCallWriter(events, context)

  function writeSearch({ query, sources }: WebSearchPart): void {
    const id = context.createId('ws_')
    const action = { type: 'search', query, sources: sources.map(({ url }) => ({ type: 'url', url })) }
    const item = { id, type: 'web_search_call', action }
    const place = events.beginItem({ ...item, status: 'in_progress' })
    for (const step of ['in_progress', 'searching', 'completed']) {
      events.write(`response.web_search_call.${step}`, { item_id: id, output_index: place })
    }
    events.endItem(place, { ...item, status: 'completed' })
  }

  return {
    hasRefusal: messages.hasRefusal,
    write(delta) {
      switch (delta.type) {
        case 'text-start':
          return messages.begin(delta.key, 'output_text', delta.phase)
        case 'refusal-start':
          return messages.begin(delta.key, 'refusal')
        case 'text-delta':
        case 'refusal-delta':
          return messages.add(delta.key, delta.text)
        case 'text-citation':
          return messages.cite(delta.key, delta.citation)
        case 'text-end':
        case 'refusal-end':
          return messages.end(delta.key)
        case 'reasoning-start':
          messages.leave()
          return reasonings.begin(delta.key)
        case 'reasoning-delta':
          return reasonings.add(delta.key, delta.text)
        case 'reasoning-end':
          return reasonings.end(delta.key, delta.carrier === null ? null : wrapCarrier(delta.carrier))
        case 'tool-input-start':
          messages.leave()
          return calls.begin(delta)
        case 'tool-input-delta':
          return calls.add(delta.key, delta.text)
        case 'tool-input-end':
          // State that a vendor ties to a call travels as reasoning in front of it.
          if (delta.carrier !== undefined) reasonings.writeSealed(wrapCarrier(delta.carrier))
          return calls.end(delta.key, delta.input)
        case 'web-search':
          messages.leave()
          return writeSearch(delta.search)
        case 'start':
        case 'usage':
        case 'finish':
        case 'error':
      }
    },
    close(status) {
      reasonings.close()
      calls.close()
      messages.close(status)
    },
  }
}
