/**
 * The parts of a Gemini answer as deltas: texts and thoughts that grow over several chunks, calls, and the signatures that
 * stand on any of them.
 */
import { digest } from '../../core/digest.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Target } from '../hub-contract.ts'
import type { Carrier, Delta } from '../hub.ts'
import { objectAt, textAt } from '../members.ts'
import { readGrounding } from './grounding.ts'
import { addPartialArgs } from './partial-args.ts'

export interface PartReader {
  /** The answer's id goes into those of calls that have none. */
  begin(answerId: string): void
  read(part: JsonObject, out: Delta[]): void
  /** Closes what is open. */
  end(grounding: JsonObject | null, out: Delta[]): void
  hasCalls(): boolean
}

/** A text or a thought that is still growing. */
interface OpenText {
  readonly type: 'text' | 'reasoning'
  readonly key: string
  readonly pieces: string[]
}

/** A call whose arguments come in pieces. */
interface OpenCall {
  readonly key: string
  readonly args: JsonObject
  readonly pieces: Map<string, string[]>
  carrier: Carrier | null
}

export function createPartReader(target: Target): PartReader {
  const { account, model, ledger } = target
  let responseId = ''
  let partCount = 0
  let callCount = 0
  let open: OpenText | null = null
  let call: OpenCall | null = null

  function write(type: OpenText['type'], text: string, out: Delta[]): void {
    if (open?.type !== type) {
      close(null, out)
      open = { type, key: `p${partCount++}`, pieces: [] }
      out.push({ type: `${type}-start`, key: open.key })
    }
    if (text === '') return
    open.pieces.push(text)
    out.push({ type: `${type}-delta`, key: open.key, text })
  }

  function close(carrier: Carrier | null, out: Delta[]): void {
    if (open === null) return
    const { type, key } = open
    open = null
    if (type === 'text') out.push({ type: 'text-end', key })
    else out.push({ type: 'reasoning-end', key, carrier })
  }

  /** A call comes whole, or (Vertex) as a beginning with its name and further pieces without one. */
  function readCall(part: JsonObject, carrier: Carrier | null, out: Delta[]): void {
    const name = textAt(part, 'name')
    if (call === null || name !== '') {
      close(null, out)
      endCall(out, true)
      const key = `p${partCount++}`
      const id = textAt(part, 'id') || `call_${digest(`${responseId} ${callCount} ${name}`, 24)}`
      callCount++
      out.push({ type: 'tool-input-start', key, id, name, kind: 'function' })
      call = { key, args: { ...objectAt(part, 'args') }, pieces: new Map(), carrier: null }
    }
    call.carrier ??= carrier
    addPartialArgs(call.args, call.pieces, part)
    if (part['willContinue'] !== true) endCall(out, true)
  }

  function endCall(out: Delta[], isFinished: boolean): void {
    if (call === null) return
    const { key, args, carrier } = call
    call = null
    const json = JSON.stringify(args)
    // The answer was cut off inside: no reader may take this for the whole.
    const input = isFinished ? json : json.slice(0, -1)
    out.push({ type: 'tool-input-end', key, input, ...(carrier === null ? {} : { carrier }) })
  }

  function carrierOf(part: JsonObject): Carrier | null {
    const signature = textAt(part, 'thoughtSignature')
    return signature === '' ? null : { family: 'gemini', account, model, data: signature }
  }

  /** What a part says as text: words, code that ran and what it printed, and pictures as Markdown. */
  function textOf(part: JsonObject): string {
    const code = objectAt(part, 'executableCode')
    if (code !== null) return `\n\`\`\`${textAt(code, 'language').toLowerCase()}\n${textAt(code, 'code')}\n\`\`\`\n`
    const result = objectAt(part, 'codeExecutionResult')
    if (result !== null) return `\n\`\`\`\n${textAt(result, 'output')}\n\`\`\`\n`
    const media = objectAt(part, 'inlineData')
    if (media === null) return textAt(part, 'text')
    ledger.note('weakened', 'image-as-markdown')
    return `![image](data:${textAt(media, 'mimeType')};base64,${textAt(media, 'data')})`
  }

  return {
    begin(answerId) {
      responseId = answerId
    },
    hasCalls: () => callCount > 0,
    read(part, out) {
      const carrier = carrierOf(part)
      const called = objectAt(part, 'functionCall')
      if (called !== null) return readCall(called, carrier, out)
      const text = textOf(part)
      if (part['thought'] === true) {
        if (text !== '' || carrier !== null) write('reasoning', text, out)
        if (carrier !== null) close(carrier, out)
        return
      }
      if (text !== '') write('text', text, out)
      // A signature on text, or on an empty part at the end, belongs to the reasoning before it and not to any words.
      if (carrier === null) return
      write('reasoning', '', out)
      close(carrier, out)
    },
    end(grounding, out) {
      endCall(out, false)
      if (grounding !== null) {
        const cited = open?.type === 'text' ? { key: open.key, text: open.pieces.join('') } : null
        if (cited === null && grounding['groundingSupports'] !== undefined) ledger.note('dropped', 'citations')
        out.push(...readGrounding(grounding, cited))
      }
      close(null, out)
    },
  }
}
