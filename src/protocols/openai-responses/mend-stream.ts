/**
 * Makes the ChatGPT backend's stream one of the Responses API, for clients that read it strictly: OpenAI's SDK throws at an
 * event it does not know, and takes the empty `output` of the terminal event for the answer.
 */
import { applyEdits } from '../../core/json-edit.ts'
import { peekObject } from '../../core/json.ts'
import { FrameScanner, type Frame } from '../../core/sse.ts'
import { typeOf } from '../frame-type.ts'
import type { StreamMender } from '../contract.ts'
import { createResponseFolder } from './fold-response.ts'

const NOTHING: Buffer = Buffer.alloc(0)
/** A larger event passes as it comes. Terminal events repeat instructions and tools, so they are large. */
const MOST_OPEN_BYTES = 8 * 1024 * 1024

export function createStreamMender(): StreamMender {
  const folder = createResponseFolder()
  const scanner = new FrameScanner(onFrame)
  /** Bytes of the event that has not ended yet, before the current chunk. */
  let open: Buffer[] = []
  let openBytes = 0
  let chunk = NOTHING
  let position = 0
  let ready: Buffer[] = []
  let isPassing = false
  /** An event went by unread, so the items are not known to be all there. */
  let hasGap = false

  function onFrame(frame: Frame, endOffset: number): void {
    const here = chunk.subarray(position, endOffset)
    const bytes = open.length === 0 ? here : Buffer.concat([...open, here])
    open = []
    openBytes = 0
    position = Math.max(position, endOffset)
    hasGap ||= isPassing
    ready.push(isPassing ? bytes : mend(frame, bytes))
    isPassing = false
  }

  function mend(frame: Frame, bytes: Buffer): Buffer {
    const type = typeOf(frame)
    if (type.startsWith('codex.')) return NOTHING
    if (type === 'response.output_item.done') folder.read(frame.cut ? wholeFrame(bytes, frame) : frame)
    if (hasGap || (type !== 'response.completed' && type !== 'response.incomplete')) return bytes
    const whole = frame.cut ? wholeFrame(bytes, frame) : frame
    folder.read(whole)
    const response = peekObject(whole.data, ['response']).get('response')
    const folded = folder.finish()
    if (response === undefined || folded === null || folded.equals(whole.data.subarray(response.start, response.end))) {
      return bytes
    }
    return encode(whole, applyEdits(whole.data, [{ ...response, text: folded }]))
  }

  function take(): Buffer {
    const bytes = ready.length === 1 ? (ready[0] as Buffer) : Buffer.concat(ready)
    ready = []
    return bytes
  }

  return {
    push(next) {
      chunk = next
      position = 0
      scanner.push(next)
      const rest = next.subarray(position)
      if (isPassing || openBytes + rest.length > MOST_OPEN_BYTES) {
        ready.push(...open, rest)
        open = []
        openBytes = 0
        isPassing = true
      } else if (rest.length > 0) {
        open.push(rest)
        openBytes += rest.length
      }
      return take()
    },
    end() {
      chunk = NOTHING
      position = 0
      scanner.end()
      ready.push(...open)
      open = []
      return take()
    },
  }
}

/** The frame read again from all its bytes: inside one chunk nothing is cut out of it. */
function wholeFrame(bytes: Buffer, cut: Frame): Frame {
  let found = cut
  const scanner = new FrameScanner((frame) => {
    found = { event: frame.event, data: Buffer.from(frame.data), cut: frame.cut }
  })
  scanner.push(bytes)
  scanner.end()
  return found
}

function encode({ event }: Frame, data: Buffer): Buffer {
  const name = event === '' ? '' : `event: ${event}\n`
  return Buffer.from(`${name}data: ${data.toString().replaceAll('\n', '\ndata: ')}\n\n`)
}
