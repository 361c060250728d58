/**
 * The HTTP surface, put together out of groups of routes. A closed table; nothing of a client's path goes further than
 * the routes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Hono } from 'hono'
import type { RelayConfig } from '../config/config.ts'
import { GatewayError } from '../core/errors.ts'
import type { Log } from '../io/log.ts'
import type { ResponseMemory } from '../relay/response-memory.ts'
import { pathOf } from './dialect.ts'
import { createDoor, unknownPath } from './door.ts'
import { createGuard } from './guard.ts'
import { limitGuesses } from './guess-limiter.ts'
import { addHealthRoutes, type HealthDependencies } from './health-routes.ts'
import { addModelRoutes } from './model-routes.ts'
import type { ServeRequest } from './relay-route.ts'
import { addRelayedRoutes, createRelayRequest } from './relayed-routes.ts'
import { addResponseRoutes } from './responses.ts'
import { addUsageRoutes, type UsageRoutesDependencies } from './usage-routes.ts'

export interface AppDependencies extends Omit<HealthDependencies, 'guard'>, UsageRoutesDependencies {
  readonly config: RelayConfig
  readonly responses: ResponseMemory
  readonly serveRequest: ServeRequest
  readonly log: Log
}

export type RequestListener = (incoming: IncomingMessage, outgoing: ServerResponse) => void

export function createApp(dependencies: AppDependencies): RequestListener {
  const { config, clock, log } = dependencies
  const guard = limitGuesses(createGuard(config.tokens, clock), clock)
  const door = createDoor({ guard, clock, log, isLogging: config.enableRequestLog })
  const relayRequest = createRelayRequest(door, dependencies.serveRequest)
  const app = new Hono<{ Bindings: HttpBindings }>()
  const shortcuts = addRelayedRoutes(app, door, relayRequest)
  addResponseRoutes(app, door, dependencies.responses)
  addModelRoutes(app, door, config, relayRequest)
  addUsageRoutes(app, door, dependencies)
  addHealthRoutes(app, door, { ...dependencies, guard })
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
    try {
      guard.screen(incoming)
      screenPath(incoming)
      screenUpgrade(incoming)
    } catch (error) {
      door.refuse(incoming, outgoing, error as GatewayError)
      return
    }
    const shortcut = incoming.method === 'POST' ? shortcuts.get(pathOf(incoming)) : undefined
    if (shortcut === undefined) void serve(incoming, outgoing)
    else relayRequest(shortcut, incoming, outgoing)
  }
}

/** Routes are matched as they are written: what a URL parser would tidy up, or a decoder reveal, is no path of ours. */
function screenPath(incoming: IncomingMessage): void {
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
