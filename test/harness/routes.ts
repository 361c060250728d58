/**
 * Which dialect a request to the fake vendor speaks, told by its path as the vendors do. Any prefix is accepted, so that
 * an account may have a base URL with a path.
 */
import type { Protocol } from '../../src/core/account.ts'
import { headerValue } from '../../src/core/headers.ts'

export interface VendorRoute {
  /** Null for a path that no vendor has. */
  readonly protocol: Protocol | null
  readonly purpose: 'generate' | 'count' | 'models'
  /** From the path; null where the body names the model. */
  readonly model: string | null
  /** From the path; null where the body says it. */
  readonly stream: boolean | null
}

export function findRoute(path: string, rawHeaders: readonly string[]): VendorRoute {
  const verb = /\/models\/([^/:]+):(\w+)$/.exec(path)
  if (verb !== null) return geminiRoute(decodeURIComponent(verb[1] ?? ''), verb[2] ?? '')
  if (path.endsWith('/models')) return { ...UNKNOWN, protocol: modelListDialect(path, rawHeaders), purpose: 'models' }
  if (path.endsWith('/messages')) return { ...UNKNOWN, protocol: 'anthropic' }
  if (path.endsWith('/messages/count_tokens')) return { ...UNKNOWN, protocol: 'anthropic', purpose: 'count' }
  if (/\/responses(\/compact)?$/.test(path)) return { ...UNKNOWN, protocol: 'openai-responses' }
  if (path.endsWith('/responses/input_tokens')) return { ...UNKNOWN, protocol: 'openai-responses', purpose: 'count' }
  if (path.endsWith('/chat/completions')) return { ...UNKNOWN, protocol: 'openai-chat' }
  return UNKNOWN
}

/** The credential of a request, from any of the places where vendors look for it; null when there is none. */
export function findKey(target: string, rawHeaders: readonly string[]): string | null {
  const bearer = /^bearer (.*)$/i.exec(headerValue(rawHeaders, 'authorization') ?? '')?.[1]
  return (
    headerValue(rawHeaders, 'x-api-key') ??
    headerValue(rawHeaders, 'x-goog-api-key') ??
    bearer ??
    new URL(target, 'http://vendor').searchParams.get('key')
  )
}

const UNKNOWN: VendorRoute = { protocol: null, purpose: 'generate', model: null, stream: null }

function geminiRoute(model: string, verb: string): VendorRoute {
  if (verb === 'generateContent') return { protocol: 'gemini', purpose: 'generate', model, stream: false }
  if (verb === 'streamGenerateContent') return { protocol: 'gemini', purpose: 'generate', model, stream: true }
  if (verb === 'countTokens') return { protocol: 'gemini', purpose: 'count', model, stream: false }
  return UNKNOWN
}

function modelListDialect(path: string, rawHeaders: readonly string[]): Protocol {
  if (headerValue(rawHeaders, 'anthropic-version') !== undefined) return 'anthropic'
  const isGemini = path.includes('/v1beta/') || headerValue(rawHeaders, 'x-goog-api-key') !== undefined
  return isGemini ? 'gemini' : 'openai-responses'
}
