/**
 * Chat Completions on the server's side of the hub lane.
 */
import type { HubUpstream } from '../hub-contract.ts'
import { createStreamDecoder, decodeWhole } from './decode-stream.ts'
import { encodeRequest } from './encode-request.ts'

export const hubUpstream: HubUpstream = {
  protocol: 'openai-chat',
  encodeRequest,
  createStreamDecoder,
  decodeWhole,
}
