/**
 * Where models are listed, and where Gemini's clients put model and verb.
 */
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { RelayConfig } from '../config/config.ts'
import { GatewayError } from '../core/errors.ts'
import { readGeminiPath } from '../protocols/gemini/downstream.ts'
import type { App, AppContext, Door } from './door.ts'
import { encodeModel, encodeModelList, listModels, modelDialect } from './models.ts'
import type { RelayRequest } from './relayed-routes.ts'
import { sendJson } from './reply.ts'

/**
 * Google's newest SDK leaves out the `beta`. None, and two, come from settings with a version forgotten or too many.
 */
const MODELS_PATHS = ['/v1', '/v1beta', '', '/v1/v1', '/v1/v1beta', '/v1beta/v1', '/v1beta/v1beta'].map(
  (version) => `${version}/models`,
)

export function addModelRoutes(app: App, door: Door, config: RelayConfig, relayRequest: RelayRequest): void {
  for (const models of MODELS_PATHS) {
    app.post(`${models}/:call`, (context) => {
      const call = context.req.param('call') ?? ''
      const path = readGeminiPath(call)
      if (path === null) {
        return call.includes(':') ? door.refuseUnknown(context) : door.refuseMethod(context, 'GET, HEAD')
      }
      const operation = path.verb === 'countTokens' ? 'count_tokens' : 'generate'
      relayRequest({ protocol: 'gemini', operation, path }, context.env.incoming, context.env.outgoing)
      return RESPONSE_ALREADY_SENT
    })
    app.get(`${models}/:id`, (context) => {
      const id = context.req.param('id') ?? ''
      return readGeminiPath(id) === null ? showModel(context, id) : door.refuseMethod(context, 'POST')
    })
    app.all(`${models}/:id`, (context) =>
      door.refuseMethod(context, readGeminiPath(context.req.param('id') ?? '') === null ? 'GET, HEAD' : 'POST'),
    )
    app.get(
      models,
      door.asClient((client, { env }, requestId) => {
        const dialect = modelDialect(env.incoming, models)
        sendJson(env.outgoing, requestId, 200, encodeModelList(listModels(config, client), dialect))
      }),
    )
    app.all(models, (context) => door.refuseMethod(context, 'GET, HEAD'))
  }

  function showModel(context: AppContext, id: string): Response {
    return door.asClient((client, { env }, requestId) => {
      const model = listModels(config, client).find((each) => each.id === id)
      const dialect = modelDialect(env.incoming, context.req.path)
      if (model !== undefined) return sendJson(env.outgoing, requestId, 200, encodeModel(model, dialect))
      const message = `the model "${id.slice(0, 200)}" is not in the list of this relay`
      door.refuse(env.incoming, env.outgoing, new GatewayError({ kind: 'model_not_found', source: 'gateway', message }))
    })(context)
  }
}
