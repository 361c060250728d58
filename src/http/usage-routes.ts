/**
 * What a client may know of its own token: `GET /v1/usage` tells its limits, what it has used, and when that begins anew.
 */
import type { TokenLimiter } from '../limits/token-limiter.ts'
import type { App, Door } from './door.ts'
import { sendJson } from './reply.ts'
import { viewToken } from './usage-views.ts'

export interface UsageRoutesDependencies {
  readonly limiter: TokenLimiter
}

export function addUsageRoutes(app: App, door: Door, { limiter }: UsageRoutesDependencies): void {
  app.get(
    '/v1/usage',
    door.asClient((client, { env }, requestId) => {
      sendJson(env.outgoing, requestId, 200, viewToken(client, limiter.use(client.name)))
    }),
  )
  app.all('/v1/usage', (context) => door.refuseMethod(context, 'GET, HEAD'))
}
