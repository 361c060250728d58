/**
 * Follows the events of one message and says what they mean in neutral steps. Blocks are told apart by their index; what
 * a server leaves out or gets wrong (a block's start, its kind, a second message) is set right where the rest says enough.
 */
import { digest } from '../../core/digest.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Target } from '../hub-contract.ts'
import type { Delta } from '../hub.ts'
import { numberAt, objectAt, textAt } from '../members.ts'
import { carryBlock, endsOf, readQuery, type Block } from './answer-blocks.ts'
import { decodeCitation } from './citations.ts'
import { sourcesOf } from './decode-blocks.ts'
import { clientSearchId } from './search-blocks.ts'
import { decodeStopReason } from './stop-reasons.ts'
import { readUsage, withoutZeroInput } from './usage.ts'

export class MessageReader {
  readonly #target: Target
  readonly #blocks = new Map<number, Block>()
  /** What was searched for, by the id of the search. */
  readonly #queries = new Map<string, string>()
  #id = ''
  #partCount = 0
  #hasStarted = false
  #hasCalls = false
  #ending: JsonObject | null = null

  constructor(target: Target) {
    this.#target = target
  }

  /** True once the message has said why it ends; it is complete then, with or without its last event. */
  get isComplete(): boolean {
    return this.#ending !== null
  }

  /** Reads one event that is neither `message_stop` nor `error`. */
  read(type: string, event: JsonObject, out: Delta[]): void {
    switch (type) {
      case 'message_start':
        this.#start(objectAt(event, 'message') ?? {}, out)
        break
      case 'content_block_start':
        this.beginBlock(indexOf(event), objectAt(event, 'content_block') ?? {}, out)
        break
      case 'content_block_delta':
        this.#readDelta(indexOf(event), objectAt(event, 'delta') ?? {}, out)
        break
      case 'content_block_stop':
        this.endBlock(indexOf(event), out)
        break
      case 'message_delta':
        this.#readEnding(event, out)
    }
  }

  /** Ends the message: what is still open, then the reason. */
  finish(out: Delta[]): void {
    this.#start({}, out)
    for (const index of this.#blocks.keys()) this.endBlock(index, out)
    const ending = this.#ending ?? { stop_reason: 'end_turn' }
    const stopSequence = textAt(ending, 'stop_sequence')
    const details = objectAt(ending, 'stop_details')
    out.push({
      type: 'finish',
      reason: decodeStopReason(textAt(ending, 'stop_reason'), this.#hasCalls),
      ...(stopSequence === '' ? {} : { stopSequence }),
      ...(details === null ? {} : { details }),
    })
  }

  /** A second start is seen where two answers were spliced; the first one counts. */
  #start(message: JsonObject, out: Delta[]): void {
    if (this.#hasStarted) return
    this.#hasStarted = true
    this.#id = textAt(message, 'id')
    out.push({ type: 'start', id: this.#id, model: textAt(message, 'model') || this.#target.model })
    const usage = readUsage(message['usage'])
    if (usage !== null) out.push({ type: 'usage', usage })
  }

  /** There may be several; the last one with a reason says why the answer ended. */
  #readEnding(event: JsonObject, out: Delta[]): void {
    const delta = objectAt(event, 'delta') ?? {}
    if (textAt(delta, 'stop_reason') !== '') this.#ending = delta
    const usage = withoutZeroInput(readUsage(event['usage']))
    if (usage !== null) out.push({ type: 'usage', usage })
  }

  /** A block as it begins, or a whole one from a message that was not streamed. */
  beginBlock(index: number, block: JsonObject, out: Delta[]): void {
    this.#start({}, out)
    this.endBlock(index, out)
    const type = textAt(block, 'type')
    switch (type) {
      case 'text':
        this.#addText(index, textAt(block, 'text'), out)
        break
      case 'thinking':
        this.#openThinking(index, out).signature = textAt(block, 'signature')
        this.#addThinking(index, textAt(block, 'thinking'), out)
        break
      case 'redacted_thinking': {
        const key = this.#createKey()
        out.push(
          { type: 'reasoning-start', key },
          { type: 'reasoning-end', key, carrier: carryBlock(block, this.#target) },
        )
        break
      }
      case 'tool_use':
        this.#openCall(index, block, out)
        break
      case 'server_tool_use':
        this.#openSearch(index, block)
        break
      case 'web_search_tool_result':
        out.push(this.#searchOf(block))
        break
      default:
        this.#openForeign(index, type)
    }
  }

  endBlock(index: number, out: Delta[]): void {
    const block = this.#blocks.get(index)
    if (block === undefined) return
    this.#blocks.delete(index)
    if (block.kind === 'search') this.#queries.set(block.id, readQuery(block))
    else out.push(...endsOf(block, this.#target))
  }

  /** The kind of a delta counts for more than that of its block: thinking has been seen in blocks begun as text. */
  #readDelta(index: number, delta: JsonObject, out: Delta[]): void {
    this.#start({}, out)
    const type = textAt(delta, 'type')
    switch (type) {
      case 'text_delta':
        this.#addText(index, textAt(delta, 'text'), out)
        break
      case 'thinking_delta':
        this.#addThinking(index, textAt(delta, 'thinking'), out)
        break
      case 'signature_delta':
        this.#openThinking(index, out).signature = textAt(delta, 'signature')
        break
      case 'input_json_delta':
        this.#addInput(index, textAt(delta, 'partial_json'), out)
        break
      case 'citations_delta': {
        const citation = decodeCitation(objectAt(delta, 'citation') ?? {}, this.#target.ledger)
        if (citation !== null) out.push({ type: 'text-citation', key: this.#openText(index, out), citation })
        break
      }
      default:
        this.#target.ledger.note('dropped', type)
    }
  }

  #createKey(): string {
    return `b${this.#partCount++}`
  }

  /** A part begins with its first words, so that an empty block leaves no trace. */
  #addText(index: number, text: string, out: Delta[]): void {
    if (text !== '') out.push({ type: 'text-delta', key: this.#openText(index, out), text })
  }

  #openText(index: number, out: Delta[]): string {
    const block = this.#blocks.get(index)
    if (block?.kind === 'text') return block.key
    this.endBlock(index, out)
    const key = this.#createKey()
    this.#blocks.set(index, { kind: 'text', key })
    out.push({ type: 'text-start', key })
    return key
  }

  #addThinking(index: number, text: string, out: Delta[]): void {
    if (text === '') return
    const block = this.#openThinking(index, out)
    block.pieces.push(text)
    out.push({ type: 'reasoning-delta', key: block.key, text })
  }

  #openThinking(index: number, out: Delta[]): Extract<Block, { kind: 'thinking' }> {
    const known = this.#blocks.get(index)
    if (known?.kind === 'thinking') return known
    this.endBlock(index, out)
    const block: Block = { kind: 'thinking', key: this.#createKey(), pieces: [], signature: '' }
    this.#blocks.set(index, block)
    out.push({ type: 'reasoning-start', key: block.key })
    return block
  }

  #openCall(index: number, block: JsonObject, out: Delta[]): void {
    this.#hasCalls = true
    const key = this.#createKey()
    this.#blocks.set(index, { kind: 'call', key, pieces: [], given: objectAt(block, 'input') ?? {} })
    const name = textAt(block, 'name')
    const id = textAt(block, 'id') || `call_${digest(`${this.#id}/${index}/${name}`, 24)}`
    out.push({ type: 'tool-input-start', key, id, name, kind: 'function' })
  }

  #addInput(index: number, text: string, out: Delta[]): void {
    const block = this.#blocks.get(index)
    if (block?.kind !== 'call' && block?.kind !== 'search') return
    block.pieces.push(text)
    if (block.kind === 'call' && text !== '') out.push({ type: 'tool-input-delta', key: block.key, text })
  }

  #openSearch(index: number, block: JsonObject): void {
    if (block['name'] !== 'web_search') return this.#openForeign(index, textAt(block, 'name'))
    this.#blocks.set(index, {
      kind: 'search',
      id: textAt(block, 'id'),
      pieces: [],
      given: objectAt(block, 'input') ?? {},
    })
  }

  #openForeign(index: number, name: string): void {
    this.#target.ledger.note('dropped', name)
    this.#blocks.set(index, { kind: 'foreign' })
  }

  #searchOf(result: JsonObject): Delta {
    const id = textAt(result, 'tool_use_id')
    const query = this.#queries.get(id) ?? ''
    return {
      type: 'web-search',
      search: { type: 'web-search', id: clientSearchId(id), query, sources: sourcesOf(result) },
    }
  }
}

function indexOf(event: JsonObject): number {
  return numberAt(event, 'index') ?? 0
}
