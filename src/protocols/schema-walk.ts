/**
 * Walks a JSON Schema: knows which members of a schema are schemas themselves.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts'

/** What a rewrite found out on the way. */
export interface WalkState {
  fits: boolean
}

/** Gets a copy of a schema's members and returns the members it shall have; sub-schemas are rewritten afterwards. */
export type Rewrite = (node: JsonObject, state: WalkState) => JsonObject

/** Members that hold one schema, or a list of schemas. */
const SCHEMA_MEMBERS = new Set(
  (
    'items additionalItems additionalProperties contains not if then else propertyNames unevaluatedItems ' +
    'unevaluatedProperties contentSchema anyOf oneOf allOf prefixItems'
  ).split(' '),
)
/** Members that hold schemas under names of their own. */
const NAMED_SCHEMAS = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'])

/** The schema with every schema in it rewritten, the outer ones first. */
export function mapSchema(schema: JsonObject, rewrite: Rewrite, state: WalkState): JsonObject {
  const node = rewrite({ ...schema }, state)
  const mapped: JsonObject = {}
  for (const [name, value] of Object.entries(node)) {
    if (SCHEMA_MEMBERS.has(name)) mapped[name] = mapAny(value, rewrite, state)
    else if (NAMED_SCHEMAS.has(name) && isJsonObject(value)) mapped[name] = mapNamed(value, rewrite, state)
    else mapped[name] = value
  }
  return mapped
}

/** Booleans are schemas too; they say all or nothing and stay. */
function mapAny(value: JsonValue, rewrite: Rewrite, state: WalkState): JsonValue {
  if (Array.isArray(value)) return value.map((each) => mapAny(each, rewrite, state))
  return isJsonObject(value) ? mapSchema(value, rewrite, state) : value
}

function mapNamed(schemas: JsonObject, rewrite: Rewrite, state: WalkState): JsonObject {
  return Object.fromEntries(Object.entries(schemas).map(([name, each]) => [name, mapAny(each, rewrite, state)]))
}

const OLD_PREFIX = '#/definitions/'

/** `definitions`, the old name of `$defs`, and the references into it. */
export function renameDefinitions(schema: JsonObject): JsonObject {
  if (!isJsonObject(schema['definitions'])) return schema
  const { definitions, ...members } = schema
  const { $defs = {} } = members
  const renamed: JsonObject = { ...members, $defs: { ...definitions, ...(isJsonObject($defs) ? $defs : {}) } }
  return mapSchema(renamed, renameReference, { fits: true })
}

const renameReference: Rewrite = (node) => {
  const reference = node['$ref']
  if (typeof reference !== 'string' || !reference.startsWith(OLD_PREFIX)) return node
  return { ...node, $ref: `#/$defs/${reference.slice(OLD_PREFIX.length)}` }
}
