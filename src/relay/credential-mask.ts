/**
 * Takes an account's credential out of what its upstream says of a failure: some servers repeat what they were sent, and
 * their words go to clients, to /health and into the log.
 */
import type { Secret } from '../core/secret.ts'
import type { UpstreamError } from '../protocols/contract.ts'
import type { AttemptResult } from './attempt-contract.ts'

const MASK = '***'
/** Shorter ones are no secrets, and would mask ordinary words. */
const SHORTEST_SECRET = 8

/** The same result with the secret masked, in the body as well as in what was read from it. Answers stay as they are. */
export function maskCredential(result: AttemptResult, secret: Secret): AttemptResult {
  const text = secret.reveal()
  if (text.length < SHORTEST_SECRET) return result
  if (result.kind === 'served' && result.errorEvent !== null) {
    return { ...result, errorEvent: maskError(result.errorEvent, text) }
  }
  if (result.kind !== 'failed' || !result.reply.body.includes(text)) return result
  const { reply } = result
  // Latin-1 keeps every byte as it is, whatever the body's encoding.
  const body = Buffer.from(reply.body.toString('latin1').replaceAll(text, MASK), 'latin1')
  const error = reply.error === null ? null : maskError(reply.error, text)
  return { kind: 'failed', reply: { ...reply, body, error } }
}

function maskError(error: UpstreamError, text: string): UpstreamError {
  return { ...error, message: error.message.replaceAll(text, MASK) }
}
