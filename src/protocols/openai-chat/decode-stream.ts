/**
 * The chunks of a Chat server as neutral deltas. Hosts leave out, repeat and misplace nearly every member, so nothing is
 * taken for granted but that text grows and that an answer has an end.
 */
import type { Frame } from '../../core/sse.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import { decodeUtf8 } from '../../core/utf8.ts'
import type { UpstreamError } from '../contract.ts'
import type { StreamDecoder, Target } from '../hub-contract.ts'
import type { Delta, FinishReason } from '../hub.ts'
import { objectAt, objectsAt, objectsIn, textAt } from '../members.ts'
import { readUpstreamError } from '../upstream-error.ts'
import { decodeCitation } from './annotations.ts'
import { endCalls, takeCall, type CallSlots } from './decode-calls.ts'
import { readFinishWord } from './finish-reasons.ts'
import { addReasoning, addRefusal, addText, closeWords, createOpenWords, type OpenWords } from './open-words.ts'
import { readUsage } from './usage.ts'

/** Everything a decoder remembers about its answer. */
interface State {
  readonly target: Target
  isStarted: boolean
  isOver: boolean
  readonly words: OpenWords
  readonly calls: CallSlots
  finish: { reason: FinishReason; stopSequence?: string } | null
  hasUsage: boolean
}

/** A decoder for one answer. */
export function createStreamDecoder(target: Target): StreamDecoder {
  const state = createState(target)
  return {
    decode: (frame) => (state.isOver ? [] : decodeFrame(state, frame)),
    end: () => (state.isOver ? [] : endAnswer(state)),
    isComplete: () => !state.isOver && state.finish !== null,
  }
}

/** A whole body as the deltas it amounts to: its message is one big delta. */
export function decodeWhole(body: JsonObject, target: Target): Delta[] {
  const state = createState(target)
  const deltas = takeChunk(state, body, Buffer.from(JSON.stringify(body)))
  // A whole answer is complete even where it does not say why it ended.
  if (state.isStarted) state.finish ??= { reason: 'stop' }
  return state.isOver ? deltas : [...deltas, ...endAnswer(state)]
}

function createState(target: Target): State {
  const words = createOpenWords(target)
  return { target, isStarted: false, isOver: false, words, calls: { all: [], seed: '' }, finish: null, hasUsage: false }
}

function decodeFrame(state: State, frame: Frame): Delta[] {
  const json = decodeUtf8(frame.data).trim()
  if (json === '') return []
  if (json.startsWith('[DONE]')) return endAnswer(state)
  let chunk: JsonValue
  try {
    chunk = JSON.parse(json) as JsonValue
  } catch {
    return fail(state, brokenOff('the upstream sent an event that is no JSON'))
  }
  if (!isJsonObject(chunk)) return []
  if (frame.event === 'error') return fail(state, readUpstreamError(frame.data) ?? brokenOff(textAt(chunk, 'message')))
  return takeChunk(state, chunk, frame.data)
}

/** `data` is the chunk's text, for the reader of errors. */
function takeChunk(state: State, chunk: JsonObject, data: Buffer): Delta[] {
  // What is no chunk may be a failure in any host's words.
  if ((chunk['error'] ?? null) !== null || (chunk['choices'] === undefined && chunk['usage'] === undefined)) {
    const error = readUpstreamError(data)
    if (error !== null) return fail(state, error)
  }
  const deltas: Delta[] = []
  // Several choices were not asked for; of those that come anyway only the first counts.
  const choice = objectsAt(chunk, 'choices').find((each) => (each['index'] ?? 0) === 0)
  if (choice !== undefined) takeChoice(state, chunk, choice, deltas)
  if (state.isOver) return deltas
  // Moonshot puts usage into the choice, Groq into a member of its own.
  const usage = readUsage(chunk['usage'] ?? choice?.['usage'] ?? objectAt(chunk, 'x_groq')?.['usage'])
  if (usage !== null) {
    start(state, chunk, deltas)
    deltas.push({ type: 'usage', usage })
    state.hasUsage = true
  }
  // Usage mostly follows the finish; with both there is nothing to wait for, and some hosts never say [DONE].
  return state.finish !== null && state.hasUsage && usage !== null ? [...deltas, ...endAnswer(state)] : deltas
}

function takeChoice(state: State, chunk: JsonObject, choice: JsonObject, deltas: Delta[]): void {
  start(state, chunk, deltas)
  const delta = objectAt(choice, 'delta') ?? objectAt(choice, 'message')
  if (delta !== null) takeDelta(state, delta, deltas)
  const word = textAt(choice, 'finish_reason')
  if (word === '') return
  const reason = readFinishWord(word)
  if (reason === 'failure') deltas.push(...fail(state, brokenOff(`the upstream broke off: ${word}`)))
  else state.finish = finishOf(state, reason, choice)
}

function start(state: State, chunk: JsonObject, deltas: Delta[]): void {
  if (state.isStarted) return
  state.isStarted = true
  const id = textAt(chunk, 'id')
  state.calls.seed = id
  deltas.push({ type: 'start', id, model: textAt(chunk, 'model') || state.target.model })
}

/** vLLM tells the sequence that matched; a refusal may come with a plain stop. */
function finishOf(state: State, reason: FinishReason, choice: JsonObject): State['finish'] {
  const sequence = textAt(choice, 'stop_reason') || textAt(choice, 'matched_stop')
  if (state.words.hasRefusal && (reason === 'stop' || reason === 'content_filter')) return { reason: 'refusal' }
  if (reason === 'stop' && sequence !== '') return { reason: 'stop_sequence', stopSequence: sequence }
  return { reason }
}

function takeDelta(state: State, delta: JsonObject, deltas: Delta[]): void {
  takeReasoning(state, delta, deltas)
  const { content } = delta
  if (typeof content === 'string') addText(state.words, content, deltas)
  else for (const part of objectsIn(content)) takeContentPart(state, part, deltas)
  for (const image of objectsAt(delta, 'images')) takeImage(state, image, deltas)
  const refusal = textAt(delta, 'refusal')
  if (refusal !== '') addRefusal(state.words, refusal, deltas)
  for (const annotation of objectsAt(delta, 'annotations')) takeAnnotation(state, annotation, deltas)
  const legacy = objectAt(delta, 'function_call')
  const calls = legacy === null ? objectsAt(delta, 'tool_calls') : [{ index: 0, function: legacy }]
  for (const call of calls) {
    closeWords(state.words, deltas)
    takeCall(state.calls, call, deltas)
  }
}

/** Many hosts tell the same piece under two or three names. */
function takeReasoning(state: State, delta: JsonObject, deltas: Delta[]): void {
  const details = objectsAt(delta, 'reasoning_details')
  const text =
    textAt(delta, 'reasoning_content') ||
    textAt(delta, 'reasoning') ||
    details.map((detail) => textAt(detail, 'text') || textAt(detail, 'summary')).join('')
  if (text === '' && details.length === 0) return
  addReasoning(state.words, text, details, deltas)
}

/** Mistral's lists hold text and thinking side by side. */
function takeContentPart(state: State, part: JsonObject, deltas: Delta[]): void {
  switch (part['type']) {
    case 'text':
      return addText(state.words, textAt(part, 'text'), deltas)
    case 'thinking':
      for (const thought of objectsAt(part, 'thinking')) addReasoning(state.words, textAt(thought, 'text'), [], deltas)
      return
    default:
      state.target.ledger.note('dropped', `content.${textAt(part, 'type')}`)
  }
}

/** A picture that the model drew: no other dialect has a place for it but its text. */
function takeImage(state: State, image: JsonObject, deltas: Delta[]): void {
  const url = textAt(objectAt(image, 'image_url') ?? {}, 'url')
  if (url !== '') addText(state.words, `![image](${url})`, deltas)
}

function takeAnnotation(state: State, annotation: JsonObject, deltas: Delta[]): void {
  const citation = decodeCitation(annotation)
  if (citation === null || state.words.text === null) state.target.ledger.note('dropped', 'annotation')
  else deltas.push({ type: 'text-citation', key: state.words.text, citation })
}

/** The end, as far as the answer has one: without a finish reason it broke off, `[DONE]` or not. */
function endAnswer(state: State): Delta[] {
  const { finish } = state
  if (finish === null) return fail(state, brokenOff('the stream ended before the answer did'))
  const deltas: Delta[] = []
  closeWords(state.words, deltas)
  endCalls(state.calls, state.target, deltas)
  state.isOver = true
  const hasCalls = state.calls.all.length > 0
  const isPlain = finish.reason === 'stop' || finish.reason === 'tool_calls' || finish.reason === 'other'
  deltas.push({
    type: 'finish',
    ...finish,
    ...(isPlain ? { reason: hasCalls ? 'tool_calls' : stopOf(finish.reason) } : {}),
  })
  return deltas
}

/** A host that promises calls and makes none has merely stopped. */
function stopOf(reason: FinishReason): FinishReason {
  return reason === 'tool_calls' ? 'stop' : reason
}

function brokenOff(message: string): UpstreamError {
  return { type: 'server_error', code: '', message, status: 502 }
}

function fail(state: State, error: UpstreamError): Delta[] {
  state.isOver = true
  return [{ type: 'error', error }]
}
