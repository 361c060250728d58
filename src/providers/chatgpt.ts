/**
 * The ChatGPT backend, which serves the Responses protocol to signed-in ChatGPT accounts.
 *
 * An account's `base_url` stands for `https://chatgpt.com`: the path of the backend is put behind it, unless the URL ends
 * in it already.
 */
import type { HeaderList } from '../core/headers.ts'
import { foldResponse } from '../protocols/openai-responses/fold-response.ts'
import { createStreamMender } from '../protocols/openai-responses/mend-stream.ts'
import { adaptChatgptBody } from './chatgpt-body.ts'
import { canonicalModel, CHATGPT_MODELS } from './chatgpt-models.ts'
import { isCodexClient } from './codex-client.ts'
import { isPlain, type Operation, type PlainOperation, type Provider } from './contract.ts'
import { composeHeaders } from './request-headers.ts'
import { serverAddress } from './server-address.ts'
import { judgeFailure } from './verdicts.ts'

const HOST = 'https://chatgpt.com'
const BACKEND = '/backend-api/codex'
const RESPONSES_BETA = 'responses=experimental'

/** The backend counts no tokens and says so with a 404; a request to count must not become one to answer. */
const OPERATION_PATH: Record<Exclude<Operation, PlainOperation>, string> = {
  generate: '',
  compact: '/compact',
  count_tokens: '/input_tokens',
}

export const chatgpt: Provider = {
  protocolsOf: () => ['openai-responses'],
  knownModels: CHATGPT_MODELS,
  keepsNoResponses: true,
  canonicalModel,
  adaptBody: adaptChatgptBody,
  foldStream: foldResponse,
  createStreamMender: (headers) => (isCodexClient(headers) ? null : createStreamMender()),
  refusedMember,

  call(account, { secret, accountId }, payload) {
    const { origin, path } = serverAddress(account.baseUrl ?? HOST)
    return {
      method: 'POST',
      origin,
      // It speaks no Chat, and so is never asked for what goes with it.
      path: `${backendPath(path)}/responses${isPlain(payload.operation) ? '' : OPERATION_PATH[payload.operation]}`,
      headers: composeHeaders(account, withBeta(payload.headers), [
        ['authorization', `Bearer ${secret.reveal()}`],
        ...(accountId === null ? [] : ([['chatgpt-account-id', accountId]] satisfies HeaderList)),
        ['accept', payload.operation === 'generate' ? 'text/event-stream' : 'application/json'],
      ]),
      body: payload.body,
      proxy: account.proxy,
    }
  },

  judge: judgeFailure,
}

/** People copy the URL at several lengths. */
function backendPath(path: string): string {
  if (path.endsWith(BACKEND)) return path
  return path.endsWith('/backend-api') ? `${path}/codex` : `${path}${BACKEND}`
}

/** Adds the flag to the client's list; the order and the other flags stay. */
function withBeta(headers: HeaderList): HeaderList {
  const given = headers.flatMap(([name, value]) => (name === 'openai-beta' ? value.split(',') : []))
  const flags = given.map((flag) => flag.trim()).filter((flag) => flag !== '')
  if (flags.includes(RESPONSES_BETA)) return headers
  return [...headers.filter(([name]) => name !== 'openai-beta'), ['openai-beta', [...flags, RESPONSES_BETA].join(',')]]
}

/** `Unsupported parameter: x`, `Unknown parameter: 'reasoning.x'.`: a name, or names joined by points. */
const REFUSED_MEMBER =
  /^\s*(?:unsupported|unknown|unrecognized) (?:request )?(?:parameter|argument)s?(?: supplied)?:\s*['"`]?([a-z_]\w*(?:\.[a-z_]\w*)*)(?![\w[]|\.\w)/i

/** Without these a request would be another one. */
const ESSENTIAL: ReadonlySet<string> = new Set(['input', 'instructions', 'model', 'store', 'stream', 'tools'])

function refusedMember({ message }: { readonly message: string }): string | null {
  const name = REFUSED_MEMBER.exec(message)?.[1]
  return name === undefined || ESSENTIAL.has(name) ? null : name
}
