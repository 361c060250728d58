/**
 * Google's Gemini API and servers that speak it.
 */
import { PLATFORMS } from '../core/platforms.ts'
import type { Provider } from './contract.ts'
import { composeHeaders } from './request-headers.ts'
import { serverAddress } from './server-address.ts'
import { judgeFailure } from './verdicts.ts'

export const gemini: Provider = {
  protocolsOf: () => ['gemini'],

  knownModels: ['gemini-3-pro', 'gemini-3-flash', 'gemini-2.5-pro', 'gemini-2.5-flash', 'gemini-2.5-flash-lite'],

  call(account, credential, payload) {
    const { origin, path } = serverAddress(account.baseUrl ?? PLATFORMS.gemini.url)
    const verb =
      payload.operation === 'count_tokens'
        ? 'countTokens'
        : payload.stream
          ? 'streamGenerateContent'
          : 'generateContent'
    const query = verb === 'streamGenerateContent' && payload.query.get('alt') === 'sse' ? '?alt=sse' : ''
    const secret = credential.secret.reveal()
    const isBearer = credential.type === 'bearer'
    return {
      method: 'POST',
      origin,
      path: `${path}/v1beta/models/${encodeURIComponent(payload.model)}:${verb}${query}`,
      headers: composeHeaders(
        account,
        payload.headers,
        secret === '' ? [] : isBearer ? [['authorization', `Bearer ${secret}`]] : [['x-goog-api-key', secret]],
      ),
      body: payload.body,
      proxy: account.proxy,
    }
  },

  takeDefault: (name, value) => (KNOWN_MEMBERS.has(name) ? value : undefined),

  judge: judgeFailure,
}

/** The top level of a request, as far as a config may fill it. */
const KNOWN_MEMBERS = new Set([
  'cachedContent',
  'generationConfig',
  'labels',
  'safetySettings',
  'systemInstruction',
  'toolConfig',
  'tools',
])
