/**
 * Writes the blocks of one Messages stream, one open at a time, with indexes from 0 without gaps: an index that is left
 * out makes clients lose the input of a tool.
 */
import type { AnswerStart, Usage } from '../contract.ts'
import type { AnswerContext, StreamEncoder } from '../hub-contract.ts'
import type { Carrier, Citation, Delta, PartDelta, WebSearchPart } from '../hub.ts'
import { encodeCitation } from './citations.ts'
import { asksForSearch, callNames, hidesThinking, messageShell, signatureOf, toolUseBlock } from './message-shape.ts'
import { encodeSearch } from './search-blocks.ts'
import { encodeStop } from './stop-reasons.ts'
import * as events from './stream-events.ts'
import { writeMessageUsage, writeUsage } from './usage.ts'

interface OpenWords {
  readonly kind: 'text' | 'thinking'
  readonly key: string
}

interface OpenCall {
  readonly kind: 'call'
  readonly key: string
  readonly call: Extract<Delta, { type: 'tool-input-start' }>
  /** A call takes its place at once, but its block begins with the first piece of input: a signature may come before. */
  isBegun: boolean
  /** Characters of the input that have gone out. */
  sent: number
}

export class BlockWriter {
  readonly #context: AnswerContext
  readonly #usage: Usage = {}
  readonly #shown = { text: false, calls: false, refusal: false }
  #out = ''
  #eventCount = 0
  #start: AnswerStart | null = null
  #index = 0
  #open: OpenWords | OpenCall | null = null
  /** Reasoning state without words of its own, until a block follows it: a message must not end with thinking. */
  #seals: string[] = []
  #searches = 0

  constructor(context: AnswerContext) {
    this.#context = context
  }

  get told(): ReturnType<StreamEncoder['told']> {
    return { start: this.#start, events: this.#eventCount }
  }

  /** The part whose tool call is open; null for none. While there is one, only its own steps may be written. */
  get openCall(): string | null {
    return this.#open?.kind === 'call' ? this.#open.key : null
  }

  /** The frames written since the last call. */
  take(): string {
    const out = this.#out
    this.#out = ''
    return out
  }

  /** Tokens are not counted yet; clients believe the numbers that come with the end. */
  start(): void {
    if (this.#start !== null) return
    const { model, now, createId } = this.#context
    const id = createId('msg_')
    this.#start = { id, model, createdAt: Math.floor(now / 1000) }
    const unfinished = { content: [], stop_reason: null, stop_sequence: null, stop_details: null }
    this.#emit(events.messageStart({ ...messageShell(id, model), ...unfinished, usage: writeMessageUsage({}, 0) }))
  }

  count(usage: Usage): void {
    Object.assign(this.#usage, usage)
  }

  write(delta: PartDelta): void {
    switch (delta.type) {
      // A block begins with its first words.
      case 'text-start':
      case 'refusal-start':
      case 'reasoning-start':
        break
      case 'refusal-delta':
        this.#shown.refusal = true
        this.#writeText(delta.key, delta.text)
        break
      case 'text-delta':
        this.#writeText(delta.key, delta.text)
        break
      case 'text-citation':
        this.#writeCitation(delta.key, delta.citation)
        break
      case 'text-end':
      case 'refusal-end':
        if (this.#isOpen('text', delta.key)) this.closeBlock()
        break
      case 'reasoning-delta':
        this.#writeThinking(delta.key, delta.text)
        break
      case 'reasoning-end':
        this.#endThinking(delta.key, delta.carrier)
        break
      case 'tool-input-start':
        this.closeBlock()
        this.#open = { kind: 'call', key: delta.key, call: delta, isBegun: false, sent: 0 }
        break
      case 'tool-input-delta':
        this.#writeInput(delta.text)
        break
      case 'tool-input-end':
        this.#endCall(delta.input, delta.carrier ?? null)
        break
      case 'web-search':
        this.#writeSearch(delta.search)
    }
  }

  /** Ends the open block, also one whose part has not ended. */
  closeBlock(): void {
    const open = this.#open
    if (open === null) return
    if (open.kind === 'call') this.#beginCall(open)
    this.#open = null
    this.#emit(events.blockStop(this.#index++))
  }

  /** Throws as `encodeStop` does. */
  end(finish: Extract<Delta, { type: 'finish' }>): void {
    this.closeBlock()
    if (this.#seals.length > 0) this.#context.ledger.note('dropped', 'reasoning-state')
    const stop = encodeStop(finish, this.#shown)
    this.#emit(events.messageDelta(stop, writeUsage(this.#usage, this.#searches)))
    this.#emit(events.MESSAGE_STOP)
  }

  #emit(frame: string): void {
    this.#out += frame
    this.#eventCount += 1
  }

  #isOpen(kind: 'text' | 'thinking', key: string): boolean {
    return this.#open?.kind === kind && this.#open.key === key
  }

  #openWords(kind: 'text' | 'thinking', key: string): void {
    if (this.#isOpen(kind, key)) return
    this.closeBlock()
    this.#writeSeals()
    this.#open = { kind, key }
    const block =
      kind === 'text' ? { type: 'text', text: '', citations: null } : { type: 'thinking', thinking: '', signature: '' }
    this.#emit(events.blockStart(this.#index, block))
  }

  #writeText(key: string, text: string): void {
    if (text === '') return
    this.#shown.text = true
    this.#openWords('text', key)
    this.#emit(events.textDelta(this.#index, text))
  }

  /** Only a client that asked for a search expects citations, and only beside the text that they are about. */
  #writeCitation(key: string, citation: Citation): void {
    const { conversation, ledger } = this.#context
    if (!asksForSearch(conversation) || !this.#isOpen('text', key)) ledger.note('dropped', 'citation')
    else this.#emit(events.citationDelta(this.#index, encodeCitation(citation)))
  }

  #writeThinking(key: string, text: string): void {
    if (text === '' || hidesThinking(this.#context.conversation)) return
    this.#openWords('thinking', key)
    this.#emit(events.thinkingDelta(this.#index, text))
  }

  /** Reasoning that nobody sees is a block of its own, for its state must come back. */
  #endThinking(key: string, carrier: Carrier | null): void {
    const signature = signatureOf(carrier)
    if (this.#isOpen('thinking', key)) {
      if (signature !== '') this.#emit(events.signatureDelta(this.#index, signature))
      this.closeBlock()
    } else if (signature !== '') {
      this.#seals.push(signature)
      if (this.#index === 0 && this.#open === null) this.#writeSeals()
    }
  }

  #writeSeals(): void {
    for (const signature of this.#seals) {
      this.#emit(events.blockStart(this.#index, { type: 'thinking', thinking: '', signature: '' }))
      this.#emit(events.signatureDelta(this.#index, signature))
      this.#emit(events.blockStop(this.#index++))
    }
    this.#seals = []
  }

  #beginCall(open: OpenCall): void {
    if (open.isBegun) return
    open.isBegun = true
    this.#shown.calls = true
    this.#writeSeals()
    const { id, name } = callNames(open.call, this.#context)
    this.#emit(events.blockStart(this.#index, toolUseBlock(id, name, {})))
  }

  /** Free text is told at its end, when it can be put into an object. */
  #writeInput(text: string): void {
    const open = this.#open
    if (open?.kind !== 'call' || open.call.kind === 'custom' || text === '') return
    this.#beginCall(open)
    open.sent += text.length
    this.#emit(events.inputDelta(this.#index, text))
  }

  /** What a limit has cut off stays cut off, as with the vendor itself: closed, it would be a call that nobody meant. */
  #endCall(input: string, carrier: Carrier | null): void {
    const open = this.#open
    if (open?.kind !== 'call') return
    if (carrier !== null && open.isBegun) this.#context.ledger.note('dropped', 'reasoning-state')
    else if (carrier !== null) this.#seals.push(signatureOf(carrier))
    this.#beginCall(open)
    const rest = open.call.kind === 'custom' ? JSON.stringify({ input }) : input.slice(open.sent)
    if (rest !== '') this.#emit(events.inputDelta(this.#index, rest))
    this.closeBlock()
  }

  #writeSearch(search: WebSearchPart): void {
    this.closeBlock()
    this.#writeSeals()
    this.#searches += 1
    const { use, result } = encodeSearch(search)
    this.#emit(events.blockStart(this.#index, { ...use, input: {} }))
    this.#emit(events.inputDelta(this.#index, JSON.stringify(use['input'])))
    this.#emit(events.blockStop(this.#index++))
    this.#emit(events.blockStart(this.#index, result))
    this.#emit(events.blockStop(this.#index++))
  }
}
