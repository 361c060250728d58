/**
 * What the relay asks of a vendor: where and how to call it, and what its answers mean for the account.
 */
import type { Account, Protocol, UsableCredential } from '../core/account.ts'
import type { HeaderList } from '../core/headers.ts'
import type { JsonValue } from '../core/json.ts'
import type { UpstreamCall } from '../core/upstream-call.ts'
import type { FailedReply, Verdict, WindowReading } from '../core/verdict.ts'
import type { StreamMender, UpstreamError } from '../protocols/contract.ts'

/** What the client wants done, whatever the vendor calls it. */
export type Operation = 'generate' | 'count_tokens' | 'compact' | PlainOperation

/**
 * Asked and answered in OpenAI's words alone, whole on both ways: nothing is translated, filled in or remembered. Each is
 * named by its path.
 */
export type PlainOperation = 'embeddings' | 'images/generations' | 'images/edits' | 'images/variations'

export const PLAIN_OPERATIONS: readonly PlainOperation[] = [
  'embeddings',
  'images/generations',
  'images/edits',
  'images/variations',
]

export function isPlain(operation: Operation): operation is PlainOperation {
  return (PLAIN_OPERATIONS as readonly Operation[]).includes(operation)
}

export interface Payload {
  readonly protocol: Protocol
  readonly operation: Operation
  /** The model's name at this account; part of the path for some vendors. */
  readonly model: string
  readonly stream: boolean
  /** The client's headers that may go on, already filtered. */
  readonly headers: HeaderList
  /** The query members of the request, for the few that a vendor knows. */
  readonly query: URLSearchParams
  readonly body: Buffer
}

export interface Failure extends FailedReply {
  /** The error as the protocol's codec read it; null when the body is not an error of that protocol. */
  readonly error: UpstreamError | null
  /** Quota windows told by the headers. */
  readonly windows: readonly WindowReading[]
  /** Epoch ms, for hints given as a date. */
  readonly now: number
}

/** What a vendor's own shape of a body depends on besides the body. */
export interface BodyFacts {
  readonly operation: Operation
  /** The client's headers that may go on. */
  readonly headers: HeaderList
  /** Instructions from the config for a request that has none; null when the config has none either. */
  readonly defaultInstructions: string | null
  /** Members that this vendor has refused for this model: names, or names joined by points for inner ones. */
  readonly refused: ReadonlySet<string>
}

export interface AdaptedBody {
  readonly body: Buffer
  /** Members that were left out although they said something. */
  readonly dropped: readonly string[]
}

export interface Provider {
  /** The wire protocols that an account of this vendor speaks. */
  protocolsOf(account: Account): readonly Protocol[]
  /** The call that carries `payload`; plain data. */
  call(account: Account, credential: UsableCredential, payload: Payload): UpstreamCall
  /** Names worth listing for an account without a list of its own. Serving does not depend on them. */
  readonly knownModels: readonly string[]
  /** What a failed answer means. Never throws. */
  judge(failure: Failure): Verdict
  /** The vendor's own name for a model that is known by several. Absent: names go out as they are. */
  canonicalModel?(model: string): string
  /** Brings a body into the only shape this vendor takes. Absent: it takes what its protocol allows. Throws JsonSyntaxError. */
  adaptBody?(body: Buffer, facts: BodyFacts): AdaptedBody
  /**
   * The part of a configured default that this vendor takes, undefined for none: a default that is meant for every model
   * also reaches vendors its author did not think of. Absent: it takes what it is given.
   */
  takeDefault?(name: string, value: JsonValue): JsonValue | undefined
  /** The member that a refusal calls unknown, so that the request can be repeated without it; null when it names none. */
  refusedMember?(error: UpstreamError): string | null
  /**
   * Makes one whole answer of a whole stream; null when the stream holds none. Present where the vendor streams whatever it
   * is asked for.
   */
  readonly foldStream?: (stream: Buffer) => Buffer | null
  /**
   * Puts right what a vendor's streams lack by their own protocol, for a client that may mind; null for a client of the
   * vendor's own, which gets every byte.
   */
  createStreamMender?(headers: HeaderList): StreamMender | null
  /** True where no response outlives its request, so that `previous_response_id` is the relay's affair. */
  readonly keepsNoResponses?: boolean
}
