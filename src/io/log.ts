/**
 * Log lines: one event, one line, nothing secret in it. JSON for machines, aligned words for people.
 */
import type { Clock } from '../core/clock.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error'

export type Facts = Readonly<Record<string, unknown>>

/** `event` is noun.verb; facts are plain values. Writing never throws. */
export type Log = Readonly<Record<Level, (event: string, facts?: Facts) => void>>

/** A log that learns of secrets while it is in use, and masks what it knows in other texts, too. */
export type HidingLog = Log & { readonly hide: (secret: string) => void; readonly redact: (text: string) => string }

export interface LogOptions {
  readonly format: 'pretty' | 'json'
  readonly level: Level
  readonly clock: Clock
  /** Values that must not appear in any line, whatever the path they take into it. */
  readonly secrets: readonly string[]
  readonly write: (line: string) => void
  readonly hasColours: boolean
}

const ORDER: readonly Level[] = ['debug', 'info', 'warn', 'error']
/** Text that came from outside is cut at this length. */
const LONGEST_TEXT = 500
/** Shorter values would mask ordinary words. */
const SHORTEST_SECRET = 8
const MOST_LEARNT = 256

export function createLog(options: LogOptions): HidingLog {
  // The newest are enough: a token that was replaced long ago opens nothing.
  const learnt = new Set<string>()
  let redact = createRedactor(options.secrets)
  const encode = options.format === 'json' ? encodeJson : encodePretty
  const line = (level: Level, event: string, facts: Facts): void => {
    if (ORDER.indexOf(level) < ORDER.indexOf(options.level)) return
    const clean = Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, tidy(value)]))
    options.write(redact(encode(level, event, clean, new Date(options.clock.now()), options.hasColours)))
  }
  return {
    debug: (event, facts = {}) => line('debug', event, facts),
    info: (event, facts = {}) => line('info', event, facts),
    warn: (event, facts = {}) => line('warn', event, facts),
    error: (event, facts = {}) => line('error', event, facts),
    hide(secret) {
      learnt.add(secret)
      for (const oldest of learnt) if (learnt.size > MOST_LEARNT) learnt.delete(oldest)
      redact = createRedactor([...options.secrets, ...learnt])
    },
    redact: (text) => redact(text),
  }
}

/** Replaces known secrets, also in their base64 and percent-encoded forms, by a mask. */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const forms = secrets.flatMap((secret) => (secret.length < SHORTEST_SECRET ? [] : formsOf(secret)))
  // The longest first: one secret may begin like another.
  const ordered = [...new Set(forms)].toSorted((a, b) => b.length - a.length)
  return (text) => ordered.reduce((clean, form) => clean.replaceAll(form, '***'), text)
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  return [secret, encodeURIComponent(secret), bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url')]
}

/** Bounds length and takes the teeth out of control characters, which could forge lines or drive a terminal. */
function tidy(value: unknown): unknown {
  if (typeof value === 'string') {
    const cut = value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}…` : value
    return cut.replace(
      /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
      (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
  }
  if (Array.isArray(value)) return value.slice(0, 20).map(tidy)
  return value
}

function encodeJson(level: Level, event: string, facts: Facts, at: Date): string {
  return `${JSON.stringify({ time: at.toISOString(), level, event, ...facts })}\n`
}

const COLOUR: Record<Level, string> = { debug: '\u001b[2m', info: '', warn: '\u001b[33m', error: '\u001b[31m' }
const RESET = '\u001b[0m'

function encodePretty(level: Level, event: string, facts: Facts, at: Date, hasColours: boolean): string {
  const words = Object.entries(facts)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(
      ([name, value]) =>
        `${name}=${typeof value === 'string' && !/[\s"=]/.test(value) ? value : JSON.stringify(value)}`,
    )
  const time = at.toTimeString().slice(0, 8)
  const text = [time, level === 'info' ? '' : level.toUpperCase(), event, ...words]
    .filter((word) => word !== '')
    .join(' ')
  return hasColours && COLOUR[level] !== '' ? `${COLOUR[level]}${text}${RESET}\n` : `${text}\n`
}
