/**
 * Remembered responses: `GET` and `DELETE /v1/responses/{id}` for clients that come back to one. A response that a vendor
 * keeps itself is not told here: the relay knows no more of it than its account.
 */
import type { ServerResponse } from 'node:http'
import type { ClientToken } from '../core/account.ts'
import { GatewayError } from '../core/errors.ts'
import type { ResponseMemory } from '../relay/response-memory.ts'
import type { App, Door } from './door.ts'
import { sendJson, sendJsonBytes } from './reply.ts'

export function addResponseRoutes(app: App, door: Door, responses: ResponseMemory): void {
  const remembered = (answer: typeof sendResponse) =>
    door.asClient((client, { env, req }, requestId) => {
      try {
        answer(responses, client, req.param('id') ?? '', env.outgoing, requestId)
      } catch (error) {
        door.refuse(env.incoming, env.outgoing, error as GatewayError)
      }
    })
  for (const path of ['/v1/responses/:id', '/responses/:id']) {
    app.get(path, remembered(sendResponse))
    app.delete(path, remembered(deleteResponse))
  }
}

/** Throws `not_found` for an id that the client has no response of. */
function sendResponse(
  memory: ResponseMemory,
  client: ClientToken,
  id: string,
  outgoing: ServerResponse,
  requestId: string,
): void {
  const transcript = memory.find(client.name, id)?.transcript
  if (transcript == null) throw unknownResponse(id)
  sendJsonBytes(outgoing, requestId, 200, transcript.response)
}

/** Throws `not_found` likewise. */
function deleteResponse(
  memory: ResponseMemory,
  client: ClientToken,
  id: string,
  outgoing: ServerResponse,
  requestId: string,
): void {
  if (memory.find(client.name, id)?.transcript == null) throw unknownResponse(id)
  memory.forget(client.name, id)
  sendJson(outgoing, requestId, 200, { id, object: 'response', deleted: true })
}

function unknownResponse(id: string): GatewayError {
  const message = `the relay remembers no response with the id '${id.slice(0, 100)}'`
  return new GatewayError({ kind: 'not_found', source: 'gateway', message, param: 'response_id' })
}
