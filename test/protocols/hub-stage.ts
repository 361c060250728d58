/**
 * What tests of the hub lane need around them: a conversation, a target and a context with everything left empty, and
 * streams fed to a decoder in pieces of any size.
 */
import type { Protocol } from '../../src/core/account.ts'
import { FrameScanner } from '../../src/core/sse.ts'
import { capabilitiesOf } from '../../src/protocols/capabilities.ts'
import { createFold } from '../../src/protocols/fold.ts'
import type { AnswerContext, HubDownstream, StreamDecoder, Target } from '../../src/protocols/hub-contract.ts'
import type { Conversation, Delta, Result, Turn } from '../../src/protocols/hub.ts'
import { createLedger } from '../../src/protocols/ledger.ts'
import { createNameMap } from '../../src/protocols/names.ts'

const EMPTY: Conversation = {
  source: 'anthropic',
  model: 'a-model',
  stream: true,
  system: [],
  turns: [],
  tools: [],
  toolChoice: null,
  parallelTools: null,
  maxOutputTokens: null,
  stop: [],
  sampling: {},
  reasoning: null,
  format: null,
  verbosity: null,
  cacheKey: null,
  marksCache: false,
  user: null,
  serviceTier: null,
  previousResponseId: null,
  wantsUsage: true,
  extras: {},
}

export function conversationOf(members: Partial<Conversation> = {}): Conversation {
  return { ...EMPTY, turns: [userSays('Hi')], ...members }
}

export function userSays(text: string): Turn {
  return { role: 'user', parts: [{ type: 'text', text }] }
}

/** A target of `protocol` for `model`; a third party's host unless `isVendorHost`. */
export function targetOf(
  protocol: Protocol,
  {
    model = 'a-model',
    isVendorHost = false,
    conversation = conversationOf(),
    ...members
  }: Partial<Target> & {
    conversation?: Conversation
  } = {},
): Target {
  const { toolName, callId } = createNameMap(conversation, protocol)
  return {
    model,
    capabilities: capabilitiesOf(model, protocol, isVendorHost),
    account: 'acct1',
    isVendorHost,
    cacheKey: null,
    toolName,
    callId,
    ledger: createLedger(),
    ...members,
  }
}

/** Ids are `<prefix>1`, `<prefix>2`, …; `upstream` is where names were changed for. */
export function contextOf(conversation = conversationOf(), upstream: Protocol = 'openai-chat'): AnswerContext {
  let ids = 0
  return {
    conversation,
    model: conversation.model,
    now: 1_790_000_000_000,
    createId: (prefix) => `${prefix}${++ids}`,
    originalName: createNameMap(conversation, upstream).originalName,
    ledger: createLedger(),
  }
}

/** The deltas of a stream's text that arrives in pieces of `pieceBytes`. */
export function decodeText(decoder: StreamDecoder, text: string, pieceBytes = Infinity): Delta[] {
  const deltas: Delta[] = []
  const scanner = new FrameScanner((frame) => deltas.push(...decoder.decode(frame)))
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    scanner.push(Buffer.from(bytes.subarray(at, Math.min(bytes.length, at + pieceBytes))))
  }
  scanner.end()
  return [...deltas, ...decoder.end()]
}

export function foldOf(deltas: readonly Delta[]): Result {
  const fold = createFold()
  for (const delta of deltas) fold.push(delta)
  return fold.result()
}

/** The text of a streamed answer. */
export function encodeAll(downstream: HubDownstream, deltas: readonly Delta[], context = contextOf()): string {
  const encoder = downstream.createStreamEncoder(context)
  return deltas.map((delta) => encoder.encode(delta)).join('')
}

/** The parsed data of every event in a stream's text; what is no JSON stays text. */
export function eventsOf(text: string): unknown[] {
  const events: unknown[] = []
  const scanner = new FrameScanner(({ data }) => {
    const json = data.toString()
    events.push(json.startsWith('{') ? JSON.parse(json) : json)
  })
  scanner.push(Buffer.from(text))
  scanner.end()
  return events
}
