/**
 * Short names for long or private texts: the same text always has the same one, and it does not lead back.
 */
import { createHash } from 'node:crypto'

/** The first `hexDigits` of the text's SHA-256. Eight tell the names of one request apart, more where strangers meet. */
export function digest(text: string, hexDigits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, hexDigits)
}
