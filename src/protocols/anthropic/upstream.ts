/**
 * Reads a server that speaks Anthropic's Messages protocol.
 */
import { extractLast, peekObject, peekValue } from '../../core/json.ts'
import type { Frame } from '../../core/sse.ts'
import type { FrameKind, Upstream, Usage } from '../contract.ts'
import { typeOf } from '../frame-type.ts'
import { readUpstreamError } from '../upstream-error.ts'
import { readUsage, withoutZeroInput } from './usage.ts'

export const upstream: Upstream = {
  protocol: 'anthropic',
  inspect,
  usageOfFrame,
  usageOfBody: (body) => readUsage(peekValue(body, ['usage'])),
  decodeError: readUpstreamError,
  readStart: () => null,
  missingEnd: 'event: message_stop\ndata: {"type":"message_stop"}\n\n',
}

function inspect(frame: Frame): FrameKind {
  switch (typeOf(frame)) {
    case 'message_start':
      return 'start'
    case 'content_block_start':
      return isEmptyBlock(frame.data) ? 'start' : 'content'
    case 'content_block_delta':
      return 'content'
    case 'message_delta':
      return hasStopReason(frame.data) ? 'finish' : 'other'
    case 'message_stop':
      return 'terminal'
    case 'error':
      return 'error'
    default:
      return 'other'
  }
}

/** A block of text or thinking opens empty and says nothing yet; any other block is whole, or names a tool. */
function isEmptyBlock(data: Buffer): boolean {
  const block = peekObject(data, ['content_block']).get('content_block')
  const type = peekValue(data, ['type'], block)
  return (type === 'text' || type === 'thinking') && (peekValue(data, [type], block) ?? '') === ''
}

/** There may be several of these events; only the last one says why the answer ended. */
function hasStopReason(data: Buffer): boolean {
  return typeof peekValue(data, ['delta', 'stop_reason']) === 'string'
}

function usageOfFrame(frame: Frame): Usage | null {
  switch (typeOf(frame)) {
    case 'message_start':
      return readUsage(peekValue(frame.data, ['message', 'usage']))
    case 'message_delta':
      return withoutZeroInput(readUsage(extractLast(frame.data, 'usage')))
    default:
      return null
  }
}
