/**
 * What the books keep of a request that is over.
 */
import type { GatewayError } from '../core/errors.ts'
import type { Usage } from '../protocols/contract.ts'
import type { RelayRecord } from '../relay/request.ts'
import type { FailedTry, TokenCounts, UsageRecord } from '../usage/record.ts'
import type { LiveRequest } from '../usage/recorder.ts'

export interface EndedRequest {
  readonly live: LiveRequest
  readonly operation: string
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
}

export function recordRequest(ended: EndedRequest): UsageRecord {
  const { live, story, refusal } = ended
  const outcome = story?.outcome ?? (refusal?.kind === 'client_gone' ? 'gone' : 'refused')
  const hasContent = ended.contentAt !== null && outcome !== 'failed'
  return {
    at: ended.at,
    request: live.request,
    client: live.client,
    account: story?.account ?? null,
    model: live.model,
    upstreamModel: story === null || story.upstreamModel === null ? null : shorten(story.upstreamModel),
    protocol: live.protocol,
    operation: ended.operation,
    tokens: story === null ? NO_TOKENS : tokensOf(story.usage),
    cost: null,
    firstContentMs: hasContent && story !== null ? Math.round(ended.contentAt - live.arrivedAt) : null,
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

/** An attempt that came to nothing, in one line. */
export function tellTry({ account, reason, message }: FailedTry): string {
  const told = reason === null ? message : `${reason} (${message})`
  return account === null ? told : `${account}: ${told}`
}

const NO_TOKENS: TokenCounts = { input: 0, cached: 0, cacheWrite: 0, output: 0, reasoning: 0 }

function tokensOf({ input = 0, cached = 0, cacheWrite = 0, output = 0, reasoning = 0 }: Usage): TokenCounts {
  return { input, cached, cacheWrite, output, reasoning }
}

function whyNot(story: RelayRecord | null, refusal: GatewayError | null): string | null {
  const last = story?.failures.at(-1)
  return last === undefined ? (refusal?.message ?? null) : tellTry(last)
}
