/**
 * Gemini as the server of the hub lane.
 */
import type { HubUpstream } from '../hub-contract.ts'
import { createStreamDecoder } from './decode-stream.ts'
import { encodeRequest } from './encode-request.ts'

export const hubUpstream: HubUpstream = {
  protocol: 'gemini',
  encodeRequest,
  createStreamDecoder,
  /** A whole answer has the shape of a chunk that tells everything; a list is the stream in another form. */
  decodeWhole(body, target) {
    const decoder = createStreamDecoder(target)
    const data = Buffer.from(JSON.stringify(body))
    return [...decoder.decode({ event: '', data, cut: false }), ...decoder.end()]
  },
}
