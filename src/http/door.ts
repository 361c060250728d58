/**
 * What the routes share: who is asking, and how a request is turned away.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context, Hono } from 'hono'
import type { ClientToken } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Log } from '../io/log.ts'
import { protocols } from '../protocols/index.ts'
import { protocolOf } from './dialect.ts'
import { type Guard, unauthorized } from './guard.ts'
import { refuse } from './reply.ts'
import { pathOf } from './request-target.ts'

export type App = Hono<{ Bindings: HttpBindings }>

export type AppContext = Context<{ Bindings: HttpBindings }>

export interface Door {
  /** The client behind a request; null when there is none, and then it has been refused. */
  identify(incoming: IncomingMessage, outgoing: ServerResponse): ClientToken | null
  /** A handler for routes that need a client behind them. */
  asClient(
    handle: (client: ClientToken, context: AppContext, requestId: string) => void,
  ): (context: AppContext) => Response
  /** Refuses in the dialect of the path, and logs it. */
  refuse(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    error: GatewayError,
    headers?: Readonly<Record<string, string>>,
  ): void
  /** The path is known, its method is not; `allow` lists those that are. */
  refuseMethod(context: AppContext, allow: string): Response
  refuseUnknown(context: AppContext): Response
}

export interface DoorDependencies {
  readonly guard: Guard
  readonly clock: Clock
  readonly log: Log
  /** Whether refusals get a log line, as requests do. */
  readonly isLogging: boolean
}

export function createDoor({ guard, clock, log, isLogging }: DoorDependencies): Door {
  const door: Door = {
    identify(incoming, outgoing) {
      try {
        const client = guard.identify(incoming)
        if (client === null) door.refuse(incoming, outgoing, unauthorized(), { 'www-authenticate': 'Bearer' })
        return client
      } catch (error) {
        door.refuse(incoming, outgoing, error as GatewayError)
        return null
      }
    },

    asClient: (handle) => (context) => {
      const client = door.identify(context.env.incoming, context.env.outgoing)
      if (client !== null) handle(client, context, newRequestId())
      return RESPONSE_ALREADY_SENT
    },

    refuse(incoming, outgoing, error, headers = {}) {
      const { downstream } = protocols[protocolOf(incoming)]
      const requestId = newRequestId()
      refuse(incoming, outgoing, downstream, error, requestId, clock, headers)
      if (!isLogging) return
      // The commonest trouble of a new set-up, a wrong token or a wrong address, must show where its owner looks.
      log.warn('request.refused', {
        request: requestId,
        method: incoming.method,
        path: pathOf(incoming).slice(0, 200),
        status: outgoing.statusCode,
        reason: error.message,
      })
    },

    refuseMethod({ env: { incoming, outgoing } }, allow) {
      // A preflight is a browser asking for leave; no page has it.
      const isPreflight = incoming.method === 'OPTIONS'
      const error = isPreflight
        ? new GatewayError({ kind: 'forbidden', source: 'gateway', message: 'browsers may not call this relay' })
        : new GatewayError({ kind: 'method_not_allowed', message: `this path takes ${allow} requests` })
      door.refuse(incoming, outgoing, error, isPreflight ? {} : { allow })
      return RESPONSE_ALREADY_SENT
    },

    refuseUnknown(context) {
      const { incoming, outgoing } = context.env
      if (incoming.method === 'OPTIONS') return door.refuseMethod(context, '')
      door.refuse(incoming, outgoing, unknownPath(incoming))
      return RESPONSE_ALREADY_SENT
    },
  }
  return door
}

export function newRequestId(): string {
  return `req_${randomUUID().replaceAll('-', '')}`
}

export function unknownPath(incoming: IncomingMessage): GatewayError {
  const path = pathOf(incoming).slice(0, 200)
  return new GatewayError({
    kind: 'not_found',
    source: 'gateway',
    message: `unknown endpoint: ${incoming.method} ${path}`,
  })
}
