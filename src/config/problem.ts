/**
 * What is wrong with a config, told so that its owner can mend it: the place, the line, a caret, and advice.
 */

/** A half-open range of offsets in the text of the config, in UTF-16 units as `String.slice` counts them. */
export interface Span {
  readonly start: number
  readonly end: number
}

export interface Problem {
  /** An error stops the start; a warning only does so under `check --strict`. */
  readonly severity: 'error' | 'warning'
  /** The file as the user named it. */
  readonly file: string
  /** Both count from 1. Zero means the file as a whole: it is missing, unreadable, or open to others. */
  readonly line: number
  readonly column: number
  /** What it is about, as `accounts[1].base_url`; empty for the whole file. */
  readonly key: string
  readonly message: string
  /** What to do about it; empty where the message says it all. */
  readonly advice: string
  /** The line of text and a line of carets below it, secrets masked; empty without a place. */
  readonly excerpt: string
}

/** The config cannot be used. Its message is the whole text for a person; `problems` is the same for a program. */
export class ConfigError extends Error {
  readonly code = 'CONFIG_UNUSABLE'
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** A problem that has no place in the text. `path` is the file as the user named it. */
export function fileProblem(severity: Problem['severity'], path: string, message: string, advice: string): Problem {
  return { severity, file: path, line: 0, column: 0, key: '', message, advice, excerpt: '' }
}

/** Several lines without a line feed at the end, as compilers print them. */
export function formatProblem(problem: Problem): string {
  const place = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`
  const lines = [`${place}: ${problem.severity}: ${problem.message}`]
  if (problem.excerpt !== '') lines.push(problem.excerpt)
  if (problem.advice !== '') lines.push(problem.advice.replaceAll(/^/gm, '  '))
  return lines.join('\n')
}

/** Line and column of an offset, both from 1. */
export function locate(text: string, offset: number): { line: number; column: number } {
  let line = 1
  let lineStart = 0
  for (let feed = text.indexOf('\n'); feed >= 0 && feed < offset; feed = text.indexOf('\n', lineStart)) {
    line++
    lineStart = feed + 1
  }
  return { line, column: offset - lineStart + 1 }
}
