/**
 * One relayed request from its arrival to its log line: body, envelope, relay, record.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RelayConfig } from '../config/config.ts'
import type { ClientToken, Protocol } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError, invalidRequest } from '../core/errors.ts'
import { matchesPattern } from '../core/match.ts'
import type { Log } from '../io/log.ts'
import type { Settle, TokenLimiter } from '../limits/token-limiter.ts'
import type { Envelope } from '../protocols/contract.ts'
import type { GeminiPath } from '../protocols/gemini/downstream.ts'
import { protocols } from '../protocols/index.ts'
import { isPlain, type Operation } from '../providers/contract.ts'
import { Exchange } from '../relay/exchange.ts'
import type { Heartbeat } from '../relay/heartbeat.ts'
import type { Relay } from '../relay/relay.ts'
import { type RelayRecord, startRecord } from '../relay/request.ts'
import type { PriceList } from '../usage/price-list.ts'
import type { LiveRequest, UsageRecorder } from '../usage/recorder.ts'
import { readBody } from './body.ts'
import { isForm, readFormEnvelope } from './form-envelope.ts'
import { refuse } from './reply.ts'
import { estimateRequest } from './request-estimate.ts'
import { type EndedRequest, recordRequest, shorten, tellEnd } from './request-record.ts'
import { queryOf } from './request-target.ts'

export interface RelayRoute {
  readonly protocol: Protocol
  readonly operation: Operation
  /** Model and verb, for the one protocol that has them in the path. */
  readonly path: GeminiPath | null
}

export type ServeRequest = (
  client: ClientToken,
  route: RelayRoute,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  requestId: string,
) => void

export interface RelayRouteDependencies {
  readonly config: RelayConfig
  readonly clock: Clock
  readonly heartbeat: Heartbeat
  readonly relay: Relay
  readonly limiter: TokenLimiter
  readonly recorder: UsageRecorder
  readonly prices: PriceList
  readonly log: Log
}

/** The handler of all relayed routes. Never throws: whatever happens becomes an answer and a log line. */
export function createRelayRoute(dependencies: RelayRouteDependencies): ServeRequest {
  const { config, clock, heartbeat, relay, limiter, recorder, prices, log } = dependencies

  async function serve(
    client: ClientToken,
    route: RelayRoute,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    requestId: string,
  ): Promise<void> {
    const arrivedAt = clock.monotonic()
    const { downstream } = protocols[route.protocol]
    const query = queryOf(incoming)
    const live: LiveRequest = {
      request: requestId,
      client: client.name,
      protocol: route.protocol,
      arrivedAt,
      model: null,
      progress: null,
    }
    const leave = recorder.begin(live)
    let settle: Settle | null = null
    let story: RelayRecord | null = null
    let bytesIn = 0
    let bytesOut = 0
    let contentAt: number | null = null
    let refusal: GatewayError | null = null
    try {
      const askFor = (): void => {
        if (incoming.headers.expect !== undefined) outgoing.writeContinue()
      }
      const allowsForm = FORM_OPERATIONS.has(route.operation)
      const body = await readBody(incoming, { maxBytes: config.maxBodyBytes, askFor, allowsForm, clock, heartbeat })
      bytesIn = body.length
      const { 'content-type': type } = incoming.headers
      const told = isForm(type) ? readFormEnvelope(body, type ?? '') : downstream.readEnvelope(body)
      const envelope = completeEnvelope(told, route)
      live.model = shorten(envelope.model)
      checkModel(client, envelope.model)
      // Counting is free, and clients do it by the dozen at once.
      if (route.operation !== 'count_tokens') {
        const { protocol, operation } = route
        const { model } = envelope
        settle = limiter.admit(client, model, () =>
          estimateRequest({ client, protocol, operation, model, body }, config, prices, clock.now()),
        )
      }
      // A count is one number, whatever the body asks for; Gemini's streams are events only when the query says so.
      const isStream =
        envelope.stream && route.operation !== 'count_tokens' && (route.path === null || query.get('alt') === 'sse')
      const exchange = new Exchange({
        incoming,
        outgoing,
        downstream,
        requestId,
        isStream,
        keepaliveIntervalMs: config.keepaliveIntervalMs,
        clock,
        heartbeat,
      })
      const { protocol, operation } = route
      const { rawHeaders } = incoming
      story = startRecord(envelope.model)
      live.progress = story
      await relay({ client, protocol, operation, envelope, body, rawHeaders, query, exchange }, story)
      bytesOut = exchange.bytesOut
      contentAt = exchange.contentAt
    } catch (error) {
      refusal = asGatewayError(error)
      refuse(incoming, outgoing, downstream, refusal, requestId, clock)
    } finally {
      leave()
    }
    const ended: EndedRequest = {
      live,
      operation: route.operation,
      story,
      refusal,
      status: story?.outcome === 'gone' || refusal?.kind === 'client_gone' ? 499 : outgoing.statusCode,
      at: clock.now(),
      endedAt: clock.monotonic(),
      contentAt,
      bytesIn,
      bytesOut,
    }
    const record = recordRequest(ended, prices)
    const { tokens, cost } = record
    settle?.({ tokens: tokens.input + tokens.cacheWrite + tokens.output, cost })
    recorder.finish(record, story?.failures ?? [])
    if (!config.enableRequestLog) return
    log[record.outcome === 'served' ? 'info' : 'warn']('request.end', tellEnd(record, ended))
  }

  return (client, route, incoming, outgoing, requestId) => {
    void serve(client, route, incoming, outgoing, requestId).catch((error: unknown) => {
      log.error('request.crashed', { request: requestId, error: String((error as Error)?.stack ?? error) })
      outgoing.destroy()
    })
  }
}

/** What takes pictures. */
const FORM_OPERATIONS: ReadonlySet<Operation> = new Set(['images/edits', 'images/variations'])

/** Gemini's path says what other dialects' bodies say. */
function completeEnvelope(envelope: Envelope, { operation, path }: RelayRoute): Envelope {
  if (isPlain(operation) && envelope.stream) {
    throw invalidRequest('the relay passes these answers whole: leave out "stream"', 'stream')
  }
  return path === null
    ? envelope
    : { model: path.model, stream: path.verb === 'streamGenerateContent', modelRange: null, outline: envelope.outline }
}

function checkModel(client: ClientToken, model: string): void {
  if (client.models.length === 0 || client.models.some((pattern) => matchesPattern(pattern, model))) return
  throw new GatewayError({
    kind: 'forbidden',
    source: 'gateway',
    message: `this token may not use the model "${model.slice(0, 200)}"`,
    param: 'model',
    limitedBy: 'token',
    retryable: false,
  })
}

function asGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  return new GatewayError({ kind: 'internal', message: 'an unexpected fault in the relay', cause: error })
}
