/**
 * The list of what a translation dropped or weakened, so that no loss is silent. It goes to the debug log and may become a
 * header, so its entries are few, short, and printable.
 */
import type { Ledger } from './hub.ts'

/** A conversation that loses more than this has lost the same thing many times over. */
const MOST_ENTRIES = 64
const LONGEST_DETAIL = 64

/** An empty ledger, for one request. */
export function createLedger(): Ledger {
  const entries: string[] = []
  return {
    entries,
    note(code, detail) {
      const entry = detail === undefined ? code : `${code}:${printable(detail)}`
      if (entries.length < MOST_ENTRIES && !entries.includes(entry)) entries.push(entry)
    },
  }
}

/** Details can be names that a stranger chose: nothing that could end a header or a line. */
function printable(detail: string): string {
  return detail.slice(0, LONGEST_DETAIL).replaceAll(/[^\u0021-\u007e]/g, '_')
}
