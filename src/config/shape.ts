/**
 * What the reader of keys needs to know of a valibot schema: its keys, what its lists and mappings hold, and the traits
 * our own fields add.
 */
import * as v from 'valibot'

/** What a field is beyond its type. Never part of the JSON Schema. */
export interface FieldTraits {
  /** The value is a secret and never shown. */
  readonly secret?: true
  /** `null` and `""` are values here; elsewhere they leave the default, as `null` does in the Go program. */
  readonly strict?: true
  /** Fractions are fine. Elsewhere numbers are plain integers, as in the Go program. */
  readonly decimal?: true
  /** How the key is written, for whoever has forgotten it. */
  readonly example?: string
}

/** The members of a valibot schema that tell its structure; which of them exist depends on its `type`. */
export interface Shape extends v.GenericSchema<unknown, unknown> {
  readonly entries?: Readonly<Record<string, Shape>>
  readonly item?: Shape
  readonly value?: Shape
  readonly wrapped?: Shape
  readonly options?: ReadonlyArray<Shape | string>
}

export interface Description {
  readonly traits: FieldTraits
  /** The keys of an object; of all alternatives together where a value may take several forms. */
  readonly entries: ReadonlyMap<string, () => Description>
  /** Keys that must be there. */
  readonly required: readonly string[]
  /** What a mapping with free keys holds under each of them, or null. */
  readonly member: (() => Description) | null
  /** What a list holds, or null. */
  readonly item: (() => Description) | null
  /** Keys that begin with `_` are comments; not so in data that is passed on. */
  readonly hasComments: boolean
}

/** Describes one level; deeper ones are made when they are asked for, because free data has no bottom. */
export function describeShape(shape: Shape): Description {
  const forms = alternatives(shape)
  const objects = forms.filter(({ type }) => type === 'object')
  const item = forms.find(({ type }) => type === 'array')?.item
  const member = forms.find(({ type }) => type === 'record')?.value
  const isFree = forms.some(({ type }) => type === 'any')
  const entries = objects.flatMap((object) => Object.entries(object.entries ?? {}))
  const description: Description = {
    traits: traitsOf(shape),
    entries: new Map(entries.map(([key, entry]) => [key, describeLater(entry)])),
    // Of several forms each lacks the keys of the others; the check of values judges those.
    required: objects.length === 1 ? entries.filter(([, entry]) => !isOptional(entry)).map(([key]) => key) : [],
    member: isFree ? () => description : describeLater(member),
    item: isFree ? () => description : describeLater(item),
    hasComments: !isFree,
  }
  return description
}

/** Once, however many members a list has. */
function describeLater(shape: Shape): () => Description
function describeLater(shape: Shape | undefined): (() => Description) | null
function describeLater(shape: Shape | undefined): (() => Description) | null {
  if (shape === undefined) return null
  let description: Description | undefined
  return () => (description ??= describeShape(shape))
}

function alternatives(shape: Shape): Shape[] {
  if (shape.wrapped !== undefined) return alternatives(shape.wrapped)
  return shape.type === 'union' ? nested(shape).flatMap(alternatives) : [shape]
}

function traitsOf(shape: Shape): FieldTraits {
  return Object.assign({}, ...nested(shape).map(traitsOf), v.getMetadata(shape))
}

function nested(shape: Shape): Shape[] {
  const options = shape.type === 'union' ? (shape.options as Shape[]) : []
  return shape.wrapped === undefined ? options : [shape.wrapped, ...options]
}

function isOptional(shape: Shape): boolean {
  return shape.type === 'optional' || shape.type === 'exact_optional'
}
