/**
 * Responses as the server of the hub lane.
 */
import type { JsonObject } from '../../core/json.ts'
import type { HubUpstream, Target } from '../hub-contract.ts'
import type { Delta } from '../hub.ts'
import { createStreamDecoder } from './decode-stream.ts'
import { encodeRequest } from './encode-request.ts'

export const hubUpstream: HubUpstream = {
  protocol: 'openai-responses',
  encodeRequest,
  createStreamDecoder,
  decodeWhole,
}

/** A whole response is what its terminal event would have carried. */
function decodeWhole(body: JsonObject, target: Target): Delta[] {
  const decoder = createStreamDecoder(target)
  const type = TERMINAL[typeof body['status'] === 'string' ? body['status'] : ''] ?? 'response.completed'
  const data = Buffer.from(JSON.stringify({ type, response: body }))
  return [...decoder.decode({ event: type, data, cut: false }), ...decoder.end()]
}

const TERMINAL: Readonly<Record<string, string>> = {
  failed: 'response.failed',
  incomplete: 'response.incomplete',
  cancelled: 'response.cancelled',
  // Nobody will tell the rest of it.
  queued: 'response.queued',
  in_progress: 'response.in_progress',
}
