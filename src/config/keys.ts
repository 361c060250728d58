/**
 * Reads the tree of a config as its shape describes it: matches keys without regard to case, skips comments, and tells
 * of keys that are unknown, set twice or missing. What it returns is plain data for the check of values.
 */
import { isAlias, isMap, isScalar, isSeq, type Scalar, type YAMLMap } from 'yaml'
import { closestTo } from './closest.ts'
import { locate, type Span } from './problem.ts'
import type { Path, Report } from './report.ts'
import { describeShape, type Description, type Shape } from './shape.ts'
import { REPEATS_TOO_MUCH, spanOfNode, type Source } from './source.ts'

interface Reader {
  readonly source: Source
  readonly report: Report
  /** Aliases of aliases repeat parts of a file beyond all measure; the parser searches the whole file for each. */
  nodesLeft: number
  aliasesLeft: number
  hasOverflowed: boolean
}

const MOST_NODES = 200_000
const MOST_ALIASES = 500
const DEEPEST_PATH = 64

/** Keys that would reach a prototype once the data is merged into a request. */
const UNSAFE_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

const URL_WITH_PASSWORD = /:\/\/[^/]*@/

/** In: a parsed config and its shape. Out: objects with the keys of the shape; what does not count is left out. */
export function readByShape(source: Source, shape: Shape, report: Report): unknown {
  const bounds = { nodesLeft: MOST_NODES, aliasesLeft: MOST_ALIASES, hasOverflowed: false }
  return readNode(source.root, describeShape(shape), [], { source, report, ...bounds })
}

function readNode(node: unknown, field: Description, path: Path, reader: Reader): unknown {
  const { report, source } = reader
  const span = spanOfNode(node, report.spanOf(path))
  report.place(path, span)
  reader.nodesLeft--
  if (isAlias(node)) reader.aliasesLeft--
  if (reader.nodesLeft < 0 || reader.aliasesLeft < 0 || path.length > DEEPEST_PATH) {
    if (!reader.hasOverflowed) report.error([], REPEATS_TOO_MUCH, '', span)
    reader.hasOverflowed = true
    return null
  }
  const target = isAlias(node) ? node.resolve(source.document) : node
  if (isMap(target)) return readMap(target, field, path, reader)
  if (isSeq(target)) {
    const item = field.item
    return item === null ? [] : target.items.map((each, at) => readNode(each, item(), [...path, at], reader))
  }
  return isScalar(target) ? readScalar(target, field, span, report) : null
}

/** Text where a number is no plain integer, so that `1.5`, `3.0`, `1e1` and `0x10` fail as they do in the Go program. */
function readScalar(node: Scalar, field: Description, span: Span, report: Report): unknown {
  if (field.traits.secret !== true && !URL_WITH_PASSWORD.test(String(node.value))) report.showOpenly(span)
  const isPlain = typeof node.value !== 'number' || /^-?(?:0|[1-9][0-9]*)$/.test(node.source ?? '')
  return isPlain || field.traits.decimal === true ? node.value : (node.source ?? '')
}

function readMap(map: YAMLMap, field: Description, path: Path, reader: Reader): Record<string, unknown> {
  const { report } = reader
  const found: Record<string, unknown> = {}
  const present = new Set<string>()
  const blank = new Map<string, Span>()
  const unknown: WrittenKey[] = []
  for (const { key, value } of readPairs(map, field, path, reader)) {
    const entry = field.entries.get(key.name)?.() ?? field.member?.()
    if (entry === undefined) {
      unknown.push(key)
      continue
    }
    present.add(key.name)
    const read = readNode(value, entry, [...path, key.name], reader)
    const isBlank = read === null || read === ''
    if (!isBlank || entry.traits.strict === true) found[key.name] = read
    // Of what cannot be read the report knows already.
    else if (value === null || isScalar(value)) blank.set(key.name, key.span)
  }
  const missing = field.required.filter((name) => !present.has(name) || blank.has(name))
  if (field.entries.size > 0) reportKeys(unknown, field.entries, missing, blank, path, report)
  return found
}

interface WrittenKey {
  /** As the shape spells it, else as the file does. */
  readonly name: string
  readonly span: Span
}

/** The pairs of a mapping without comments, unsafe keys and repetitions. */
function* readPairs(map: YAMLMap, field: Description, path: Path, reader: Reader) {
  const { report, source } = reader
  const seen = new Map<string, Span>()
  for (const { key: node, value } of map.items) {
    const span = spanOfNode(node, report.spanOf(path))
    const written = isScalar(node) ? String(node.source ?? node.value) : ''
    const name = field.entries.has(written.toLowerCase()) ? written.toLowerCase() : written
    const earlier = seen.get(name)
    // Inside of a request's data a key such as `_id` is as good as any other.
    if (field.hasComments && (written.startsWith('_') || written === '$schema') && !UNSAFE_KEYS.has(written)) continue
    if (!isScalar(node)) report.error(path, 'has a key that is not text', '', span)
    else if (UNSAFE_KEYS.has(written)) report.error([...path, written], 'is not allowed as a key', '', span)
    else if (earlier !== undefined) {
      const lines = [earlier, span].map(({ start }) => locate(source.text, start).line)
      report.error([...path, name], `is set twice, on line ${lines.join(' and on line ')}`, 'Remove one of them.', span)
    } else {
      seen.set(name, span)
      yield { key: { name, span } satisfies WrittenKey, value }
    }
  }
}

function reportKeys(
  unknown: readonly WrittenKey[],
  known: Description['entries'],
  missing: readonly string[],
  blank: ReadonlyMap<string, Span>,
  path: Path,
  report: Report,
): void {
  const explained = new Set<string>()
  for (const { name, span } of unknown) {
    const near = closestTo(name, [...known.keys()])
    const advice =
      near === undefined ? 'It is ignored; keys that begin with "_" are comments.' : `Did you mean "${near}"?`
    if (near !== undefined && missing.includes(near)) {
      report.error([...path, name], `is not a known key, and ${near} is missing`, advice, span)
      explained.add(near)
    } else {
      report.warning([...path, name], 'is not a known key', advice, span)
    }
  }
  for (const name of missing) {
    const example = known.get(name)?.().traits.example
    const advice = example === undefined ? '' : `For example "${name}": ${example}`
    const span = blank.get(name)
    if (span !== undefined) report.error([...path, name], 'has no value', advice, span)
    else if (!explained.has(name)) report.error([...path, name], 'is missing', advice)
  }
}
