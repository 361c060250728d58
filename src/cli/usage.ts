/**
 * `usage`: requests, tokens and cost, by day, account, token or model; as a table, as CSV or as JSON.
 */
import { loadAddress } from '../config/access.ts'
import { createSystemClock } from '../core/clock.ts'
import { parseDuration } from '../core/duration.ts'
import type { TotalsView, UsageView } from '../http/views.ts'
import { alignColumns } from './columns.ts'
import type { Output } from './output.ts'
import { findRunningRelay } from './running-relay.ts'

export interface UsageOptions {
  readonly configPath: string
  readonly by: UsageView['by']
  /** How far back, as `7d`. */
  readonly since: string
  readonly format: 'table' | 'csv' | 'json'
}

/** Throws ConfigError, and an Error when the journal cannot be read, or there is none and the relay cannot be asked. */
export async function usage(options: UsageOptions, output: Output): Promise<number> {
  const { configPath, since, format } = options
  const { usageLog } = await loadAddress(configPath)
  const view = usageLog === null ? await askBooks(options) : await readBooks(usageLog, options, output)
  switch (format) {
    case 'json':
      output.print(JSON.stringify(view, null, 2))
      break
    case 'csv':
      output.print(toCsv(view))
      break
    case 'table':
      output.print(toTable(view, since))
      break
  }
  return 0
}

async function askBooks({ configPath, by, since }: UsageOptions): Promise<UsageView> {
  const relay = await findRunningRelay(configPath)
  return relay.get<UsageView>(`/admin/usage?${new URLSearchParams({ by, since }).toString()}`)
}

/** The journal tells of more days than a relay keeps in mind, whether one runs or not. */
async function readBooks(path: string, { by, since }: UsageOptions, output: Output): Promise<UsageView> {
  const { sumUpJournal } = await import('./usage-from-journal.ts')
  const from = createSystemClock().now() - (parseDuration(since) ?? 0)
  const totals = await sumUpJournal(path, by, from, ({ file, line, isLast }) =>
    output.complain(`${file}:${line}: ${isLast ? 'the line is cut off' : 'no record'}; it is not counted`),
  )
  return { by, since: new Date(from).toISOString(), totals }
}

type Column = readonly [title: string, cell: (totals: TotalsView) => string]

const WHOLE = new Intl.NumberFormat('en-US')

const COLUMNS: readonly Column[] = [
  ['requests', ({ requests }) => WHOLE.format(requests)],
  ['failed', ({ failures }) => WHOLE.format(failures)],
  ['input', ({ input }) => WHOLE.format(input)],
  ['cached', ({ cached }) => WHOLE.format(cached)],
  ['cache writes', ({ cache_write }) => WHOLE.format(cache_write)],
  ['output', ({ output }) => WHOLE.format(output)],
  ['cost', costOf],
]

/** What is not priced is never shown as free. */
function costOf({ cost, unpriced, requests }: TotalsView): string {
  if (unpriced === 0) return requests === 0 ? '' : dollars(cost)
  return unpriced >= requests ? 'unpriced' : `${dollars(cost)} + ${WHOLE.format(unpriced)} unpriced`
}

function dollars(amount: number): string {
  return `$${amount.toFixed(amount > 0 && amount < 1 ? 4 : 2)}`
}

function toTable({ by, totals }: UsageView, since: string): string {
  if (totals.length === 0) return `Nothing was relayed in the last ${since}.`
  const rows = [
    [by, ...COLUMNS.map(([title]) => title)],
    ...totals.map((each) => [each.key, ...COLUMNS.map(([, cell]) => cell(each))]),
    ...(totals.length === 1 ? [] : [['in all', ...COLUMNS.map(([, cell]) => cell(sumOf(totals)))]]),
  ]
  return alignColumns(rows, new Set(COLUMNS.map((_, position) => position + 1))).join('\n')
}

function sumOf(totals: readonly TotalsView[]): TotalsView {
  const sum = (member: Exclude<keyof TotalsView, 'key'>): number => totals.reduce((all, each) => all + each[member], 0)
  return {
    key: '',
    requests: sum('requests'),
    failures: sum('failures'),
    input: sum('input'),
    cached: sum('cached'),
    cache_write: sum('cache_write'),
    output: sum('output'),
    reasoning: sum('reasoning'),
    cost: sum('cost'),
    unpriced: sum('unpriced'),
  }
}

const CSV_MEMBERS = [
  'requests',
  'failures',
  'input',
  'cached',
  'cache_write',
  'output',
  'reasoning',
  'cost',
  'unpriced',
] as const

/** RFC 4180, but with line feeds alone, as the tools of a command line want them. Cost is that of the priced requests, in USD. */
function toCsv({ by, totals }: UsageView): string {
  const rows = totals.map((each) => [each.key, ...CSV_MEMBERS.map((member) => String(each[member]))])
  return [[by, ...CSV_MEMBERS], ...rows].map((row) => row.map(quote).join(',')).join('\n')
}

/** A spreadsheet takes a name that begins like a formula for one. */
function quote(cell: string): string {
  const tame = /^[=+@\t\r]/.test(cell) ? `'${cell}` : cell
  return /[",\n\r]/.test(tame) ? `"${tame.replaceAll('"', '""')}"` : tame
}
