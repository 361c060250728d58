/**
 * Chat Completions on the client's side of the hub lane.
 */
import type { HubDownstream } from '../hub-contract.ts'
import { decodeRequest } from './decode-request.ts'
import { createStreamEncoder } from './encode-stream.ts'
import { encodeWhole } from './encode-whole.ts'

export const hubDownstream: HubDownstream = {
  protocol: 'openai-chat',
  decodeRequest,
  createStreamEncoder,
  encodeWhole,
}
