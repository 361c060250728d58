/**
 * The one error of the relay: what happened (kind), whose fault it is (source), and what the client may do next.
 * Each dialect turns it into its own body (`protocols/<name>/downstream.ts`).
 */

/** The closed list of kinds with the HTTP status each one has by default (`529` for Messages is the dialect's affair). */
export const STATUS_OF_KIND = {
  invalid_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  model_not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  request_too_large: 413,
  unsupported_media_type: 415,
  misdirected: 421,
  upgrade_required: 426,
  rate_limited: 429,
  usage_limit: 429,
  queue_full: 429,
  queue_timeout: 429,
  client_gone: 499,
  internal: 500,
  upstream_failed: 502,
  overloaded: 503,
  unavailable: 503,
  upstream_timeout: 504,
} as const

export type ErrorKind = keyof typeof STATUS_OF_KIND

/** Who is to blame: the client's request, the upstream's answer, or the relay itself. */
export type Blame = 'client' | 'upstream' | 'gateway'

export interface ErrorDetails {
  kind: ErrorKind
  message: string
  source?: Blame
  /** Overrides the status of the kind, for an upstream status that has no kind of its own. */
  status?: number
  /** The request member at fault, in the OpenAI sense of `param`. */
  param?: string
  /** Machine-readable code where a dialect has a place for it, e.g. `relay_queue_full`. */
  code?: string
  /** When trying again makes sense, in milliseconds from now. */
  retryAfterMs?: number
  /** False tells SDKs (`x-should-retry`) that repeating at once cannot help. */
  retryable?: boolean
  /** Which of the relay's own limits refused (`x-relay-limited-by`). */
  limitedBy?: string
  cause?: unknown
}

export class GatewayError extends Error {
  readonly kind: ErrorKind
  readonly source: Blame
  readonly status: number
  readonly param: string | undefined
  readonly code: string | undefined
  readonly retryAfterMs: number | undefined
  readonly retryable: boolean | undefined
  readonly limitedBy: string | undefined

  constructor(details: ErrorDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'GatewayError'
    this.kind = details.kind
    this.source = details.source ?? (STATUS_OF_KIND[details.kind] < 500 ? 'client' : 'gateway')
    this.status = details.status ?? STATUS_OF_KIND[details.kind]
    this.param = details.param
    this.code = details.code
    this.retryAfterMs = details.retryAfterMs
    this.retryable = details.retryable
    this.limitedBy = details.limitedBy
  }
}

/** Shorthand for the commonest refusal: the client's body cannot be used, and says which member is at fault. */
export function invalidRequest(message: string, param?: string): GatewayError {
  return new GatewayError({ kind: 'invalid_request', message, ...(param === undefined ? {} : { param }) })
}

/** Whole seconds for a `retry-after` header: rounded up, at least one (a zero makes clients hammer). */
export function retryAfterSeconds(retryAfterMs: number): number {
  return Math.max(1, Math.ceil(retryAfterMs / 1000))
}
