/**
 * Counts tokens here where no vendor does: an estimate, and marked as one. A client that hears "not found" instead stops
 * compacting its history in time.
 */
import type { GatewayError } from '../core/errors.ts'
import type { JsonObject } from '../core/json.ts'
import { hubDownstreams } from '../protocols/hub-index.ts'
import { createLedger } from '../protocols/ledger.ts'
import type { Protocol } from '../core/account.ts'
import { countedRequest, encodeTokenCount, readTokenCount } from '../protocols/token-count.ts'
import { estimateTokens } from '../protocols/token-estimate.ts'
import type { AttemptResult } from './attempt-contract.ts'
import type { RelayRequest } from './request.ts'

/** An upstream is not waited for longer: clients ask dozens of times at once, and an estimate is nearly as good. */
export const COUNT_TIMEOUT_MS = 5_000

/** True where an estimate helps: nobody could be asked. A model that nobody has stays unknown. */
export function canEstimate(refusals: readonly GatewayError[]): boolean {
  return refusals.every(({ kind }) => kind !== 'model_not_found' && kind !== 'forbidden')
}

/** Answers with the estimate. Throws `invalid_request` when the body cannot be read. */
export function answerWithEstimate({ protocol, envelope, body, exchange }: RelayRequest): AttemptResult {
  const parsed = JSON.parse(body.toString('utf8')) as JsonObject
  const conversation = hubDownstreams[protocol].decodeRequest(countedRequest(parsed), envelope, createLedger())
  const count = encodeTokenCount(protocol, estimateTokens(conversation))
  const headers: Array<[string, string]> = [
    ['content-type', 'application/json'],
    ['x-relay-estimated', 'true'],
  ]
  exchange.sendWhole(200, headers, Buffer.from(JSON.stringify(count)))
  return { kind: 'served', status: 200, rawHeaders: [], usage: {}, firstContentMs: null, errorEvent: null }
}

/** The same number in the client's words. Throws when the upstream's answer has none. */
export function translateCount(client: Protocol): (answer: Buffer) => Buffer {
  return (answer) => {
    const count = readTokenCount(JSON.parse(answer.toString('utf8')) as JsonObject)
    if (count === null) throw new Error('the answer has no count')
    return Buffer.from(JSON.stringify(encodeTokenCount(client, count)))
  }
}
