/**
 * Messages as the client of the hub lane.
 */
import type { HubDownstream } from '../hub-contract.ts'
import { decodeRequest } from './decode-request.ts'
import { createStreamEncoder } from './encode-stream.ts'
import { encodeWhole } from './encode-whole.ts'

export const hubDownstream: HubDownstream = { protocol: 'anthropic', decodeRequest, createStreamEncoder, encodeWhole }
