/**
 * The text of a config as a tree whose every node knows its offsets. JSON, JSON with comments and YAML all become the
 * same tree, made by the `yaml` package, so that places, checks and write-back exist once.
 */
import { isCollection, isMap, parseDocument, visit, type Document, type Range, type YAMLMap } from 'yaml'
import { blankComments, findNesting, STRING } from './json-comments.ts'
import { ConfigError, fileProblem, type Span } from './problem.ts'
import { createReport } from './report.ts'

export interface Source {
  /** As the user named it. */
  readonly file: string
  readonly text: string
  readonly document: Document
  readonly root: YAMLMap
}

/** Of aliases that stand for more than any config is. */
export const REPEATS_TOO_MUCH = 'the aliases of this file repeat too much'

/** Real configs nest about six deep; the parser itself gives up the process somewhere above a thousand. */
const DEEPEST_NESTING = 100

/**
 * `file` is the name to print and decides the format by its ending; without a telling one the first character does.
 * `text` is without byte order mark. Throws ConfigError with the first thing that is wrong: what follows a syntax error
 * is mostly its echo.
 */
export function parseSource(file: string, text: string): Source {
  const fail = (message: string, advice: string, span: Span): never => {
    const report = createReport(file, text)
    report.error([], message, advice, span)
    throw new ConfigError(report.problems())
  }
  if (text.trim() === '') {
    throw new ConfigError([
      fileProblem('error', file, 'the file is empty', 'Start from a copy of config.example.json.'),
    ])
  }
  const isJson = isJsonFile(file, text)
  const blanked = isJson ? blankComments(text) : text
  const tooDeep = findNesting(blanked, DEEPEST_NESTING)
  if (tooDeep !== null) fail('too many brackets are open here', 'Close the ones before this place.', tooDeep)
  // Duplicate keys are told by keys.ts, which knows that case does not matter.
  const document = parseDocument(blanked, { uniqueKeys: false, prettyErrors: false, logLevel: 'error' })
  const fault = firstFault(document, blanked, isJson)
  if (fault !== undefined) fail(fault.message, fault.advice, fault.span)
  const root = document.contents
  const rootSpan = spanOfNode(root, firstWord(blanked))
  if (root === null) fail('the file holds nothing but comments', 'Start from a copy of config.example.json.', rootSpan)
  if (!isMap(root)) return fail('a config is an object', 'It begins with "{" in JSON, or with a key in YAML.', rootSpan)
  if (isJson && root.flow !== true) {
    fail('this is not JSON', 'JSON begins with "{". For YAML let the name of the file end in .yaml.', rootSpan)
  }
  return { file, text, document, root }
}

/** Where a node of the tree stands; `otherwise` for one that has no place of its own. */
export function spanOfNode(node: unknown, otherwise: Span): Span {
  const range = (node as { range?: Range | null } | null)?.range
  return range === null || range === undefined ? otherwise : { start: range[0], end: range[1] }
}

function isJsonFile(file: string, text: string): boolean {
  if (/\.jsonc?$/i.test(file)) return true
  if (/\.ya?ml$/i.test(file)) return false
  return /^\s*(?:\{|\/[/*])/.test(text)
}

interface Fault {
  readonly span: Span
  readonly message: string
  readonly advice: string
}

function firstFault(document: Document, text: string, isJson: boolean): Fault | undefined {
  const faults: Fault[] = findLostAliases(document)
  if (isJson) faults.push(...findOpenStrings(text), ...findLostCommas(document, text))
  for (const { message, pos } of document.errors) {
    faults.push({ ...explain(message), span: { start: pos[0], end: pos[1] } })
  }
  // At the same place ours comes first: it knows that the text is JSON.
  return faults.sort((a, b) => a.span.start - b.span.start)[0]
}

/** Aliases of nothing and of themselves, wherever they are: also what is no setting is compared, and written back. */
function findLostAliases(document: Document): Fault[] {
  const anchors = new Set<string>()
  const faults: Fault[] = []
  visit(document, {
    Value(_, { anchor }) {
      if (anchor !== undefined) anchors.add(anchor)
    },
    Alias(_, alias, path) {
      const span = spanOfNode(alias, { start: 0, end: 0 })
      if (path.some((part) => isCollection(part) && part.anchor === alias.source)) {
        faults.push({ span, message: REPEATS_TOO_MUCH, advice: '' })
      } else if (!anchors.has(alias.source)) {
        faults.push({ span, message: 'this is an alias of nothing', advice: 'Set the anchor before the alias.' })
      }
    },
  })
  return faults
}

/** In YAML a quoted text may go on in the next line; in JSON it has lost its end. */
function findOpenStrings(text: string): Fault[] {
  const open = [...text.matchAll(STRING)].find(([, closing]) => closing === '')
  if (open === undefined) return []
  const span = { start: open.index, end: open.index + open[0].length }
  return [{ span, message: 'the closing quote is missing on this line', advice: '' }]
}

/** `1 "next"` is one plain text to YAML. */
function findLostCommas(document: Document, text: string): Fault[] {
  const faults: Fault[] = []
  visit(document, {
    Scalar(_, { range, type }) {
      const [start, end] = range ?? [0, 0]
      if (type !== 'PLAIN' || !/\s/.test(text.slice(start, end))) return
      faults.push({ span: { start, end }, message: 'a comma is missing after this value', advice: '' })
    },
  })
  return faults
}

/** The parser's sentences in the words of somebody who writes JSON, or who has never heard of a flow map. */
const SENTENCES: ReadonlyArray<[pattern: RegExp, message: string, advice: string]> = [
  [/^Missing , between|^Missing ,.*sequence/, 'a comma is missing before this', ''],
  [/^Missing , or :/, 'a comma or a colon is missing before this', ''],
  [/end with a \S$/, 'a closing bracket is missing before this', ''],
  [/^Implicit keys/, 'a comma or a quote is missing after this', ''],
  [/^Missing closing/, 'the closing quote is missing', ''],
  [/^Unexpected , in/, 'there is a comma too many here', ''],
  [/^Invalid escape sequence/, 'this escape does not exist', 'Write a backslash as two: "C:\\\\keys".'],
  [
    /^Source contains multiple documents/,
    'a second document begins here',
    'A config is one document: remove the "---".',
  ],
  [/^Tabs are not allowed/, 'YAML does not allow tabs as indentation', 'Indent with spaces.'],
  [/^Nested mappings are not allowed/, 'a second ":" stands on this line', 'Put the value in double quotes.'],
  [
    /^Unexpected .* token|at node end/,
    'this does not belong here',
    'A comma, a quote or a bracket is wrong just before it.',
  ],
]

function explain(sentence: string): { message: string; advice: string } {
  const known = SENTENCES.find(([pattern]) => pattern.test(sentence))
  if (known !== undefined) return { message: known[1], advice: known[2] }
  return { message: `the text cannot be read: ${sentence}`, advice: '' }
}

function firstWord(text: string): Span {
  const start = Math.max(0, text.search(/\S/))
  return { start, end: start + 1 }
}
