/**
 * What the books keep of a request that is over.
 */
import type { GatewayError } from '../core/errors.ts'
import type { Facts } from '../io/log.ts'
import type { Usage } from '../protocols/contract.ts'
import { isPlain, type Operation } from '../providers/contract.ts'
import type { RelayRecord } from '../relay/request.ts'
import type { PriceList } from '../usage/price-list.ts'
import type { FailedTry, TokenCounts, UsageRecord } from '../usage/record.ts'
import type { LiveRequest } from '../usage/recorder.ts'

export interface EndedRequest {
  readonly live: LiveRequest
  readonly operation: Operation
  /** Null when it was refused before anybody was asked; then `refusal` says why. */
  readonly story: RelayRecord | null
  readonly refusal: GatewayError | null
  /** As the client saw it, or would have. */
  readonly status: number
  /** Epoch ms. */
  readonly at: number
  /** Monotonic ms. */
  readonly endedAt: number
  /** Monotonic ms; null when nothing of an answer went out. */
  readonly contentAt: number | null
  readonly bytesIn: number
  readonly bytesOut: number
}

export function recordRequest(ended: EndedRequest, prices: PriceList): UsageRecord {
  const { live, story, refusal } = ended
  const outcome = story?.outcome ?? (refusal?.kind === 'client_gone' ? 'gone' : 'refused')
  const firstContentMs =
    ended.contentAt === null || outcome === 'failed' ? null : Math.round(ended.contentAt - live.arrivedAt)
  const upstreamModel = story === null || story.upstreamModel === null ? null : shorten(story.upstreamModel)
  // Counting is free at every vendor, and what was answered without words cost none.
  const isFree = ended.operation === 'count_tokens' || firstContentMs === null || story === null
  const told = isFree ? NOTHING : story.usage
  // Nothing that went by tells what a picture costs.
  const used = isFree || isPlain(ended.operation) ? told : withEstimate(told, ended, outcome)
  const isUntold = isPlain(ended.operation) && used.input === undefined
  return {
    at: ended.at,
    request: live.request,
    client: live.client,
    account: story?.account ?? null,
    model: live.model,
    upstreamModel,
    protocol: live.protocol,
    operation: ended.operation,
    tokens: tokensOf(used),
    estimated: used !== told,
    cost: isFree ? 0 : upstreamModel === null || isUntold ? null : prices.costOf(upstreamModel, used, ended.at),
    firstContentMs,
    totalMs: Math.round(ended.endedAt - live.arrivedAt),
    attempts: story?.attempts ?? 0,
    outcome,
    status: ended.status,
    error: outcome === 'served' ? null : whyNot(story, refusal),
  }
}

/** A model's name may be anything that a client makes up. */
export function shorten(model: string): string {
  return model.slice(0, 200)
}

/**
 * The facts of the request's line in the log. What is undefined is left out of it: one object as it stands costs less than
 * one put together from others.
 */
export function tellEnd(record: UsageRecord, { story, refusal, bytesIn, bytesOut }: EndedRequest): Facts {
  const { input, cached, cacheWrite, cacheWrite1h, output, reasoning } = story?.usage ?? NOTHING
  return {
    request: record.request,
    client: record.client,
    protocol: record.protocol,
    operation: record.operation === 'generate' ? undefined : record.operation,
    model: record.model,
    upstream_model: record.upstreamModel === record.model ? undefined : (record.upstreamModel ?? undefined),
    account: record.account,
    status: record.status,
    outcome: record.outcome,
    attempts: record.attempts,
    ms: record.totalMs,
    first_content_ms: record.firstContentMs,
    bytes_in: bytesIn,
    bytes_out: bytesOut,
    input,
    cached,
    cacheWrite,
    cacheWrite1h,
    output,
    reasoning,
    failures: story === null || story.failures.length === 0 ? undefined : story.failures.map(tellTry),
    refusal: refusal?.message,
  }
}

/** An attempt that came to nothing, in one line. */
function tellTry({ account, reason, message }: FailedTry): string {
  const told = reason === null ? message : `${reason} (${message})`
  return account === null ? told : `${account}: ${told}`
}

const NOTHING: Usage = {}

/** JSON around prose, a little more than its four characters a token. */
const BYTES_IN_PER_TOKEN = 5
/** Between Anthropic's events, which hold several tokens, and OpenAI's, which hold one among 200 bytes. */
const BYTES_OUT_PER_TOKEN = 50

/**
 * Vendors tell most counts at the end: who leaves before would use a model for nothing, and servers that tell none would be
 * used for nothing by everybody. What was not told is estimated by the bytes that went by; `told` itself when all was.
 */
function withEstimate(told: Usage, { bytesIn, bytesOut }: EndedRequest, outcome: UsageRecord['outcome']): Usage {
  const isInputTold = told.input !== undefined || told.cached !== undefined
  const isOutputTold = told.output !== undefined && outcome === 'served'
  if (isInputTold && isOutputTold) return told
  return {
    ...told,
    ...(isInputTold ? {} : { input: Math.ceil(bytesIn / BYTES_IN_PER_TOKEN) }),
    ...(isOutputTold ? {} : { output: Math.max(told.output ?? 0, Math.ceil(bytesOut / BYTES_OUT_PER_TOKEN)) }),
  }
}

function tokensOf({ input = 0, cached = 0, cacheWrite = 0, output = 0, reasoning = 0 }: Usage): TokenCounts {
  return { input, cached, cacheWrite, output, reasoning }
}

function whyNot(story: RelayRecord | null, refusal: GatewayError | null): string | null {
  const last = story?.failures.at(-1)
  return last === undefined ? (refusal?.message ?? null) : tellTry(last)
}
