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
import type { Log } from '../io/log.ts'
import type { TokenKeeper } from '../oauth/tokens.ts'
import type { Pool } from '../pool/pool.ts'
import { readGeminiPath } from '../protocols/gemini/downstream.ts'
import { protocols } from '../protocols/index.ts'
import type { ResponseMemory } from '../relay/response-memory.ts'
import type { Operation } from '../providers/contract.ts'
import { createGuard, isLocalUser, unauthorized } from './guard.ts'
import type { LoginRoute } from './login.ts'
import { encodeModel, encodeModelList, listModels, modelDialect, type ModelDialect } from './models.ts'
import type { RelayRoute, ServeRequest } from './relay-route.ts'
import { refuse, sendJson } from './reply.ts'
import { deleteResponse, sendResponse } from './responses.ts'
import { fullStatus, publicStatus } from './status.ts'

export interface AppDependencies {
  readonly config: RelayConfig
  readonly pool: Pool
  readonly responses: ResponseMemory
  readonly clock: Clock
  readonly serveRequest: ServeRequest
  readonly login: LoginRoute
  /** How an account's sign-in is doing; null for accounts without one. */
  readonly describeSignIn: TokenKeeper['describe']
  /** Masks secrets, for words of an upstream that are shown in `/health`. */
  readonly redact: (text: string) => string
  readonly log: Log
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

/**
 * Where models are listed, and where Gemini's clients put model and verb; Google's newest SDK leaves out the `beta`.
 * None, and two, come from settings with a version forgotten or too many.
 */
const MODELS_PATHS = ['/v1', '/v1beta', '', '/v1/v1', '/v1/v1beta', '/v1beta/v1', '/v1beta/v1beta'].map(
  (version) => `${version}/models`,
)

export function createApp(dependencies: AppDependencies): RequestListener {
  const { config, pool, clock, serveRequest, log } = dependencies
  const guard = createGuard(config.tokens)
  const startedAt = clock.monotonic()
  const app = new Hono<{ Bindings: HttpBindings }>()

  /** The client behind a request; without one the answer is a 401 in the dialect of the path. */
  const identify = (incoming: IncomingMessage, outgoing: ServerResponse): ClientToken | null => {
    const client = guard.identify(incoming)
    if (client === null) refuseWith(incoming, outgoing, unauthorized(), { 'www-authenticate': 'Bearer' })
    return client
  }

  /** For routes with a client behind them. */
  const asClient =
    (handle: (client: ClientToken, context: AppContext, requestId: string) => void) => (context: AppContext) => {
      const client = identify(context.env.incoming, context.env.outgoing)
      if (client !== null) handle(client, context, newRequestId())
      return RESPONSE_ALREADY_SENT
    }

  const relayRequest = (route: RelayRoute, incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const client = identify(incoming, outgoing)
    if (client !== null) serveRequest(client, route, incoming, outgoing, newRequestId())
  }

  const relayed =
    (route: RelayRoute) =>
    ({ env }: AppContext) => {
      relayRequest(route, env.incoming, env.outgoing)
      return RESPONSE_ALREADY_SENT
    }

  const remembered = (answer: typeof deleteResponse) =>
    asClient((client, { env, req }, requestId) => {
      try {
        answer(dependencies.responses, client, req.param('id') ?? '', env.outgoing, requestId)
      } catch (error) {
        refuseWith(env.incoming, env.outgoing, error as GatewayError)
      }
    })

  // Nearly every request takes one of these; the router's objects for each are a sixth of all that it allocates.
  const shortcuts = new Map<string, RelayRoute>()
  for (const [protocol, operation, paths] of RELAYED) {
    for (const path of paths) {
      const route: RelayRoute = { protocol, operation, path: null }
      shortcuts.set(path, route)
      app.post(path, relayed(route))
      app.all(path, (context) => refuseMethod(context, 'POST'))
    }
  }
  for (const path of ['/v1/responses/:id', '/responses/:id']) {
    app.get(path, remembered(sendResponse))
    app.delete(path, remembered(deleteResponse))
  }
  for (const models of MODELS_PATHS) {
    app.post(`${models}/:call`, (context) => {
      const call = context.req.param('call') ?? ''
      const path = readGeminiPath(call)
      if (path === null) return call.includes(':') ? refuseUnknown(context) : refuseMethod(context, 'GET, HEAD')
      const operation = path.verb === 'countTokens' ? 'count_tokens' : 'generate'
      return relayed({ protocol: 'gemini', operation, path })(context)
    })
    app.get(`${models}/:id`, (context) => {
      const id = context.req.param('id') ?? ''
      return readGeminiPath(id) === null ? showModel(context, id) : refuseMethod(context, 'POST')
    })
    app.all(`${models}/:id`, (context) =>
      refuseMethod(context, readGeminiPath(context.req.param('id') ?? '') === null ? 'GET, HEAD' : 'POST'),
    )
    app.get(
      models,
      asClient((client, { env }, requestId) => {
        const dialect = modelDialect(env.incoming, models)
        sendJson(env.outgoing, requestId, 200, encodeModelList(listModels(config, client), dialect))
      }),
    )
    app.all(models, (context) => refuseMethod(context, 'GET, HEAD'))
  }
  app.get('/health', ({ env }) => {
    const mayKnow = guard.identify(env.incoming) !== null || isLocalUser(env.incoming)
    const status = mayKnow ? fullStatus(pool, clock, startedAt, version, dependencies) : publicStatus(pool)
    sendJson(env.outgoing, newRequestId(), 200, status)
    return RESPONSE_ALREADY_SENT
  })
  app.get('/auth/login', ({ env }) => {
    dependencies.login.handle(env.incoming, env.outgoing).catch(() => env.outgoing.destroy())
    return RESPONSE_ALREADY_SENT
  })
  // Claude Code asks these to see whether the relay is there, and sends its events to whoever serves it.
  for (const path of ['/', '/api/hello']) app.get(path, ({ env }) => acknowledge(env.outgoing))
  for (const path of ['/', '/api/hello', '/health', '/auth/login'])
    app.all(path, (context) => refuseMethod(context, 'GET, HEAD'))
  app.post('/api/event_logging/*', ({ env }) => acknowledge(env.outgoing))
  app.all('/api/event_logging/*', (context) => refuseMethod(context, 'POST'))
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

  function refuseMethod({ env: { incoming, outgoing } }: AppContext, allow: string): Response {
    // A preflight is a browser asking for leave; no page has it.
    const isPreflight = incoming.method === 'OPTIONS'
    const error = isPreflight
      ? new GatewayError({ kind: 'forbidden', source: 'gateway', message: 'browsers may not call this relay' })
      : new GatewayError({ kind: 'method_not_allowed', message: `this path takes ${allow} requests` })
    refuseWith(incoming, outgoing, error, isPreflight ? {} : { allow })
    return RESPONSE_ALREADY_SENT
  }

  function refuseUnknown(context: AppContext): Response {
    const { incoming, outgoing } = context.env
    if (incoming.method === 'OPTIONS') return refuseMethod(context, '')
    refuseWith(incoming, outgoing, unknownPath(incoming))
    return RESPONSE_ALREADY_SENT
  }

  function refuseWith(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    error: GatewayError,
    headers: Readonly<Record<string, string>> = {},
  ): void {
    const { downstream } = protocols[protocolOf(incoming)]
    const requestId = newRequestId()
    refuse(incoming, outgoing, downstream, error, requestId, clock, headers)
    if (!config.enableRequestLog) return
    // The commonest trouble of a new set-up, a wrong token or a wrong address, must show where its owner looks.
    log.warn('request.refused', {
      request: requestId,
      method: incoming.method,
      path: pathOf(incoming).slice(0, 200),
      status: outgoing.statusCode,
      reason: error.message,
    })
  }

  // HTTP/1.0 has no Host, and the health checks of load balancers speak it; the router needs some name to build a URL.
  const serve = getRequestListener(app.fetch, { overrideGlobalObjects: false, hostname: 'localhost' })
  return (incoming, outgoing) => {
    try {
      guard.screen(incoming)
      screenPath(incoming)
      screenUpgrade(incoming)
    } catch (error) {
      refuseWith(incoming, outgoing, error as GatewayError)
      return
    }
    const shortcut = incoming.method === 'POST' ? shortcuts.get(pathOf(incoming)) : undefined
    if (shortcut === undefined) void serve(incoming, outgoing)
    else relayRequest(shortcut, incoming, outgoing)
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

function unknownPath(incoming: IncomingMessage): GatewayError {
  const path = pathOf(incoming).slice(0, 200)
  return new GatewayError({
    kind: 'not_found',
    source: 'gateway',
    message: `unknown endpoint: ${incoming.method} ${path}`,
  })
}

/** The dialect in which a refusal is best understood: told by the path, and by the client's marks where all share it. */
function protocolOf(incoming: IncomingMessage): Protocol {
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
