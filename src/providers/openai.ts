/**
 * OpenAI's platform and servers that speak its Responses or Chat Completions protocol.
 */
import type { Protocol, WireApi } from '../core/account.ts'
import { PLATFORMS } from '../core/platforms.ts'
import type { HeaderList } from '../core/headers.ts'
import { isPlain, type Operation, type Payload, type PlainOperation, type Provider } from './contract.ts'
import { composeHeaders } from './request-headers.ts'
import { serverAddress } from './server-address.ts'
import { judgeFailure } from './verdicts.ts'

const PROTOCOLS: Record<WireApi, readonly Protocol[]> = {
  responses: ['openai-responses'],
  chat: ['openai-chat'],
  both: ['openai-responses', 'openai-chat'],
}

const RESPONSES_PATH: Record<Exclude<Operation, PlainOperation>, string> = {
  generate: '/v1/responses',
  compact: '/v1/responses/compact',
  count_tokens: '/v1/responses/input_tokens',
}

export const openai: Provider = {
  protocolsOf: (account) => PROTOCOLS[account.wireApi],

  knownModels: [
    'gpt-6.1-sol',
    'gpt-5.5',
    'gpt-5.4',
    'gpt-5.3-codex',
    'gpt-5.2',
    'gpt-5.2-codex',
    'gpt-5.1-codex-max',
    'gpt-5.1-codex-mini',
  ],

  call(account, credential, payload) {
    const { origin, path: base } = serverAddress(account.baseUrl ?? PLATFORMS[account.platform].url)
    const path = pathOf(payload)
    const secret = credential.secret.reveal()
    return {
      method: 'POST',
      origin,
      path: `${base}${path}`,
      headers: composeHeaders(account, payload.headers, [
        ...(secret === '' ? [] : ([['authorization', `Bearer ${secret}`]] satisfies HeaderList)),
        ...formType(payload),
      ]),
      body: payload.body,
      proxy: account.proxy,
    }
  },

  judge: judgeFailure,
}

function pathOf({ operation, protocol }: Payload): string {
  if (isPlain(operation)) return `/v1/${operation}`
  return protocol === 'openai-chat' ? '/v1/chat/completions' : RESPONSES_PATH[operation]
}

/** A form is read by the boundary that its type names; everything else is JSON. */
function formType({ operation, headers }: Payload): HeaderList {
  if (!isPlain(operation)) return []
  return headers.filter(([name, value]) => name === 'content-type' && /^\s*multipart\//i.test(value))
}
