/**
 * Google's Gemini API and servers that speak it.
 */
import { PLATFORMS } from '../core/platforms.ts'
import type { Verdict } from '../core/verdict.ts'
import type { Failure, Provider } from './contract.ts'
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

  judge,
}

/**
 * A quota per day ends at midnight where the vendor lives; of those that count a model alone, the other models know
 * nothing. Source: ai.google.dev, "Rate limits".
 */
function judge(failure: Failure): Verdict {
  const verdict = judgeFailure(failure)
  const quota = failure.error?.code ?? ''
  if (verdict.reason !== 'burst' || verdict.retryAfterMs !== undefined || !quota.includes('PerDay')) return verdict
  const reason = quota.includes('PerModel') ? 'burst' : 'quota'
  return { ...verdict, reason, retryAfterMs: msToMidnight(failure.now, 'America/Los_Angeles') }
}

/** `now` is epoch ms. In the nights when clocks are changed it is wrong by their hour. */
function msToMidnight(now: number, timeZone: string): number {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone, timeStyle: 'medium' })
  const [hours = 0, minutes = 0, seconds = 0] = format.format(now).split(':').map(Number)
  return DAY_MS - ((hours * 60 + minutes) * 60 + seconds) * 1000
}

const DAY_MS = 86_400_000

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
