/**
 * The dialect in which a refusal is best understood: told by the path, and by the client's marks where all share it.
 */
import type { IncomingMessage } from 'node:http'
import type { Protocol } from '../core/account.ts'
import { modelDialect, type ModelDialect } from './models.ts'
import { pathOf } from './request-target.ts'

export function protocolOf(incoming: IncomingMessage): Protocol {
  const path = pathOf(incoming)
  if (path.includes('/messages')) return 'anthropic'
  if (path.includes('/v1beta/') || /\/models\/[^/]*:/.test(path)) return 'gemini'
  if (/\/models(\/|$)/.test(path)) return PROTOCOL_OF_LIST[modelDialect(incoming, path)]
  return path.includes('/responses') ? 'openai-responses' : 'openai-chat'
}

const PROTOCOL_OF_LIST: Record<ModelDialect, Protocol> = {
  anthropic: 'anthropic',
  gemini: 'gemini',
  openai: 'openai-chat',
  codex: 'openai-responses',
}
