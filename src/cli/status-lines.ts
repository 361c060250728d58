/**
 * What the running relay tells of itself, as lines for a terminal of any width. Pure: the same view, width and moment give the
 * same lines.
 */
import { formatDuration } from '../core/duration.ts'
import { printable } from '../core/printable.ts'
import type { AccountView, ErrorView, StatusView, WindowView } from '../http/views.ts'
import { count } from '../core/count.ts'
import { fit, padEnd, padStart, widthOf } from './terminal-text.ts'

export interface Canvas {
  /** Columns. */
  readonly width: number
  /** Rows: what does not fit is left out from below. Infinity shows all. */
  readonly height: number
  /** Epoch ms. */
  readonly now: number
  readonly hasColours: boolean
}

export type Colour = 'red' | 'yellow' | 'green' | 'dim' | 'bold'

const CODES: Record<Colour, string> = { red: '31', yellow: '33', green: '32', dim: '2', bold: '1' }

/** A piece of text in one colour; it is never broken inside. */
interface Piece {
  readonly text: string
  readonly colour?: Colour
}

/** Lines without line feeds, none wider than the canvas. */
export function renderStatus(view: StatusView, canvas: Canvas): string[] {
  const { width, height, hasColours } = canvas
  const nameWidth = Math.min(24, Math.max(0, ...view.accounts.map(({ name }) => widthOf(printable(name)))))
  const above = [
    ...flow(headline(view), '', width),
    ...(view.config.rejected === null
      ? []
      : wrap(`The newest config is not in force: ${view.config.rejected}`, '', width, 'red')),
    [],
    ...view.accounts.flatMap((account) => renderAccount(account, nameWidth, canvas)),
  ]
  const below = gatherEqual(view.errors).flatMap(([error, times]) => renderError(error, times, width))
  const heading: Piece[][] = below.length === 0 ? [] : [[], [{ text: 'Last errors', colour: 'bold' }]]
  return [...above, ...heading, ...below].slice(0, height).map((pieces) => paint(pieces, width, hasColours))
}

function headline(view: StatusView): Piece[] {
  return [
    { text: `sub2api-simple ${view.version}`, colour: 'bold' },
    { text: `up ${formatDuration(view.uptime_seconds * 1000)}` },
    { text: `${view.accounts.reduce((sum, account) => sum + account.in_flight, 0)} in flight` },
    ...(view.waiting === 0 ? [] : [{ text: `${view.waiting} waiting`, colour: 'yellow' } as const]),
    { text: count(view.sessions, 'session') },
    { text: view.config.path, colour: 'dim' },
  ]
}

const STATE_COLOURS: Record<AccountView['state'], Colour> = {
  ok: 'green',
  cooling: 'yellow',
  paused: 'yellow',
  disabled: 'dim',
  needs_attention: 'red',
}

function renderAccount(account: AccountView, nameWidth: number, canvas: Canvas): Piece[][] {
  const { state } = account
  const limit = account.concurrency === 0 ? '' : `/${account.concurrency}`
  const facts: Piece[] = [
    { text: padEnd(fit(printable(account.name), nameWidth), nameWidth), colour: 'bold' },
    { text: padEnd(stateOf(account, canvas.now), STATE_WIDTH), colour: STATE_COLOURS[state] },
    { text: padStart(`${account.in_flight}${limit} in flight`, 13) },
    { text: padStart(count(account.sessions, 'session'), 11) },
    ...(account.cache_hit_percent === null
      ? []
      : [{ text: `${padStart(String(Math.round(account.cache_hit_percent)), 3)} % from cache` }]),
  ]
  const windows = Object.entries(account.windows)
    .toSorted(([a], [b]) => orderOf(a) - orderOf(b) || (a < b ? -1 : 1))
    .map(([name, window]) => renderWindow(name, window, canvas.now))
  return [
    ...flow(facts, INDENT, canvas.width),
    ...flow(windows, INDENT, canvas.width, INDENT),
    ...(account.reason === null ? [] : wrap(account.reason, INDENT, canvas.width, STATE_COLOURS[state])),
    ...(isMendTold(account) ? [] : wrap(`mend it: ${account.mend}`, INDENT, canvas.width)),
  ]
}

/** Some reasons are the command already. */
function isMendTold({ mend, reason }: AccountView): boolean {
  return mend === null || (reason?.includes(mend) ?? false)
}

const INDENT = '  '
/** As wide as `needs attention`. */
const STATE_WIDTH = 15

/** With a countdown where the end is known. */
function stateOf({ state, until }: AccountView, now: number): string {
  const word = state.replace('_', ' ')
  return until === null || state === 'ok' ? word : `${word} ${countdown(until, now)}`
}

function countdown(until: string, now: number): string {
  const left = Date.parse(until) - now
  return left < 1000 ? 'now' : formatDuration(Math.floor(left / 1000) * 1000)
}

/** The two that every plan has, then others. */
function orderOf(window: string): number {
  const place = ['5h', '7d'].indexOf(window)
  return place < 0 ? 2 : place
}

const BAR_WIDTH = 12

function renderWindow(name: string, { used_percent: used, resets_at: resetsAt }: WindowView, now: number): Piece {
  const isOver = resetsAt !== null && Date.parse(resetsAt) <= now
  const percent = isOver ? 0 : Math.min(100, Math.max(0, used))
  const filled = percent > 0 ? Math.max(1, Math.round((percent / 100) * BAR_WIDTH)) : 0
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled)
  const reset = resetsAt === null || isOver ? '' : `, resets in ${countdown(resetsAt, now)}`
  const colour = percent >= 90 ? ('red' as const) : percent >= 70 ? ('yellow' as const) : null
  const text = `${padEnd(printable(name), 3)} ${bar} ${padStart(String(Math.round(percent)), 3)} %${reset}`
  return { text, ...(colour === null ? {} : { colour }) }
}

/** A client that goes on asking gets the same answer many times: told once, with the newest time and how often. */
function gatherEqual(errors: readonly ErrorView[]): Array<[newest: ErrorView, times: number]> {
  const gathered: Array<[ErrorView, number]> = []
  for (const error of errors) {
    const last = gathered.at(-1)
    if (last !== undefined && wordsOf(last[0]) === wordsOf(error)) last[1]++
    else gathered.push([error, 1])
  }
  return gathered
}

function renderError(error: ErrorView, times: number, width: number): Piece[][] {
  const often = times === 1 ? '' : `  (${times} times)`
  return wrap(`${clockTime(error.at)}  ${wordsOf(error)}${often}`, INDENT, width)
}

function wordsOf({ status, client, account, model, message }: ErrorView): string {
  return [String(status), client, account, model, message].filter((word) => word !== null).join('  ')
}

/** Of this machine's day: `14:05:09`. */
function clockTime(at: string): string {
  return new Date(at).toTimeString().slice(0, 8)
}

/** Pieces two spaces apart, as many on a line as fit; further lines begin with `indent`, the first one with `start`. */
function flow(pieces: readonly Piece[], indent: string, width: number, start = ''): Piece[][] {
  const lines: Piece[][] = []
  let used = 0
  for (const piece of pieces) {
    const needed = widthOf(printable(piece.text).trimEnd())
    const last = lines.at(-1)
    if (last !== undefined && used + 2 + needed <= width) {
      last.push({ text: '  ' }, piece)
      used += 2 + widthOf(printable(piece.text))
    } else {
      const margin = lines.length === 0 ? start : indent
      lines.push([{ text: margin }, piece])
      used = margin.length + widthOf(printable(piece.text))
    }
  }
  return lines
}

/** Breaks between words; every line is indented. */
function wrap(text: string, indent: string, width: number, colour?: Colour): Piece[][] {
  const lines: string[] = []
  for (const word of printable(text).split(' ')) {
    const longer = `${lines.at(-1) ?? indent}${lines.length === 0 ? '' : ' '}${word}`
    if (lines.length > 0 && widthOf(longer) > width) lines.push(indent + word)
    else lines.splice(-1, 1, longer)
  }
  return lines.map((line) => [{ text: line, ...(colour === undefined ? {} : { colour }) }])
}

/** Cuts at the width, and colours what is left. */
function paint(pieces: readonly Piece[], width: number, hasColours: boolean): string {
  let line = ''
  let left = width
  for (const { text, colour } of pieces) {
    if (left <= 0) break
    const shown = fit(printable(text), left)
    left -= widthOf(shown)
    line += colour === undefined || !hasColours ? shown : `\u001b[${CODES[colour]}m${shown}\u001b[0m`
  }
  return hasColours ? line : line.trimEnd()
}
