/**
 * The routes: path and method to what is done. A closed table; nothing of a client's path goes further than this file.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Context, Hono } from 'hono'
import type { RelayConfig } from '../config/config.ts'
import type { ClientToken, Protocol } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { version } from '../core/version.ts'
import type { Pool } from '../pool/pool.ts'
import { readGeminiPath } from '../protocols/gemini/downstream.ts'
import { protocols } from '../protocols/index.ts'
import type { Operation } from '../providers/contract.ts'
import { createGuard, isLocalUser, unauthorized } from './guard.ts'
import { encodeModel, encodeModelList, listModels, modelDialect } from './models.ts'
import type { RelayRoute, ServeRequest } from './relay-route.ts'
import { refuse, sendJson } from './reply.ts'
import { fullStatus, publicStatus } from './status.ts'

export interface AppDependencies {
  readonly config: RelayConfig
  readonly pool: Pool
  readonly clock: Clock
  readonly serveRequest: ServeRequest
}

export type RequestListener = (incoming: IncomingMessage, outgoing: ServerResponse) => void

type AppContext = Context<{ Bindings: HttpBindings }>

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
]

/** Where Gemini's clients put model and verb; the newest SDK leaves out the `beta`. */
const GEMINI_PREFIXES = ['/v1beta/models/', '/v1/models/', '/v1beta/v1beta/models/']

export function createApp(dependencies: AppDependencies): RequestListener {
  const { config, pool, clock, serveRequest } = dependencies
  const guard = createGuard(config.tokens)
  const startedAt = clock.monotonic()
  const app = new Hono<{ Bindings: HttpBindings }>()

  /** For routes with a client behind them: 401 in the dialect of the path, or the handler. */
  const asClient =
    (handle: (client: ClientToken, context: AppContext, requestId: string) => void) => (context: AppContext) => {
      const { incoming, outgoing } = context.env
      const client = guard.identify(incoming)
      if (client === null) refuseWith(incoming, outgoing, unauthorized(), { 'www-authenticate': 'Bearer' })
      else handle(client, context, newRequestId())
      return RESPONSE_ALREADY_SENT
    }

  const relayed = (route: RelayRoute) =>
    asClient((client, { env }, requestId) => serveRequest(client, route, env.incoming, env.outgoing, requestId))

  for (const [protocol, operation, paths] of RELAYED) {
    for (const path of paths) {
      app.post(path, relayed({ protocol, operation, path: null }))
      app.all(path, ({ env }) => refuseMethod(env.incoming, env.outgoing, 'POST'))
    }
  }
  for (const prefix of GEMINI_PREFIXES) {
    app.post(`${prefix}:call`, (context) => {
      const path = readGeminiPath(context.req.param('call') ?? '')
      if (path === null) return refuseUnknown(context)
      const operation = path.verb === 'countTokens' ? 'count_tokens' : 'generate'
      return relayed({ protocol: 'gemini', operation, path })(context)
    })
    app.get(`${prefix}:id`, (context) => showModel(context, context.req.param('id') ?? ''))
  }
  for (const path of ['/v1/models', '/v1beta/models', '/models']) {
    app.get(
      path,
      asClient((client, { env }, requestId) => {
        const dialect = modelDialect(env.incoming, path)
        sendJson(env.outgoing, requestId, 200, encodeModelList(listModels(config, client), dialect))
      }),
    )
    app.all(path, ({ env }) => refuseMethod(env.incoming, env.outgoing, 'GET'))
  }
  app.get('/health', ({ env }) => {
    const mayKnow = guard.identify(env.incoming) !== null || isLocalUser(env.incoming)
    const status = mayKnow ? fullStatus(pool, clock, startedAt, version) : publicStatus(pool)
    sendJson(env.outgoing, newRequestId(), 200, status)
    return RESPONSE_ALREADY_SENT
  })
  // Claude Code asks these to see whether the relay is there, and sends its events to whoever serves it.
  for (const path of ['/', '/api/hello']) app.get(path, ({ env }) => acknowledge(env.outgoing))
  app.post('/api/event_logging/*', ({ env }) => acknowledge(env.outgoing))
  app.notFound(refuseUnknown)
  app.onError((error, { env }) => {
    refuseWith(
      env.incoming,
      env.outgoing,
      new GatewayError({ kind: 'internal', message: 'a fault in the relay', cause: error }),
    )
    return RESPONSE_ALREADY_SENT
  })

  function showModel(context: AppContext, id: string): Response {
    return asClient((client, { env }, requestId) => {
      const model = listModels(config, client).find((each) => each.id === id)
      const dialect = modelDialect(env.incoming, context.req.path)
      if (model !== undefined) return sendJson(env.outgoing, requestId, 200, encodeModel(model, dialect))
      const message = `the model "${id.slice(0, 200)}" is not in the list of this relay`
      refuseWith(env.incoming, env.outgoing, new GatewayError({ kind: 'model_not_found', source: 'gateway', message }))
    })(context)
  }

  function refuseMethod(incoming: IncomingMessage, outgoing: ServerResponse, allow: string): Response {
    // A preflight is a browser asking for leave; no page has it.
    const isPreflight = incoming.method === 'OPTIONS'
    const error = isPreflight
      ? new GatewayError({ kind: 'forbidden', source: 'gateway', message: 'browsers may not call this relay' })
      : new GatewayError({ kind: 'method_not_allowed', message: `this path takes ${allow} requests only` })
    refuseWith(incoming, outgoing, error, isPreflight ? {} : { allow })
    return RESPONSE_ALREADY_SENT
  }

  function refuseUnknown({ env: { incoming, outgoing } }: AppContext): Response {
    if (incoming.method === 'OPTIONS') return refuseMethod(incoming, outgoing, '')
    refuseWith(incoming, outgoing, unknownPath(incoming))
    return RESPONSE_ALREADY_SENT
  }

  function refuseWith(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    error: GatewayError,
    headers: Readonly<Record<string, string>> = {},
  ): void {
    const { downstream } = protocols[protocolOfPath(pathOf(incoming))]
    refuse(incoming, outgoing, downstream, error, newRequestId(), clock, headers)
  }

  const serve = getRequestListener(app.fetch, { overrideGlobalObjects: false })
  return (incoming, outgoing) => {
    try {
      guard.screen(incoming)
      screenPath(incoming)
      screenUpgrade(incoming)
    } catch (error) {
      refuseWith(incoming, outgoing, error as GatewayError)
      return
    }
    void serve(incoming, outgoing)
  }
}

function acknowledge(outgoing: ServerResponse): Response {
  sendJson(outgoing, newRequestId(), 200, {})
  return RESPONSE_ALREADY_SENT
}

function newRequestId(): string {
  return `req_${randomUUID().replaceAll('-', '')}`
}

function pathOf(incoming: IncomingMessage): string {
  return (incoming.url ?? '').split('?', 1)[0] as string
}

/** Routes are matched as they are written: what a URL parser would tidy up, or a decoder reveal, is no path of ours. */
function screenPath(incoming: IncomingMessage): void {
  if (/%|\/\/|\/\.{1,2}(\/|$)|\\/.test(pathOf(incoming).replace(/^https?:\/\//i, ''))) throw unknownPath(incoming)
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

function unknownPath(incoming: IncomingMessage): GatewayError {
  const path = pathOf(incoming).slice(0, 200)
  return new GatewayError({
    kind: 'not_found',
    source: 'gateway',
    message: `unknown endpoint: ${incoming.method} ${path}`,
  })
}

/** The dialect in which a refusal under this path is best understood. */
function protocolOfPath(path: string): Protocol {
  if (path.includes('/messages')) return 'anthropic'
  if (path.startsWith('/v1beta') || /\/models\/[^/]*:/.test(path)) return 'gemini'
  return path.includes('/responses') ? 'openai-responses' : 'openai-chat'
}
