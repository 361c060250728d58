/**
 * Messages as the server of the hub lane.
 */
import type { HubUpstream } from '../hub-contract.ts'
import { createStreamDecoder, decodeWhole } from './decode-stream.ts'
import { encodeRequest } from './encode-request.ts'

export const hubUpstream: HubUpstream = { protocol: 'anthropic', encodeRequest, createStreamDecoder, decodeWhole }
