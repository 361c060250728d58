/**
 * The paths of the relayed operations, but for Gemini's, which share theirs with the list of models.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Protocol } from '../core/account.ts'
import { type Operation, PLAIN_OPERATIONS } from '../providers/contract.ts'
import { type App, type Door, newRequestId } from './door.ts'
import type { RelayRoute, ServeRequest } from './relay-route.ts'

/** Serves a request of a route when a client is behind it, and refuses it otherwise. */
export type RelayRequest = (route: RelayRoute, incoming: IncomingMessage, outgoing: ServerResponse) => void

/** Every path of a relayed operation; the doubled prefix is the commonest mistake in client settings. */
const RELAYED: ReadonlyArray<readonly [Protocol, Operation, readonly string[]]> = [
  ['anthropic', 'generate', ['/v1/messages', '/messages', '/v1/v1/messages']],
  [
    'anthropic',
    'count_tokens',
    ['/v1/messages/count_tokens', '/messages/count_tokens', '/v1/v1/messages/count_tokens'],
  ],
  ['openai-responses', 'generate', ['/v1/responses', '/responses', '/v1/v1/responses']],
  ['openai-responses', 'compact', ['/v1/responses/compact', '/responses/compact', '/v1/v1/responses/compact']],
  ['openai-responses', 'count_tokens', ['/v1/responses/input_tokens', '/responses/input_tokens']],
  ['openai-chat', 'generate', ['/v1/chat/completions', '/chat/completions', '/v1/v1/chat/completions']],
  ...PLAIN_OPERATIONS.map(
    (operation) => ['openai-chat', operation, [`/v1/${operation}`, `/${operation}`, `/v1/v1/${operation}`]] as const,
  ),
]

export function createRelayRequest(door: Door, serveRequest: ServeRequest): RelayRequest {
  return (route, incoming, outgoing) => {
    const client = door.identify(incoming, outgoing)
    if (client !== null) serveRequest(client, route, incoming, outgoing, newRequestId())
  }
}

/**
 * Adds the routes, and returns those that POST requests may take past the router, by path: nearly every request takes
 * one of these, and the router's objects for each are a sixth of all that it allocates.
 */
export function addRelayedRoutes(app: App, door: Door, relayRequest: RelayRequest): ReadonlyMap<string, RelayRoute> {
  const shortcuts = new Map<string, RelayRoute>()
  for (const [protocol, operation, paths] of RELAYED) {
    for (const path of paths) {
      const route: RelayRoute = { protocol, operation, path: null }
      shortcuts.set(path, route)
      app.post(path, ({ env }) => {
        relayRequest(route, env.incoming, env.outgoing)
        return RESPONSE_ALREADY_SENT
      })
      app.all(path, (context) => door.refuseMethod(context, 'POST'))
    }
  }
  return shortcuts
}
