/**
 * The classes of failure for which every dialect has words of its own.
 */
import type { GatewayError } from '../core/errors.ts'

export type ErrorClass =
  | 'bad_request'
  | 'context_too_long'
  | 'unauthenticated'
  | 'billing'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'too_large'
  | 'rate_limited'
  | 'server'
  | 'overloaded'
  | 'timeout'

/** The class of an error that the relay is about to tell; a status of no class of its own goes by its hundreds. */
export function classOf(error: GatewayError): ErrorClass {
  if (error.code === 'context_length_exceeded') return 'context_too_long'
  switch (error.status) {
    case 401:
      return 'unauthenticated'
    case 402:
      return 'billing'
    case 403:
      return 'forbidden'
    case 404:
      return 'not_found'
    case 408:
    case 504:
      return 'timeout'
    case 409:
      return 'conflict'
    case 413:
      return 'too_large'
    case 429:
      return 'rate_limited'
    case 503:
    case 529:
      return 'overloaded'
    default:
      return error.status < 500 ? 'bad_request' : 'server'
  }
}
