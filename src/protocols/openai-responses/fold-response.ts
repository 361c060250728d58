/**
 * Makes one whole Responses object of the events of a stream. The items are what `output_item.done` says, for the ChatGPT
 * backend ends its streams with an empty `output`; everything else is what the terminal event says. Bytes are put
 * together, not parsed: numbers and unknown members arrive as they were sent.
 */
import { applyEdits } from '../../core/json-edit.ts'
import { peekObject, peekValue, scanArray } from '../../core/json.ts'
import { createObjectEditor } from '../../core/object-editor.ts'
import { FrameScanner, type Frame } from '../../core/sse.ts'
import { typeOf } from '../frame-type.ts'
import { buildItem } from './unfinished-item.ts'

export interface ResponseFolder {
  /** Takes the next event. Its bytes are copied. */
  read(frame: Frame): void
  /** The whole response as JSON; null when the terminal event has not come, or came without a response. */
  finish(): Buffer | null
}

/** The response told by a complete stream; null when it has no readable end. */
export function foldResponse(stream: Buffer): Buffer | null {
  const folder = createResponseFolder()
  // In one piece, because an event inside one chunk is never cut.
  const scanner = new FrameScanner((frame) => folder.read(frame))
  scanner.push(stream)
  scanner.end()
  return folder.finish()
}

export function createResponseFolder(): ResponseFolder {
  /** By output index: ids have been seen to change between events of one item. */
  const done = new Map<number, Buffer>()
  const unfinished = new Map<number, Buffer[]>()
  let response: Buffer | null = null
  let isDamaged = false

  function readItem(data: Buffer, index: number): void {
    const item = peekObject(data, ['item']).get('item')
    if (item === undefined) return
    done.set(index, Buffer.from(data.subarray(item.start, item.end)))
    unfinished.delete(index)
  }

  function readPart(data: Buffer, index: number): void {
    if (done.has(index)) return
    const parts = unfinished.get(index) ?? []
    unfinished.set(index, parts)
    parts.push(Buffer.from(data))
  }

  return {
    read(frame) {
      const type = typeOf(frame)
      if (!type.startsWith('response.')) return
      if (frame.cut) isDamaged = true
      const { data } = frame
      if (TERMINAL.has(type)) {
        const range = peekObject(data, ['response']).get('response')
        if (range !== undefined) response = Buffer.from(data.subarray(range.start, range.end))
        return
      }
      const index = peekValue(data, ['output_index'])
      if (typeof index !== 'number') return
      if (type === 'response.output_item.done') readItem(data, index)
      else readPart(data, index)
    },
    finish() {
      if (response === null || isDamaged) return null
      const isComplete = peekValue(response, ['status']) !== 'incomplete'
      const items = new Map(done)
      for (const [index, parts] of unfinished) {
        const item = buildItem(parts, isComplete)
        if (item !== null) items.set(index, Buffer.from(JSON.stringify(item)))
      }
      const inOrder = [...items].toSorted(([a], [b]) => a - b).map(([, item]) => item)
      return withOutput(response, inOrder)
    },
  }
}

const TERMINAL: ReadonlySet<string> = new Set([
  'response.completed',
  'response.incomplete',
  'response.failed',
  'response.cancelled',
  'response.done',
])

/** The response's own output stays unless the events told more of it. */
function withOutput(response: Buffer, items: readonly Buffer[]): Buffer {
  const editor = createObjectEditor(response)
  const output = editor.find('output')
  const own = output !== undefined && response[output.start] === OPEN_BRACKET ? scanArray(response, output).length : 0
  if (own > 0 && own >= items.length) return response
  editor.set('output', `[${items.map(String).join(',')}]`)
  return applyEdits(response, editor.edits())
}

const OPEN_BRACKET = 0x5b
