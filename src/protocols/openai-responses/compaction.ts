/**
 * Compaction for Codex: a request that ends in a trigger wants one item that stands for the whole conversation. OpenAI seals
 * it; any other model is asked for a summary, which the relay wraps, and unwraps when it comes back.
 */
import { GatewayError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import { unwrapCarrier, wrapCarrier } from '../carrier.ts'
import type { AnswerContext } from '../hub-contract.ts'
import type { Turn } from '../hub.ts'
import { objectsAt, textAt } from '../members.ts'
import type { EventWriter } from './event-writer.ts'
import type { ItemWriter } from './item-writer.ts'

/** Whether the answer to this request must be a compaction. */
export function asksForCompaction(request: JsonObject): boolean {
  return objectsAt(request, 'input').at(-1)?.['type'] === 'compaction_trigger'
}

/** What stands in the trigger's place. */
export const SUMMARY_REQUEST: Turn = {
  role: 'user',
  parts: [
    {
      type: 'text',
      text:
        'Summarize the conversation so far for whoever continues it: what the user wants, what was decided and done, ' +
        'what is known about files and tools, and what is left to do. Answer with the summary alone.',
    },
  ],
}

/** Whose state it is: no vendor's account, so that any account can go on with it. */
const OURS = 'relay'

/** Writes the answer's text as the one item; whatever else the model said is of no use here. */
export function createCompactionWriter(events: EventWriter, { createId, model, ledger }: AnswerContext): ItemWriter {
  const pieces: string[] = []
  return {
    hasRefusal: () => false,
    write(delta) {
      if (delta.type === 'text-delta') pieces.push(delta.text)
      else if (delta.type === 'tool-input-start') ledger.note('dropped', `call of ${delta.name}`)
    },
    close() {
      const summary = pieces.join('')
      if (summary.trim() === '') {
        const message = 'the model gave no summary of the conversation'
        throw new GatewayError({ kind: 'upstream_failed', source: 'upstream', message })
      }
      const sealed = wrapCarrier({ family: 'other', account: OURS, model, data: summary })
      const item = { id: createId('cmp_'), type: 'compaction', encrypted_content: sealed }
      events.endItem(events.beginItem(item), item)
    },
  }
}

/** The summary in a compaction that the relay wrapped; null for one that OpenAI sealed, which OpenAI alone can read. */
export function readCompaction(item: JsonObject): string | null {
  const { account, data } = unwrapCarrier(textAt(item, 'encrypted_content'), 'openai')
  return account === OURS && typeof data === 'string' ? `Summary of the conversation so far:\n\n${data}` : null
}
