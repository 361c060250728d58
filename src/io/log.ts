/**
 * Log lines: one event, one line, nothing secret in it. JSON for machines, aligned words for people.
 */
import type { Clock } from '../core/clock.ts'
import { printable } from '../core/printable.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error'

export type Facts = Readonly<Record<string, unknown>>

/** `event` is noun.verb; facts are plain values. Writing never throws. */
export type Log = Readonly<Record<Level, (event: string, facts?: Facts) => void>>

/** A log that learns of secrets while it is in use, and masks what it knows in other texts, too. */
export type HidingLog = Log & {
  readonly hide: (secret: string) => void
  readonly redact: (text: string) => string
  /** Other settings, and other secrets; those that were known stay hidden as long as there is room for them. */
  readonly update: (settings: Partial<LogSettings>) => void
}

export interface LogSettings {
  readonly format: 'pretty' | 'json'
  readonly level: Level
  /** Values that must not appear in any line, whatever the path they take into it. */
  readonly secrets: readonly string[]
}

export interface LogOptions extends LogSettings {
  readonly clock: Clock
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
  const encodePretty = createPrettyEncoder(options.hasColours)
  let { secrets, format, level: least } = options
  let redact = createRedactor(secrets)
  const learn = (secret: string): void => {
    learnt.add(secret)
    for (const oldest of learnt) if (learnt.size > MOST_LEARNT) learnt.delete(oldest)
  }
  const line = (level: Level, event: string, facts: Facts): void => {
    if (ORDER.indexOf(level) < ORDER.indexOf(least)) return
    const encode = format === 'json' ? encodeJson : encodePretty
    options.write(redact(encode(level, event, facts, options.clock.now(), redact)))
  }
  return {
    debug: (event, facts = {}) => line('debug', event, facts),
    info: (event, facts = {}) => line('info', event, facts),
    warn: (event, facts = {}) => line('warn', event, facts),
    error: (event, facts = {}) => line('error', event, facts),
    hide(secret) {
      learn(secret)
      redact = createRedactor([...secrets, ...learnt])
    },
    update(next) {
      format = next.format ?? format
      least = next.level ?? least
      if (next.secrets === undefined) return
      const kept = new Set(next.secrets)
      for (const secret of secrets) if (!kept.has(secret)) learn(secret)
      secrets = next.secrets
      redact = createRedactor([...secrets, ...learnt])
    },
    redact: (text) => redact(text),
  }
}

type Mask = (text: string) => string

/** Replaces known secrets, also in their base64, percent-encoded and JSON forms, by a mask. */
export function createRedactor(secrets: readonly string[]): Mask {
  const forms = secrets.flatMap((secret) => (secret.length < SHORTEST_SECRET ? [] : formsOf(secret)))
  // The longest first: one secret may begin like another.
  const ordered = [...new Set(forms)].toSorted((a, b) => b.length - a.length)
  return (text) => ordered.reduce((clean, form) => clean.replaceAll(form, '***'), text)
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const quoted = quote(secret)
  return [
    secret,
    quoted,
    // A line of JSON that cites a vendor's JSON.
    quote(quoted),
    encodeURIComponent(secret),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
  ]
}

function quote(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

/** Bounds length and takes the teeth out of control characters, which could forge lines or drive a terminal. */
function tidy(value: unknown, mask: Mask): unknown {
  if (typeof value === 'string') {
    // A secret that the cut goes through would no longer be known as one.
    const cut = value.length > LONGEST_TEXT ? `${mask(value).slice(0, LONGEST_TEXT)}…` : value
    return printable(cut)
  }
  if (Array.isArray(value)) return value.slice(0, 20).map((each) => tidy(each, mask))
  return value
}

/** `at` is epoch ms. */
type Encode = (level: Level, event: string, facts: Facts, at: number, mask: Mask) => string

const encodeJson: Encode = (level, event, facts, at, mask) => {
  const line: Record<string, unknown> = { time: new Date(at).toISOString(), level, event }
  for (const name in facts) line[name] = tidy(facts[name], mask)
  return `${JSON.stringify(line)}\n`
}

/** A value as one word, in quotes where it is more than that. */
function wordOf(value: unknown): string {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && !/[\s"=]/.test(value) ? value : JSON.stringify(value)
}

const COLOUR: Record<Level, string> = { debug: '\u001b[2m', info: '', warn: '\u001b[33m', error: '\u001b[31m' }
const RESET = '\u001b[0m'

function createPrettyEncoder(hasColours: boolean): Encode {
  let second = NaN
  let timeOfDay = ''
  return (level, event, facts, at, mask) => {
    if (Math.floor(at / 1000) !== second) {
      second = Math.floor(at / 1000)
      timeOfDay = new Date(at).toTimeString().slice(0, 8)
    }
    // One string that grows: a line is written for every request, and lists of words cost more than the words.
    let text = timeOfDay
    if (level !== 'info') text += ` ${level.toUpperCase()}`
    text += ` ${event}`
    for (const name in facts) {
      const value = tidy(facts[name], mask)
      if (value === null || value === undefined) continue
      text += ` ${name}=${wordOf(value)}`
    }
    return hasColours && COLOUR[level] !== '' ? `${COLOUR[level]}${text}${RESET}\n` : `${text}\n`
  }
}
