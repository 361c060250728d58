/**
 * What an attempt has come to, as a named value. Providers judge, the pool and the loop act on it.
 */
import type { HeaderList } from './headers.ts'

/**
 * - `success`: content flowed to its end
 * - `client_mistake`: the request is at fault; another account would say the same
 * - `client_gone`: nobody is waiting any more
 * - `model_unavailable`: this account cannot use this model
 * - `unauthorized`, `billing`, `forbidden`: the account's key, money or rights
 * - `banned`: the vendor says in so many words that the account is closed
 * - `quota`: a named window is used up
 * - `burst`: too many at once
 * - `overloaded`: the vendor sheds load
 * - `transient`: anything that may be different the next second
 * - `proxy`: the way to the vendor is closed, not the vendor
 */
export type Reason =
  | 'success'
  | 'client_mistake'
  | 'client_gone'
  | 'model_unavailable'
  | 'unauthorized'
  | 'billing'
  | 'forbidden'
  | 'banned'
  | 'quota'
  | 'burst'
  | 'overloaded'
  | 'transient'
  | 'proxy'

export interface Verdict {
  readonly reason: Reason
  /** The vendor's own hint when to come back, from now. */
  readonly retryAfterMs?: number
  /** What happened, in the upstream's words where it had any. */
  readonly message: string
}

/** How the relay goes on after an attempt that did not commit. */
export type NextStep = 'stop' | 'elsewhere' | 'same'

/** The client's own mistake ends the request; anything else is worth another account. */
export function nextStep(reason: Reason): NextStep {
  switch (reason) {
    case 'success':
    case 'client_mistake':
    case 'client_gone':
      return 'stop'
    case 'model_unavailable':
    case 'unauthorized':
    case 'billing':
    case 'forbidden':
    case 'banned':
    case 'quota':
    case 'burst':
    case 'overloaded':
    case 'transient':
    case 'proxy':
      return 'elsewhere'
  }
}

/** One quota window as a vendor last reported it. */
export interface WindowReading {
  /** `5h`, `7d`, `7d_oi`, `requests`, `tokens`, … */
  readonly name: string
  /** 0 to 100. */
  readonly usedPercent: number
  /** Epoch ms; null when unknown. */
  readonly resetsAt: number | null
  /** The vendor says that nothing more is served in this window. Never of a rate: that passes by itself. */
  readonly isExhausted: boolean
  /** A limit per minute or so that refills all the time; absent for a quota. */
  readonly isRate?: true
}

/** A whole answer that failed, as the provider needs it to judge. */
export interface FailedReply {
  readonly status: number
  readonly headers: HeaderList
  readonly body: Buffer
}
