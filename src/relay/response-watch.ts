/**
 * Sees answers pass and remembers of them what a later request may refer to, before the client can make one.
 */
import type { Account } from '../core/account.ts'
import { type JsonValue, peekValue } from '../core/json.ts'
import { typeOf } from '../protocols/frame-type.ts'
import { createResponseFolder } from '../protocols/openai-responses/fold-response.ts'
import type { AnswerWatcher } from './attempt-contract.ts'
import { renameWhole } from './model-renamer.ts'
import { extendHistory } from './response-history.ts'
import type { ResponseMemory } from './response-memory.ts'

/** Remembers by its id where the response is kept. `client` is the name of its token. */
export function watchKeeper(account: Account, memory: ResponseMemory, client: string): AnswerWatcher {
  const remember = (id: JsonValue): void => {
    if (typeof id === 'string') memory.remember(client, id, { account, transcript: null })
  }
  return {
    onFrame(frame) {
      if (ENDS.has(typeOf(frame))) remember(peekValue(frame.data, ['response', 'id']))
    },
    onWhole: (response) => remember(peekValue(response, ['id'])),
  }
}

/**
 * Remembers what was said, for an account that forgets it. `shownModel` is the name the client sees for the model, where it
 * differs; `bodyOf` gives the whole conversation that the account was sent.
 */
export function watchTranscript(
  account: Account,
  memory: ResponseMemory,
  client: string,
  shownModel: string | null,
  bodyOf: () => Buffer,
): AnswerWatcher {
  const folder = createResponseFolder()

  function remember(response: Buffer): void {
    const id = peekValue(response, ['id'])
    if (typeof id !== 'string') return
    memory.remember(client, id, { account, transcript: { history: extendHistory(bodyOf(), response), response } })
  }

  return {
    onFrame(frame) {
      const type = typeOf(frame)
      // Items are told whole at their end, so their deltas are not needed.
      if (ENDS.has(type) || type === 'response.output_item.done') folder.read(frame)
      const response = ENDS.has(type) ? folder.finish() : null
      if (response !== null) remember(shownModel === null ? response : renameWhole(response, shownModel))
    },
    onWhole: remember,
  }
}

const ENDS: ReadonlySet<string> = new Set(['response.completed', 'response.incomplete'])
