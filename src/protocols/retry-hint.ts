/**
 * When to come back, as vendors say it inside an error body: in words, in seconds, or in Google's details.
 */
import { parseDuration } from '../core/duration.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts'

export interface RetryHint {
  readonly retryAfterMs?: number
  /** Epoch ms. */
  readonly resetsAt?: number
}

/** The hints in the `error` object of any dialect; the most exact one wins. */
export function readRetryHint(error: JsonObject, message: string): RetryHint {
  const resetsAt = readEpoch(error['resets_at'])
  const waitMs = readSeconds(error['resets_in_seconds']) ?? readDetails(error['details']) ?? readWords(message)
  return {
    ...(waitMs === undefined ? {} : { retryAfterMs: Math.ceil(waitMs) }),
    ...(resetsAt === undefined ? {} : { resetsAt }),
  }
}

function readSeconds(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' && value > 0 ? value * 1000 : undefined
}

/** Seconds, unless the number is so large that it can only be milliseconds. */
function readEpoch(value: JsonValue | undefined): number | undefined {
  if (typeof value !== 'number' || value <= 0) return undefined
  return value > 1e11 ? value : value * 1000
}

const MOST_DETAILS = 16

/** `RetryInfo.retryDelay`, else the `quotaResetDelay` of an ErrorInfo. Source: google.rpc error details. */
function readDetails(details: JsonValue | undefined): number | undefined {
  if (!Array.isArray(details)) return undefined
  const objects = details.slice(0, MOST_DETAILS).filter((detail) => isJsonObject(detail))
  const metadata = objects.map((detail) => detail['metadata']).filter((value) => isJsonObject(value))
  const texts = [...objects.map((detail) => detail['retryDelay']), ...metadata.map((value) => value['quotaResetDelay'])]
  for (const text of texts) {
    const waitMs = typeof text === 'string' ? parseDuration(text) : undefined
    if (waitMs !== undefined && waitMs > 0) return waitMs
  }
  return undefined
}

const LONGEST_WORDS = 4000
const PROMISE = /\b(?:try again|retry)(?: your request)? (?:in|after) (?:about |approximately )?(?=\d)/i
const TERM = /(\d+(?:\.\d+)?)\s*(ms|milli|s|m|h|d)[a-z]*[\s,]*(?:and\s+)?/iy

const MS_PER_UNIT: Record<string, number> = { ms: 1, milli: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** "Please try again in 1.5s", "retry in 6m0s", "try again in 2 minutes and 5 seconds". */
function readWords(message: string): number | undefined {
  const text = message.slice(0, LONGEST_WORDS)
  const promise = PROMISE.exec(text)
  if (promise === null) return undefined
  let waitMs = 0
  TERM.lastIndex = promise.index + promise[0].length
  for (let term = TERM.exec(text); term !== null; term = TERM.exec(text)) {
    waitMs += Number(term[1]) * (MS_PER_UNIT[(term[2] as string).toLowerCase()] as number)
  }
  return waitMs > 0 ? waitMs : undefined
}
