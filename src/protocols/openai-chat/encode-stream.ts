/**
 * The chunks of a streamed answer. Clients need the role in the first chunk, calls with dense indexes from 0, a finish
 * reason in some chunk, and at most one chunk of usage behind it. Source: OpenAI API reference and its own SDK.
 */
import type { JsonObject } from '../../core/json.ts'
import type { AnswerStart, Usage } from '../contract.ts'
import { wrapCarrier } from '../carrier.ts'
import { encodeJson } from '../error-answer.ts'
import type { AnswerContext, StreamEncoder } from '../hub-contract.ts'
import type { Carrier, Delta, FinishReason } from '../hub.ts'
import { encodeCitation } from './annotations.ts'
import { adaptCall, type CallForm } from './call-form.ts'
import { FINISH_WORDS } from './finish-reasons.ts'
import { encodeReasoningDetail, isReasoningHidden, writeSignature } from './reasoning-details.ts'
import { writeUsage } from './usage.ts'

/** A call that is being told. */
interface OpenCall {
  readonly index: number
  readonly form: CallForm
  /** How much of the input the client has. */
  told: number
}

/** Everything an encoder remembers about its answer. */
interface State {
  readonly context: AnswerContext
  /** The beginning of every chunk up to its choices, and the end of every chunk that has one. */
  head: string
  readonly tail: string
  start: AnswerStart | null
  events: number
  readonly calls: Map<string, OpenCall>
  /** The texts of the reasoning parts, for the details behind them. */
  readonly thoughts: Map<string, string[]>
  hasThoughts: boolean
  details: number
  readonly annotations: JsonObject[]
  /** Characters of text told so far. */
  textLength: number
  usage: Usage
}

/** An encoder for one answer. */
export function createStreamEncoder(context: AnswerContext): StreamEncoder {
  const usage = context.conversation.wantsUsage ? ',"usage":null' : ''
  const state: State = {
    context,
    head: '',
    tail: `}]${usage}}\n\n`,
    start: null,
    events: 0,
    calls: new Map(),
    thoughts: new Map(),
    hasThoughts: false,
    details: 0,
    annotations: [],
    textLength: 0,
    usage: {},
  }
  return {
    encode: (delta) => encode(state, delta),
    told: () => ({ start: state.start, events: state.events }),
  }
}

function encode(state: State, delta: Delta): string {
  switch (delta.type) {
    case 'start':
      return begin(state, delta.id)
    case 'text-start': {
      const isApart = delta.phase !== undefined && state.textLength > 0
      return isApart ? text(state, '\n\n') : ''
    }
    case 'text-delta':
      return text(state, delta.text)
    case 'text-citation':
      state.annotations.push(encodeCitation(delta.citation, state.textLength))
      return ''
    case 'reasoning-start':
      state.thoughts.set(delta.key, [])
      return ''
    case 'reasoning-delta':
      return think(state, delta.key, delta.text)
    case 'reasoning-end':
      return endThought(state, delta.key, delta.carrier)
    case 'refusal-delta':
      return delta.text === '' ? '' : chunk(state, `{"refusal":${encodeJson(delta.text)}}`)
    case 'tool-input-start':
      return startCall(state, delta)
    case 'tool-input-delta':
      return continueCall(state, delta.key, delta.text)
    case 'tool-input-end':
      return endCall(state, delta)
    case 'web-search':
      state.context.ledger.note('dropped', 'web-search')
      return ''
    case 'usage':
      Object.assign(state.usage, delta.usage)
      return ''
    case 'finish':
      return finish(state, delta.reason)
    case 'text-end':
    case 'refusal-start':
    case 'refusal-end':
    case 'error':
      return ''
  }
}

function begin(state: State, upstreamId: string): string {
  const { context } = state
  const id = upstreamId.startsWith('chatcmpl') ? upstreamId : context.createId('chatcmpl-')
  const createdAt = Math.floor(context.now / 1000)
  state.start = { id, model: context.model, createdAt }
  const shell = encodeJson({ id, object: 'chat.completion.chunk', created: createdAt, model: context.model })
  state.head = `data: ${shell.slice(0, -1)},"choices":[`
  return chunk(state, '{"role":"assistant","content":""}')
}

/** `delta` and `reason` as JSON text. */
function chunk(state: State, delta: string, reason = 'null'): string {
  state.events++
  return `${state.head}{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${reason}${state.tail}`
}

function text(state: State, words: string): string {
  if (words === '') return ''
  state.textLength += words.length
  return chunk(state, `{"content":${encodeJson(words)}}`)
}

/** Parts of reasoning are paragraphs of one text. Whoever does not want to see it gets the vendor's state alone. */
function think(state: State, key: string, words: string): string {
  const pieces = state.thoughts.get(key)
  if (words === '' || pieces === undefined || isReasoningHidden(state.context)) return ''
  const gap = pieces.length === 0 && state.hasThoughts ? '\n\n' : ''
  state.hasThoughts = true
  pieces.push(words)
  return chunk(state, `{"reasoning_content":${encodeJson(gap + words)}}`)
}

function endThought(state: State, key: string, carrier: Carrier | null): string {
  if (carrier === null) return ''
  const thought = state.thoughts.get(key)?.join('') ?? ''
  return chunk(state, `{"reasoning_details":[${encodeJson(encodeReasoningDetail(thought, carrier, state.details++))}]}`)
}

/** Only the first delta of a call names it. */
function startCall(state: State, delta: Extract<Delta, { type: 'tool-input-start' }>): string {
  const form = adaptCall(delta, state.context)
  const call: OpenCall = { index: state.calls.size, form, told: 0 }
  state.calls.set(delta.key, call)
  const named =
    form.kind === 'custom'
      ? { type: 'custom', custom: { name: form.name, input: '' } }
      : { type: 'function', function: { name: form.name, arguments: '' } }
  return callChunk(state, { index: call.index, id: delta.id, ...named })
}

/** Input that must change its form can only be told when it is whole. */
function continueCall(state: State, key: string, piece: string): string {
  const call = state.calls.get(key)
  if (call === undefined || piece === '' || call.form.convert !== null) return ''
  call.told += piece.length
  return callChunk(state, { index: call.index, ...inputMember(call, piece) })
}

/** The rest of the input, and the signature that the vendor ties to the call. */
function endCall(state: State, delta: Extract<Delta, { type: 'tool-input-end' }>): string {
  const call = state.calls.get(delta.key)
  if (call === undefined) return ''
  const input = call.form.convert === null ? delta.input : call.form.convert(delta.input)
  const rest = input.slice(call.told)
  call.told = input.length
  const signature = delta.carrier === undefined ? {} : writeSignature(wrapCarrier(delta.carrier))
  if (rest === '' && delta.carrier === undefined) return ''
  return callChunk(state, { index: call.index, ...(rest === '' ? {} : inputMember(call, rest)), ...signature })
}

function inputMember(call: OpenCall, piece: string): JsonObject {
  return call.form.kind === 'custom' ? { custom: { input: piece } } : { function: { arguments: piece } }
}

function callChunk(state: State, call: JsonObject): string {
  return chunk(state, `{"tool_calls":[${encodeJson(call)}]}`)
}

/** A call is an end of its own, whatever a server says that means a plain stop. */
function finish(state: State, reason: FinishReason): string {
  const hasCalls = state.calls.size > 0
  const word = hasCalls && reason === 'stop' ? 'tool_calls' : FINISH_WORDS[reason]
  const cited = state.annotations.length > 0
  const annotations = cited ? chunk(state, `{"annotations":${encodeJson(state.annotations)}}`) : ''
  return `${annotations}${chunk(state, '{}', `"${word}"`)}${usageChunk(state)}data: [DONE]\n\n`
}

function usageChunk(state: State): string {
  const usage = state.context.conversation.wantsUsage ? writeUsage(state.usage) : null
  return usage === null ? '' : `${state.head}],"usage":${encodeJson(usage)}}\n\n`
}
