/**
 * Prometheus' text format, version 0.0.4. Source: prometheus.io, "Exposition formats".
 */
import type { Buckets, Series } from '../usage/series.ts'

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]

export interface MetricsText {
  gauge(name: string, help: string, samples: Iterable<Sample>): void
  counter(name: string, help: string, samples: Iterable<Sample>): void
  /** `bounds` are those of the buckets. */
  histogram(name: string, help: string, label: string, bounds: readonly number[], series: Series<Buckets>): void
  readonly text: string
}

export function createMetricsText(): MetricsText {
  const lines: string[] = []

  function family(name: string, help: string, type: string, samples: Iterable<Sample>): void {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
    for (const [labels, value] of samples) sample(name, labels, value)
  }

  function sample(name: string, labels: Readonly<Record<string, string>>, value: number): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
    lines.push(`${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`)
  }

  return {
    gauge: (name, help, samples) => family(name, help, 'gauge', samples),
    counter: (name, help, samples) => family(name, help, 'counter', samples),
    histogram(name, help, label, bounds, series) {
      family(name, help, 'histogram', [])
      for (const [[value = ''], { upTo, count, sum }] of series.entries()) {
        for (const [position, bound] of bounds.entries()) {
          sample(`${name}_bucket`, { [label]: value, le: String(bound) }, upTo[position] ?? 0)
        }
        sample(`${name}_bucket`, { [label]: value, le: '+Inf' }, count)
        sample(`${name}_sum`, { [label]: value }, sum)
        sample(`${name}_count`, { [label]: value }, count)
      }
    },
    get text() {
      return `${lines.join('\n')}\n`
    },
  }
}

/** A sample for each entry of a series; `names` are those of its labels, in their order. */
export function samplesOf<T>(series: Series<T>, names: readonly string[], valueOf: (entry: T) => number): Sample[] {
  return [...series.entries()].map(([labels, entry]) => [
    Object.fromEntries(names.map((name, position) => [name, labels[position] ?? ''])),
    valueOf(entry),
  ])
}

function escapeLabel(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))
}
