/**
 * Reads a server that speaks Anthropic's Messages protocol.
 */
import { extractLast, peekObject, peekValue, type JsonValue } from '../../core/json.ts'
import type { Frame } from '../../core/sse.ts'
import type { FrameKind, Upstream, Usage } from '../contract.ts'
import { typeOf } from '../frame-type.ts'
import { countAt, usageOf } from '../token-counts.ts'
import { readUpstreamError } from '../upstream-error.ts'

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

/** Source: Anthropic API reference, `usage`. Kimi's servers call what they read from the cache `cached_tokens`. */
function readUsage(usage: JsonValue): Usage | null {
  return usageOf({
    input: countAt(usage, 'input_tokens'),
    cached: countAt(usage, 'cache_read_input_tokens') ?? countAt(usage, 'cached_tokens'),
    cacheWrite: countAt(usage, 'cache_creation_input_tokens'),
    cacheWrite1h: countAt(usage, 'cache_creation', 'ephemeral_1h_input_tokens'),
    output: countAt(usage, 'output_tokens'),
    reasoning: countAt(usage, 'output_tokens_details', 'thinking_tokens'),
  })
}

/** The closing event counts the output; some servers fill its other members with zeros although the start knew better. */
function withoutZeroInput(usage: Usage | null): Usage | null {
  if (usage === null) return null
  const { input, cached, cacheWrite, cacheWrite1h, output, reasoning } = usage
  return usageOf({
    input: input || undefined,
    cached: cached || undefined,
    cacheWrite: cacheWrite || undefined,
    cacheWrite1h: cacheWrite1h || undefined,
    output,
    reasoning,
  })
}
