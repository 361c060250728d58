/**
 * Rows of cells as lines of text, each column as wide as its widest cell.
 */
import { printable } from '../core/printable.ts'
import { padEnd, padStart, widthOf } from './terminal-text.ts'

/** `numeric` names the columns that are aligned to the right. Cells lose what would drive a terminal. */
export function alignColumns(
  rows: ReadonlyArray<readonly string[]>,
  numeric: ReadonlySet<number> = new Set(),
): string[] {
  const safe = rows.map((row) => row.map(printable))
  const widths = new Map<number, number>()
  for (const row of safe) {
    for (const [column, cell] of row.entries()) widths.set(column, Math.max(widths.get(column) ?? 0, widthOf(cell)))
  }
  const pad = (cell: string, column: number): string =>
    (numeric.has(column) ? padStart : padEnd)(cell, widths.get(column) ?? 0)
  return safe.map((row) => row.map(pad).join('  ').trimEnd())
}
