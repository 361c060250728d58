/**
 * What the model says: texts and refusals that follow each other are parts of one message, until something else comes
 * between them.
 */
import type { JsonObject } from '../../core/json.ts'
import type { Citation } from '../hub.ts'
import { createDeltaHead, type DeltaHead, type EventWriter } from './event-writer.ts'

export interface MessageWriter {
  begin(key: string, kind: TextKind, phase?: string): void
  add(key: string, text: string): void
  cite(key: string, citation: Citation): void
  end(key: string): void
  /** Something else follows: the next text is another message. */
  leave(): void
  /** Ends what is open; `status` is the one of the answer, which its last message shares. */
  close(status: 'completed' | 'incomplete'): void
  hasRefusal(): boolean
}

type TextKind = 'output_text' | 'refusal'

interface Message {
  readonly id: string
  readonly place: number
  readonly phase: string | undefined
  readonly content: JsonObject[]
  openTexts: number
  isLeft: boolean
}

interface OpenText {
  readonly kind: TextKind
  readonly message: Message
  readonly contentIndex: number
  readonly head: DeltaHead
  readonly pieces: string[]
  readonly annotations: JsonObject[]
}

export function createMessageWriter(events: EventWriter, createId: (prefix: string) => string): MessageWriter {
  const texts = new Map<string, OpenText>()
  let current: Message | null = null
  let hasRefusal = false

  function beginMessage(phase: string | undefined): Message {
    const id = createId('msg_')
    const content: JsonObject[] = []
    const place = events.beginItem(messageItem({ id, phase, content }, 'in_progress'))
    return { id, place, phase, content, openTexts: 0, isLeft: false }
  }

  function endMessage(message: Message, status: string): void {
    events.endItem(message.place, messageItem(message, status))
  }

  function leave(): void {
    if (current === null) return
    current.isLeft = true
    if (current.openTexts === 0) endMessage(current, 'completed')
    current = null
  }

  function end(key: string): void {
    const text = texts.get(key)
    if (text === undefined) return
    texts.delete(key)
    const { kind, message, contentIndex, annotations } = text
    const place = placeOf(message, contentIndex)
    const words = text.pieces.join('')
    const part = textPart(kind, words, annotations)
    message.content[contentIndex] = part
    if (kind === 'refusal') events.write('response.refusal.done', { ...place, refusal: words })
    else events.write('response.output_text.done', { ...place, text: words, logprobs: [] })
    events.write('response.content_part.done', { ...place, part })
    message.openTexts--
    if (message.isLeft && message.openTexts === 0) endMessage(message, 'completed')
  }

  return {
    begin(key, kind, phase) {
      hasRefusal ||= kind === 'refusal'
      if (current?.phase !== phase) leave()
      current ??= beginMessage(phase)
      const contentIndex = current.content.length
      const part = textPart(kind, '', [])
      const place = placeOf(current, contentIndex)
      const head =
        kind === 'refusal'
          ? createDeltaHead('response.refusal.delta', place)
          : createDeltaHead('response.output_text.delta', { ...place, logprobs: [] })
      current.content.push(part)
      current.openTexts++
      texts.set(key, { kind, message: current, contentIndex, head, pieces: [], annotations: [] })
      events.write('response.content_part.added', { ...place, part })
    },
    add(key, words) {
      const text = texts.get(key)
      if (text === undefined || words === '') return
      text.pieces.push(words)
      events.writeDelta(text.head, words)
    },
    cite(key, { url, title, start = 0, end: endIndex = 0 }) {
      const text = texts.get(key)
      if (text === undefined || text.kind === 'refusal') return
      const annotation = { type: 'url_citation', url, title, start_index: start, end_index: endIndex }
      events.write('response.output_text.annotation.added', {
        ...placeOf(text.message, text.contentIndex),
        annotation_index: text.annotations.length,
        annotation,
      })
      text.annotations.push(annotation)
    },
    end,
    leave,
    close(status) {
      for (const key of texts.keys()) end(key)
      if (current !== null) endMessage(current, status)
      current = null
    },
    hasRefusal: () => hasRefusal,
  }
}

function placeOf({ id, place }: Message, contentIndex: number): JsonObject {
  return { item_id: id, output_index: place, content_index: contentIndex }
}

function textPart(kind: TextKind, text: string, annotations: JsonObject[]): JsonObject {
  return kind === 'refusal' ? { type: kind, refusal: text } : { type: kind, text, annotations, logprobs: [] }
}

function messageItem({ id, phase, content }: Pick<Message, 'id' | 'phase' | 'content'>, status: string): JsonObject {
  return { id, type: 'message', role: 'assistant', status, content, ...(phase === undefined ? {} : { phase }) }
}
