/**
 * Responses as the client of the hub lane.
 */
import type { HubDownstream } from '../hub-contract.ts'
import { decodeRequest } from './decode-request.ts'
import { createStreamEncoder, encodeWhole } from './encode-stream.ts'

export const hubDownstream: HubDownstream = {
  protocol: 'openai-responses',
  decodeRequest,
  createStreamEncoder,
  encodeWhole,
}
