/**
 * One request as the fake vendor received it, and what became of it.
 */
import type { Protocol } from '../../src/core/account.ts'
import { headerValue } from '../../src/core/headers.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { createDeferred, type Deferred } from './deferred.ts'
import type { MessageHead } from './http1.ts'
import { findKey, findRoute } from './routes.ts'

/**
 * - `active`: the vendor has not ended its answer yet
 * - `answered`: the answer is out, complete as far as the script goes
 * - `cut`: the script ended the connection (`cut`, `finish`, `drop`)
 * - `aborted`: the relay left first
 */
export type RequestState = 'active' | 'answered' | 'cut' | 'aborted'

export interface VendorRequest {
  /** 1 for the first request this vendor received, and so on in order of arrival. */
  readonly attempt: number
  /** `att_1`, or `att_b1` for a vendor named b: in every id of the answer. */
  readonly attemptId: string
  readonly method: string
  /** Path and query as they were sent. */
  readonly target: string
  /** Name, value, name, value …, as they were sent. */
  readonly rawHeaders: readonly string[]
  /** The body as it was sent, freed from its transfer encoding only. */
  readonly bytes: Buffer
  /** The body as JSON; empty when it is not a JSON object. */
  readonly body: JsonObject
  /** The credential it came with. */
  readonly key: string | null
  /** What the path asks for; protocol null for a path that no vendor has. */
  readonly protocol: Protocol | null
  readonly purpose: 'generate' | 'count' | 'models'
  readonly model: string
  readonly stream: boolean
  /** 1 for the vendor's first TCP connection: equal numbers mean a reused one. */
  readonly connection: number
  readonly state: RequestState
  readonly isActive: boolean
  /** True when the relay dropped the connection before the vendor had ended its answer. */
  readonly isAborted: boolean
  /** Resolves when the connection that carried it is gone, whoever ended it. */
  readonly closed: Promise<void>
  /** The first value of a header; `name` in lower case. */
  header(name: string): string | undefined
  /** Lets this request's answer pass one `pause()`, now or later. */
  resume(): void
}

/** The vendor's own view of a request, with the ends that only the vendor moves. */
export interface RecordedRequest extends VendorRequest {
  /** Body bytes of the answer that have been written. */
  readonly sent: Buffer[]
  readonly isPaused: boolean
  /** Waits for a `resume()`, unless a permit for this request or, by `takePermit`, for anyone is at hand. */
  pause(takePermit: () => boolean): Promise<void>
  /** Notes how it ended. Only the first end counts: a connection that closes after its answer is not aborted. */
  settle(state: Exclude<RequestState, 'active'>): void
}

export function recordRequest(facts: {
  attempt: number
  attemptId: string
  connection: number
  closed: Promise<void>
  head: MessageHead
  bytes: Buffer
  onSettled: () => void
}): RecordedRequest {
  const { attempt, attemptId, connection, closed, bytes, onSettled } = facts
  const { rawHeaders } = facts.head
  const [method = '', target = ''] = facts.head.startLine.split(' ')
  const route = findRoute(target.split('?')[0] ?? '', rawHeaders)
  const body = parseObject(bytes)
  let state: RequestState = 'active'
  let permits = 0
  let pausing: Deferred<void> | null = null

  return {
    attempt,
    attemptId,
    connection,
    closed,
    method,
    target,
    rawHeaders,
    bytes,
    body,
    key: findKey(target, rawHeaders),
    protocol: route.protocol,
    purpose: route.purpose,
    model: route.model ?? (typeof body['model'] === 'string' ? body['model'] : ''),
    stream: route.stream ?? body['stream'] === true,
    sent: [],
    get state() {
      return state
    },
    get isActive() {
      return state === 'active'
    },
    get isAborted() {
      return state === 'aborted'
    },
    get isPaused() {
      return pausing !== null
    },
    header: (name) => headerValue(rawHeaders, name),
    resume() {
      if (pausing === null) permits++
      else pausing.resolve()
      pausing = null
    },
    async pause(takePermit) {
      if (permits > 0) permits--
      else if (!takePermit()) {
        pausing = createDeferred()
        await Promise.race([pausing.promise, closed])
        pausing = null
      }
    },
    settle(reached) {
      if (state !== 'active') return
      state = reached
      onSettled()
    },
  }
}

function parseObject(bytes: Buffer): JsonObject {
  try {
    const value: unknown = JSON.parse(bytes.toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
  } catch {
    return {}
  }
}
