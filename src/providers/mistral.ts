/**
 * Mistral: Chat Completions with a key, called as OpenAI is, and told nothing that it does not know.
 */
import { applyEdits } from '../core/json-edit.ts'
import { createObjectEditor } from '../core/object-editor.ts'
import type { Provider } from './contract.ts'
import { openai } from './openai.ts'
import { judgeFailure } from './verdicts.ts'

export const mistral: Provider = {
  protocolsOf: () => ['openai-chat'],

  knownModels: ['mistral-large-latest', 'mistral-medium-latest', 'mistral-small-latest', 'codestral-latest'],

  call: openai.call,

  judge: judgeFailure,

  /** It refuses `stream_options` with 422, and tells usage unasked. */
  adaptBody(body) {
    const members = createObjectEditor(body)
    return { body: members.remove('stream_options') ? applyEdits(body, members.edits()) : body, dropped: [] }
  },
}
