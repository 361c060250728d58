/**
 * Anthropic and servers that speak its Messages protocol.
 */
import type { HeaderList } from '../core/headers.ts'
import { isJsonObject } from '../core/json.ts'
import { PLATFORMS } from '../core/platforms.ts'
import type { Provider } from './contract.ts'
import { composeHeaders } from './request-headers.ts'
import { serverAddress } from './server-address.ts'
import { judgeFailure } from './verdicts.ts'

const OLDEST_VERSION = '2023-06-01'
/** A bearer token from a sign-in is only accepted under this flag: a need of the protocol, not an identity. */
const OAUTH_BETA = 'oauth-2025-04-20'

export const anthropic: Provider = {
  protocolsOf: () => ['anthropic'],

  knownModels: [
    'claude-opus-5-5',
    'claude-sonnet-5-5',
    'claude-haiku-5-5',
    'claude-opus-4-6',
    'claude-sonnet-4-6',
    'claude-sonnet-4-5-20250929',
    'claude-opus-4-5-20251101',
    'claude-haiku-4-5-20251001',
  ],

  call(account, credential, payload) {
    const isBearer = credential.type === 'bearer'
    const headers = withVersion(isBearer ? withBeta(payload.headers, OAUTH_BETA) : payload.headers)
    const secret = credential.secret.reveal()
    const authentication: HeaderList =
      secret === '' ? [] : isBearer ? [['authorization', `Bearer ${secret}`]] : [['x-api-key', secret]]
    const { origin, path: base } = serverAddress(account.baseUrl ?? PLATFORMS.anthropic.url)
    const path = payload.operation === 'count_tokens' ? '/v1/messages/count_tokens' : '/v1/messages'
    const query = payload.query.get('beta') === 'true' ? '?beta=true' : ''
    return {
      method: 'POST',
      origin,
      path: `${base}${path}${query}`,
      headers: composeHeaders(account, headers, authentication),
      body: payload.body,
      proxy: account.proxy,
    }
  },

  takeDefault(name, value) {
    // Every member of `metadata` but `user_id` is refused.
    if (name !== 'metadata') return KNOWN_MEMBERS.has(name) ? value : undefined
    const userId = isJsonObject(value) ? value['user_id'] : undefined
    return userId === undefined ? undefined : { user_id: userId }
  },

  judge: judgeFailure,
}

/** The top level of a request, as far as a config may fill it. */
const KNOWN_MEMBERS = new Set([
  'cache_control',
  'container',
  'context_management',
  'max_tokens',
  'mcp_servers',
  'output_config',
  'service_tier',
  'stop_sequences',
  'system',
  'temperature',
  'thinking',
  'tool_choice',
  'tools',
  'top_k',
  'top_p',
])

function withVersion(headers: HeaderList): HeaderList {
  if (headers.some(([name]) => name === 'anthropic-version')) return headers
  return [...headers, ['anthropic-version', OLDEST_VERSION]]
}

/** Adds a flag to the client's list; the order and the other flags stay. */
function withBeta(headers: HeaderList, flag: string): HeaderList {
  const given = headers.filter(([name]) => name === 'anthropic-beta').map(([, value]) => value)
  const flags = given
    .join(',')
    .split(',')
    .map((part) => part.trim())
  if (flags.includes(flag)) return headers
  const others = headers.filter(([name]) => name !== 'anthropic-beta')
  return [...others, ['anthropic-beta', [...given, flag].join(',')]]
}
