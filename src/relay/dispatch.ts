/**
 * One request for one account: which lane it takes, the body and the call in the account's words, and the attempt itself.
 */
import type { Account, Protocol, UsableCredential } from '../core/account.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError, invalidRequest } from '../core/errors.ts'
import { headersForClient, headersForUpstream } from '../core/headers.ts'
import { NO_OUTLINE, type JsonObject } from '../core/json.ts'
import { decodeUtf8 } from '../core/utf8.ts'
import type { RelayConfig } from '../config/config.ts'
import type { DebugLog } from '../io/debug-log.ts'
import type { UpstreamClient } from '../io/upstream.ts'
import type { Lease, Pool } from '../pool/pool.ts'
import { readWindows } from '../pool/windows.ts'
import type { Envelope } from '../protocols/contract.ts'
import { unfold } from '../protocols/fold.ts'
import { hubDownstreams } from '../protocols/hub-index.ts'
import type { Ledger, Result } from '../protocols/hub.ts'
import { protocols } from '../protocols/index.ts'
import { createLedger } from '../protocols/ledger.ts'
import { requireBase64 } from '../protocols/judge-request.ts'
import { countedRequest, countRequest } from '../protocols/token-count.ts'
import { isPlain } from '../providers/contract.ts'
import { providerOf } from '../providers/index.ts'
import type { AttemptResult } from './attempt-contract.ts'
import { runAttempt } from './attempt.ts'
import type { Exchange } from './exchange.ts'
import { dropForeignReasoning, dropSealedReasoning } from './foreign-reasoning.ts'
import type { Heartbeat } from './heartbeat.ts'
import { createHubLane, type HubLane } from './hub-lane.ts'
import { prepareBody } from './prepare.ts'
import { dropReasoning } from './reasoning-repair.ts'
import type { RefusedMembers } from './refused-members.ts'
import { relayHeaders } from './relay-headers.ts'
import { isSideCall, type RelayRecord, type ThreadedRequest } from './request.ts'
import type { BodyWithEnvelope } from './response-thread.ts'
import { answerWithEstimate, COUNT_TIMEOUT_MS, translateCount } from './token-count.ts'

export interface DispatchDependencies {
  readonly config: RelayConfig
  readonly pool: Pool
  readonly client: UpstreamClient
  readonly clock: Clock
  readonly heartbeat: Heartbeat
  readonly debug: DebugLog | null
  readonly refused: RefusedMembers
  readonly warn: (event: string, facts: Record<string, unknown>) => void
}

export type Dispatch = (
  request: ThreadedRequest,
  lease: Lease,
  credential: UsableCredential,
  record: RelayRecord,
) => Promise<AttemptResult> | AttemptResult

/** What goes out, before the account's own adaptations. */
interface Parcel {
  readonly protocol: Protocol
  readonly body: Buffer
  readonly envelope: Envelope
  readonly hub: HubLane | null
}

/** Google's clients choose between two forms of a stream; the relay reads the one with events. */
const STREAM_QUERY = new URLSearchParams('alt=sse')

export function createDispatch(dependencies: DispatchDependencies): Dispatch {
  const { config, pool, clock, debug } = dependencies
  const warnedDefaults = new Set<string>()

  return function dispatch(request, lease, credential, record) {
    const { exchange, operation, thread } = request
    const { account } = lease
    const model = upstreamModelOf(lease)
    const provider = providerOf(account)
    record.attempts++
    record.account = account.name
    record.upstreamModel = model
    const ledger = createLedger()
    const parcel = wrap(request, account, model, ledger)
    const { hub, protocol } = parcel
    if (isSideCall(request) && parcel.body.length === 0) return answerWithEstimate(request)
    // A client of another protocol has said nothing that its headers could add for this vendor.
    const headers = protocol === request.protocol ? headersForUpstream(request.rawHeaders) : []
    const adaptation = { headers, refused: dependencies.refused.of(account, model) }
    const prepared = prepareBody(parcel.body, parcel.envelope, protocol, operation, account, model, config, adaptation)
    for (const name of prepared.skipped) warnOnce(account, name)
    record.dropped = unite([
      thread?.dropped() ?? [],
      request.repairs.names,
      prepared.dropped,
      repairsIn(ledger.entries),
    ])
    record.losses = ledger.entries
    const call = provider.call(account, credential, {
      protocol,
      operation,
      model,
      stream: parcel.envelope.stream,
      headers,
      query: protocol === request.protocol ? request.query : STREAM_QUERY,
      body: prepared.body,
    })
    debug?.body(exchange.requestId, 'client request', request.body)
    debug?.body(exchange.requestId, 'upstream request', prepared.body)
    const isSameLane = hub === null && operation === 'generate'
    const fold = (isSameLane && provider.foldStream) || null
    const shownModel = hub !== null || model === parcel.envelope.model ? null : parcel.envelope.model
    if (hub?.isPrewarm === true) return answerEmpty(hub, exchange)
    const isForeignCount = isSideCall(request) && protocol !== request.protocol
    return runAttempt(call, {
      upstream: protocols[protocol].upstream,
      hub,
      exchange,
      expectsStream: hub !== null || exchange.isStream || fold !== null,
      fold,
      translateWhole: isForeignCount ? translateCount(request.protocol) : null,
      mender: isSameLane ? (provider.createStreamMender?.(headers) ?? null) : null,
      watcher: thread?.watch(account, shownModel) ?? null,
      shownModel,
      headFor: (rawHeaders) => [...headersForClient(rawHeaders), ...relayHeaders(record, config.log.level === 'debug')],
      onServing(rawHeaders) {
        if (isSideCall(request)) return
        pool.observe(lease, readWindows(rawHeaders, clock.now()), true)
        pool.markServing(lease)
      },
      limits: isSideCall(request) ? { ...config, responseTimeoutMs: COUNT_TIMEOUT_MS } : config,
      debug,
      drainsForUsage: config.onClientDisconnect === 'drain',
      client: dependencies.client,
      clock,
      heartbeat: dependencies.heartbeat,
    })
  }

  function wrap(request: ThreadedRequest, account: Account, model: string, ledger: Ledger): Parcel {
    const { thread, repairs } = request
    const { body, envelope } = thread?.requestFor(account) ?? request
    const { protocol } = request
    const spoken = providerOf(account).protocolsOf(account)
    const [first = protocol] = spoken
    if (isPlain(request.operation)) return { protocol, body, envelope, hub: null }
    if (spoken.includes(protocol)) {
      const told = withoutDeadSeals(request, { body, envelope }, ledger)
      return { protocol, body: told.body, envelope: told.envelope, hub: null }
    }
    const parsed = isSideCall(request) ? countedRequest(parseRequest(body)) : parseRequest(body)
    const decoded = hubDownstreams[protocol].decodeRequest(parsed, envelope, ledger)
    requireBase64(decoded)
    const conversation = repairs.isReasoningDropped ? dropReasoning(decoded) : decoded
    let ids = 0
    const hub = createHubLane({
      conversation,
      downstream: protocol,
      upstream: first,
      account,
      upstreamModel: model,
      cacheKey: request.cacheKey,
      now: clock.now(),
      // Unique within the relay, because the request's own id is.
      createId: (prefix) => `${prefix}${request.exchange.requestId.replace(/^req_/, '')}${ids++}`,
      ledger,
      onFault: (error) => dependencies.warn('hub.fault', { account: account.name, error: String(error) }),
    })
    if (isSideCall(request)) {
      // Where a dialect has no such question there is nothing to send.
      const question = countRequest(first, hub.body, model)
      const text = question === null ? '' : JSON.stringify(question)
      return {
        protocol: first,
        body: Buffer.from(text),
        envelope: { model, stream: false, modelRange: null, outline: NO_OUTLINE },
        hub: null,
      }
    }
    const encoded = { model, stream: true, modelRange: null, outline: NO_OUTLINE }
    return { protocol: first, body: Buffer.from(JSON.stringify(hub.body)), envelope: encoded, hub }
  }

  function warnOnce(account: Account, name: string): void {
    const key = `${account.platform} ${name}`
    if (warnedDefaults.has(key)) return
    warnedDefaults.add(key)
    const facts = { platform: account.platform, member: name, setting: 'model_extra_params["*"]' }
    dependencies.warn('default.skipped', facts)
  }
}

/** Some vendors know a model by one of its names alone. */
export function upstreamModelOf({ account, upstreamModel }: Lease): string {
  return providerOf(account).canonicalModel?.(upstreamModel) ?? upstreamModel
}

/** The request as it came, unless it holds reasoning that this vendor cannot unseal or has just refused. */
function withoutDeadSeals(
  { protocol, repairs }: ThreadedRequest,
  said: BodyWithEnvelope,
  ledger: Ledger,
): BodyWithEnvelope {
  const drop = repairs.isReasoningDropped ? dropSealedReasoning : dropForeignReasoning
  const body = drop(said.body, protocol)
  if (body === said.body) return said
  ledger.note('dropped', 'reasoning')
  // The model's name may stand behind what was dropped; in Gemini's it stands in the path.
  const isInBody = said.envelope.modelRange !== null
  return { body, envelope: isInBody ? protocols[protocol].downstream.readEnvelope(body) : said.envelope }
}

/** Throws `invalid_request`: the byte lane leaves the vendor to judge what it does not need to read. */
function parseRequest(body: Buffer): JsonObject {
  try {
    return JSON.parse(decodeUtf8(body).replace(/^\uFEFF/, '')) as JsonObject
  } catch (error) {
    if (!(error instanceof SyntaxError))
      throw new GatewayError({ kind: 'internal', message: 'unreadable body', cause: error })
    throw invalidRequest(`the request body is not valid JSON: ${error.message}`)
  }
}

/** Each name once. */
function unite(lists: ReadonlyArray<readonly string[]>): readonly string[] {
  // Nearly always all of them are empty.
  return lists.every(({ length }) => length === 0) ? NO_NAMES : [...new Set(lists.flat())]
}

const NO_NAMES: readonly string[] = []

/** What was mended in the conversation itself; what was left out or weakened is told in debug only. */
function repairsIn(entries: readonly string[]): readonly string[] {
  if (entries.length === 0) return entries
  return entries
    .filter((entry) => !/^(dropped|weakened|emulated)\b/.test(entry))
    .map((entry) => entry.split(':', 1)[0] as string)
}

/** The answer to a request that only means to warm a cache, which no other vendor has a word for. */
function answerEmpty(hub: HubLane, exchange: Exchange): AttemptResult {
  const result: Result = { id: '', model: '', parts: [], usage: {}, finish: { reason: 'max_tokens' } }
  if (exchange.isStream) {
    exchange.commitStream([])
    for (const delta of unfold(result)) exchange.write(hub.encoder.encode(delta), true)
    exchange.endStream()
  } else {
    exchange.sendWhole(200, [['content-type', 'application/json']], Buffer.from(hub.encodeWhole(result)))
  }
  // Nobody was asked: that is known, and need not be estimated.
  const usage = { input: 0, output: 0 }
  return { kind: 'served', status: 200, rawHeaders: [], usage, firstContentMs: null, errorEvent: null }
}
