/**
 * The small answers: how the relay is, whether it is there, and the door to a sign-in.
 */
import type { ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Clock } from '../core/clock.ts'
import { version } from '../core/version.ts'
import type { Pool } from '../pool/pool.ts'
import { type App, type Door, newRequestId } from './door.ts'
import { type Guard, isLocalUser } from './guard.ts'
import type { LoginRoute } from './login.ts'
import { sendJson } from './reply.ts'
import { fullStatus, publicStatus, type StatusSources } from './status.ts'

export interface HealthDependencies extends StatusSources {
  readonly guard: Guard
  readonly pool: Pool
  readonly clock: Clock
  readonly login: LoginRoute
  /** Monotonic. */
  readonly startedAt: number
}

export function addHealthRoutes(app: App, door: Door, dependencies: HealthDependencies): void {
  const { guard, pool, clock, login, startedAt } = dependencies
  app.get('/health', ({ env }) => {
    const mayKnow = guard.identify(env.incoming) !== null || isLocalUser(env.incoming)
    const status = mayKnow ? fullStatus(pool, clock, startedAt, version, dependencies) : publicStatus(pool)
    sendJson(env.outgoing, newRequestId(), 200, status)
    return RESPONSE_ALREADY_SENT
  })
  app.get('/auth/login', ({ env }) => {
    login.handle(env.incoming, env.outgoing).catch(() => env.outgoing.destroy())
    return RESPONSE_ALREADY_SENT
  })
  // Claude Code asks these to see whether the relay is there, and sends its events to whoever serves it.
  for (const path of ['/', '/api/hello']) app.get(path, ({ env }) => acknowledge(env.outgoing))
  for (const path of ['/', '/api/hello', '/health', '/auth/login'])
    app.all(path, (context) => door.refuseMethod(context, 'GET, HEAD'))
  app.post('/api/event_logging/*', ({ env }) => acknowledge(env.outgoing))
  app.all('/api/event_logging/*', (context) => door.refuseMethod(context, 'POST'))
}

function acknowledge(outgoing: ServerResponse): Response {
  sendJson(outgoing, newRequestId(), 200, {})
  return RESPONSE_ALREADY_SENT
}
