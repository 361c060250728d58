/**
 * Rounds into figures: medians, their spread, and ratios within each round, so that a busy moment of the machine weighs on
 * both sides of a ratio.
 */

/** Metrics in the order of the table; `ratio` ones are compared with nginx, `added` ones with the direct run. */
const METRICS = [
  { name: 'cpuMicros', title: 'CPU', unit: 'µs', compare: 'ratio', to: 'nginx' },
  { name: 'perSecond', title: 'per second', unit: '', compare: 'ratio', to: 'nginx' },
  { name: 'p50Ms', title: 'p50', unit: 'ms', compare: 'added', to: 'direct' },
  { name: 'p99Ms', title: 'p99', unit: 'ms', compare: 'added', to: 'direct' },
  { name: 'besideMs', title: 'slowest beside', unit: 'ms', compare: 'added', to: 'direct' },
  { name: 'startMs', title: 'first answer', unit: 'ms', compare: 'ratio', to: 'nginx' },
  { name: 'rssMb', title: 'RSS', unit: 'MB', compare: 'ratio', to: 'nginx' },
]

/** `rounds` is one object per round: system name to its findings. */
export function summarize(name, title, rounds) {
  const systems = Object.keys(rounds[0] ?? {})
  const rows = systems.map((system) => {
    const figures = {}
    for (const metric of METRICS) {
      const values = valuesOf(rounds, system, metric.name)
      if (values.length > 0) figures[metric.name] = { ...spreadOf(values), against: against(rounds, system, metric) }
    }
    return { system, failed: rounds.reduce((sum, round) => sum + (round[system].failed ?? 0), 0), figures }
  })
  return { name, title, rounds: rounds.length, rows: rows.filter(({ figures }) => Object.keys(figures).length > 0) }
}

function against(rounds, system, { name, compare, to }) {
  if (system === to) return null
  const pairs = rounds.flatMap((round) => {
    const [own, other] = [round[system]?.[name], round[to]?.[name]]
    if (own == null || other == null) return []
    return [compare === 'ratio' ? own / other : own - other]
  })
  return pairs.length === 0 ? null : { to, compare, ...spreadOf(pairs) }
}

function valuesOf(rounds, system, metric) {
  return rounds.map((round) => round[system]?.[metric]).filter((value) => value != null)
}

/** Median, least and most of numbers. */
export function spreadOf(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const median = (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2
  return { median, least: sorted[0], most: sorted.at(-1) }
}

/** One case as text: a line per system, the median and what it means beside the yardstick, the spread in brackets. */
export function format({ name, title, rows }) {
  const lines = rows.map(({ system, failed, figures }) => {
    const words = METRICS.filter((metric) => figures[metric.name] !== undefined).map((metric) =>
      formatFigure(metric, figures[metric.name]),
    )
    return `  ${system.padEnd(10)} ${words.join('   ')}${failed > 0 ? `   ${failed} FAILED` : ''}`
  })
  return [`${name}: ${title}`, ...lines, ''].join('\n')
}

function formatFigure({ title, unit, compare }, { median, least, most, against: other }) {
  const compared =
    other === null
      ? ''
      : compare === 'ratio'
        ? ` = ${round(other.median)}x (${round(other.least)}-${round(other.most)})`
        : ` = +${round(other.median)} (${round(other.least)}-${round(other.most)})`
  const spread = other === null ? ` (${round(least)}-${round(most)})` : ''
  return `${title} ${round(median)}${unit === '' ? '' : ` ${unit}`}${spread}${compared}`
}

/** Three digits are what a benchmark can know. */
function round(value) {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}
