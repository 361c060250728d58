/**
 * Durations as people write them in the config: Go's form (`"1h30m"`, `"1.5h"`, `"100ms"`) or whole seconds.
 */

const MS_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['μs', 1e-3],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])
const TERM = /([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([a-zµμ]*)/y

/**
 * Milliseconds of a duration. Text: signed sequence of numbers with units (`d` beyond Go's), or a bare number of
 * seconds. Number: whole seconds. Undefined when it cannot be understood.
 * Source: Go `time.ParseDuration`; the bare number in text is ours.
 */
export function parseDuration(value: string | number): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value * 1000 : undefined
  const sign = /^[+-]/.test(value) ? value[0] : ''
  const text = value.slice(sign === '' ? 0 : 1)
  if (text === '') return undefined
  if (/^[0-9]+$/.test(text)) return (sign === '-' ? -1 : 1) * Number(text) * 1000
  let total = 0
  TERM.lastIndex = 0
  while (TERM.lastIndex < text.length) {
    const term = TERM.exec(text)
    const factor = term === null ? undefined : MS_PER_UNIT.get(term[2] ?? '')
    if (term === null || factor === undefined) return undefined
    total += Number(term[1]) * factor
  }
  return sign === '-' ? -total : total
}

/** The shortest readable form: `5m`, `1h30m`, `2.5s`, `100ms`. */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`
  if (ms < 1000) return `${Math.round(ms)}ms`
  const seconds = Math.round(ms / 100) / 10
  if (seconds < 60) return `${seconds}s`
  const whole = Math.round(seconds)
  const parts: Array<[number, string]> = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ]
  return parts
    .filter(([amount]) => amount > 0)
    .slice(0, 2)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join('')
}
