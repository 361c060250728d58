/**
 * Quota windows as vendors report them in response headers: how much is used and when it starts over.
 * Read from every answer, not only from failures, so that a limit that was lifted early is seen at once.
 */
import { parseDuration } from '../core/duration.ts'
import type { WindowReading } from '../core/verdict.ts'

const HOUR_MS = 3_600_000
/** A reset further away than its window is long is a mistake of the sender; one hour of slack for clocks. */
const LONGEST_RESET_MS: Record<string, number> = { '5h': 6 * HOUR_MS, '7d': 192 * HOUR_MS, '7d_oi': 192 * HOUR_MS }

const UNIFIED = /^anthropic-ratelimit-unified-([0-9]+[hd](?:_[a-z]+)?)-(status|utilization|reset)$/
/** Requests and tokens per minute. Source: Anthropic's and OpenAI's pages on rate limits. */
const CLASSIC = /^anthropic-ratelimit-(requests|tokens|input-tokens|output-tokens)-(limit|remaining|reset)$/
const COMMON = /^x-ratelimit-(limit|remaining|reset)-(requests|tokens)$/
const CODEX = /^x-codex-(primary|secondary)-(used-percent|window-minutes|reset-after-seconds|reset-at)$/

/**
 * The windows told by `rawHeaders` (name, value, name, value …). `now` is wall time in epoch ms.
 * Anthropic gives utilization as 0 to 1 and resets as epoch seconds; Codex gives percent and seconds; limits per minute are
 * told as what is left of them, with a reset as a date (Anthropic) or a duration (OpenAI and those who do as it does).
 */
export function readWindows(rawHeaders: readonly string[], now: number): WindowReading[] {
  const unified = new Map<string, Record<string, string>>()
  const codex = new Map<string, Record<string, string>>()
  const rates = new Map<string, Record<string, string>>()
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    if (name.startsWith('anthropic-ratelimit-unified-')) collect(unified, UNIFIED.exec(name), rawHeaders[i + 1])
    else if (name.startsWith('anthropic-ratelimit-')) collect(rates, CLASSIC.exec(name), rawHeaders[i + 1])
    else if (name.startsWith('x-codex-')) collect(codex, CODEX.exec(name), rawHeaders[i + 1])
    else if (name.startsWith('x-ratelimit-')) {
      const [, field = '', kind = ''] = COMMON.exec(name) ?? []
      if (field !== '') note(rates, kind, field, rawHeaders[i + 1])
    }
  }
  const readings: WindowReading[] = []
  for (const [name, fields] of unified) readings.push(readUnified(name, fields, now))
  for (const [slot, fields] of codex) readings.push(readCodex(slot, fields, now))
  for (const [name, fields] of rates) {
    const reading = readRate(name, fields, now)
    if (reading !== null) readings.push(reading)
  }
  return readings
}

function collect(
  windows: Map<string, Record<string, string>>,
  match: RegExpExecArray | null,
  value: string | undefined,
): void {
  const [, window, field] = match ?? []
  if (window !== undefined && field !== undefined) note(windows, window, field, value)
}

function note(
  windows: Map<string, Record<string, string>>,
  window: string,
  field: string,
  value: string | undefined,
): void {
  if (value === undefined) return
  const fields = windows.get(window) ?? {}
  fields[field] = value
  windows.set(window, fields)
}

function readUnified(name: string, fields: Record<string, string>, now: number): WindowReading {
  const usedPercent = clampPercent(Number(fields['utilization'] ?? NaN) * 100)
  return {
    name,
    usedPercent,
    resetsAt: plausibleReset(name, epochMs(Number(fields['reset'] ?? NaN)), now),
    isExhausted: fields['status'] === 'rejected' || usedPercent >= 100,
  }
}

function readCodex(slot: string, fields: Record<string, string>, now: number): WindowReading {
  const minutes = Number(fields['window-minutes'] ?? NaN)
  const name = Number.isNaN(minutes) ? (slot === 'primary' ? '5h' : '7d') : minutes <= 360 ? '5h' : '7d'
  const inSeconds = Number(fields['reset-after-seconds'] ?? NaN)
  const resetsAt = Number.isNaN(inSeconds) ? epochMs(Number(fields['reset-at'] ?? NaN)) : now + inSeconds * 1000
  const usedPercent = clampPercent(Number(fields['used-percent'] ?? NaN))
  return { name, usedPercent, resetsAt: plausibleReset(name, resetsAt, now), isExhausted: usedPercent >= 100 }
}

/** Null without a limit to compare with. */
function readRate(name: string, fields: Record<string, string>, now: number): WindowReading | null {
  const [limit, remaining] = [Number(fields['limit'] ?? NaN), Number(fields['remaining'] ?? NaN)]
  if (!(limit > 0) || Number.isNaN(remaining)) return null
  const text = fields['reset'] ?? ''
  const inMs = parseDuration(text)
  const resetsAt = inMs === undefined ? Date.parse(text) : now + inMs
  return {
    name: name.replace('-', '_'),
    usedPercent: clampPercent(100 * (1 - remaining / limit)),
    resetsAt: plausibleReset(name, resetsAt, now),
    isExhausted: false,
    isRate: true,
  }
}

/** Values above 1e11 are milliseconds already: in seconds they would lie in the year 5138. */
function epochMs(value: number): number {
  return value > 1e11 ? value : value * 1000
}

function plausibleReset(name: string, resetsAt: number, now: number): number | null {
  const longest = LONGEST_RESET_MS[name] ?? LONGEST_RESET_MS['7d'] ?? 0
  return Number.isFinite(resetsAt) && resetsAt > now - HOUR_MS && resetsAt <= now + longest ? resetsAt : null
}

function clampPercent(value: number): number {
  return Number.isFinite(value) ? Math.min(100, Math.max(0, value)) : 0
}
