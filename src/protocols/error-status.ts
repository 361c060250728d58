/**
 * The HTTP status that belongs to a vendor's class of error, for failures told inside a 200 or a stream.
 * Sources: Anthropic API reference "Errors"; OpenAI guide "Error codes"; google.rpc.Code.
 */

/** The status of the class; the code is more exact than the type. Undefined for words that no vendor documents. */
export function statusOfClass(code: string, type: string): number | undefined {
  return STATUS_OF_CLASS.get(code) ?? STATUS_OF_CLASS.get(type)
}

const STATUS_OF_CLASS: ReadonlyMap<string, number> = new Map([
  ['invalid_request_error', 400],
  ['authentication_error', 401],
  ['billing_error', 402],
  ['permission_error', 403],
  ['not_found_error', 404],
  ['conflict_error', 409],
  ['request_too_large', 413],
  ['rate_limit_error', 429],
  ['api_error', 500],
  ['timeout_error', 504],
  ['overloaded_error', 529],

  ['context_length_exceeded', 400],
  ['invalid_prompt', 400],
  ['invalid_encrypted_content', 400],
  ['previous_response_not_found', 400],
  ['invalid_api_key', 401],
  ['model_not_found', 404],
  ['insufficient_quota', 429],
  ['rate_limit_exceeded', 429],
  ['usage_limit_reached', 429],
  ['server_error', 500],
  ['internal_error', 500],
  ['server_is_overloaded', 503],
  ['slow_down', 503],

  ['FAILED_PRECONDITION', 400],
  ['INVALID_ARGUMENT', 400],
  ['OUT_OF_RANGE', 400],
  ['UNAUTHENTICATED', 401],
  ['PERMISSION_DENIED', 403],
  ['NOT_FOUND', 404],
  ['ABORTED', 409],
  ['RESOURCE_EXHAUSTED', 429],
  ['CANCELLED', 499],
  ['DATA_LOSS', 500],
  ['INTERNAL', 500],
  ['UNKNOWN', 500],
  ['UNAVAILABLE', 503],
  ['DEADLINE_EXCEEDED', 504],
])
