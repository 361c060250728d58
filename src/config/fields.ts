/**
 * The kinds of values a config is made of. Each checks what a person wrote and turns it into what the program uses:
 * `"5m"` into milliseconds, `"64MiB"` into bytes.
 *
 * A message continues the name of its key ("must be text"); its second line is advice.
 */
import * as v from 'valibot'
import { parseDuration } from '../core/duration.ts'
import type { JsonValue } from '../core/json.ts'
import { closestTo } from './closest.ts'
import type { FieldTraits } from './shape.ts'

export function traits<Input>(value: FieldTraits) {
  return v.metadata<Input, Record<string, unknown>>({ ...value })
}

const TEXT = 'must be text in double quotes'
const LIST = 'must be a list\nWrite it in brackets: ["…"].'
const MAPPING = 'must be an object\nWrite it in braces: {"…": …}.'

export function text(description: string) {
  return v.pipe(v.string(TEXT), v.description(description))
}

export function flag(description: string, fallback: boolean) {
  return v.optional(v.pipe(v.boolean('must be true or false'), v.description(description)), fallback)
}

export function textList(description: string) {
  return v.optional(v.pipe(v.array(v.string(TEXT), LIST), v.description(description)), [])
}

export function list<Item extends v.GenericSchema>(item: Item) {
  return v.array(item, LIST)
}

/** One of a few words. */
export function choice<const Options extends readonly [string, ...string[]]>(description: string, options: Options) {
  const message = ({ input }: { input: unknown }): string => {
    const near = typeof input === 'string' ? closestTo(input, options) : undefined
    const given = typeof input === 'string' ? `, not "${input.slice(0, 40)}"` : ''
    return `must be ${listWords(options)}${given}${near === undefined ? '' : `\nDid you mean "${near}"?`}`
  }
  return v.pipe(v.picklist(options, message), v.description(description))
}

const WHOLE_NUMBER = 'must be a whole number\nWrite digits only: 3.'

function integer() {
  return v.pipe(v.number(WHOLE_NUMBER), v.integer(WHOLE_NUMBER))
}

/** A plain whole number that is not negative. */
export function wholeNumber(description: string, fallback: number) {
  const number = v.pipe(integer(), v.minValue(0, 'must not be negative'), v.description(description))
  return v.optional(number, fallback)
}

/** A whole percentage from `lowest` to 100. */
export function percentage(description: string, fallback: number, lowest: number) {
  const message = `must be from ${lowest} to 100`
  const number = v.pipe(integer(), v.minValue(lowest, message), v.maxValue(100, message), v.description(description))
  return v.optional(number, fallback)
}

/** A plain whole number; one below `lowest` means the default, as the Go program reads it. */
export function forgivingNumber(description: string, fallback: number, lowest: number) {
  const number = v.pipe(
    integer(),
    v.description(description),
    v.transform((value) => (value < lowest ? fallback : value)),
  )
  return v.optional(number, fallback)
}

/** An amount, fractions allowed. */
export function amount(description: string) {
  return v.pipe(
    v.number('must be a number'),
    v.minValue(0, 'must not be negative'),
    v.description(description),
    traits({ decimal: true }),
  )
}

const TEN_YEARS_MS = 10 * 365 * 86_400_000

/**
 * Milliseconds. `below` says what happens to durations that are too small: `positive` refuses zero and negative ones,
 * `zero` negative ones, and a duration is what zero and negative ones mean to the Go program.
 */
export function duration(description: string, fallback: string, below: 'positive' | 'zero' | { mean: string }) {
  const message = `must be a duration\nWrite it as "30s", "5m" or "1h30m", or as whole seconds: 30.`
  return v.optional(
    v.pipe(
      v.union([v.string(), v.pipe(v.number(), v.integer(message))], message),
      v.description(description),
      traits({ strict: true }),
      v.rawTransform<string | number, number>(({ dataset, addIssue, NEVER }) => {
        const ms = parseDuration(dataset.value)
        const refuse = (reason: string): never => {
          addIssue({ message: reason })
          return NEVER
        }
        if (ms === undefined) return refuse(message)
        if (ms > TEN_YEARS_MS) return refuse('is longer than ten years')
        if (ms > 0) return Math.max(1, Math.round(ms))
        if (typeof below === 'object') return parseDuration(below.mean) ?? refuse(message)
        if (ms < 0) return refuse('must not be negative')
        return below === 'zero' ? 0 : refuse(`must be longer than zero\nThe default is ${fallback}.`)
      }),
    ),
    fallback,
  )
}

const BYTES_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['kb', 1e3],
  ['kib', 2 ** 10],
  ['mb', 1e6],
  ['mib', 2 ** 20],
  ['gb', 1e9],
  ['gib', 2 ** 30],
])

/** Bytes, from 1 KiB to 1 GiB: a larger body would not fit in one buffer twice. */
export function size(description: string, fallback: string) {
  const message = 'must be a size\nWrite it as "64MiB", or as whole bytes.'
  return v.optional(
    v.pipe(
      v.union([v.string(), v.pipe(v.number(), v.integer(message))], message),
      v.description(description),
      v.rawTransform<string | number, number>(({ dataset, addIssue, NEVER }) => {
        const [, number, unit] = /^\s*([0-9]{1,12})\s*([a-z]*)\s*$/i.exec(String(dataset.value)) ?? []
        const bytes = Number(number) * (BYTES_PER_UNIT.get(unit?.toLowerCase() ?? '') ?? NaN)
        if (bytes >= 2 ** 10 && bytes <= 2 ** 30) return bytes
        addIssue({ message: Number.isNaN(bytes) ? message : 'must be between 1KiB and 1GiB' })
        return NEVER
      }),
    ),
    fallback,
  )
}

/** Where a secret is to be found; `secrets.ts` looks there. */
export const SECRET_REFERENCES = {
  variable: v.object({ env: text('Name of an environment variable.') }),
  file: v.object({ file: text('Path of a file, seen from the directory of this config.') }),
  command: v.object({
    command: v.pipe(
      v.array(v.string(TEXT), LIST),
      v.minLength(1, 'must not be empty'),
      v.description('A program that prints it, and its arguments.'),
    ),
  }),
}

/** Text, which may hold `${ENV_NAME}`, or a reference. */
export function secret(description: string) {
  const { variable, file, command } = SECRET_REFERENCES
  const message =
    'must be text in double quotes\nOr one of {"env": "NAME"}, {"file": "path"}, {"command": ["program", "argument"]}.'
  return v.pipe(
    v.union([v.string(), variable, file, command], message),
    v.description(description),
    traits({ secret: true }),
  )
}

/** Fields for a request body, passed on as they are. */
export function payload(description: string) {
  const anything = v.pipe(v.any() as v.GenericSchema<JsonValue>, traits({ strict: true, decimal: true }))
  return v.pipe(v.record(v.string(), anything, MAPPING), v.description(description))
}

/** A mapping with free keys. A real Map: nobody put `toString` into it, so it is not there. */
export function mapOf<Value extends v.GenericSchema>(description: string, value: Value) {
  return v.optional(
    v.pipe(
      v.record(v.string(), value, MAPPING),
      v.description(description),
      v.transform((entries) => new Map<string, v.InferOutput<Value>>(Object.entries(entries))),
    ),
    {},
  )
}

/** Pattern -> name, or a list of names to try in order. */
export function modelMap(description: string) {
  const message = 'must be a model name, or a list of them'
  const names = v.pipe(
    v.union([v.string(), v.array(v.string(), message)], message),
    v.transform((value) => (typeof value === 'string' ? [value] : value).map((name) => name.trim())),
    v.check((value) => value.length > 0 && !value.includes(''), 'must not be empty'),
  )
  return mapOf(description, names)
}

export function mapping<Entries extends v.ObjectEntries>(entries: Entries) {
  return v.object(entries, MAPPING)
}

function listWords(words: readonly string[]): string {
  const quoted = words.map((word) => `"${word}"`)
  return quoted.length === 1 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`
}
