/**
 * The dialect in which a refusal is best understood: told by the path, and by the client's marks where all share it.
 */
import type { IncomingMessage } from 'node:http'
import type { Protocol } from '../core/account.ts'
import { modelDialect, type ModelDialect } from './models.ts'

export function protocolOf(incoming: IncomingMessage): Protocol {
  const path = pathOf(incoming)
  if (path.includes('/messages')) return 'anthropic'
  if (path.includes('/v1beta/') || /\/models\/[^/]*:/.test(path)) return 'gemini'
  if (/\/models(\/|$)/.test(path)) return PROTOCOL_OF_LIST[modelDialect(incoming, path)]
  return path.includes('/responses') ? 'openai-responses' : 'openai-chat'
}

/** What stands before the query, as the client wrote it. */
export function pathOf(incoming: IncomingMessage): string {
  const { url = '' } = incoming
  const at = url.indexOf('?')
  return at < 0 ? url : url.slice(0, at)
}

const PROTOCOL_OF_LIST: Record<ModelDialect, Protocol> = {
  anthropic: 'anthropic',
  gemini: 'gemini',
  openai: 'openai-chat',
  codex: 'openai-responses',
}
