/**
 * What the relay asks of a vendor: where and how to call it, and what its answers mean for the account.
 */
import type { Account, Protocol } from '../core/account.ts'
import type { HeaderList } from '../core/headers.ts'
import type { UpstreamCall } from '../core/upstream-call.ts'
import type { FailedReply, Verdict, WindowReading } from '../core/verdict.ts'
import type { UpstreamError } from '../protocols/contract.ts'

/** What the client wants done, whatever the vendor calls it. */
export type Operation = 'generate' | 'count_tokens' | 'compact'

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

export interface Provider {
  /** The wire protocols that an account of this vendor speaks. */
  protocolsOf(account: Account): readonly Protocol[]
  /** The call that carries `payload`; plain data. */
  call(account: Account, payload: Payload): UpstreamCall
  /** Names worth listing for an account without a list of its own. Serving does not depend on them. */
  readonly knownModels: readonly string[]
  /** What a failed answer means. Never throws. */
  judge(failure: Failure): Verdict
}
