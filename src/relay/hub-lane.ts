/**
 * What one attempt over the hub lane needs: the request in the server's words, a decoder for its answer, and an encoder for
 * the client. Made anew for each account, because reasoning state and names belong to it.
 */
import { createHash } from 'node:crypto'
import type { Account, Protocol } from '../core/account.ts'
import type { JsonObject } from '../core/json.ts'
import { PLATFORMS } from '../core/platforms.ts'
import { capabilitiesOf } from '../protocols/capabilities.ts'
import type { Usage } from '../protocols/contract.ts'
import { hubDownstreams, hubUpstreams } from '../protocols/hub-index.ts'
import type { StreamDecoder, StreamEncoder, Target } from '../protocols/hub-contract.ts'
import type { Conversation, Delta, Ledger, Result } from '../protocols/hub.ts'
import { createNameMap } from '../protocols/names.ts'
import { estimateTokens } from '../protocols/token-estimate.ts'
import { createStopWatch } from '../protocols/stop-watch.ts'

export interface HubLane {
  /** The request body for the server. */
  readonly body: JsonObject
  readonly decoder: StreamDecoder
  readonly encoder: StreamEncoder
  decodeWhole(body: JsonObject): Delta[]
  encodeWhole(result: Result): string
  /** The vendor's headers that mean something to a client of another family: its request id. */
  withoutForeignHeaders(rawHeaders: readonly string[]): string[]
  /** Counts for a client that cannot do without, when the upstream told none at all; null where it can. */
  estimateUsage(): Usage | null
  /** The client asks for no answer, only for its prompt to be cached, which this server has no word for. */
  readonly isPrewarm: boolean
  /** Something in the lane broke in a way that is the relay's own fault. */
  onFault(error: unknown): void
}

export interface HubLaneFacts {
  readonly conversation: Conversation
  readonly downstream: Protocol
  readonly upstream: Protocol
  readonly account: Account
  readonly upstreamModel: string
  readonly cacheKey: string | null
  readonly now: number
  readonly createId: (prefix: string) => string
  readonly ledger: Ledger
  readonly onFault: (error: unknown) => void
}

export function createHubLane(facts: HubLaneFacts): HubLane {
  const { conversation, account, upstreamModel, ledger } = facts
  const names = createNameMap(conversation, facts.upstream)
  // Only whoever made a dialect takes its newest members.
  const isVendorHost = account.baseUrl === null && PLATFORMS[account.platform].dialects.includes(facts.upstream)
  const target: Target = {
    model: upstreamModel,
    capabilities: capabilitiesOf(upstreamModel, facts.upstream, isVendorHost),
    account: accountTag(account),
    isVendorHost,
    cacheKey: facts.cacheKey,
    toolName: names.toolName,
    callId: names.callId,
    ledger,
  }
  const context = {
    conversation,
    model: conversation.model,
    now: facts.now,
    createId: facts.createId,
    originalName: names.originalName,
    ledger,
  }
  const upstream = hubUpstreams[facts.upstream]
  const downstream = hubDownstreams[facts.downstream]
  const encoder = downstream.createStreamEncoder(context)
  return {
    body: upstream.encodeRequest(conversation, target),
    decoder: withStops(upstream.createStreamDecoder(target), conversation, facts.upstream),
    encoder,
    decodeWhole: (body) => upstream.decodeWhole(body, target),
    encodeWhole: (result) => downstream.encodeWhole(result, context),
    withoutForeignHeaders,
    // Claude Code reads from the counts when to compact; without them it never does.
    estimateUsage: () => (facts.downstream === 'anthropic' ? { input: estimateTokens(conversation) } : null),
    isPrewarm: conversation.maxOutputTokens === 0,
    onFault: facts.onFault,
  }
}

/** Reasoning state is bound to an account; the tag tells accounts apart without naming them. */
function accountTag(account: Account): string {
  return createHash('sha256')
    .update(`${account.platform} ${account.baseUrl ?? ''} ${account.name}`)
    .digest('hex')
    .slice(0, 12)
}

/** Responses has no stop sequences, and Chat hosts take four; the relay watches for what a server cannot. */
function withStops(decoder: StreamDecoder, { stop }: Conversation, upstream: Protocol): StreamDecoder {
  const unknown = upstream === 'openai-responses' ? stop : upstream === 'openai-chat' ? stop.slice(4) : []
  if (unknown.length === 0) return decoder
  const watch = createStopWatch(unknown)
  return {
    decode: (frame) => watch(decoder.decode(frame)),
    end: () => watch(decoder.end()),
    isComplete: () => decoder.isComplete(),
  }
}

const REQUEST_IDS = new Set(['request-id', 'x-request-id'])

function withoutForeignHeaders(rawHeaders: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (REQUEST_IDS.has((rawHeaders[i] as string).toLowerCase()))
      kept.push(rawHeaders[i] as string, rawHeaders[i + 1] as string)
  }
  return kept
}
