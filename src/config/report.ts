/**
 * Collects what is wrong with one config while it is read, and knows where each of its keys stands in the text.
 */
import { renderExcerpt } from './excerpt.ts'
import { ConfigError, fileProblem, locate, type Problem, type Span } from './problem.ts'

/** Keys and list positions from the root down to a value. */
export type Path = ReadonlyArray<string | number>

export interface Report {
  /** `message` continues the name of the key: `must be text`. Without a span the value of `path` is pointed at. */
  error(path: Path, message: string, advice?: string, span?: Span): void
  warning(path: Path, message: string, advice?: string, span?: Span): void
  /** Remembers where the value of `path` stands. */
  place(path: Path, span: Span): void
  spanOf(path: Path): Span
  lineOf(path: Path): number
  /** Marks a value as fit to be shown in an excerpt. */
  showOpenly(span: Span): void
  /** Problems without a place in the text. */
  add(problem: Problem): void
  /** At most the 50 that matter most, in the order of the text. */
  problems(): Problem[]
  /** Throws ConfigError with all problems, warnings included, when one of them is an error. */
  throwIfUnusable(): void
}

/** Whoever has more has one mistake that makes the others. */
const MOST_SHOWN = 50

/** `file` is the name to print, `text` the whole config. */
export function createReport(file: string, text: string): Report {
  const found: Array<{ problem: Problem & { excerpt: string }; span: Span }> = []
  const unplaced: Problem[] = []
  const spans = new Map<string, Span>()
  const harmless: Span[] = []

  function spanOf(path: Path): Span {
    // What is absent is pointed at where it would belong: at the nearest thing around it that does exist.
    for (let depth = path.length; depth >= 0; depth--) {
      const span = spans.get(path.slice(0, depth).join('\0'))
      if (span !== undefined) return depth === path.length ? span : firstCharacter(span)
    }
    return { start: 0, end: 1 }
  }

  function add(severity: Problem['severity'], path: Path, message: string, advice = '', span = spanOf(path)): void {
    const key = formatPath(path)
    const { line, column } = locate(text, span.start)
    const sentence = key === '' ? message : `${key} ${message}`
    found.push({ problem: { severity, file, line, column, key, message: sentence, advice, excerpt: '' }, span })
  }

  function problems(): Problem[] {
    const ofSeverity = (wanted: Problem['severity']) => found.filter(({ problem }) => problem.severity === wanted)
    const shown = [...ofSeverity('error'), ...ofSeverity('warning')]
      .slice(0, MOST_SHOWN)
      .sort((a, b) => a.span.start - b.span.start)
    // Excerpts come last: only now is it known which values are harmless.
    for (const { problem, span } of shown) problem.excerpt = renderExcerpt(text, span, harmless)
    const rest = found.length - shown.length
    const more = rest === 0 ? [] : [fileProblem('warning', file, `has ${rest} more problems that are not shown`, '')]
    return [...shown.map(({ problem }) => problem), ...more, ...unplaced]
  }

  return {
    error: (path, message, advice, span) => add('error', path, message, advice, span),
    warning: (path, message, advice, span) => add('warning', path, message, advice, span),
    place: (path, span) => void spans.set(path.join('\0'), span),
    spanOf,
    lineOf: (path) => locate(text, spanOf(path).start).line,
    showOpenly: (span) => void harmless.push(span),
    add: (problem) => void unplaced.push(problem),
    problems,
    throwIfUnusable() {
      if (found.some(({ problem }) => problem.severity === 'error')) throw new ConfigError(problems())
    },
  }
}

/** `accounts[1].base_url`, counted from 0 as every editor and `jq` do. */
function formatPath(path: Path): string {
  return path.map((step, depth) => (typeof step === 'number' ? `[${step}]` : depth === 0 ? step : `.${step}`)).join('')
}

function firstCharacter(span: Span): Span {
  return { start: span.start, end: span.start + 1 }
}
