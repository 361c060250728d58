/**
 * The HTTP surface, put together out of groups of routes. A closed table; nothing of a client's path goes further than
 * the routes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Hono } from 'hono'
import { GatewayError } from '../core/errors.ts'
import type { ResponseMemory } from '../relay/response-memory.ts'
import { createAdmin, type AdminDependencies } from './admin.ts'
import { createCors } from './cors.ts'
import { pathOf } from './request-target.ts'
import { createDoor, unknownPath } from './door.ts'
import { createGuard } from './guard.ts'
import type { GuessLimiter } from './guess-limiter.ts'
import { addHealthRoutes, type HealthDependencies } from './health-routes.ts'
import { addMetricsRoute, type MetricsDependencies } from './metrics-route.ts'
import { addModelRoutes } from './model-routes.ts'
import { addPageRoutes } from './page-routes.ts'
import type { ServeRequest } from './relay-route.ts'
import { addRelayedRoutes, createRelayRequest } from './relayed-routes.ts'
import { addResponseRoutes } from './responses.ts'
import { addUsageRoutes, type UsageRoutesDependencies } from './usage-routes.ts'

export interface AppDependencies
  extends Omit<HealthDependencies & AdminDependencies, 'guard'>, MetricsDependencies, UsageRoutesDependencies {
  readonly responses: ResponseMemory
  readonly serveRequest: ServeRequest
  readonly limitGuesses: GuessLimiter
}

export type RequestListener = (incoming: IncomingMessage, outgoing: ServerResponse) => void

export function createApp(dependencies: AppDependencies): RequestListener {
  const { config, clock, log } = dependencies
  const guard = dependencies.limitGuesses(createGuard(config.tokens, clock, config.adminToken))
  const admin = createAdmin({ ...dependencies, guard })
  const cors = createCors(config.corsOrigins)
  const door = createDoor({ guard, clock, log, isLogging: config.enableRequestLog })
  const relayRequest = createRelayRequest(door, dependencies.serveRequest)
  const app = new Hono<{ Bindings: HttpBindings }>()
  const shortcuts = addRelayedRoutes(app, door, relayRequest)
  addResponseRoutes(app, door, dependencies.responses)
  addModelRoutes(app, door, config, relayRequest)
  addUsageRoutes(app, door, dependencies)
  addPageRoutes(app)
  addMetricsRoute(app, door, dependencies)
  addHealthRoutes(app, door, { ...dependencies, guard })
  app.all('/admin/*', ({ env }) => {
    admin(env.incoming, env.outgoing)
    return RESPONSE_ALREADY_SENT
  })
  app.notFound(door.refuseUnknown)
  app.onError((cause, { env }) => {
    const isRefusal = cause instanceof GatewayError
    const error = isRefusal ? cause : new GatewayError({ kind: 'internal', message: 'a fault in the relay', cause })
    door.refuse(env.incoming, env.outgoing, error)
    return RESPONSE_ALREADY_SENT
  })

  // HTTP/1.0 has no Host, and the health checks of load balancers speak it; the router needs some name to build a URL.
  const serve = getRequestListener(app.fetch, { overrideGlobalObjects: false, hostname: 'localhost' })
  return (incoming, outgoing) => {
    if (cors?.(incoming, outgoing, pathOf(incoming)) === true) return
    const shortcut = incoming.method === 'POST' ? shortcuts.get(pathOf(incoming)) : undefined
    try {
      guard.screen(incoming)
      if (shortcut === undefined) screenPath(incoming)
      screenUpgrade(incoming)
    } catch (error) {
      door.refuse(incoming, outgoing, error as GatewayError)
      return
    }
    if (shortcut === undefined) void serve(incoming, outgoing)
    else relayRequest(shortcut, incoming, outgoing)
  }
}

/** Routes are matched as they are written: what a URL parser would tidy up, or a decoder reveal, is no path of ours. */
function screenPath(incoming: IncomingMessage): void {
  // Names of accounts come percent-encoded, and are only ever compared.
  if (/^\/admin\/accounts\/[^/#\\]+\/[a-z]+$/.test(pathOf(incoming))) return
  if (/[%#]|\/\/|\/\.{1,2}(\/|$)|\\/.test(pathOf(incoming).replace(/^https?:\/\//i, ''))) throw unknownPath(incoming)
}

/** Codex tries a WebSocket first; 426 alone makes it use HTTP for the session at once. Other upgrades may be ignored. */
function screenUpgrade(incoming: IncomingMessage): void {
  if (incoming.headers.upgrade?.toLowerCase() !== 'websocket') return
  throw new GatewayError({
    kind: 'upgrade_required',
    source: 'gateway',
    message: 'the relay serves Responses over HTTP, not over a WebSocket',
  })
}
