/**
 * Why an answer ended, between Gemini's words and the neutral ones.
 * Source: Gemini API reference, `FinishReason`.
 */
import type { FinishReason } from '../hub.ts'

const FILTERED = new Set([
  'SAFETY',
  'PROHIBITED_CONTENT',
  'BLOCKLIST',
  'SPII',
  'RECITATION',
  'IMAGE_SAFETY',
  'IMAGE_PROHIBITED_CONTENT',
  'IMAGE_RECITATION',
  'IMAGE_OTHER',
])
const MALFORMED = new Set([
  'MALFORMED_FUNCTION_CALL',
  'UNEXPECTED_TOOL_CALL',
  'TOO_MANY_TOOL_CALLS',
  'MALFORMED_RESPONSE',
])

/** Gemini says STOP for calls, too, so that it has to be told whether there were any. */
export function readFinishReason(reason: string, hasCalls: boolean): FinishReason {
  if (reason === 'MAX_TOKENS') return 'max_tokens'
  if (FILTERED.has(reason)) return 'content_filter'
  if (MALFORMED.has(reason)) return 'malformed_call'
  if (hasCalls) return 'tool_calls'
  // The vendor goes on where it is asked to: so does a client whose answer pauses.
  if (reason === 'CONTINUATION') return 'pause'
  return reason === 'STOP' || reason === '' ? 'stop' : 'other'
}

/** The word a Gemini client gets. */
export function writeFinishReason(reason: FinishReason): string {
  switch (reason) {
    case 'stop':
    case 'stop_sequence':
    case 'tool_calls':
    case 'pause':
      return 'STOP'
    case 'max_tokens':
    case 'context_full':
      return 'MAX_TOKENS'
    case 'refusal':
    case 'content_filter':
      return 'SAFETY'
    case 'malformed_call':
      return 'MALFORMED_FUNCTION_CALL'
    case 'other':
      return 'OTHER'
  }
}
